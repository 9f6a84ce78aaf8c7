//! One connection: HTTP/1 with every wait bounded, and the parts of a response that do not depend on the endpoint.
//!
//! hyper's own HTTP/1 builder is used, because the one that detects HTTP/2 by itself never closes a client that
//! sends nothing. Request bodies are never read; hyper skips one that is already there and else closes.

use std::any::Any;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use http_body_util::Full;
use hyper::StatusCode;
use hyper::body::{Body, Incoming};
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use super::compress::compress;
use super::{Answer, Limits, Request, Response};

/// hyper's lower bound for its buffer, below which it panics.
const SMALLEST_BUFFER: usize = 8192;

/// Serves one connection until either side ends it, a limit is hit, or `shutdown` and the request under way is over.
///
/// With `tls` it begins with the handshake, in which the protocol is agreed on; without, HTTP/1 is spoken.
pub(super) async fn serve<H>(
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<Arc<ServerConfig>>,
    handler: Arc<H>,
    limits: Limits,
    shutdown: CancellationToken,
) where
    H: Fn(&Request) -> Answer + Send + Sync + 'static,
{
    // Without it the last packet of a scrape may wait for the acknowledgement of the one before.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%peer, %error, "Cannot set TCP_NODELAY");
    }
    let ended = match tls {
        None => serve_http1(stream, peer, handler, limits, &shutdown).await,
        Some(tls) => {
            let Some(stream) = secured(stream, peer, tls, limits, &shutdown).await else { return };
            if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                serve_http2(stream, peer, handler, limits, &shutdown).await
            } else {
                serve_http1(stream, peer, handler, limits, &shutdown).await
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "An HTTP connection ended early");
    }
}

/// The connection after the handshake of TLS; `None` if there is none in time.
async fn secured(
    stream: TcpStream,
    peer: SocketAddr,
    tls: Arc<ServerConfig>,
    limits: Limits,
    shutdown: &CancellationToken,
) -> Option<TlsStream<TcpStream>> {
    let handshake = tokio::time::timeout(limits.header_read_timeout, TlsAcceptor::from(tls).accept(stream));
    let outcome = tokio::select! {
        biased;
        () = shutdown.cancelled() => return None,
        outcome = handshake => outcome,
    };
    match outcome {
        Ok(Ok(stream)) => Some(stream),
        Ok(Err(error)) => {
            tracing::debug!(%peer, %error, "A TLS handshake failed");
            None
        }
        Err(_) => None,
    }
}

async fn serve_http2<S, H>(
    stream: S,
    peer: SocketAddr,
    handler: Arc<H>,
    limits: Limits,
    shutdown: &CancellationToken,
) -> hyper::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
    H: Fn(&Request) -> Answer + Send + Sync + 'static,
{
    let service = service_fn(move |request| {
        let handler = Arc::clone(&handler);
        async move { Ok::<_, Infallible>(respond(request, peer, &*handler, limits).await) }
    });
    let connection =
        http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    tokio::select! {
        biased;
        () = shutdown.cancelled() => {}
        ended = connection.as_mut() => return ended,
    }
    connection.as_mut().graceful_shutdown();
    connection.await
}

async fn serve_http1<S, H>(
    stream: S,
    peer: SocketAddr,
    handler: Arc<H>,
    limits: Limits,
    shutdown: &CancellationToken,
) -> hyper::Result<()>
where
    S: AsyncRead + AsyncWrite,
    H: Fn(&Request) -> Answer + Send + Sync + 'static,
{
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(limits.write_timeout));
    let service = service_fn(move |request| {
        let handler = Arc::clone(&handler);
        async move { Ok::<_, Infallible>(respond(request, peer, &*handler, limits).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_read_timeout)
        .max_buf_size(limits.max_header_bytes.max(SMALLEST_BUFFER))
        .max_headers(limits.max_headers)
        .serve_connection(TokioIo::new(Box::pin(stream)), service);
    let mut connection = pin!(connection);
    tokio::select! {
        biased;
        () = shutdown.cancelled() => {}
        ended = connection.as_mut() => return ended,
    }
    connection.as_mut().graceful_shutdown();
    connection.await
}

async fn respond<H>(
    request: hyper::Request<Incoming>,
    peer: SocketAddr,
    handler: &H,
    limits: Limits,
) -> hyper::Response<Full<Bytes>>
where
    H: Fn(&Request) -> Answer,
{
    let (head, body) = request.into_parts();
    let request = Request::new(head.method, head.uri, head.headers, peer);
    let too_large = body.size_hint().lower() > limits.max_body_bytes;
    let response = if too_large {
        Response::text(StatusCode::PAYLOAD_TOO_LARGE, "the request body is too large\n")
    } else {
        AssertUnwindSafe(async { handler(&request).response().await })
            .catch_unwind()
            .await
            .unwrap_or_else(|panic| answer_panic(&request, panic.as_ref()))
    };
    let (status, mut headers, body) = response.into_parts();
    let body = compress(body, request.headers(), &mut headers);
    if too_large {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    // For HEAD hyper tells the length and leaves the body out.
    let mut sent = hyper::Response::new(Full::new(body));
    *sent.status_mut() = status;
    *sent.headers_mut() = headers;
    sent
}

fn answer_panic(request: &Request, panic: &(dyn Any + Send)) -> Response {
    let message = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    tracing::error!(path = request.path(), panic = message, "An HTTP request was ended by a panic");
    Response::text(StatusCode::INTERNAL_SERVER_ERROR, "internal error; the exporter's log has more\n")
}
