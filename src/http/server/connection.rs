//! One connection, from the handshake of TLS to its end: HTTP/1, or HTTP/2 where both sides agreed on it.
//!
//! Its place among the others says when it has to end; nothing here has a timer besides. hyper's builders are used one
//! by one, because the one that detects HTTP/2 by itself never closes a client that sends nothing; and nobody speaks
//! HTTP/2 to a scrape target without TLS.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use hyper::rt::Executor;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use super::connections::{Over, Place};
use super::exchange::Exchange;
use super::guard::Guard;
use super::{Answer, Limits, Request, locked};

/// hyper's lower bound for its buffer, below which it panics.
const SMALLEST_BUFFER: usize = 8192;

/// How long a client that has been silent may take for the goodbye of HTTP/2.
const FAREWELL: Duration = Duration::from_secs(1);

/// Requests of one HTTP/2 connection at once. They are answered one after the other; Prometheus and browsers ask for a
/// few things, and each may have headers of [`Limits::max_header_bytes`] in memory.
const MAX_STREAMS: u32 = 8;

/// Requests that an HTTP/2 client may take back before they were looked at; who takes back more floods.
const MAX_TAKEN_BACK: usize = 16;

/// Streams of one HTTP/2 connection that may end by a mistake of the client.
const MAX_MISTAKES: usize = 64;

/// What an HTTP/2 client may send of bodies, which nobody reads, in bytes; the protocol has no smaller value for a
/// connection.
const WINDOW: u32 = 65_535;

/// What is kept of one HTTP/2 response besides its own bytes, in bytes.
const SEND_BUFFER: usize = 16 * 1024;

/// The first byte of a handshake of TLS.
const HANDSHAKE: u8 = 0x16;

const MISPLACED: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\n\
    connection: close\r\ncontent-length: 42\r\n\r\nplain HTTP on a port for HTTPS: use https\n";

/// A connection as it was accepted.
pub(super) struct Accepted {
    pub(super) stream: TcpStream,
    pub(super) peer: SocketAddr,
    pub(super) place: Place,
}

/// Serves one connection until either side ends it, its place is over, or `shutdown` and the request under way is over.
pub(super) async fn serve<H>(
    accepted: Accepted,
    guard: Arc<Guard<H>>,
    limits: Limits,
    shutdown: CancellationToken,
) where
    H: Fn(&Request) -> Answer + Send + Sync + 'static,
{
    let Accepted { stream, peer, place } = accepted;
    // Without it the last packet of a scrape may wait for the acknowledgement of the one before.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%peer, %error, "Cannot set TCP_NODELAY");
    }
    let settings = guard.settings();
    let (place, tls) = (Arc::new(place), settings.tls.clone());
    let exchange = Arc::new(Exchange {
        guard,
        limits,
        peer,
        place: Arc::clone(&place),
        tls: tls.clone(),
        clients: settings.clients,
        goodbye: CancellationToken::new(),
        turn: Arc::default(),
    });
    drop(settings);
    let ended = match tls {
        None => serve_http1(stream, exchange, &shutdown).await,
        Some(tls) => {
            let secured = tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                _ = place.over() => return,
                secured = secured(stream, tls) => secured,
            };
            match secured {
                Ok(Some(stream)) if stream.get_ref().1.alpn_protocol() == Some(b"h2") => {
                    serve_http2(stream, exchange, &shutdown).await
                }
                Ok(Some(stream)) => serve_http1(stream, exchange, &shutdown).await,
                Ok(None) => return,
                Err(error) => {
                    tracing::debug!(%peer, %error, "A TLS handshake failed");
                    return;
                }
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "An HTTP connection ended early");
    }
}

