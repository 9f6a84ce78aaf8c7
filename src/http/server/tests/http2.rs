//! HTTP/2 over TLS: honest clients by hyper, and others frame by frame.

use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2::{Builder, Connection, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio_rustls::client::TlsStream;

use super::secure::Certificate;
use super::*;

type Empties = Empty<bytes::Bytes>;
type Driver = Connection<TokioIo<TlsStream<TcpStream>>, Empties, TokioExecutor>;

const SHORT: Duration = Duration::from_secs(1);
/// The error code of "enhance your calm".
const CALM: u32 = 0xb;

async fn client(certificate: &Certificate, server: &Server) -> (SendRequest<Empties>, Driver) {
    let stream = certificate.connect(server, &["h2"]).await;
    soon(Builder::new(TokioExecutor::new()).handshake(TokioIo::new(stream))).await.unwrap()
}

fn get(path: &str) -> hyper::Request<Empties> {
    hyper::Request::get(format!("https://localhost{path}")).body(Empty::new()).unwrap()
}

async fn text(response: hyper::Response<hyper::body::Incoming>) -> (u16, String) {
    let status = response.status().as_u16();
    let body = soon(response.into_body().collect()).await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn requests_at_once_are_all_answered() {
    let certificate = Certificate::new();
    let server = Server::with(Limits::default(), certificate.settings(), false);
    let (mut client, driver) = client(&certificate, &server).await;
    tokio::spawn(driver);
    // With its response comes how many may be asked at once.
    soon(client.send_request(get("/hello"))).await.unwrap();
    let ask = |number: usize| {
        let mut client = client.clone();
        async move {
            let response = soon(client.send_request(get(&format!("/sites/{number}")))).await.unwrap();
            text(response).await
        }
    };
    let answers = futures_util::future::join_all((0..50).map(ask)).await;
    for (number, answer) in answers.into_iter().enumerate() {
        assert_eq!(answer, (200, format!("GET {number} None\n")));
    }
}

#[tokio::test]
async fn a_response_is_whole_and_head_has_none() {
    let certificate = Certificate::new();
    let server = Server::with(Limits::default(), certificate.settings(), false);
    let (mut client, driver) = client(&certificate, &server).await;
    tokio::spawn(driver);
    let huge = soon(client.send_request(get("/huge"))).await.unwrap();
    assert_eq!(soon(huge.into_body().collect()).await.unwrap().to_bytes().len(), HUGE);
    let mut head = get("/metrics");
    *head.method_mut() = Method::HEAD;
    let head = soon(client.send_request(head)).await.unwrap();
    assert_eq!(head.headers()["content-length"], "11000");
    assert_eq!(text(head).await, (200, String::new()));
    assert_eq!(
        text(soon(client.send_request(get("/hello"))).await.unwrap()).await,
        (200, "hello\n".to_owned())
    );
}

#[tokio::test]
async fn an_idle_connection_ends_with_a_goodbye() {
    let certificate = Certificate::new();
    let limits = Limits { header_read_timeout: SHORT, ..Limits::default() };
    let server = Server::with(limits, certificate.settings(), false);
    let (mut client, driver) = client(&certificate, &server).await;
    let driver = tokio::spawn(driver);
    let response = soon(client.send_request(get("/hello"))).await.unwrap();
    assert_eq!(text(response).await, (200, "hello\n".to_owned()));
    // An error would be an end without it.
    soon(driver).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_new_certificate_ends_the_connection_after_its_next_response() {
    let (old, new) = (Certificate::new(), Certificate::new());
    let server = Server::with(Limits::default(), old.settings(), false);
    let (mut client, driver) = client(&old, &server).await;
    let driver = tokio::spawn(driver);
    server.settings.send_replace(Arc::new(new.settings()));
    let response = soon(client.send_request(get("/hello"))).await.unwrap();
    assert_eq!(text(response).await, (200, "hello\n".to_owned()));
    soon(driver).await.unwrap().unwrap();
}

#[tokio::test]
async fn shutdown_lets_a_response_under_way_end() {
    let certificate = Certificate::new();
    let limits = Limits { drain_timeout: Duration::from_secs(3600), ..Limits::default() };
    let server = Server::with(limits, certificate.settings(), false);
    let (mut client, driver) = client(&certificate, &server).await;
    let driver = tokio::spawn(driver);
    let huge = soon(client.send_request(get("/huge"))).await.unwrap();
    server.shutdown.cancel();
    assert_eq!(soon(huge.into_body().collect()).await.unwrap().to_bytes().len(), HUGE);
    soon(driver).await.unwrap().unwrap();
    server.stop().await;
}

#[tokio::test]
async fn a_response_that_is_not_taken_ends_the_connection() {
    let certificate = Certificate::new();
    let limits = Limits { response_timeout: SHORT, ..Limits::default() };
    let server = Server::with(limits, certificate.settings(), false);
    let (mut client, driver) = client(&certificate, &server).await;
    let driver = tokio::spawn(driver);
    // The driver reads until the window of the stream is full, which nobody empties.
    let stuck = soon(client.send_request(get("/huge"))).await.unwrap();
    let _ = soon(driver).await.unwrap();
    assert!(stuck.into_body().collect().await.is_err());
}

#[tokio::test]
async fn oversized_headers_are_refused() {
    let certificate = Certificate::new();
    let server = Server::with(Limits::default(), certificate.settings(), false);
    let (mut client, driver) = client(&certificate, &server).await;
    tokio::spawn(driver);
    let mut request = get("/hello");
    // Below what a frame holds, above the limit with what HTTP/2 counts for each header besides.
    for number in 0..400 {
        let name = HeaderName::from_bytes(format!("x-{number}").as_bytes()).unwrap();
        request.headers_mut().insert(name, HeaderValue::from_static("0123456789"));
    }
    let refused = soon(client.send_request(request)).await;
    assert!(refused.is_err() || refused.is_ok_and(|response| response.status() == 431));
    let (mut client, driver) = self::client(&certificate, &server).await;
    tokio::spawn(driver);
    assert_eq!(text(soon(client.send_request(get("/hello"))).await.unwrap()).await.0, 200);
}

#[tokio::test]
async fn a_client_that_asks_without_end_makes_room() {
    let certificate = Certificate::new();
    let server =
        Server::with(Limits { max_connections: 1, ..Limits::default() }, certificate.settings(), false);
    let (mut client, driver) = client(&certificate, &server).await;
    let driver = tokio::spawn(driver);
    assert_eq!(text(soon(client.send_request(get("/hello"))).await.unwrap()).await.0, 200);
    let asking = tokio::spawn(async move {
        while let Ok(response) = client.send_request(get("/nowhere")).await {
            let _ = response.into_body().collect().await;
        }
    });
    let mut newcomer = certificate.http1(&server).await;
    newcomer.send("GET /hello HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(newcomer.reply(true).await.text(), "hello\n");
    soon(asking).await.unwrap();
    let _ = soon(driver).await.unwrap();
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// What a client sends first.
fn preface() -> Vec<u8> {
    [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &frame(4, 0, 0, &[])].concat()
}

/// `GET /hello`, whole, from the static table of HPACK but for the path.
fn ask(stream: u32) -> Vec<u8> {
    frame(1, 0x5, stream, &[&[0x82, 0x87, 0x41, 1, b'x', 0x44, 6][..], b"/hello"].concat())
}

/// The codes of the goodbyes that a server sent.
fn goodbyes(mut sent: &[u8]) -> Vec<u32> {
    let mut codes = Vec::new();
    while let Some((head, rest)) = sent.split_at_checked(9) {
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let Some((payload, rest)) = rest.split_at_checked(length) else { break };
        if head[3] == 7 {
            codes.push(u32::from_be_bytes(payload[4..8].try_into().unwrap()));
        }
        sent = rest;
    }
    codes
}

/// Sends frames until the server ends the connection; what it sent.
async fn flood(
    certificate: &Certificate,
    server: &Server,
    mut frames: impl FnMut(u32) -> Vec<u8>,
) -> Vec<u8> {
    let stream = certificate.connect(server, &["h2"]).await;
    let (mut read, mut write) = tokio::io::split(stream);
    let sending = async {
        if write.write_all(&preface()).await.is_err() {
            return;
        }
        for number in (1..).step_by(2) {
            if write.write_all(&frames(number)).await.is_err() {
                return;
            }
            let _ = write.flush().await;
        }
    };
    let mut sent = Vec::new();
    let reading = async {
        let _ = read.read_to_end(&mut sent).await;
    };
    soon(async { tokio::join!(sending, reading) }).await;
    sent
}

#[tokio::test]
async fn who_takes_back_its_requests_again_and_again_is_sent_away() {
    let certificate = Certificate::new();
    let server = Server::with(Limits::default(), certificate.settings(), false);
    let many = |first: u32| {
        let one = |stream: u32| [ask(stream), frame(3, 0, stream, &8_u32.to_be_bytes())].concat();
        (0..100).flat_map(|number| one(first + number * 2)).collect()
    };
    let sent = flood(&certificate, &server, |number| many((number - 1) * 100 + 1)).await;
    assert!(goodbyes(&sent).contains(&CALM), "{:?}", goodbyes(&sent));
}

#[tokio::test]
async fn frames_that_ask_for_nothing_do_not_keep_a_connection() {
    let certificate = Certificate::new();
    let limits = Limits { header_read_timeout: SHORT, ..Limits::default() };
    let server = Server::with(limits, certificate.settings(), false);
    let begun = |stream| if stream == 1 { frame(1, 0, 1, &[0x82]) } else { frame(9, 0, 1, &[0x87]) };
    let pings: [fn(u32) -> Vec<u8>; 2] = [|_| frame(6, 0, 0, &[0; 8]), begun];
    for frames in pings {
        flood(&certificate, &server, frames).await;
    }
    let mut client = certificate.http1(&server).await;
    client.send("GET /hello HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(client.reply(true).await.text(), "hello\n");
}
