//! What ConfigMgr writes in the tests: runs of one simulated task, and the roll of a log in its two ways.

use std::fs::{self, File};
use std::path::Path;

use chrono::TimeDelta;
use configmgr_backup_exporter::clock::Clock;
use configmgr_backup_exporter::demo::writer::{BackupTask, LogWriter, RunScript};
use configmgr_backup_exporter::site::Timestamp;

/// The backup task of a site.
pub(crate) fn task(site: &str) -> BackupTask {
    BackupTask::new(site.parse().expect("a site code"))
}

/// The text of a run that began so long ago.
pub(crate) fn run(site: &str, script: &RunScript, ago: TimeDelta) -> String {
    script.text(&writer(site), begin(ago))
}

/// What writes the lines of a site's server.
pub(crate) fn writer(site: &str) -> LogWriter {
    LogWriter::new(site.parse().expect("a site code"), "CM01.corp.example")
}

/// So long ago, in whole seconds.
pub(crate) fn begin(ago: TimeDelta) -> Timestamp {
    let begin = Clock::System.now() - ago;
    Timestamp::from_timestamp(begin.timestamp(), 0).expect("a time of our age")
}

/// One success a day, the last one a few hours ago; 9 status messages each.
pub(crate) fn successes(site: &str, days: i64) -> String {
    let days = (0..days).rev();
    days.map(|day| run(site, &task(site).success(), TimeDelta::days(day) + TimeDelta::hours(3))).collect()
}

/// A success after all of [`successes`], and short: it ended half an hour ago.
pub(crate) fn one_more(site: &str) -> String {
    run(site, &task(site).lasting(TimeDelta::minutes(30)).success(), TimeDelta::hours(1))
}

/// How a log is rolled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Roll {
    /// The file gets the other name, and a new one is made when the next line comes.
    Rename,
    /// What is in it is copied, then it is cut to nothing.
    CopyAndTruncate,
}

/// Rolls `smsbkup.log` to `smsbkup.lo_`; `midway` happens where a roll has two steps.
pub(crate) fn roll(log: &Path, how: Roll, midway: impl FnOnce()) {
    let rolled = log.with_extension("lo_");
    match how {
        Roll::Rename => fs::rename(log, rolled).expect("the log is renamed"),
        Roll::CopyAndTruncate => {
            fs::copy(log, rolled).expect("the log is copied");
            midway();
            File::create(log).expect("the log is cut");
        }
    }
}
