//! What this exporter answers: the routes of the contract, each reading the published state at the present moment.

use std::sync::Arc;

use hyper::header::{HeaderValue, REFRESH};
use tokio::sync::watch;
use tokio::time::Instant;

use super::page::{POLICY, REFRESH_SECONDS, View, asks_to_refresh};
use super::{Answer, Exposition, Request, Response, Routes, StatusCode, api, negotiate};
use crate::assessment::{Assessment, Verdict, assess};
use crate::clock::Clock;
use crate::metrics::{Format, ProcessMetrics, encode};
use crate::reloads::ReloadHandle;
use crate::site::{SiteCode, Timings};
use crate::state::{Published, SiteState};
use crate::watchdog::Watchdog;

/// What the endpoints read.
#[derive(Debug)]
struct Context {
    published: watch::Receiver<Published>,
    clock: Clock,
    watchdog: Watchdog,
    process: Option<ProcessMetrics>,
    telemetry_path: String,
    /// From when on this process counts as ready whatever its sources do; a machine's clock may step at boot.
    ready_by: Instant,
}

/// The routes of the exporter.
pub struct Web(Routes);

impl std::fmt::Debug for Web {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Web").finish_non_exhaustive()
    }
}

impl Web {
    /// The routes over what the state task publishes; without `lifecycle` nothing over HTTP acts.
    pub fn new(
        published: watch::Receiver<Published>,
        clock: Clock,
        timings: Timings,
        watchdog: Watchdog,
        process: Option<ProcessMetrics>,
        telemetry_path: String,
        lifecycle: Option<ReloadHandle>,
    ) -> Self {
        let ready_by = Instant::now() + timings.ready_after;
        let metrics_path = telemetry_path.clone();
        let context = Arc::new(Context { published, clock, watchdog, process, telemetry_path, ready_by });
        type Endpoint = fn(&Context, &Request) -> Response;
        type SiteEndpoint = fn(&Context, &str) -> Response;
        let plain = |endpoint: Endpoint| {
            let context = Arc::clone(&context);
            move |request: &Request| endpoint(&context, request)
        };
        let site = |endpoint: SiteEndpoint| {
            let context = Arc::clone(&context);
            move |_: &Request, site: &str| endpoint(&context, site)
        };
        let routes = Routes::new()
            .get(&metrics_path, plain(metrics))
            .get("/", plain(page))
            .get("/-/healthy", plain(|context, _| healthy(context)))
            .get("/-/ready", plain(|context, _| ready(context)))
            .get("/health/backup", plain(|context, _| backup_health(context)))
            .get_site("/health/backup/{site}", site(site_health))
            .get("/api/v1/sites", plain(|context, _| sites(context)))
            .get_site("/api/v1/sites/{site}/runs", site(runs))
            .post("/-/reload", move |_| reload(lifecycle.clone()));
        Self(routes)
    }

    /// The answer to one request. Never blocks; only a reload has to be waited for.
    pub fn respond(&self, request: &Request) -> Answer {
        self.0.dispatch(request)
    }
}

impl Context {
    /// A copy of what is published, so that no reader holds the state task up.
    fn published(&self) -> Published {
        self.published.borrow().clone()
    }

    fn assessed(&self) -> Vec<(Arc<SiteState>, Assessment)> {
        let now = self.clock.now();
        let assess = |state: Arc<SiteState>| {
            let assessment = assess(&state, now);
            (state, assessment)
        };
        self.published().sites.into_values().map(assess).collect()
    }

    fn site(&self, code: &str) -> Option<(Arc<SiteState>, Assessment)> {
        let state = self.published().sites.remove(&code.parse::<SiteCode>().ok()?)?;
        let assessment = assess(&state, self.clock.now());
        Some((state, assessment))
    }
}

fn metrics(context: &Context, request: &Request) -> Response {
    let negotiated = negotiate(request.headers());
    let format = match negotiated.exposition {
        Exposition::Text004 | Exposition::Text100 => Format::Text,
        Exposition::OpenMetrics100 => Format::OpenMetrics,
    };
    let body = encode(&context.published(), context.process.as_ref(), context.clock.now(), format);
    Response::exposition(negotiated, body)
}

fn page(context: &Context, request: &Request) -> Response {
    let assessed = context.assessed();
    let sites: Vec<_> = assessed.iter().map(|(state, assessment)| (&**state, assessment)).collect();
    let refreshes = asks_to_refresh(request.query());
    let view = View { telemetry_path: &context.telemetry_path, refreshes, now: context.clock.now() };
    let response = Response::html(StatusCode::OK, POLICY.clone(), super::page::page(&sites, view));
    // Nobody has to read at a pace that they did not choose, so it does so only when asked.
    if refreshes { response.with_header(REFRESH, HeaderValue::from(REFRESH_SECONDS)) } else { response }
}

fn healthy(context: &Context) -> Response {
    let silent: Vec<_> = context.watchdog.silent().into_iter().collect();
    if silent.is_empty() {
        return Response::text(StatusCode::OK, "healthy\n");
    }
    Response::text(StatusCode::SERVICE_UNAVAILABLE, format!("no sign of life: {}\n", silent.join(", ")))
}

