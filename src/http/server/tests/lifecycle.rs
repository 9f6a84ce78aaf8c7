//! The end of the server, with clients in every state.

use super::*;

#[tokio::test]
async fn shutdown_closes_idle_and_silent_connections_at_once() {
    // The timeouts would outlast the patience of the test.
    let long = Duration::from_secs(3600);
    let server =
        Server::start(Limits { drain_timeout: long, header_read_timeout: long, ..Limits::default() });
    let mut silent = server.connect().await;
    let mut idle = server.connect().await;
    idle.send("GET /hello HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(idle.reply(true).await.text(), "hello\n");
    server.stop().await;
    assert!(silent.closed().await.is_empty());
    assert!(idle.closed().await.is_empty());
}

#[tokio::test]
async fn shutdown_lets_a_response_under_way_end_and_refuses_new_clients() {
    let server = Server::start(Limits { drain_timeout: Duration::from_secs(3600), ..Limits::default() });
    let mut client = server.connect().await;
    client.send("GET /huge HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let mut first = [0; 4096];
    soon(client.0.read_exact(&mut first)).await.unwrap();
    server.shutdown.cancel();
    // The listener is gone as soon as the loop has seen the shutdown.
    soon(async {
        while TcpStream::connect(server.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let rest = client.closed().await;
    let head = first.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
    assert_eq!(first.len() - head + rest.len(), HUGE);
    server.stop().await;
}

#[tokio::test]
async fn shutdown_does_not_wait_for_a_stuck_client() {
    let server = Server::start(Limits {
        drain_timeout: Duration::from_millis(200),
        response_timeout: Duration::from_secs(3600),
        ..Limits::default()
    });
    let mut stuck = server.connect().await;
    stuck.send("GET /huge HTTP/1.1\r\nhost: x\r\n\r\n").await;
    soon(stuck.0.read_exact(&mut [0; 16])).await.unwrap();
    let mut dripping = server.connect().await;
    dripping.send("GET /hello HTTP/1.1\r\nhost:").await;
    server.stop().await;
    assert!(stuck.closed().await.len() < HUGE);
}

#[tokio::test]
async fn several_listeners_share_the_permits() {
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let listeners = Listeners::bind(&[any, any, any]).unwrap();
    let addresses = listeners.local_addrs();
    let shutdown = CancellationToken::new();
    let handler =
        Arc::new(|request: &Request| Response::text(StatusCode::OK, request.peer().to_string()).into());
    let limits = Limits { max_connections: 1, ..Limits::default() };
    let (_, settings) = watch::channel(Arc::default());
    let task = tokio::spawn(listeners.serve(handler, limits, settings, false, shutdown.clone()));
    for address in addresses.iter().chain(addresses.iter().rev()) {
        let mut client = Client(BufReader::new(soon(TcpStream::connect(address)).await.unwrap()));
        client.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
        let own = client.0.get_ref().local_addr().unwrap().to_string();
        assert_eq!(client.reply(true).await.text(), own);
    }
    shutdown.cancel();
    soon(task).await.unwrap();
}

#[tokio::test]
async fn ipv4_and_ipv6_are_listened_on_together_and_peers_are_told_apart() {
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        eprintln!("skipped: this machine has no IPv6");
        return;
    }
    let listeners = Listeners::bind(&["[::]:0".parse().unwrap(), "[::1]:0".parse().unwrap()]).unwrap();
    let [everywhere, only_v6] = listeners.local_addrs()[..] else { panic!("two listeners") };
    let shutdown = CancellationToken::new();
    let handler =
        Arc::new(|request: &Request| Response::text(StatusCode::OK, request.peer().to_string()).into());
    let (_, settings) = watch::channel(Arc::default());
    let task = tokio::spawn(listeners.serve(handler, Limits::default(), settings, false, shutdown.clone()));
    for (host, port, mapped) in [
        ("127.0.0.1", everywhere.port(), "[::ffff:127.0.0.1]"),
        ("::1", everywhere.port(), "[::1]"),
        ("::1", only_v6.port(), "[::1]"),
    ] {
        let mut client = Client(BufReader::new(soon(TcpStream::connect((host, port))).await.unwrap()));
        client.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
        let own = client.0.get_ref().local_addr().unwrap().port();
        assert_eq!(client.reply(true).await.text(), format!("{mapped}:{own}"), "{host}:{port}");
    }
    shutdown.cancel();
    soon(task).await.unwrap();
}
