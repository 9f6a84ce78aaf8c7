//! What well-behaved clients see.

use std::io::Read;

use flate2::read::GzDecoder;

use super::*;

#[tokio::test]
async fn head_has_the_headers_of_get_and_no_body() {
    let server = Server::start(Limits::default());
    for headers in ["", "accept-encoding: gzip\r\n"] {
        let mut client = server.connect().await;
        client.send(&format!("GET /metrics HTTP/1.1\r\nhost: x\r\n{headers}\r\n")).await;
        let mut get = client.reply(true).await;
        client.send(&format!("HEAD /metrics HTTP/1.1\r\nhost: x\r\n{headers}\r\n")).await;
        let mut head = client.reply(false).await;
        // The next response would begin with the body, had there been one.
        client.send("GET /hello HTTP/1.1\r\nhost: x\r\n\r\n").await;
        assert_eq!(client.reply(true).await.text(), "hello\n");
        get.headers.remove("date");
        head.headers.remove("date");
        assert_eq!((head.status, head.headers), (200, get.headers));
    }
}

/// The end of what it says may be read before, while and after its answer is made, so it is tried often.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_will_say_no_more_gets_its_answer() {
    let server = Server::start(Limits::default());
    for path in ["/hello", "/later"].repeat(300) {
        let mut client = server.connect().await;
        client.send(&format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n")).await;
        client.0.get_mut().shutdown().await.unwrap();
        assert_eq!(client.reply(true).await.status, 200);
        assert!(client.closed().await.is_empty());
    }
}

#[tokio::test]
async fn each_mistake_has_its_status() {
    let server = Server::start(Limits::default());
    for (request, status) in [
        ("GET /nowhere HTTP/1.1\r\nhost: x\r\n\r\n", 404),
        ("POST /hello HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nab", 405),
        ("DELETE /hello HTTP/1.1\r\nhost: x\r\n\r\n", 405),
        ("OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n", 405),
        ("CONNECT x:80 HTTP/1.1\r\nhost: x\r\n\r\n", 405),
        ("GET /sites/%zz HTTP/1.1\r\nhost: x\r\n\r\n", 400),
        ("GET /hello HTTP/1.1\r\n\r\n", 400),
        ("GET /hello HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n", 400),
        ("GET http://x/hello HTTP/1.1\r\nhost: x\r\n\r\n", 200),
        ("GET /hello HTTP/1.0\r\n\r\n", 200),
        ("nonsense\r\n\r\n", 400),
    ] {
        assert_eq!(server.ask(request).await.status, status, "{request}");
    }
    let refused = server.ask("PUT /hello HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!((refused.status, refused.header("allow")), (405, "GET, HEAD"));
}

#[tokio::test]
async fn requests_on_one_connection_are_answered_in_order() {
    let server = Server::start(Limits::default());
    let mut client = server.connect().await;
    let ask = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
    client.send(&[ask("/sites/P01?at=1"), ask("/nowhere"), ask("/sites/P02")].concat()).await;
    assert_eq!(client.reply(true).await.text(), "GET P01 Some(\"at=1\")\n");
    assert_eq!(client.reply(true).await.status, 404);
    assert_eq!(client.reply(true).await.text(), "GET P02 None\n");
    client.send(&ask("/sites/P03")).await;
    assert_eq!(client.reply(true).await.text(), "GET P03 None\n");
}

#[tokio::test]
async fn an_old_client_gets_its_answer_and_the_end() {
    let server = Server::start(Limits::default());
    let mut client = server.connect().await;
    client.send("GET /hello HTTP/1.0\r\n\r\n").await;
    assert_eq!(client.reply(true).await.text(), "hello\n");
    assert!(client.closed().await.is_empty());
}

#[tokio::test]
async fn a_scrape_of_prometheus_is_openmetrics_in_gzip() {
    let server = Server::start(Limits::default());
    let reply = server
        .ask(
            "GET /metrics HTTP/1.1\r\nhost: x\r\naccept-encoding: gzip\r\naccept: application/openmetrics-text;\
             version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;\
             q=0.1\r\n\r\n",
        )
        .await;
    assert!(reply.header("content-type").starts_with("application/openmetrics-text; version=1.0.0;"));
    assert_eq!((reply.header("content-encoding"), reply.header("vary")), ("gzip", "Accept, Accept-Encoding"));
    let mut text = String::new();
    GzDecoder::new(&reply.body[..]).read_to_string(&mut text).unwrap();
    assert_eq!(text, "# HELP a b\n".repeat(1000));

    let plain = server.ask("GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!((plain.header("content-encoding"), plain.header("vary")), ("", "Accept, Accept-Encoding"));
    assert_eq!(
        (plain.header("content-type"), plain.text()),
        ("text/plain; version=0.0.4; charset=utf-8", &*text)
    );
}

#[tokio::test]
async fn a_page_can_run_and_load_nothing() {
    let server = Server::start(Limits::default());
    let page = server.ask("GET /page HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    assert!(page.header("content-security-policy").starts_with("default-src 'none'"));
}

#[tokio::test]
async fn a_panic_costs_one_request() {
    let server = Server::start(Limits::default());
    let mut client = server.connect().await;
    for _ in 0..3 {
        client.send("GET /panic HTTP/1.1\r\nhost: x\r\n\r\nGET /hello HTTP/1.1\r\nhost: x\r\n\r\n").await;
        let failed = client.reply(true).await;
        assert_eq!((failed.status, failed.text().contains("as the test wants it")), (500, false));
        assert_eq!(client.reply(true).await.text(), "hello\n");
    }
}

#[tokio::test]
async fn what_the_exporter_waits_for_is_answered_however_long_it_takes() {
    let server = Server::start(Limits { response_timeout: Duration::ZERO, ..Limits::default() });
    assert_eq!(server.ask("GET /later HTTP/1.1\r\nhost: x\r\n\r\n").await.text(), "at last\n");
}
