//! What a request passes before its endpoint: rate, headers, authentication.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::*;
use crate::config::{PasswordHash, RateLimit};

fn settings() -> WebSettings {
    let headers = [("x-frame-options", "deny"), ("content-security-policy", "default-src 'self'")];
    let headers =
        headers.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
    WebSettings {
        headers: HeaderMap::from_iter(headers),
        users: [("prometheus".to_owned(), PasswordHash::of("secret"))].into(),
        ..WebSettings::default()
    }
}

fn get(path: &str, credentials: &str) -> String {
    let encoded = BASE64_STANDARD.encode(credentials);
    format!("GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Basic {encoded}\r\n\r\n")
}

#[tokio::test]
async fn only_users_get_an_answer_and_nobody_else_learns_which_paths_there_are() {
    let server = Server::with(Limits::default(), settings(), false);
    for path in ["/hello", "/-/healthy", "/nowhere"] {
        let bare = server.ask(&format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n")).await;
        let wrong = server.ask(&get(path, "prometheus:wrong")).await;
        for refused in [bare, wrong] {
            let found = (refused.status, refused.header("www-authenticate"), refused.text());
            assert_eq!(found, (401, "Basic", "unauthorized\n"), "{path}");
            assert_eq!(refused.header("x-frame-options"), "deny");
        }
    }
    assert_eq!(server.ask(&get("/hello", "prometheus:secret")).await.text(), "hello\n");
    assert_eq!(server.ask(&get("/nowhere", "prometheus:secret")).await.status, 404);
}

#[tokio::test]
async fn health_is_open_on_request_by_its_exact_path() {
    let server = Server::with(Limits::default(), settings(), true);
    for (path, status) in [
        ("/-/healthy", 200),
        ("/-/healthy?x", 200),
        ("http://x/-/healthy", 200),
        // Open, but this server has no such endpoint.
        ("/-/ready", 404),
        ("/-/healthy/", 401),
        ("//-/healthy", 401),
        ("/-/%68ealthy", 401),
        ("/-/reload", 401),
        ("/hello", 401),
    ] {
        let reply = server.ask(&format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n")).await;
        assert_eq!(reply.status, status, "{path}");
    }
}

#[tokio::test]
async fn the_rate_goes_before_everything_else() {
    let limit = RateLimit { interval: Duration::from_millis(3_600_100), burst: 2 };
    let server = Server::with(Limits::default(), WebSettings { rate_limit: Some(limit), ..settings() }, true);
    assert_eq!(server.ask(&get("/hello", "prometheus:secret")).await.status, 200);
    assert_eq!(server.ask("GET /hello HTTP/1.1\r\nhost: x\r\n\r\n").await.status, 401);
    for path in ["/hello", "/-/healthy"] {
        let refused = server.ask(&get(path, "prometheus:secret")).await;
        assert_eq!((refused.status, refused.header("x-frame-options")), (429, ""), "{path}");
        assert_eq!(refused.header("retry-after"), "3601");
    }
}

#[tokio::test]
async fn too_large_a_body_passes_the_same_as_any_other() {
    let limit = RateLimit { interval: Duration::from_secs(3600), burst: 2 };
    let server =
        Server::with(Limits::default(), WebSettings { rate_limit: Some(limit), ..settings() }, false);
    let large =
        |credentials| get("/hello", credentials).replace("host: x", "host: x\r\ncontent-length: 65537");
    for (credentials, status, header) in [
        ("prometheus:wrong", 401, "deny"),
        ("prometheus:secret", 413, "deny"),
        ("prometheus:secret", 429, ""),
    ] {
        let refused = server.ask(&large(credentials)).await;
        let found = (refused.status, refused.header("x-frame-options"), refused.header("connection"));
        assert_eq!(found, (status, header, "close"));
    }
}

#[tokio::test]
async fn an_endpoint_knows_better_than_the_headers_for_all() {
    let server = Server::with(Limits::default(), settings(), false);
    let page = server.ask(&get("/page", "prometheus:secret")).await;
    let found = (page.header("content-security-policy"), page.header("x-frame-options"));
    assert_eq!(found, ("default-src 'none'", "deny"));
    let text = server.ask(&get("/hello", "prometheus:secret")).await;
    assert_eq!(text.header("content-security-policy"), "default-src 'self'");
}

#[tokio::test]
async fn the_headers_for_all_are_on_the_answer_to_a_panic_too() {
    let server = Server::with(Limits::default(), settings(), false);
    let failed = server.ask(&get("/panic", "prometheus:secret")).await;
    assert_eq!((failed.status, failed.header("x-frame-options")), (500, "deny"));
}

#[tokio::test]
async fn new_settings_hold_for_the_next_request_of_a_connection() {
    let server = Server::start(Limits::default());
    let mut client = server.connect().await;
    for (settings, credentials, status) in [
        (WebSettings::default(), "", 200),
        (settings(), "", 401),
        (settings(), "prometheus:secret", 200),
        (
            WebSettings { users: [("b".to_owned(), PasswordHash::of("c"))].into(), ..settings() },
            "prometheus:secret",
            401,
        ),
        (WebSettings::default(), "", 200),
    ] {
        server.settings.send_replace(Arc::new(settings));
        client.send(&get("/hello", credentials)).await;
        assert_eq!(client.reply(true).await.status, status, "{credentials}");
    }
}
