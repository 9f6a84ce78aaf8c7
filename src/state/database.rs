//! What the site database said: settings and events that stay, observations that go with their source.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;

use super::change::{Change, Observation};
use super::source_state::FAILURES_THAT_DROP;
use crate::site::{
    BackupSet, ChangeTracking, DatabaseServer, SiteAlert, SiteDefinition, TaskDefinition, TaskStatus,
    Timestamp,
};
use crate::source::site_database::Topic;
use crate::source::{DatabaseFact, SourceId, Unread};

/// The answers of one site's database.
#[derive(Debug, Clone, Default)]
pub struct DatabaseState {
    /// The server and its clock.
    pub server: Option<Observation<ServerSeen>>,
    /// Whether the site database is in an availability group; `None` until a server said so.
    pub in_availability_group: Option<bool>,
    /// The site's row.
    pub site: Option<SiteDefinition>,
    /// The last change of the site's version that was seen.
    pub update: Option<SiteUpdate>,
    /// The site's status in `ServerData`.
    pub site_status: Option<Observation<Option<i64>>>,
    /// Whether an update is being installed at the site.
    pub update_installs: Option<Observation<bool>>,
    /// The backup task's row.
    pub task: Option<TaskDefinition>,
    /// What the site itself says of the task's last run.
    pub task_status: Option<Observation<Option<TaskStatus>>>,
    /// Change tracking; `Some(None)` if it is off.
    pub change_tracking: Option<Option<ChangeTracking>>,
    /// The oldest change that is kept; `None` in it if none is.
    pub oldest_commit: Option<Observation<Option<Timestamp>>>,
    /// The newest full backups that each server recorded.
    pub backup_sets: BTreeMap<String, Vec<BackupSet>>,
    /// When each server last told of its backups.
    pub backups_told: BTreeMap<String, Timestamp>,
    /// The servers that may have recorded a backup; empty while that is not known.
    pub servers: Vec<String>,
    /// The site's own alert; `None` in it if there is none as configured.
    pub alert: Option<Observation<Option<SiteAlert>>>,
    /// The roots of package sources.
    pub package_roots: Option<Observation<Vec<String>>>,
    /// Which configured roots of package sources can be read.
    pub package_sources: BTreeMap<String, Observation<bool>>,
    /// What had no answer in the last poll.
    pub unread: Vec<Unread>,
    /// For how many polls in a row each of it had none.
    pub missing: BTreeMap<Topic, u32>,
}

/// A server as it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerSeen {
    /// What it says of itself.
    pub server: DatabaseServer,
    /// How far its clock is ahead of this machine's.
    pub skew: TimeDelta,
}

/// A change of the site's version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteUpdate {
    /// The version before.
    pub from: Box<str>,
    /// When the new one was first seen.
    pub seen: Timestamp,
}

impl DatabaseState {
    /// Takes in one answer of a poll that began at `polled`.
    pub(super) fn learn(&mut self, fact: &DatabaseFact, source: &SourceId, polled: Timestamp) -> Change {
        fn observed<T: Clone>(value: &T, source: &SourceId) -> Option<Observation<T>> {
            Some(Observation { value: value.clone(), source: source.clone() })
        }
        match fact {
            DatabaseFact::Server { server, skew } => {
                let seen = ServerSeen { server: server.clone(), skew: *skew };
                self.server = observed(&seen, source);
                let change = replaced(&mut self.in_availability_group, Some(server.in_availability_group));
                if change == Change::Durable {
                    // Which servers may have recorded a backup is another question now.
                    self.servers.clear();
                }
                return change;
            }
            DatabaseFact::Site(site) => {
                let before = self.site.as_ref().filter(|before| before.version != site.version);
                if let Some(before) = before {
                    self.update = Some(SiteUpdate { from: before.version.clone(), seen: polled });
                }
                return replaced(&mut self.site, Some(site.clone()));
            }
            DatabaseFact::Task(task) => return replaced(&mut self.task, Some(task.clone())),
            DatabaseFact::ChangeTracking(tracking) => {
                return replaced(&mut self.change_tracking, Some(*tracking));
            }
            DatabaseFact::BackupSets(server, sets) => {
                self.backups_told.insert(server.clone(), polled);
                let before = self.backup_sets.insert(server.clone(), sets.clone());
                return if before.as_ref() == Some(sets) { Change::Position } else { Change::Durable };
            }
            DatabaseFact::Servers(servers) => {
                let known = |server: &String| servers.iter().any(|known| known.eq_ignore_ascii_case(server));
                let before = self.backup_sets.len();
                self.backup_sets.retain(|server, _| known(server));
                self.backups_told.retain(|server, _| known(server));
                let dropped = self.backup_sets.len() != before;
                let change = replaced(&mut self.servers, servers.clone());
                return if dropped { Change::Durable } else { change };
            }
            DatabaseFact::SiteStatus(status) => self.site_status = observed(status, source),
            DatabaseFact::UpdateInstalls(installs) => self.update_installs = observed(installs, source),
            DatabaseFact::TaskStatus(status) => self.task_status = observed(status, source),
            DatabaseFact::OldestCommit(oldest) => self.oldest_commit = observed(oldest, source),
            DatabaseFact::Alert(alert) => self.alert = observed(alert, source),
            DatabaseFact::PackageRoots(roots) => self.package_roots = observed(roots, source),
            DatabaseFact::Unread(unread) => self.lack(unread),
        }
        Change::Volatile
    }

    /// Since when every server has told of its backups that may have recorded one; `None` while one never has.
    pub fn backups_known_since(&self) -> Option<Timestamp> {
        let told = |server: &String| {
            let mut told = self.backups_told.iter().filter(|(known, _)| known.eq_ignore_ascii_case(server));
            told.next().map(|(_, time)| *time)
        };
        self.servers.iter().map(told).collect::<Option<Vec<_>>>()?.into_iter().min()
    }

    /// What polls that succeed could not read again and again is dropped as if its source had failed.
    fn lack(&mut self, unread: &[Unread]) {
        self.unread = unread.to_vec();
        let topics: BTreeSet<_> = unread.iter().map(|unread| unread.topic).collect();
        self.missing.retain(|topic, _| topics.contains(topic));
        for topic in topics {
            let polls = self.missing.entry(topic).or_default();
            *polls = polls.saturating_add(1);
            if *polls < FAILURES_THAT_DROP {
                continue;
            }
            match topic {
                Topic::Server => self.server = None,
                Topic::SiteStatus => self.site_status = None,
                Topic::Updates => self.update_installs = None,
                Topic::TaskStatus => self.task_status = None,
                Topic::OldestCommit => self.oldest_commit = None,
                Topic::Alerts => self.alert = None,
                Topic::PackageRoots => self.package_roots = None,
                // Settings and events stay.
                Topic::Site
                | Topic::Task
                | Topic::StatusMessages
                | Topic::Reasons
                | Topic::ChangeTracking
                | Topic::BackupSets
                | Topic::Replicas => {}
            }
        }
    }
}

/// Puts a value in place of another; a setting that stays as it was need not be saved.
fn replaced<T: PartialEq>(place: &mut T, value: T) -> Change {
    if *place == value {
        return Change::Volatile;
    }
    *place = value;
    Change::Durable
}
