//! What an endpoint answers: status, content type, body, and headers where it needs more.
//!
//! Content length, compression, HEAD and connection headers are added later, the same for every endpoint.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
    REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Method, StatusCode};

use super::negotiate::Negotiated;

/// What becomes of a request.
pub enum Answer {
    /// What could be said at once.
    Now(Response),
    /// What has to be waited for; it has to end by itself, because no clock of the server runs meanwhile.
    Later(BoxFuture<'static, Response>),
}

impl Answer {
    /// The response, when it is there.
    pub async fn response(self) -> Response {
        match self {
            Self::Now(response) => response,
            Self::Later(response) => response.await,
        }
    }

    /// The answer with this done to its response.
    pub(super) fn map(self, change: impl FnOnce(Response) -> Response + Send + 'static) -> Self {
        match self {
            Self::Now(response) => Self::Now(change(response)),
            Self::Later(response) => Self::Later(Box::pin(async { change(response.await) })),
        }
    }
}

impl From<Response> for Answer {
    fn from(response: Response) -> Self {
        Self::Now(response)
    }
}

/// One HTTP response, whole in memory.
#[derive(Debug, Clone)]
pub struct Response {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Response {
    /// A response with this content type, about which no browser is to guess.
    pub fn new(status: StatusCode, content_type: HeaderValue, body: impl Into<Bytes>) -> Self {
        let headers = HeaderMap::from_iter([
            (CONTENT_TYPE, content_type),
            (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        ]);
        Self { status, headers, body: body.into() }
    }

    /// A plain text; end it with a newline, because it is read in terminals.
    pub fn text(status: StatusCode, body: impl Into<Bytes>) -> Self {
        Self::new(status, HeaderValue::from_static("text/plain; charset=utf-8"), body)
    }

    /// A JSON document.
    pub fn json(status: StatusCode, body: impl Into<Bytes>) -> Self {
        Self::new(status, HeaderValue::from_static("application/json; charset=utf-8"), body)
    }

    /// A page that may load what `policy` allows, that tells nobody where its reader came from, and that no cache keeps,
    /// because it would soon be wrong.
    pub fn html(status: StatusCode, policy: HeaderValue, body: impl Into<Bytes>) -> Self {
        Self::new(status, HeaderValue::from_static("text/html; charset=utf-8"), body)
            .with_header(CONTENT_SECURITY_POLICY, policy)
            .with_header(REFERRER_POLICY, HeaderValue::from_static("no-referrer"))
            .with_header(CACHE_CONTROL, HeaderValue::from_static("no-store"))
    }

    /// Metrics in the format that was negotiated, with status 200; caches learn that it depends on `Accept`.
    pub fn exposition(negotiated: Negotiated, body: impl Into<Bytes>) -> Self {
        Self::new(StatusCode::OK, HeaderValue::from_static(negotiated.content_type()), body)
            .with_header(VARY, HeaderValue::from_static("Accept"))
    }

    /// 405 with the methods that are allowed instead.
    pub fn method_not_allowed(allowed: &[Method]) -> Self {
        let names: Vec<&str> = allowed.iter().map(Method::as_str).collect();
        let response = Self::text(StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n");
        match HeaderValue::from_str(&names.join(", ")) {
            Ok(names) => response.with_header(hyper::header::ALLOW, names),
            Err(_) => response,
        }
    }

    /// The response with this header set, whatever it was before.
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// All headers set so far.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The body before compression.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    pub(super) fn into_parts(self) -> (StatusCode, HeaderMap, Bytes) {
        (self.status, self.headers, self.body)
    }
}
