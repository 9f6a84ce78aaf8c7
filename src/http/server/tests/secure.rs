//! TLS: which protocol is spoken after the handshake, and who never gets there.

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::*;

/// A certificate made for one test, with what either side needs of it.
pub(super) struct Certificate {
    server: Arc<ServerConfig>,
    root: CertificateDer<'static>,
}

impl Certificate {
    pub(super) fn new() -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der()).into();
        let mut server = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .unwrap();
        server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Self { server: Arc::new(server), root: cert.der().clone() }
    }

    pub(super) fn settings(&self) -> WebSettings {
        WebSettings { tls: Some(Arc::clone(&self.server)), ..WebSettings::default() }
    }

    /// A client that trusts this certificate and no other, after its handshake.
    pub(super) async fn connect(&self, server: &Server, alpn: &[&str]) -> TlsStream<TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.clone()).unwrap();
        let mut client = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        client.alpn_protocols = alpn.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        let stream = soon(TcpStream::connect(server.address)).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        soon(TlsConnector::from(Arc::new(client)).connect(name, stream)).await.unwrap()
    }

    pub(super) async fn http1(&self, server: &Server) -> Client<TlsStream<TcpStream>> {
        Client(BufReader::new(self.connect(server, &["http/1.1"]).await))
    }
}

const HELLO: &str = "GET /hello HTTP/1.1\r\nhost: x\r\n\r\n";

#[tokio::test]
async fn the_protocol_is_what_both_sides_agree_on() {
    let certificate = Certificate::new();
    let server = Server::with(Limits::default(), certificate.settings(), false);
    for alpn in [&["http/1.1"][..], &[]] {
        let mut client = Client(BufReader::new(certificate.connect(&server, alpn).await));
        client.send(HELLO).await;
        assert_eq!(client.reply(true).await.text(), "hello\n", "{alpn:?}");
    }
    let both = certificate.connect(&server, &["http/1.1", "h2"]).await;
    assert_eq!(both.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
}

#[tokio::test]
async fn plain_http_on_a_port_for_https_is_told_so() {
    let certificate = Certificate::new();
    let server = Server::with(Limits::default(), certificate.settings(), false);
    for request in [HELLO, "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nab"] {
        let mut client = server.connect().await;
        client.send(request).await;
        let reply = client.reply(true).await;
        assert_eq!((reply.status, reply.text()), (400, "plain HTTP on a port for HTTPS: use https\n"));
        assert!(client.closed().await.is_empty());
    }
}

#[tokio::test]
async fn who_gives_no_whole_handshake_is_closed() {
    let certificate = Certificate::new();
    let limits =
        Limits { max_connections: 1, header_read_timeout: Duration::from_secs(1), ..Limits::default() };
    let server = Server::with(limits, certificate.settings(), false);
    for beginning in
        [&b""[..], b"\x16", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\x00\x00", &[0x16; 20_000]]
    {
        let mut client = server.connect().await;
        // The server may be gone before it has all.
        let _ = client.0.get_mut().write_all(beginning).await;
        client.closed().await;
    }
    let mut client = certificate.http1(&server).await;
    client.send(HELLO).await;
    assert_eq!(client.reply(true).await.text(), "hello\n");
}

#[tokio::test]
async fn without_tls_nobody_speaks_http2() {
    let server = Server::start(Limits::default());
    let mut client = server.connect().await;
    client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    let refusal = client.closed().await;
    assert!(refusal.is_empty() || refusal.starts_with(b"HTTP/1.1 "), "{}", refusal.escape_ascii());
}

#[tokio::test]
async fn a_new_certificate_is_for_new_connections_and_old_ones_end_with_their_next_response() {
    let (old, new) = (Certificate::new(), Certificate::new());
    let server = Server::with(Limits::default(), old.settings(), false);
    let mut client = old.http1(&server).await;
    client.send(HELLO).await;
    let before = client.reply(true).await;
    assert_eq!((before.text(), before.header("connection")), ("hello\n", ""));

    server.settings.send_replace(Arc::new(new.settings()));
    let mut newcomer = new.http1(&server).await;
    newcomer.send(HELLO).await;
    assert_eq!(newcomer.reply(true).await.header("connection"), "");
    client.send(HELLO).await;
    let last = client.reply(true).await;
    assert_eq!((last.text(), last.header("connection")), ("hello\n", "close"));
    assert!(client.closed().await.is_empty());
}

#[tokio::test]
async fn who_was_let_in_by_what_is_asked_for_no_longer_gets_no_further_answer() {
    let certificate = Certificate::new();
    let asking = |what: &[u8]| WebSettings { clients: Some(blake3::hash(what)), ..certificate.settings() };
    let server = Server::with(Limits::default(), asking(b"old"), true);
    let mut client = certificate.http1(&server).await;
    client.send(HELLO).await;
    assert_eq!(client.reply(true).await.text(), "hello\n");
    server
        .settings
        .send_replace(Arc::new(WebSettings { tls: Certificate::new().settings().tls, ..asking(b"new") }));
    client.send("GET /-/healthy HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let refused = client.reply(true).await;
    assert_eq!((refused.status, refused.header("connection")), (421, "close"));
    assert!(client.closed().await.is_empty());
}

#[tokio::test]
async fn shutdown_ends_connections_before_and_after_the_handshake() {
    let certificate = Certificate::new();
    let long = Duration::from_secs(3600);
    let limits = Limits { drain_timeout: long, header_read_timeout: long, ..Limits::default() };
    let server = Server::with(limits, certificate.settings(), false);
    let mut silent = server.connect().await;
    let mut idle = certificate.http1(&server).await;
    idle.send(HELLO).await;
    assert_eq!(idle.reply(true).await.text(), "hello\n");
    server.stop().await;
    assert!(silent.closed().await.is_empty());
    assert!(idle.closed().await.is_empty());
}
