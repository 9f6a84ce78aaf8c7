//! Which endpoint answers which path: a table of exact paths, and of paths with one `{site}` in them.
//!
//! Paths are compared as sent; only the site is percent-decoded, strictly, so that no second spelling of a path
//! gets past a rule that names it. The first row of the table that matches wins.

use hyper::{Method, StatusCode};

use super::{Answer, Request, Response};

type Endpoint = Box<dyn Fn(&Request, &str) -> Answer + Send + Sync>;

/// The placeholder in a pattern.
const SITE: &str = "{site}";
const READING: &[Method] = &[Method::GET, Method::HEAD];
const WRITING: &[Method] = &[Method::POST, Method::PUT];

enum Pattern {
    Exact(String),
    Site { prefix: String, suffix: String },
}

struct Route {
    pattern: Pattern,
    methods: &'static [Method],
    endpoint: Endpoint,
}

/// A table of paths and the endpoints that answer them.
#[derive(Default)]
pub struct Routes {
    routes: Vec<Route>,
}

impl Routes {
    /// An empty table, which answers 404 to everything.
    pub fn new() -> Self {
        Self::default()
    }

    /// With an endpoint for GET and HEAD of exactly this path; braces in it mean nothing.
    pub fn get<E>(self, path: &str, endpoint: E) -> Self
    where
        E: Fn(&Request) -> Response + Send + Sync + 'static,
    {
        let endpoint = Box::new(move |request: &Request, _: &str| Answer::Now(endpoint(request)));
        self.with(Pattern::Exact(path.to_owned()), READING, endpoint)
    }

    /// With an endpoint for GET and HEAD of a path with one `{site}`, which the endpoint gets decoded but unchecked.
    pub fn get_site<E>(self, pattern: &str, endpoint: E) -> Self
    where
        E: Fn(&Request, &str) -> Response + Send + Sync + 'static,
    {
        debug_assert!(pattern.contains(SITE), "{pattern} has no {SITE}");
        let (prefix, suffix) = pattern.split_once(SITE).unwrap_or((pattern, ""));
        let pattern = Pattern::Site { prefix: prefix.to_owned(), suffix: suffix.to_owned() };
        let endpoint = Box::new(move |request: &Request, site: &str| Answer::Now(endpoint(request, site)));
        self.with(pattern, READING, endpoint)
    }

    /// With an endpoint for POST and PUT of exactly this path, for what changes the exporter itself and takes its time.
    pub fn post<E>(self, path: &str, endpoint: E) -> Self
    where
        E: Fn(&Request) -> Answer + Send + Sync + 'static,
    {
        let endpoint = Box::new(move |request: &Request, _: &str| endpoint(request));
        self.with(Pattern::Exact(path.to_owned()), WRITING, endpoint)
    }

    fn with(mut self, pattern: Pattern, methods: &'static [Method], endpoint: Endpoint) -> Self {
        self.routes.push(Route { pattern, methods, endpoint });
        self
    }

    /// The answer of the first endpoint for this path and method; 404 for an unknown path, 405 for a wrong method,
    /// 400 for a site that is not valid percent-encoded UTF-8.
    pub fn dispatch(&self, request: &Request) -> Answer {
        let mut allowed = Vec::new();
        for route in &self.routes {
            let Some(site) = route.pattern.site_in(request.path()) else { continue };
            if !route.methods.contains(request.method()) {
                allowed.extend_from_slice(route.methods);
                continue;
            }
            return match percent_decode(site) {
                Some(site) => (route.endpoint)(request, &site),
                None => {
                    Response::text(StatusCode::BAD_REQUEST, "malformed percent-encoding in the path\n").into()
                }
            };
        }
        let refusal = if !allowed.is_empty() {
            Response::method_not_allowed(&allowed)
        } else if READING.contains(request.method()) {
            Response::text(StatusCode::NOT_FOUND, "not found\n")
        } else {
            Response::method_not_allowed(READING)
        };
        refusal.into()
    }
}

impl Pattern {
    /// What stands for the site in `path`, empty for a pattern without one; `None` if the path does not match.
    fn site_in<'p>(&self, path: &'p str) -> Option<&'p str> {
        match self {
            Self::Exact(exact) => (path == exact).then_some(""),
            Self::Site { prefix, suffix } => path
                .strip_prefix(prefix.as_str())?
                .strip_suffix(suffix.as_str())
                .filter(|site| !site.is_empty() && !site.contains('/')),
        }
    }
}

