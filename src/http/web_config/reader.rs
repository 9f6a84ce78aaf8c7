//! The web configuration while the server runs: read again every few seconds and when somebody asks, and taken over
//! when its content, or that of a file it names, has changed and is good.
//!
//! What is not good changes nothing. Nor does what would protect less: a file that an editor has emptied for a moment
//! must not open the server to everybody, so that switching protection off takes a restart.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::WebSettings;
use super::material::{Made, Material};
use super::tls::Lifetime;
use crate::blocking_job::{BlockingJob, JobError};
use crate::clock::Clock;
use crate::config::{ClientAuth, ConfigError, WebConfig};
use crate::error_chain;
use crate::reloads::LastReloads;
use crate::watchdog::{Heartbeat, Watchdog};

/// From one reading to the next: a certificate that was renewed may wait so long.
const PACE: Duration = Duration::from_secs(5);
/// A file that is just being written, or a key whose certificate is not there yet, is good by then.
const SETTLE: Duration = Duration::from_secs(1);
/// How long a reading may take before the share that it hangs on is named.
const DEADLINE: Duration = Duration::from_secs(10);
/// Two deadlines and the pause, with room for a busy machine.
const ALLOWED: Duration = Duration::from_secs(60);
/// Requests that wait for the reading under way; whoever comes then waits for room.
const REQUESTS: usize = 16;

/// A web configuration was read and not taken over: why, one reason a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct NotTakenOver(Vec<String>);

impl NotTakenOver {
    /// The reasons.
    pub fn into_lines(self) -> Vec<String> {
        self.0
    }
}

type Asked = oneshot::Sender<Result<(), NotTakenOver>>;
type Look = Result<Option<(Material, Made)>, ConfigError>;

/// Asks for the file to be read now.
#[derive(Debug, Clone)]
pub struct WebConfigHandle(mpsc::Sender<Asked>);

impl WebConfigHandle {
    /// Reads the file and what it names, and tells whether that is now in use, changed or not.
    pub async fn reread(&self) -> Result<(), NotTakenOver> {
        let stopping = || NotTakenOver(vec!["the exporter is stopping".to_owned()]);
        let (asked, answer) = oneshot::channel();
        self.0.send(asked).await.map_err(|_| stopping())?;
        answer.await.map_err(|_| stopping())?
    }
}

/// The task that reads the file.
#[derive(Debug)]
pub struct WebConfigReader {
    path: PathBuf,
    in_use: WebConfig,
    texts_digest: blake3::Hash,
    digest: blake3::Hash,
    lifetime: Option<Lifetime>,
    /// Whether it was told that the certificate in use is not believed now.
    told_of_lifetime: bool,
    publish: watch::Sender<Arc<WebSettings>>,
    requests: mpsc::Receiver<Asked>,
    reloads: LastReloads,
    clock: Clock,
    heartbeat: Heartbeat,
    reading: BlockingJob<Look>,
    failing: bool,
    /// The reasons that were logged.
    told: BTreeSet<String>,
}

impl WebConfigReader {
    /// Takes over what was read at the start.
    pub fn new(
        material: &Material,
        clock: Clock,
        reloads: LastReloads,
        watchdog: &Watchdog,
    ) -> Result<(Self, watch::Receiver<Arc<WebSettings>>, WebConfigHandle), ConfigError> {
        let Made { settings, lifetime } = material.make()?;
        let (publish, settings) = watch::channel(Arc::new(settings));
        let (sender, requests) = mpsc::channel(REQUESTS);
        let mut reader = Self {
            path: material.path().to_owned(),
            in_use: material.config().clone(),
            texts_digest: material.texts_digest(),
            digest: material.digest(),
            lifetime,
            told_of_lifetime: false,
            publish,
            requests,
            reloads,
            clock,
            heartbeat: watchdog.register("reading of the web configuration", ALLOWED),
            reading: BlockingJob::default(),
            failing: false,
            told: BTreeSet::new(),
        };
        warn_of_open_key(material);
        reader.note_lifetime();
        Ok((reader, settings, WebConfigHandle(sender)))
    }

    /// Reads until `stop`. A reading that hangs is left behind.
    pub async fn run(mut self, stop: CancellationToken) {
        loop {
            self.heartbeat.beat(ALLOWED);
            let pause = if self.failing && self.told.is_empty() { SETTLE } else { PACE };
            let mut asked = Vec::new();
            tokio::select! {
                () = stop.cancelled() => return,
                // Where nobody is left who could ask, only time counts.
                Some(request) = self.requests.recv() => asked.push(request),
                () = sleep(pause) => {}
            }
            while let Ok(request) = self.requests.try_recv() {
                asked.push(request);
            }
            let looked = tokio::select! {
                () = stop.cancelled() => return,
                looked = self.look() => looked,
            };
            let result = self.apply(looked, !asked.is_empty());
            for request in asked {
                // Whoever asked may have gone.
                let _ = request.send(result.clone());
            }
            self.note_lifetime();
        }
    }

