//! A run as JSON: the shape that `log --format json` prints and `/api/v1/sites/{site}/runs` serves.

use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{BackupRun, FailureCause, RunMessage, SiteCode, Timestamp};

/// A run of a site; times are RFC 3339 in UTC, `null` where they are not known.
#[derive(Debug, Serialize)]
pub struct RunJson<'a> {
    site: Option<SiteCode>,
    started: Option<Timestamp>,
    ended: Option<Timestamp>,
    outcome: &'static str,
    cause: Option<FailureCause>,
    /// The line that gives the cause, where there is one.
    error: Option<&'a str>,
    phases: Phases<'a>,
    messages: &'a [RunMessage],
}

impl<'a> RunJson<'a> {
    /// The shape of a run; a log may not tell which site it is.
    pub fn new(site: Option<SiteCode>, run: &'a BackupRun) -> Self {
        Self {
            site,
            started: run.started,
            ended: run.ended.map(|(_, time)| time),
            outcome: run.outcome_label(),
            cause: run.failure(),
            error: run.error.as_ref().and_then(|error| error.text.as_deref()),
            phases: Phases(run),
            messages: &run.messages,
        }
    }
}

/// Phase to seconds.
#[derive(Debug)]
struct Phases<'a>(&'a BackupRun);

impl Serialize for Phases<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.phases.len()))?;
        for (phase, duration) in &self.0.phases {
            map.serialize_entry(phase, &(duration.num_milliseconds() as f64 / 1000.0))?;
        }
        map.end()
    }
}
