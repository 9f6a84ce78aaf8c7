//! One request and its response, the same over HTTP/1 and HTTP/2, and what does not depend on the endpoint.
//!
//! Request bodies are never read; hyper skips one that is already there and else closes. A response lies whole in memory
//! until the client has taken it, so that a connection has no more than one at a time, whatever it asks for at once.

use std::any::Any;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::FutureExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderValue};
use hyper::{Method, StatusCode, Version};
use rustls::ServerConfig;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio_util::sync::CancellationToken;

use super::compress::compress;
use super::connections::{Place, Underway};
use super::guard::Guard;
use super::{Answer, Limits, Request, Response};

/// How much of a body is given to hyper at once, in bytes: it counts as taken when the last part is, so that parts have to
/// be small beside what the buffers of the system hold.
const PART: usize = 16 * 1024;

/// What all requests of one connection have in common.
pub(super) struct Exchange<H> {
    pub(super) guard: Arc<Guard<H>>,
    pub(super) limits: Limits,
    pub(super) peer: SocketAddr,
    pub(super) place: Arc<Place>,
    /// How the connection began.
    pub(super) tls: Option<Arc<ServerConfig>>,
    /// What the certificate of the client was asked for then.
    pub(super) clients: Option<blake3::Hash>,
    /// Whether it has to end after the responses under way.
    pub(super) goodbye: CancellationToken,
    /// Held from the call of the endpoint until its response is taken.
    pub(super) turn: Arc<Mutex<()>>,
}

impl<H> Exchange<H>
where
    H: Fn(&Request) -> Answer,
{
    /// Answers a request; called as soon as it was read whole.
    pub(super) fn answer(
        self: Arc<Self>,
        request: hyper::Request<Incoming>,
    ) -> impl Future<Output = Result<hyper::Response<Outgoing>, Infallible>> {
        let underway = self.place.begin();
        async move {
            let turn = Arc::clone(&self.turn).lock_owned().await;
            Ok(self.respond(request, Held { underway, _turn: turn }).await)
        }
    }

    async fn respond(&self, request: hyper::Request<Incoming>, held: Held) -> hyper::Response<Outgoing> {
        let (head, body) = request.into_parts();
        let request = Request::new(head.method, head.uri, head.headers, self.peer);
        let too_large = body.size_hint().lower() > self.limits.max_body_bytes;
        // One without a length could go on for ever.
        let endless = body.size_hint().exact().is_none();
        // The protocol wants exactly one; with several, a proxy and this server may mean different ones.
        let ambiguous =
            head.version == Version::HTTP_11 && request.headers().get_all(HOST).iter().count() != 1;
        let refusal = match (too_large, ambiguous) {
            (true, _) => Some((StatusCode::PAYLOAD_TOO_LARGE, "the request body is too large\n")),
            (_, true) => Some((StatusCode::BAD_REQUEST, "HTTP/1.1 needs one Host header\n")),
            _ => None,
        };
        let refusal = refusal.map(|(status, words)| Response::text(status, words));
        let response = AssertUnwindSafe(self.response(&request, refusal, &held.underway))
            .catch_unwind()
            .await
            .unwrap_or_else(|panic| self.guard.with_headers(answer_panic(&request, panic.as_ref())));
        let (status, mut headers, body) = response.into_parts();
        let body = compress(body, request.headers(), &mut headers);
        let leaves = self.place.is_wanted() || self.is_outdated();
        if leaves {
            self.place.leave();
            self.goodbye.cancel();
        }
        // HTTP/2 has its own word for it, which follows when the connection learns of it.
        if (leaves || too_large || endless) && head.version < Version::HTTP_2 {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        // For HEAD hyper tells the length and leaves the body out, but only over HTTP/1.
        let body = if head.version == Version::HTTP_2 && request.method() == Method::HEAD {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
            Bytes::new()
        } else {
            body
        };
        let mut sent = hyper::Response::new(Outgoing { left: body, _held: held });
        *sent.status_mut() = status;
        *sent.headers_mut() = headers;
        sent
    }

    /// The response, when it is there.
    async fn response(&self, request: &Request, refusal: Option<Response>, underway: &Underway) -> Response {
        match self.guard.answer(request, self.clients, refusal).await {
            Answer::Now(response) => response,
            Answer::Later(response) => {
                let _working = underway.works();
                response.await
            }
        }
    }

    /// Whether connections begin in another way by now, as with a new certificate; then this one ends with its next
    /// response, so that nobody stays with the old one.
    fn is_outdated(&self) -> bool {
        let (then, now) = (&self.tls, &self.guard.settings().tls);
        match (then, now) {
            (Some(then), Some(now)) => !Arc::ptr_eq(then, now),
            (then, now) => then.is_some() || now.is_some(),
        }
    }
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

/// What a request holds until its response is taken.
#[derive(Debug)]
struct Held {
    underway: Underway,
    _turn: OwnedMutexGuard<()>,
}

/// The body of a response on its way, in parts.
#[derive(Debug)]
pub(super) struct Outgoing {
    left: Bytes,
    _held: Held,
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let part = self.left.len().min(PART);
        let part = self.left.split_to(part);
        Poll::Ready((!part.is_empty()).then(|| Ok(Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.len() as u64)
    }
}
