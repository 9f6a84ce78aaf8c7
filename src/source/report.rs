//! What a source says: facts, where it will go on reading, or why it could not read.

use std::time::Duration;

use chrono::TimeDelta;

use super::site_database::Topic;
use crate::config::SnapshotRoot;
use crate::site::{
    BackupSet, ChangeTracking, DatabaseServer, Remark, RestartStanding, ServicesSeen, SiteAlert, SiteCode,
    SiteDefinition, SqlServerEvent, StatusMessage, TaskDefinition, TaskStatus, Timestamp, Witness,
    closed_set,
};
use crate::snapshot::{ArchiveCopy, Place, SupplementalCopy, Survey, TaskFiles, Verification};

closed_set! {
    /// The kinds of sources.
    pub enum SourceKind {
        /// `smsbkup.log` of the installation.
        BackupLog => "backup_log",
        /// The Application event log.
        EventLog => "event_log",
        /// The backup destination and archives.
        Snapshot => "snapshot",
        /// The check of the snapshot's pages.
        Verification => "verification",
        /// The site database.
        Database => "database",
        /// The services of the site.
        Services => "services",
    }
}

impl SourceKind {
    /// The deciding witness that this source reads, if it reads one.
    pub fn witness(self) -> Option<Witness> {
        match self {
            Self::BackupLog => Some(Witness::Log),
            Self::EventLog => Some(Witness::EventLog),
            Self::Database => Some(Witness::StatusMessages),
            Self::Snapshot | Self::Verification | Self::Services => None,
        }
    }

    /// Whether it reads copies, or what lies around them, which change their place with the destination.
    pub fn is_of_copies(self) -> bool {
        matches!(self, Self::Snapshot | Self::Verification)
    }

    /// The kinds of failure this source can have, which are the ones it exports.
    pub fn failures(self) -> &'static [FailureKind] {
        use FailureKind::{
            AccessDenied, Authentication, Locked, Malformed, NotFound, Permission, Protocol, Timeout, Tls,
            Unreachable,
        };
        match self {
            Self::BackupLog | Self::EventLog | Self::Snapshot | Self::Verification => {
                &[NotFound, AccessDenied, Locked, Timeout, Unreachable, Malformed]
            }
            Self::Database => {
                &[NotFound, Timeout, Unreachable, Authentication, Tls, Permission, Protocol, Malformed]
            }
            Self::Services => &[NotFound, AccessDenied, Timeout, Unreachable, Malformed],
        }
    }
}

closed_set! {
    /// Why a poll failed.
    pub enum FailureKind {
        /// The object does not exist (yet): it is watched for.
        NotFound => "not_found",
        /// The account of this program may not read it.
        AccessDenied => "access_denied",
        /// Another process holds it.
        Locked => "locked",
        /// It did not answer within the poll's deadline.
        Timeout => "timeout",
        /// The machine or share cannot be reached.
        Unreachable => "unreachable",
        /// The log-in was refused.
        Authentication => "authentication",
        /// No trusted encrypted connection could be made.
        Tls => "tls",
        /// The log-in succeeded, but a right is missing.
        Permission => "permission",
        /// The other side did not keep to its protocol.
        Protocol => "protocol",
        /// The content is not what it should be.
        Malformed => "malformed",
    }
}

/// One source of one site: its kind, and which of possibly several places it reads.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId {
    /// What it reads.
    pub kind: SourceKind,
    /// Where: a path, a server, a machine.
    pub location: String,
}

impl std::fmt::Display for SourceId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.kind, self.location)
    }
}

/// One record of a deciding witness, at its place among that witness's records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Grows with every record of this witness, whatever file it stood in.
    pub position: u64,
    /// What it says.
    pub body: RecordBody,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordBody {
    /// A status message.
    Status(StatusMessage),
    /// A line of free text.
    Remark {
        /// When it was written.
        time: Timestamp,
        /// What it says.
        remark: Remark,
        /// Its beginning, for people.
        text: Box<str>,
    },
}

impl RecordBody {
    /// When it was written.
    pub fn time(&self) -> Timestamp {
        match self {
            Self::Status(message) => message.time,
            Self::Remark { time, .. } => *time,
        }
    }
}

impl Record {
    /// When it was written.
    pub fn time(&self) -> Timestamp {
        self.body.time()
    }
}

/// Something that a source noticed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// Records of a deciding witness, in any order.
    Records(Witness, Vec<Record>),
    /// From when on the witness tells everything, seen from this poll.
    Coverage {
        /// Which witness.
        witness: Witness,
        /// Its oldest line or record that was read now.
        oldest: Option<Timestamp>,
        /// Its newest line or record, where it tells nothing of the time after that: the file may be a copy.
        newest: Option<Timestamp>,
        /// Whether something between the last poll and this one is gone for ever.
        gap: bool,
    },
    /// What was read of a log, to be added up.
    Lines(LineTotals),
    /// What was read of an event log, to be added up.
    Events(EventTotals),
    /// SQL Server wrote into the event log that it did something to the site database, and when.
    SqlServer(SqlServerEvent, Timestamp),
    /// The witness has nothing to say now: what it wrote into is not there.
    Silent(Witness),
    /// What a walk over one of the destination's folders saw.
    Survey(SnapshotRoot, Survey),
    /// The disk on which something lies, by the name of its location.
    Place(String, Place),
    /// Every copy that an archive's pattern matched, by the archive's name.
    Archives(String, Vec<ArchiveCopy>),
    /// A copy of what the task leaves out, by its name.
    Supplemental(String, SupplementalCopy),
    /// The files of the task's inbox.
    TaskFiles(TaskFiles),
    /// How far a verification came and what it found.
    Verification(Verification),
    /// What the site database answered.
    Database(DatabaseFact),
    /// Whether a root of package sources can be read, by its path.
    PackageSource(String, bool),
    /// The services of the site server.
    Services(ServicesSeen),
}

