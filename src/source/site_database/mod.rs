//! The site database as a source: what it is asked, how often, and which facts its answers become.
//!
//! A good guest: one connection, one question at a time, each with its own deadline and none that waits for a lock. A
//! question without an answer leaves its fact unknown and the others as they are.

mod cursor;
mod messages;
mod question;
mod replicas;
#[cfg(test)]
pub(crate) mod scripted;
mod source;
mod sql_server;

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;

pub use cursor::{Cursor, MessageKey};
pub use question::{Cadence, Depth, Question, Topic};
pub use source::DatabaseSource;
pub use sql_server::{SqlServers, query_text};

use super::PollFailure;
use crate::config::{DatabaseConfig, SiteSettings};
use crate::site::{
    BackupSet, ChangeTracking, DatabaseServer, SiteAlert, SiteDefinition, StatusMessage, TaskDefinition,
    TaskStatus, Timestamp,
};
use crate::trace::Phrases;

/// What the site database answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// To [`Question::Server`].
    Server(DatabaseServer),
    /// To [`Question::Site`].
    Site(SiteDefinition),
    /// To [`Question::SiteStatus`].
    SiteStatus(Option<i64>),
    /// To [`Question::Updates`]: whether one is being installed.
    Updates(bool),
    /// To [`Question::Task`].
    Task(TaskDefinition),
    /// To [`Question::TaskStatus`]; `None` if the task has never run.
    TaskStatus(Option<TaskStatus>),
    /// To [`Question::NewestRecord`]: the highest `RecordID` of the site.
    NewestRecord(Option<i64>),
    /// To [`Question::StatusMessages`], in the order of their `RecordID`s.
    StatusMessages(Vec<(i64, StatusMessage)>),
    /// To [`Question::Reasons`], by `RecordID`, in their order.
    Reasons(BTreeMap<i64, Vec<String>>),
    /// To [`Question::ChangeTracking`]; `None` if it is off.
    ChangeTracking(Option<ChangeTracking>),
    /// To [`Question::OldestCommit`]; `None` if no change is kept.
    OldestCommit(Option<Timestamp>),
    /// To [`Question::BackupSets`], newest first.
    BackupSets(Vec<BackupSet>),
    /// To [`Question::Replicas`]: the names of all servers of the availability group.
    Replicas(Vec<String>),
    /// To [`Question::Alerts`].
    Alerts(Vec<SiteAlert>),
    /// To [`Question::PackageRoots`].
    PackageRoots(Vec<String>),
}

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unanswered {
    /// For people and for the metric.
    pub failure: PollFailure,
    /// Whether the connection went with it, or there never was one; another question needs a new one.
    pub disconnected: bool,
}

/// The answer to a question, some time later.
pub type Asked<'a> = Pin<Box<dyn Future<Output = Result<Answer, Unanswered>> + Send + 'a>>;

/// Something that answers for the database of one site: a SQL Server, or the demo.
///
/// Dropping the future of a question is allowed at any time.
pub trait SiteDatabase: fmt::Debug + Send {
    /// Asks one question, and gives up after its deadline. Connects if there is no connection.
    fn ask(&mut self, question: Question) -> Asked<'_>;

    /// Nothing more is asked until the next poll.
    fn rest(&mut self) {}

    /// The same site's database on another server of its availability group.
    fn replica(&self, server: &str) -> Box<dyn SiteDatabase>;
}

/// Where the databases of sites are: on SQL Servers, or nowhere but in the demo.
pub trait Databases: fmt::Debug + Send + Sync {
    /// The database of one site, not yet connected to; `phrases` tell the reasons of errors.
    fn of(&self, settings: &SiteSettings, config: &DatabaseConfig, phrases: Phrases)
    -> Box<dyn SiteDatabase>;
}
