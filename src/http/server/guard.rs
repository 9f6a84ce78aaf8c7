//! What a request passes before its endpoint sees it, in the order of Prometheus' exporter-toolkit: the rate of all
//! requests, then the headers that the web configuration sets, then who asks, and last how much is sent.
//!
//! The settings are those of the moment of the request, whatever they were when its connection began. The certificate of
//! a client is looked at in the handshake only; where something else is asked of it by now, the connection is good for
//! nothing any more.

use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use hyper::header::{HeaderMap, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use tokio::sync::watch;
use tokio::time::Instant;

use super::auth::{Admission, Authentication};
use super::rate::Rate;
use super::{Answer, Request, Response};
use crate::http::WebSettings;

/// What needs no authentication where that was asked for: whoever starts and stops the exporter looks here.
const HEALTH: [&str; 2] = ["/-/healthy", "/-/ready"];

/// The endpoints behind all that a request has to pass.
pub(super) struct Guard<H> {
    handler: Arc<H>,
    settings: watch::Receiver<Arc<WebSettings>>,
    open_health: bool,
    rate: Rate,
    authentication: Authentication,
}

impl<H> Guard<H>
where
    H: Fn(&Request) -> Answer,
{
    /// A guard that has seen nobody yet.
    pub(super) fn new(
        handler: Arc<H>,
        settings: watch::Receiver<Arc<WebSettings>>,
        open_health: bool,
    ) -> Self {
        Self {
            handler,
            settings,
            open_health,
            rate: Rate::default(),
            authentication: Authentication::default(),
        }
    }

    /// The settings of the moment.
    pub(super) fn settings(&self) -> Arc<WebSettings> {
        Arc::clone(&self.settings.borrow())
    }

    /// The response with what every one has besides its own headers.
    pub(super) fn with_headers(&self, response: Response) -> Response {
        with_headers(response, &self.settings().headers)
    }

    /// The answer to a request, of the endpoint or of what did not let it pass; `clients` is what the certificate of this
    /// one was asked for, and `refusal` what those who may ask hear instead of the endpoint.
    pub(super) async fn answer(
        &self,
        request: &Request,
        clients: Option<blake3::Hash>,
        refusal: Option<Response>,
    ) -> Answer {
        let settings = self.settings();
        if !self.rate.permits(settings.rate_limit, Instant::now()) {
            let interval = settings.rate_limit.map_or(Duration::ZERO, |limit| limit.interval);
            // Rounded up: who comes too early is refused again.
            let seconds = interval.as_secs() + u64::from(interval.subsec_nanos() > 0);
            return Response::text(StatusCode::TOO_MANY_REQUESTS, "too many requests\n")
                .with_header(RETRY_AFTER, HeaderValue::from(seconds))
                .into();
        }
        let answer = if clients == settings.clients {
            self.answer_to(request, refusal, &settings).await
        } else {
            let words = "other certificates are asked for by now: connect again\n";
            Response::text(StatusCode::MISDIRECTED_REQUEST, words).into()
        };
        answer.map(move |response| with_headers(response, &settings.headers))
    }

    /// The answer to whoever asks.
    async fn answer_to(
        &self,
        request: &Request,
        refusal: Option<Response>,
        settings: &WebSettings,
    ) -> Answer {
        match self.admission(request, settings).await {
            Admission::Granted => refusal.map_or_else(|| (self.handler)(request), Answer::Now),
            Admission::Refused => Response::text(StatusCode::UNAUTHORIZED, "unauthorized\n")
                .with_header(WWW_AUTHENTICATE, HeaderValue::from_static("Basic"))
                .into(),
            Admission::Crowded => {
                Response::text(StatusCode::TOO_MANY_REQUESTS, "too many attempts to log in at once\n")
                    .with_header(RETRY_AFTER, HeaderValue::from_static("1"))
                    .into()
            }
        }
    }

    async fn admission(&self, request: &Request, settings: &WebSettings) -> Admission {
        let open = self.open_health && HEALTH.contains(&request.path());
        if settings.users.is_empty() || open {
            return Admission::Granted;
        }
        self.authentication.admit(request.headers(), &settings.users, request.peer().ip()).await
    }
}

/// The response with these headers too, where it has none of the same name: what an endpoint says of its own answer is
/// stricter than what holds for all.
fn with_headers(mut response: Response, headers: &HeaderMap) -> Response {
    for (name, value) in headers {
        if !response.headers().contains_key(name) {
            response = response.with_header(name.clone(), value.clone());
        }
    }
    response
}
