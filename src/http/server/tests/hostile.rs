//! What clients that mean no good, or are only broken, cannot do.

use super::*;

/// Short, but long enough for a loaded machine to answer an honest request.
const SHORT: Duration = Duration::from_secs(1);

fn one_connection() -> Limits {
    Limits { max_connections: 1, ..Limits::default() }
}

async fn assert_alive(server: &Server) {
    assert_eq!(server.ask("GET /hello HTTP/1.1\r\nhost: x\r\n\r\n").await.text(), "hello\n");
}

#[tokio::test]
async fn a_silent_client_is_closed() {
    let server = Server::start(Limits { header_read_timeout: SHORT, ..one_connection() });
    assert!(server.connect().await.closed().await.is_empty());
    let mut idle = server.connect().await;
    idle.send("GET /hello HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(idle.reply(true).await.text(), "hello\n");
    assert!(idle.closed().await.is_empty());
    assert_alive(&server).await;
}

#[tokio::test]
async fn a_client_that_drips_its_headers_is_closed() {
    let server = Server::start(Limits { header_read_timeout: SHORT, ..one_connection() });
    let mut client = server.connect().await;
    client.send("GET /hello HTTP/1.1\r\n").await;
    let (mut read, mut write) = client.0.into_inner().into_split();
    let drip = async {
        // Each header comes well within the limit, all of them together do not.
        let mut beat = tokio::time::interval(SHORT / 10);
        while write.write_all(b"a: b\r\n").await.is_ok() {
            beat.tick().await;
        }
    };
    let mut rest = Vec::new();
    soon(async { tokio::join!(drip, read.read_to_end(&mut rest)) }).await.1.ok();
    assert!(!String::from_utf8_lossy(&rest).contains("hello"));
    assert_alive(&server).await;
}

#[tokio::test]
async fn a_client_that_never_reads_is_dropped() {
    let server = Server::start(Limits { response_timeout: SHORT, ..one_connection() });
    let mut stuck = server.connect().await;
    stuck.send("GET /huge HTTP/1.1\r\nhost: x\r\n\r\n").await;
    // The only permit comes back although the client stays.
    assert_alive(&server).await;
    assert!(stuck.closed().await.len() < HUGE);
}

#[tokio::test]
async fn oversized_heads_are_refused() {
    let server = Server::start(Limits { max_headers: 20, ..Limits::default() });
    for request in [
        format!("GET /hello HTTP/1.1\r\nhost: x\r\na: {}\r\n\r\n", "b".repeat(20_000)),
        format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "b".repeat(20_000)),
        format!("GET /hello HTTP/1.1\r\nhost: x\r\n{}\r\n", "a: b\r\n".repeat(20)),
    ] {
        let mut client = server.connect().await;
        client.send(&request).await;
        let refusal = client.closed().await;
        // A close with input unread may overtake the refusal.
        assert!(refusal.is_empty() || refusal.starts_with(b"HTTP/1.1 431 "), "{}", refusal.escape_ascii());
    }
    assert_alive(&server).await;
}

#[tokio::test]
async fn a_body_is_refused_or_ignored_but_never_taken_for_a_request() {
    let server = Server::start(Limits::default());
    let mut client = server.connect().await;
    client.send("GET /hello HTTP/1.1\r\nhost: x\r\ncontent-length: 65537\r\n\r\n").await;
    let refused = client.reply(true).await;
    assert_eq!((refused.status, refused.header("connection")), (413, "close"));
    assert!(client.closed().await.is_empty());

    let inner = "GET /panic HTTP/1.1\r\nhost: x\r\n\r\n";
    let mut client = server.connect().await;
    let head = format!("GET /hello HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", inner.len());
    client.send(&format!("{head}{inner}GET /sites/P01 HTTP/1.1\r\nhost: x\r\n\r\n")).await;
    assert_eq!(client.reply(true).await.text(), "hello\n");
    assert_eq!(client.reply(true).await.text(), "GET P01 None\n");

    let mut client = server.connect().await;
    client.send("GET /hello HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n").await;
    let reply = client.reply(true).await;
    assert_eq!((reply.status, reply.header("connection")), (200, "close"));
    assert!(client.closed().await.is_empty());
}

#[tokio::test]
async fn for_one_connection_too_many_the_one_that_has_waited_longest_is_closed() {
    let server = Server::start(Limits { max_connections: 2, ..Limits::default() });
    let hello = "GET /hello HTTP/1.1\r\nhost: x\r\n\r\n";
    let [mut silent, mut idle] = [server.connect().await, server.connect().await];
    // The silent one was accepted before it, and its wait began with that.
    idle.send(hello).await;
    assert_eq!(idle.reply(true).await.text(), "hello\n");
    let mut newcomer = server.connect().await;
    newcomer.send(hello).await;
    assert_eq!(newcomer.reply(true).await.text(), "hello\n");
    assert!(silent.closed().await.is_empty());
    idle.send(hello).await;
    assert_eq!(idle.reply(true).await.text(), "hello\n");
}

#[tokio::test]
async fn a_response_under_way_is_not_ended_for_a_newcomer() {
    let server = Server::start(Limits { max_connections: 2, ..Limits::default() });
    let mut busy = server.connect().await;
    busy.send("GET /huge HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    let mut first = [0; 16];
    soon(busy.0.read_exact(&mut first)).await.unwrap();
    for _ in 0..3 {
        assert_alive(&server).await;
    }
    assert!(busy.closed().await.len() > HUGE);
}

#[tokio::test]
async fn clients_that_ask_without_end_make_room() {
    const ASKERS: usize = 4;
    let server = Server::start(Limits { max_connections: ASKERS, ..Limits::default() });
    // An answer that costs nothing, as a refusal does.
    let nothing = "GET /nowhere HTTP/1.1\r\nhost: x\r\n\r\n";
    let mut askers = tokio::task::JoinSet::new();
    for _ in 0..ASKERS {
        let mut asker = server.connect().await;
        asker.send(nothing).await;
        assert_eq!(asker.reply(true).await.status, 404);
        askers.spawn(async move {
            let mut some = [0; 4096];
            while asker.0.get_mut().write_all(nothing.as_bytes()).await.is_ok()
                && asker.0.read(&mut some).await.is_ok_and(|read| read > 0)
            {}
        });
    }
    assert_alive(&server).await;
    soon(askers.join_next()).await.unwrap().unwrap();
}
