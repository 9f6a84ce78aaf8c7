//! The server over real sockets on port 0, with short limits, and clients that are as bare or as bad as needed.
//!
//! Nothing sleeps: a test waits for what the client can see, and gives up after a generous time.

mod access;
mod hostile;
mod http2;
mod lifecycle;
mod negotiation;
mod protocol;
mod secure;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, StatusCode};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::negotiate::{Negotiated, accepts_gzip};
use super::*;
use crate::http::WebSettings;

/// More than the buffers of both ends of a loopback connection.
const HUGE: usize = 64 << 20;

/// Waits, but not for ever.
async fn soon<F: Future>(what: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(20), what).await.expect("it did not happen in time")
}

struct Server {
    address: SocketAddr,
    settings: watch::Sender<Arc<WebSettings>>,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl Server {
    fn start(limits: Limits) -> Self {
        Self::with(limits, WebSettings::default(), false)
    }

    fn with(limits: Limits, settings: WebSettings, open_health: bool) -> Self {
        let listeners = Listeners::bind(&["127.0.0.1:0".parse().unwrap()]).unwrap();
        let address = listeners.local_addrs()[0];
        let shutdown = CancellationToken::new();
        let routes = routes();
        let handler = Arc::new(move |request: &Request| match request.path() {
            "/later" => Answer::Later(Box::pin(async {
                tokio::task::yield_now().await;
                Response::text(StatusCode::OK, "at last\n")
            })),
            _ => routes.dispatch(request),
        });
        let (settings, current) = watch::channel(Arc::new(settings));
        let task = tokio::spawn(listeners.serve(handler, limits, current, open_health, shutdown.clone()));
        Self { address, settings, shutdown, task }
    }

    async fn connect(&self) -> Client {
        Client(BufReader::new(soon(TcpStream::connect(self.address)).await.unwrap()))
    }

    /// The answer to one request on a connection of its own.
    async fn ask(&self, request: &str) -> Reply {
        let mut client = self.connect().await;
        client.send(request).await;
        client.reply(!request.starts_with("HEAD")).await
    }

    /// Stops the server, which must end.
    async fn stop(self) {
        self.shutdown.cancel();
        soon(self.task).await.unwrap();
    }
}

fn routes() -> Routes {
    let huge = bytes::Bytes::from(vec![b'x'; HUGE]);
    Routes::new()
        .get("/hello", |_| Response::text(StatusCode::OK, "hello\n"))
        .get("/huge", move |_| Response::text(StatusCode::OK, huge.clone()))
        .get("/page", |_| {
            let policy = HeaderValue::from_static("default-src 'none'");
            Response::html(StatusCode::OK, policy, "<!doctype html>")
        })
        .get("/-/healthy", |_| Response::text(StatusCode::OK, "healthy\n"))
        .get("/panic", |_| panic!("as the test wants it"))
        .get("/metrics", |request| {
            Response::exposition(negotiate(request.headers()), "# HELP a b\n".repeat(1000))
        })
        .get_site("/sites/{site}", |request, site| {
            Response::text(StatusCode::OK, format!("{} {site} {:?}\n", request.method(), request.query()))
        })
}

struct Client<S = TcpStream>(BufReader<S>);

struct Reply {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Reply {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    async fn send(&mut self, text: &str) {
        soon(self.0.get_mut().write_all(text.as_bytes())).await.unwrap();
    }

    async fn line(&mut self) -> String {
        use tokio::io::AsyncBufReadExt;
        let mut line = String::new();
        soon(self.0.read_line(&mut line)).await.unwrap();
        line.trim_end().to_owned()
    }

    /// The next response, without its body if `body` is false although it tells a length.
    async fn reply(&mut self, body: bool) -> Reply {
        let start = self.line().await;
        let status = start.split(' ').nth(1).unwrap_or_else(|| panic!("no response: {start:?}"));
        let mut reply =
            Reply { status: status.parse().unwrap(), headers: HeaderMap::new(), body: Vec::new() };
        loop {
            let line = self.line().await;
            let Some((name, value)) = line.split_once(": ") else { break };
            reply.headers.append(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        if body {
            reply.body = vec![0; reply.header("content-length").parse().unwrap()];
            soon(self.0.read_exact(&mut reply.body)).await.unwrap();
        }
        reply
    }

    /// Waits until the server closes; what it sent before that.
    async fn closed(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        // A reset, after which unread input was dropped, is a close too.
        let _ = soon(self.0.read_to_end(&mut rest)).await;
        rest
    }
}
