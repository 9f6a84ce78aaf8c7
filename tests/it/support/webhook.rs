//! Somebody who is told of alerts: a small HTTP server that keeps the notifications that Alertmanager posts to it.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Collected, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use super::wait;

type Notifications = Arc<Mutex<Vec<Value>>>;

/// A receiver of notifications; it listens as long as it lives.
pub(crate) struct Webhook {
    address: SocketAddr,
    received: Notifications,
    _runtime: Runtime,
}

/// An alert as it arrived.
#[derive(Debug)]
pub(crate) struct Told {
    /// To which receiver of the configuration it was routed.
    pub(crate) receiver: String,
    /// Its status, labels and annotations.
    pub(crate) alert: Value,
}

impl Webhook {
    /// Listens on a free port of this machine.
    pub(crate) fn start() -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).expect("a free port");
        let address = listener.local_addr().expect("its address");
        let received = Notifications::default();
        runtime.spawn(serve(listener, Arc::clone(&received)));
        Self { address, received, _runtime: runtime }
    }

    /// Where notifications go.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Waits until somebody is told that an alert has this status.
    #[track_caller]
    pub(crate) fn until(&self, deadline: Duration, status: &str, name: &str) -> Told {
        wait::until(deadline, &format!("{name} to arrive as {status}"), || {
            let received = self.received.lock().expect("the notifications");
            received.iter().find_map(|notification| {
                let is_it =
                    |alert: &&Value| alert["status"] == status && alert["labels"]["alertname"] == name;
                let alert = notification["alerts"].as_array()?.iter().find(is_it)?.clone();
                Some(Told { receiver: notification["receiver"].as_str()?.to_owned(), alert })
            })
        })
    }
}

async fn serve(listener: TcpListener, received: Notifications) {
    while let Ok((stream, _)) = listener.accept().await {
        let received = Arc::clone(&received);
        let service = service_fn(move |request| keep(request, Arc::clone(&received)));
        // A connection that breaks is Alertmanager's to make again.
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn keep(
    request: Request<Incoming>,
    received: Notifications,
) -> Result<Response<Empty<Bytes>>, Infallible> {
    let body = request.into_body().collect().await.map(Collected::to_bytes).unwrap_or_default();
    let notification = serde_json::from_slice(&body).unwrap_or(Value::Null);
    received.lock().expect("the notifications").push(notification);
    Ok(Response::new(Empty::new()))
}