    /// Reads once.
    async fn look(&mut self) -> Result<Option<(Material, Made)>, NotTakenOver> {
        let (path, in_use) = (self.path.clone(), self.digest);
        let reading = self.reading.run(DEADLINE, move || {
            let material = Material::read(&path)?;
            if material.digest() == in_use {
                return Ok(None);
            }
            material.make().map(|made| Some((material, made)))
        });
        match reading.await {
            Ok(look) => {
                look.map_err(|error| NotTakenOver(error_chain(&error).lines().map(str::to_owned).collect()))
            }
            Err(JobError::Late) => Err(self.hangs()),
            Err(JobError::Panicked(_)) => {
                Err(NotTakenOver(vec!["reading the web configuration failed; please report this".to_owned()]))
            }
        }
    }

    fn hangs(&self) -> NotTakenOver {
        let path = self.path.display();
        let reason = format!(
            "{path}: not read within {} s; look at the volume of it and of what it names",
            DEADLINE.as_secs()
        );
        NotTakenOver(vec![reason])
    }

    /// Takes over what was read, or tells why not: at once where somebody asked, else when it fails a second time.
    fn apply(
        &mut self,
        looked: Result<Option<(Material, Made)>, NotTakenOver>,
        asked: bool,
    ) -> Result<(), NotTakenOver> {
        let path = self.path.display();
        let good = looked.and_then(|changed| {
            let lost =
                changed.as_ref().map_or(Vec::new(), |(material, _)| lost(&self.in_use, material.config()));
            let reason =
                |what| format!("{path}: no longer has {what}; restart the exporter to switch that off");
            if lost.is_empty() {
                Ok(changed)
            } else {
                Err(NotTakenOver(lost.into_iter().map(reason).collect()))
            }
        });
        match good {
            Ok(changed) => {
                if !self.told.is_empty() {
                    tracing::info!(path = %self.path.display(), "web configuration is good again");
                }
                self.told.clear();
                self.failing = false;
                self.reloads.web_config(true);
                if let Some((material, made)) = changed {
                    self.take_over(&material, made);
                }
                Ok(())
            }
            Err(refused) => {
                if asked || self.failing {
                    for reason in refused.0.iter().filter(|reason| !self.told.contains(*reason)) {
                        tracing::error!(
                            reason,
                            "web configuration not taken over; the last good one stays in use"
                        );
                    }
                    self.told = refused.0.iter().cloned().collect();
                    self.reloads.web_config(false);
                }
                self.failing = true;
                Err(refused)
            }
        }
    }

    fn take_over(&mut self, material: &Material, Made { mut settings, lifetime }: Made) {
        let (before, after) = (&self.in_use, material.config());
        if (&before.tls, before.http2, self.texts_digest)
            == (&after.tls, after.http2, material.texts_digest())
        {
            // Else every connection would end for nothing.
            settings.tls.clone_from(&self.publish.borrow().tls);
        }
        tracing::info!(
            path = %self.path.display(),
            tls = settings.tls.is_some(),
            users = settings.users.len(),
            "web configuration taken over"
        );
        self.in_use = material.config().clone();
        self.texts_digest = material.texts_digest();
        self.digest = material.digest();
        self.lifetime = lifetime;
        self.told_of_lifetime = false;
        self.publish.send_replace(Arc::new(settings));
        warn_of_open_key(material);
    }

    /// Tells, once for a certificate, that clients do not believe it.
    fn note_lifetime(&mut self) {
        let Some(Lifetime { begins, ends }) = self.lifetime else { return };
        let now = self.clock.now();
        if self.told_of_lifetime || (begins..=ends).contains(&now) {
            return;
        }
        self.told_of_lifetime = true;
        let path = self.path.display();
        if now < begins {
            tracing::warn!(%path, %begins, "the certificate of the web server is not valid yet; look at the clock");
        } else {
            tracing::error!(%path, %ends, "the certificate of the web server has expired; renew it");
        }
    }
}

fn warn_of_open_key(material: &Material) {
    if let Some(path) = material.open_key() {
        tracing::warn!(path = %path.display(), "everybody on this machine can read the private key; take that right away");
    }
}

/// What protects the server with the one configuration and not with the other.
fn lost(before: &WebConfig, after: &WebConfig) -> Vec<&'static str> {
    let of_clients = |config: &WebConfig| match config.tls.as_ref().map(|tls| tls.client_auth) {
        Some(ClientAuth::RequireAndVerifyClientCert) => 2,
        Some(ClientAuth::RequireAnyClientCert) => 1,
        _ => 0,
    };
    let names =
        |config: &WebConfig| config.tls.as_ref().is_some_and(|tls| !tls.client_allowed_sans.is_empty());
    let kinds = [
        (before.tls.is_some() && after.tls.is_none(), "tls_server_config"),
        (of_clients(after) < of_clients(before), "the client_auth_type that is in use"),
        (names(before) && !names(after), "client_allowed_sans"),
        (!before.users.is_empty() && after.users.is_empty(), "basic_auth_users"),
    ];
    kinds.into_iter().filter(|(lost, _)| *lost).map(|(_, what)| what).collect()
}

#[cfg(test)]
mod tests;