fn ready(context: &Context) -> Response {
    let published = context.published();
    if published.sites.values().all(|state| state.all_reported()) || Instant::now() >= context.ready_by {
        Response::text(StatusCode::OK, "ready\n")
    } else {
        Response::text(StatusCode::SERVICE_UNAVAILABLE, "not every source has reported yet\n")
    }
}

/// Has the configuration read anew, where that was switched on.
fn reload(lifecycle: Option<ReloadHandle>) -> Answer {
    let Some(handle) = lifecycle else {
        let words = "reloading over HTTP is switched off; --web.enable-lifecycle switches it on\n";
        return Response::text(StatusCode::FORBIDDEN, words).into();
    };
    let reloaded = async move {
        match handle.reload().await {
            Ok(reloaded) if reloaded.is_whole() => Response::text(StatusCode::OK, format!("{reloaded}\n")),
            Ok(reloaded) => Response::text(StatusCode::INTERNAL_SERVER_ERROR, format!("{reloaded}\n")),
            Err(unanswered) => Response::text(StatusCode::INTERNAL_SERVER_ERROR, format!("{unanswered}\n")),
        }
    };
    Answer::Later(Box::pin(reloaded))
}

/// The verdict in one word and what explains it, for probes that know nothing of Prometheus.
#[derive(serde::Serialize)]
struct Health<'a> {
    site: SiteCode,
    verdict: Verdict,
    reason: &'a str,
    checks: Vec<api::CheckJson<'a>>,
}

fn is_well(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Healthy | Verdict::Pending | Verdict::Degraded | Verdict::Passive)
}

fn health((state, assessment): &(Arc<SiteState>, Assessment)) -> Health<'_> {
    let Assessment { verdict, reason, .. } = assessment;
    Health { site: state.settings.code, verdict: *verdict, reason, checks: api::checks(assessment) }
}

fn well(well: bool) -> StatusCode {
    if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

fn backup_health(context: &Context) -> Response {
    let assessed = context.assessed();
    let all_well = !assessed.is_empty() && assessed.iter().all(|(_, assessment)| is_well(assessment.verdict));
    json(well(all_well), &assessed.iter().map(health).collect::<Vec<_>>())
}

fn site_health(context: &Context, code: &str) -> Response {
    match context.site(code) {
        Some(site) => json(well(is_well(site.1.verdict)), &health(&site)),
        None => unknown_site(),
    }
}

fn sites(context: &Context) -> Response {
    let assessed = context.assessed();
    let sites: Vec<_> = assessed.iter().map(|(state, assessment)| api::site(state, assessment)).collect();
    json(StatusCode::OK, &sites)
}

fn runs(context: &Context, code: &str) -> Response {
    match context.site(code) {
        Some((state, _)) => json(StatusCode::OK, &api::runs(&state)),
        None => unknown_site(),
    }
}

fn unknown_site() -> Response {
    Response::text(StatusCode::NOT_FOUND, "this site is not watched here\n")
}

fn json(status: StatusCode, value: &impl serde::Serialize) -> Response {
    match serde_json::to_vec_pretty(value) {
        Ok(mut body) => {
            body.push(b'\n');
            Response::json(status, body)
        }
        Err(error) => {
            tracing::error!(%error, "JSON not encoded; please report this");
            Response::text(StatusCode::INTERNAL_SERVER_ERROR, "internal error\n")
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use hyper::{HeaderMap, Method};

    use super::*;
    use crate::config::SiteSettings;
    use crate::source::{SourceId, SourceKind};

    /// Time that passes on tokio's clock only stands for a machine's clock that was stepped back by as much.
    #[tokio::test(start_paused = true)]
    async fn a_clock_that_steps_back_does_not_delay_readiness() {
        let code: SiteCode = "P01".parse().unwrap();
        let now = Clock::System.now();
        let mut state = SiteState::new(Arc::new(SiteSettings::new(code)), now);
        let silent = SourceId { kind: SourceKind::BackupLog, location: "smsbkup.log".to_owned() };
        state.watch(silent, Duration::from_secs(5), None, now);
        let sites = BTreeMap::from([(code, Arc::new(state))]);
        let (_publish, published) = watch::channel(Published { sites, ..Published::default() });
        let (watchdog, path) = (Watchdog::default(), "/metrics".to_owned());
        let web = Web::new(published, Clock::System, Timings::DEFAULT, watchdog, None, path, None);
        let peer = ([127, 0, 0, 1], 1).into();
        let request = Request::new(Method::GET, "/-/ready".parse().unwrap(), HeaderMap::new(), peer);
        assert_eq!(web.respond(&request).response().await.status(), StatusCode::SERVICE_UNAVAILABLE);
        tokio::time::advance(Timings::DEFAULT.ready_after).await;
        assert_eq!(web.respond(&request).response().await.status(), StatusCode::OK);
    }
}