/// The text that is encoded here; `None` if a percent sign lacks its two digits or the bytes are not UTF-8.
fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => hex_digit(bytes.next()?)? << 4 | hex_digit(bytes.next()?)?,
            byte => byte,
        });
    }
    String::from_utf8(decoded).ok()
}

fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use hyper::HeaderMap;
    use hyper::header::ALLOW;
    use proptest::prelude::*;

    use super::*;

    fn table() -> Routes {
        let named = |name: &'static str| move |_: &Request| Response::text(StatusCode::OK, name);
        Routes::new()
            .get("/", named("page"))
            .get("/metrics", named("metrics"))
            .get("/health/backup", named("health"))
            .get_site("/health/backup/{site}", |_, site| {
                Response::text(StatusCode::OK, format!("health of {site}"))
            })
            .get_site("/api/v1/sites/{site}/runs", |_, site| {
                Response::text(StatusCode::OK, format!("runs of {site}"))
            })
            .post("/-/reload", |_| Response::text(StatusCode::OK, "reload").into())
    }

    fn ask(method: Method, uri: &str) -> (u16, String, Option<String>) {
        let peer = ([127, 0, 0, 1], 4000).into();
        let answer = table().dispatch(&Request::new(method, uri.parse().unwrap(), HeaderMap::new(), peer));
        let response = answer.response().now_or_never().unwrap();
        let allow = response.headers().get(ALLOW).map(|value| value.to_str().unwrap().to_owned());
        (response.status().as_u16(), String::from_utf8(response.body().to_vec()).unwrap(), allow)
    }

    #[test]
    fn each_path_has_one_endpoint() {
        for (uri, status, body) in [
            ("/", 200, "page"),
            ("/metrics", 200, "metrics"),
            ("/metrics?name=x", 200, "metrics"),
            ("http://host/metrics", 200, "metrics"),
            ("/health/backup", 200, "health"),
            ("/health/backup/P01", 200, "health of P01"),
            ("/health/backup/%50%30%31", 200, "health of P01"),
            ("/health/backup/%C3%9Fx", 200, "health of ßx"),
            ("/health/backup/a%2Fb", 200, "health of a/b"),
            ("/api/v1/sites/P01/runs", 200, "runs of P01"),
            ("/health/backup/%5", 400, "malformed percent-encoding in the path\n"),
            ("/health/backup/%zz", 400, "malformed percent-encoding in the path\n"),
            ("/health/backup/%FF", 400, "malformed percent-encoding in the path\n"),
            ("/health/backup/", 404, "not found\n"),
            ("/health/backup/P01/", 404, "not found\n"),
            ("/health/backup/P01/x", 404, "not found\n"),
            ("/api/v1/sites//runs", 404, "not found\n"),
            ("/api/v1/sites/runs", 404, "not found\n"),
            ("/metrics/", 404, "not found\n"),
            ("/%6Detrics", 404, "not found\n"),
            ("/Metrics", 404, "not found\n"),
            ("//", 404, "not found\n"),
        ] {
            let (found_status, found_body, _) = ask(Method::GET, uri);
            assert_eq!((found_status, found_body.as_str()), (status, body), "{uri}");
        }
    }

    #[test]
    fn a_wrong_method_is_told_the_right_ones() {
        for (method, uri, status, allow) in [
            (Method::HEAD, "/metrics", 200, None),
            (Method::POST, "/metrics", 405, Some("GET, HEAD")),
            (Method::DELETE, "/health/backup/P01", 405, Some("GET, HEAD")),
            (Method::OPTIONS, "*", 405, Some("GET, HEAD")),
            (Method::POST, "/nowhere", 405, Some("GET, HEAD")),
            (Method::HEAD, "/nowhere", 404, None),
            (Method::POST, "/-/reload", 200, None),
            (Method::PUT, "/-/reload", 200, None),
            (Method::GET, "/-/reload", 405, Some("POST, PUT")),
        ] {
            let (found, _, allowed) = ask(method.clone(), uri);
            assert_eq!((found, allowed.as_deref()), (status, allow), "{method} {uri}");
        }
    }

    proptest! {
        #[test]
        fn decoding_undoes_encoding(text in "\\PC{0,20}") {
            let encoded: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
            prop_assert_eq!(percent_decode(&encoded), Some(text));
        }

        #[test]
        fn decoding_takes_anything(text in "[%0-9a-fx/é]{0,20}") {
            let _ = percent_decode(&text);
        }
    }
}
