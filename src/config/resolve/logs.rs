//! The sections `log` and `event_log`: the two logs of a site server that tell of its backups.
//!
//! Each file is read for one site and one section only: read twice, one account would count as two witnesses.

use std::path::{Path, PathBuf};

use super::{DAY, SECOND};
use crate::config::origin::Origins;
use crate::config::paths::{file_path, same_path};
use crate::config::problem::{Fault, shown};
use crate::config::section::{Entry, Field};
use crate::config::{
    DEFAULT_EVENT_LOG_INTERVAL, DEFAULT_LOG_INTERVAL, EventLogConfig, LogConfig, SiteConfig,
};

/// The logs that are read for other sites and sections, each with whose it is.
pub(super) struct Taken<'a>(Vec<(&'a Path, String)>);

impl<'a> Taken<'a> {
    /// What the other sites have.
    pub(super) fn by(others: &'a [SiteConfig]) -> Self {
        let mut taken = Vec::new();
        for SiteConfig { settings, log, event_log, .. } in others {
            let code = settings.code;
            taken.extend(log.iter().map(|log| (log.path.as_path(), format!("the log of site {code}"))));
            let path = event_log.as_ref().map(|log| log.path.as_path());
            taken.extend(path.map(|path| (path, format!("the event log of site {code}"))));
        }
        Self(taken)
    }

    /// The same, and the log of this site.
    pub(super) fn and(mut self, log: Option<&'a LogConfig>) -> Self {
        self.0.extend(log.map(|log| (log.path.as_path(), "the `log` of this site".to_owned())));
        self
    }

    fn once(&self, text: &str, path: PathBuf, remedy: &str) -> Result<PathBuf, Fault> {
        match self.0.iter().find(|(taken, _)| same_path(taken, &path)) {
            Some((_, whose)) => Err(Fault::new(format!("{} is already {whose}", shown(text)), remedy)),
            None => Ok(path),
        }
    }
}

pub(super) fn log(
    entry: &Entry<'_>,
    base: &Path,
    taken: &Taken<'_>,
    origins: &mut Origins,
) -> Option<LogConfig> {
    let mut section = entry.section()?;
    let mut field = Field { section: &mut section, prefix: "log.", origins };
    let path = field.require("path", "write the path of Smsbkup.log on the site server", |text| {
        taken.once(text, file_path(text, base)?, "write the log of this site's own site server")
    });
    let interval = field.duration("interval", SECOND, DAY).unwrap_or(DEFAULT_LOG_INTERVAL);
    section.close();
    Some(LogConfig { path: path?, interval })
}

pub(super) fn event_log(
    entry: &Entry<'_>,
    base: &Path,
    taken: &Taken<'_>,
    origins: &mut Origins,
) -> Option<EventLogConfig> {
    let mut section = entry.section()?;
    let mut field = Field { section: &mut section, prefix: "event_log.", origins };
    let path = field.require("path", "write the path of Application.evtx on the site server", |text| {
        taken.once(text, file_path(text, base)?, "write the Application.evtx of this site's own site server")
    });
    let interval = field.duration("interval", SECOND, DAY).unwrap_or(DEFAULT_EVENT_LOG_INTERVAL);
    section.close();
    Some(EventLogConfig { path: path?, interval })
}