/// The connection after the handshake of TLS; `None` if there was none because the client spoke plain HTTP, which it was
/// told.
async fn secured(
    mut stream: TcpStream,
    tls: Arc<ServerConfig>,
) -> std::io::Result<Option<TlsStream<TcpStream>>> {
    let mut first = [0];
    if stream.peek(&mut first).await? == 0 {
        return Ok(None);
    }
    if first[0] == HANDSHAKE || !first[0].is_ascii_uppercase() {
        return TlsAcceptor::from(tls).accept(stream).await.map(Some);
    }
    stream.write_all(MISPLACED).await?;
    stream.shutdown().await?;
    // A close with input unread would overtake what was written.
    let mut unread = stream.take(SMALLEST_BUFFER as u64);
    tokio::io::copy(&mut unread, &mut tokio::io::sink()).await?;
    Ok(None)
}

async fn serve_http1<S, H>(
    stream: S,
    exchange: Arc<Exchange<H>>,
    shutdown: &CancellationToken,
) -> hyper::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
    H: Fn(&Request) -> Answer + Send + Sync + 'static,
{
    let (place, limits) = (Arc::clone(&exchange.place), exchange.limits);
    let service = service_fn(move |request| Arc::clone(&exchange).answer(request));
    let connection = http1::Builder::new()
        .header_read_timeout(None)
        // Who says that no more will come still waits for the answer.
        .half_close(true)
        .max_buf_size(limits.max_header_bytes.max(SMALLEST_BUFFER))
        .max_headers(limits.max_headers)
        .serve_connection(TokioIo::new(stream), service);
    // A goodbye is a header of the last response.
    drive(connection, http1::Connection::graceful_shutdown, &place, &[shutdown]).await
}

async fn serve_http2<S, H>(
    stream: S,
    exchange: Arc<Exchange<H>>,
    shutdown: &CancellationToken,
) -> hyper::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
    H: Fn(&Request) -> Answer + Send + Sync + 'static,
{
    let (place, limits) = (Arc::clone(&exchange.place), exchange.limits);
    let goodbye = exchange.goodbye.clone();
    let service = service_fn(move |request| Arc::clone(&exchange).answer(request));
    let streams = Arc::default();
    let connection = http2::Builder::new(Streams(Arc::downgrade(&streams)))
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_pending_accept_reset_streams(MAX_TAKEN_BACK)
        .max_local_error_reset_streams(MAX_MISTAKES)
        .max_header_list_size(u32::try_from(limits.max_header_bytes).unwrap_or(u32::MAX))
        .initial_connection_window_size(WINDOW)
        .initial_stream_window_size(WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .serve_connection(TokioIo::new(stream), service);
    drive(connection, http2::Connection::graceful_shutdown, &place, &[shutdown, &goodbye]).await
}

/// Runs a connection to its end; `bow` lets the requests under way end and takes no more.
async fn drive<C>(
    connection: C,
    bow: fn(Pin<&mut C>),
    place: &Place,
    endings: &[&CancellationToken],
) -> hyper::Result<()>
where
    C: Future<Output = hyper::Result<()>>,
{
    let mut connection = pin!(connection);
    let endings = endings.iter().map(|ending| Box::pin(ending.cancelled()));
    tokio::select! {
        biased;
        ((), ..) = futures_util::future::select_all(endings) => {}
        over = place.over() => {
            if over == Over::Silent {
                bow(connection.as_mut());
                return tokio::select! {
                    () = place.evicted() => Ok(()),
                    ended = timeout(FAREWELL, connection) => ended.unwrap_or(Ok(())),
                };
            }
            return Ok(());
        }
        ended = connection.as_mut() => return ended,
    }
    bow(connection.as_mut());
    tokio::select! {
        _ = place.over() => Ok(()),
        ended = connection => ended,
    }
}

/// The requests of one HTTP/2 connection, each a task that ends with it: hyper keeps this in the tasks themselves.
#[derive(Clone)]
struct Streams(Weak<Mutex<JoinSet<()>>>);

impl<F> Executor<F> for Streams
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        let Some(streams) = self.0.upgrade() else { return };
        let mut streams = locked(&streams);
        while streams.try_join_next().is_some() {}
        streams.spawn(stream);
    }
}