/// Something that the site database says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseFact {
    /// The server, and how far its clock is ahead of this machine's.
    Server {
        /// What it says of itself.
        server: DatabaseServer,
        /// Its time less ours, halfway through the question.
        skew: TimeDelta,
    },
    /// The site's row.
    Site(SiteDefinition),
    /// The site's status in `ServerData`.
    SiteStatus(Option<i64>),
    /// Whether an update is being installed at the site.
    UpdateInstalls(bool),
    /// The task's row.
    Task(TaskDefinition),
    /// What the site itself says of the task's last run.
    TaskStatus(Option<TaskStatus>),
    /// Change tracking of the site database; `None` if it is off.
    ChangeTracking(Option<ChangeTracking>),
    /// The oldest change that is still kept; `None` if none is.
    OldestCommit(Option<Timestamp>),
    /// The newest full backups that one server recorded, by that server's name.
    BackupSets(String, Vec<BackupSet>),
    /// The servers that may have recorded a backup: those of the availability group, or the one there is.
    Servers(Vec<String>),
    /// The site's own alert about failed backups; `None` if there is no such alert.
    Alert(Option<SiteAlert>),
    /// The roots of all package sources of the site.
    PackageRoots(Vec<String>),
    /// What could not be read in this poll, while the rest could.
    Unread(Vec<Unread>),
}

/// A question that the site database did not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// What was asked.
    pub topic: Topic,
    /// Why there is no answer.
    pub failure: PollFailure,
}

/// Running totals of a log; process-lifetime counters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LineTotals {
    /// Lines read.
    pub lines: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Lines in no known layout.
    pub malformed: u64,
    /// Lines over the limit, skipped.
    pub oversized: u64,
    /// How often the log was rolled, replaced or re-created.
    pub rotations: u64,
}

impl std::ops::AddAssign for LineTotals {
    fn add_assign(&mut self, other: Self) {
        self.lines += other.lines;
        self.bytes += other.bytes;
        self.malformed += other.malformed;
        self.oversized += other.oversized;
        self.rotations += other.rotations;
    }
}

/// Running totals of an event log; process-lifetime counters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EventTotals {
    /// Records read, of whatever provider.
    pub records: u64,
    /// Chunks that could not be read whole, or whose checksums are wrong.
    pub damaged_chunks: u64,
    /// Records with an id or the name of the backup that are not known to be of this machine's.
    pub unattributed: u64,
}

impl std::ops::AddAssign for EventTotals {
    fn add_assign(&mut self, other: Self) {
        self.records += other.records;
        self.damaged_chunks += other.damaged_chunks;
        self.unattributed += other.unattributed;
    }
}

/// Why a poll failed, ready for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PollFailure {
    /// For the metric.
    pub kind: FailureKind,
    /// One line that names the operation, the object and the remedy.
    pub message: String,
}

/// Where a source goes on reading; part of the checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cursor {
    /// In a log.
    Log(super::backup_log::Cursor),
    /// In an event log.
    EventLog(super::event_log::Cursor),
    /// Among the status messages of the site database.
    Database(super::site_database::Cursor),
    /// In a verification.
    Verification(Box<super::snapshot::verification::Cursor>),
    /// Every poll looks at everything.
    Anew,
}

/// What one successful poll brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poll<C> {
    /// What was noticed.
    pub facts: Vec<Fact>,
    /// Where the next poll goes on; saved together with the effect of the facts.
    pub cursor: C,
    /// How far it came.
    pub reach: Reach,
}

/// How far a poll came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Everything there was has been read.
    CaughtUp,
    /// There is more: the next poll may follow at once.
    More,
    /// There is more, and what was read is to be paid for with a pause.
    MoreAfter(Duration),
    /// Something is in the way (a file that is being copied, say): the next poll comes when it comes.
    Unsettled,
}

/// One poll as the state task gets it.
#[derive(Debug, Clone)]
pub struct PollReport {
    /// Whose source it was.
    pub site: SiteCode,
    /// Which source.
    pub source: SourceId,
    /// When the poll began.
    pub started: Timestamp,
    /// How long it took.
    pub duration: Duration,
    /// What it brought.
    pub result: Result<Poll<Cursor>, PollFailure>,
}

/// Where a site stands with restarts, as the state task gets it from whoever decides.
#[derive(Debug, Clone)]
pub struct RestartReport {
    /// Whose.
    pub site: SiteCode,
    /// How it stands.
    pub standing: RestartStanding,
}

/// A source as the state announces it.
#[derive(Debug, Clone)]
pub struct Watched {
    /// Which.
    pub source: SourceId,
    /// How often it is polled.
    pub interval: Duration,
    /// The deciding witness that it reads, if it reads one.
    pub witness: Option<Witness>,
}

/// Which sources read a site's copies from now on, because the destination is another one.
#[derive(Debug, Clone)]
pub struct WatchReport {
    /// Whose.
    pub site: SiteCode,
    /// All of them.
    pub sources: Vec<Watched>,
}

/// What the state task folds.
#[derive(Debug, Clone)]
pub enum Report {
    /// Copies are read elsewhere.
    Watch(WatchReport),
    /// A source was polled.
    Poll(PollReport),
    /// A restart was decided on, held, or made.
    Restart(RestartReport),
}

impl From<WatchReport> for Report {
    fn from(report: WatchReport) -> Self {
        Self::Watch(report)
    }
}

impl From<PollReport> for Report {
    fn from(report: PollReport) -> Self {
        Self::Poll(report)
    }
}
