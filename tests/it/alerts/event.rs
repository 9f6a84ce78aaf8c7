//! What happens at a minute of a story, beside backups.

use std::collections::BTreeMap;

use configmgr_backup_exporter::site::{SiteService, Timestamp};
use configmgr_backup_exporter::source::SourceKind;

use super::simulated_exporter::Exporter;
use super::simulated_site::{Damage, Site};
use crate::support::backups::Roll;

/// What happens at a minute, beside backups.
#[derive(Clone, Copy)]
pub(super) enum Event {
    /// The log of the active server is rolled.
    Rolls(Roll),
    /// An exporter stops ...
    Stop(&'static str),
    /// ... and starts again, with or without its checkpoint.
    Start(&'static str),
    /// Its checkpoint is lost.
    Forget(&'static str),
    /// Another server becomes the active one.
    TakeOver(&'static str),
    /// From here on the exporters cannot read these.
    Fails(&'static [SourceKind]),
    /// The destination, but not the archives, can be read no longer, or again.
    Reaches(bool),
    /// From here on these services of the active server are stopped.
    Stopped(&'static [SiteService]),
    /// These can be started no longer, though they run.
    Disabled(&'static [SiteService]),
    /// The active server starts.
    Boots,
    /// The pause file appears, or goes.
    Pauses(bool),
    /// An update of the site begins ...
    UpdateBegins,
    /// ... and ends with another version.
    UpdateEnds,
    /// The disk of the destination is full.
    Fills,
    /// Somebody does this to the snapshot of the last run.
    Damages(Damage),
}

impl Event {
    /// Lets it happen to the site, or to the exporters that watch it.
    pub(super) fn happens(
        self,
        site: &mut Site,
        exporters: &mut BTreeMap<&'static str, Exporter>,
        now: Timestamp,
    ) {
        match self {
            Self::Rolls(how) => site.roll(site.active, how),
            Self::TakeOver(server) => site.active = server,
            Self::Stop(server) => exporters.get_mut(server).unwrap().stop(),
            Self::Forget(server) => exporters.get_mut(server).unwrap().forget(),
            Self::Start(server) => exporters.get_mut(server).unwrap().start(now),
            Self::Fails(kinds) => {
                let fails = |exporter: &mut Exporter| exporter.fails = kinds.iter().copied().collect();
                exporters.values_mut().for_each(fails);
            }
            Self::Reaches(reaches) => {
                exporters.values_mut().for_each(|exporter| exporter.lacks_destination = !reaches);
            }
            Self::Stopped(services) => site.stopped = services,
            Self::Disabled(services) => site.disabled = services,
            Self::Fills => site.is_full = true,
            Self::Boots => site.booted = Some(now),
            Self::Pauses(pauses) => site.is_paused = pauses,
            Self::UpdateBegins => site.database.installs = true,
            Self::UpdateEnds => {
                site.database.installs = false;
                site.database.version = "5.00.9132.1000";
            }
            Self::Damages(damage) => site.damage(damage, now),
        }
    }
}
