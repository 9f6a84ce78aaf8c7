//! A client of the program, honest or not, plain or over TLS, and what one scrape tells.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;

use crate::support::process::Samples;

/// What bytes go through, whatever is below.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Where the program listens, and how.
pub(super) struct Target {
    address: SocketAddr,
    tls: Option<[Arc<ClientConfig>; 2]>,
}

/// Which protocol a client wants after the handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

/// What one scrape told of the program.
#[derive(Debug)]
pub(super) struct Scraped {
    pub(super) took: Duration,
    /// Resident memory in bytes.
    pub(super) resident: f64,
    /// Open files.
    pub(super) files: f64,
}

impl Target {
    pub(super) fn plain(address: SocketAddr) -> Self {
        Self { address, tls: None }
    }

    /// One that shows this certificate.
    pub(super) fn secure(address: SocketAddr, root: CertificateDer<'static>) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(root).unwrap();
        let config = |protocol: &[u8]| {
            let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(roots.clone())
                .with_no_client_auth();
            config.alpn_protocols = vec![protocol.to_vec()];
            // Each connection is a stranger's.
            config.resumption = rustls::client::Resumption::disabled();
            Arc::new(config)
        };
        Self { address, tls: Some([config(b"http/1.1"), config(b"h2")]) }
    }

    pub(super) fn is_secure(&self) -> bool {
        self.tls.is_some()
    }

    /// A connection without a word.
    pub(super) async fn reach(&self) -> io::Result<TcpStream> {
        TcpStream::connect(self.address).await
    }

    /// A connection on which the protocol can begin.
    pub(super) async fn connect(&self, protocol: Protocol) -> io::Result<Box<dyn Stream>> {
        let stream = self.reach().await?;
        let Some([http1, http2]) = &self.tls else { return Ok(Box::new(stream)) };
        let config = if protocol == Protocol::Http1 { http1 } else { http2 };
        let name = ServerName::try_from("localhost").unwrap();
        Ok(Box::new(TlsConnector::from(Arc::clone(config)).connect(name, stream).await?))
    }

    /// One scrape on a connection of its own, as Prometheus makes the first of a target.
    pub(super) async fn scrape(&self, patience: Duration) -> io::Result<Scraped> {
        let began = Instant::now();
        let response = timeout(patience, async {
            let mut stream = self.connect(Protocol::Http1).await?;
            stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await?;
            stream.flush().await?;
            let mut response = Vec::new();
            stream.read_to_end(&mut response).await?;
            Ok::<_, io::Error>(response)
        });
        let response = response.await??;
        let took = began.elapsed();
        let response = String::from_utf8(response).map_err(io::Error::other)?;
        let Some((head, body)) = response.split_once("\r\n\r\n") else {
            return Err(io::Error::other(format!("no response but {response:?}")));
        };
        if !head.starts_with("HTTP/1.1 200 ") {
            return Err(io::Error::other(head.to_owned()));
        }
        let samples = Samples::parse(body);
        let value = |name: &str| samples.get(name).unwrap_or_else(|| panic!("{name} is absent"));
        Ok(Scraped {
            took,
            resident: value("process_resident_memory_bytes"),
            files: value("process_open_fds"),
        })
    }
}
