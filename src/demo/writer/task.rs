//! The simulated backup task: what a run of it writes, from the first line to the last.
//!
//! A whole run is laid out in thousandths of its duration; every other one is such a run that was cut or failed. The
//! order of the messages is ConfigMgr's, their share of the time is that of a small site.

use chrono::TimeDelta;

use super::entry::{Entry, Status};
use super::failure;
use super::good_run::{self, ending, thawed};
use super::script::RunScript;
use super::setting::Setting;
use crate::site::{BackupPhase, FailureCause, MessageId, Severity, SiteCode};

/// No public source has the ids of these two messages: they stand for any that is neither start, success nor failure.
const SOME_WARNING: MessageId = MessageId(5041);
const AFTER_BACKUP_ERROR: MessageId = MessageId(5037);

/// The task "Backup Site Server" of a simulated site; its methods give what a run of it writes.
#[derive(Debug, Clone)]
pub struct BackupTask {
    setting: Setting,
    duration: TimeDelta,
}

impl BackupTask {
    /// The task of a site that backs up to `E:\SCCMBackup` within 90 minutes and has an AfterBackup.bat.
    pub fn new(site: SiteCode) -> Self {
        Self { setting: Setting::new(site), duration: TimeDelta::minutes(90) }
    }

    /// The folder that holds `<SiteCode>Backup`.
    pub fn destination(self, path: impl Into<String>) -> Self {
        Self { setting: Setting { destination: path.into(), ..self.setting }, ..self }
    }

    /// The folder that holds `<SiteCode>Backup`, as the task's row names it.
    pub fn location(&self) -> &str {
        &self.setting.destination
    }

    /// Whether AfterBackup.bat exists, so that a success is followed by 5040.
    pub fn after_backup(self, exists: bool) -> Self {
        Self { setting: Setting { after_backup: exists, ..self.setting }, ..self }
    }

    /// How many lines tell of copied files; 12 unless set.
    pub fn copied(self, lines: u32) -> Self {
        Self { setting: Setting { copied: lines, ..self.setting }, ..self }
    }

    /// How long a run takes that goes to its end.
    pub fn lasting(self, duration: TimeDelta) -> Self {
        Self { duration, ..self }
    }

    /// How long a run takes that goes to its end.
    pub fn duration(&self) -> TimeDelta {
        self.duration
    }

    /// A run without any error.
    pub fn success(&self) -> RunScript {
        self.script(good_run::entries(&self.setting))
    }

    /// A run with a warning, which is a success all the same.
    pub fn warning(&self) -> RunScript {
        let mut run = good_run::entries(&self.setting);
        let text =
            "Warning: Backup location and the sms data (installation directory) are on the same volume.";
        run.push((4, Entry::text(text)));
        run.push((
            500,
            Status::new(SOME_WARNING, Severity::Warning, &[self.setting.install.as_str()]).into(),
        ));
        self.script(run)
    }

    /// A success after which AfterBackup.bat reports an error.
    pub fn after_backup_fails(&self) -> RunScript {
        let mut run = good_run::entries(&self.setting);
        run.push((985, Entry::text(format!(r"Error: {}\afterbackup.bat returned 1.", self.setting.inbox()))));
        run.push((985, Status::new(AFTER_BACKUP_ERROR, Severity::Error, &["afterbackup.bat", "1"]).into()));
        self.script(run)
    }

    /// A run that fails of this cause, in the phase in which it usually shows, and ends.
    ///
    /// Three causes have no error line of their own: a stopped service just ends, a crash and a stalled run do not.
    pub fn failure(&self, cause: FailureCause) -> RunScript {
        match cause {
            FailureCause::ServiceStopped => self.stopped(),
            FailureCause::Interrupted | FailureCause::Stalled => self.unfinished(BackupPhase::Copy),
            cause => {
                let at = failure::fails_at(cause);
                let mut run = self.failed_until(cause, at);
                if (40..910).contains(&at) {
                    run.push((at + 8, thawed()));
                }
                run.push((at + 10, Entry::text("SMS site backup failed. Please see previous errors.")));
                run.extend(ending(at + 10));
                self.script(run)
            }
        }
    }

    /// A run that fails of this cause, goes on and has not ended yet.
    pub fn failed_and_running(&self, cause: FailureCause) -> RunScript {
        let at = failure::fails_at(cause);
        let mut run = self.failed_until(cause, at);
        let goes_on =
            |(from, entry): &(u32, Entry)| *from > at && *from < 905 && matches!(entry, Entry::Text(_));
        run.extend(good_run::entries(&self.setting).into_iter().filter(goes_on));
        self.script(run)
    }

    /// A run that stops in the middle of a phase without another word: it crashed, or it still runs.
    pub fn unfinished(&self, phase: BackupPhase) -> RunScript {
        let at = match phase {
            BackupPhase::Start => 1,
            BackupPhase::Locate => 6,
            BackupPhase::Prepare => 25,
            BackupPhase::Snapshot => 60,
            BackupPhase::Copy => 500,
            BackupPhase::Finish => 930,
        };
        self.script(self.good_until(at))
    }

    /// A run that somebody stops while it copies: it ends in order, without success and without error.
    pub fn stopped(&self) -> RunScript {
        let mut run = self.good_until(500);
        run.push((505, thawed()));
        run.extend(ending(510));
        self.script(run)
    }

    fn good_until(&self, at: u32) -> Vec<(u32, Entry)> {
        let mut run = good_run::entries(&self.setting);
        run.retain(|(from, _)| *from <= at);
        run
    }

    fn failed_until(&self, cause: FailureCause, at: u32) -> Vec<(u32, Entry)> {
        let mut run = self.good_until(at);
        run.extend(failure::lines(&self.setting, cause).into_iter().map(|line| (at + 5, Entry::Text(line))));
        let reason = failure::insertion_string(cause);
        run.push((at + 6, Status::new(MessageId::FAILED, Severity::Error, &[reason]).into()));
        run
    }

    fn script(&self, run: Vec<(u32, Entry)>) -> RunScript {
        RunScript::laid_out(run, self.duration)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::ClosedSet;

    fn task() -> BackupTask {
        BackupTask::new("P01".parse().unwrap())
    }

    fn ids(run: &RunScript) -> Vec<u16> {
        let id = |(_, entry): &(TimeDelta, Entry)| match entry {
            Entry::Status(status) => Some(status.id.0),
            Entry::Text(_) => None,
        };
        run.entries().iter().filter_map(id).collect()
    }

    fn texts(run: &RunScript) -> Vec<&str> {
        let texts = run.entries().iter().map(|(_, entry)| match entry {
            Entry::Text(text) => Some(text.as_str()),
            Entry::Status(_) => None,
        });
        texts.flatten().collect()
    }

    #[test]
    fn a_good_run_reports_in_order_and_takes_its_time() {
        let run = task().success();
        assert_eq!(ids(&run), [500, 5055, 6829, 5056, 6833, 5057, 5035, 5040, 501]);
        assert_eq!(run.duration().num_minutes(), 90);
        assert!(run.entries().is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!(texts(&run).last(), Some(&"SMS site backup service is stopping."));
        assert!(!ids(&task().after_backup(false).success()).contains(&5040));
        assert_eq!(ids(&task().warning()).iter().filter(|id| **id == SOME_WARNING.0).count(), 1);
        assert!(ids(&task().after_backup_fails()).ends_with(&[5040, AFTER_BACKUP_ERROR.0, 501]));
    }

    #[test]
    fn a_failed_run_gives_its_reason_before_its_error_and_ends() {
        for &cause in FailureCause::ALL {
            let run = task().failure(cause);
            let ids = ids(&run);
            let ends = !matches!(cause, FailureCause::Interrupted | FailureCause::Stalled);
            assert_eq!(ids.contains(&501), ends, "{cause}");
            assert_eq!(ids.contains(&5060), ends && cause != FailureCause::ServiceStopped, "{cause}");
            assert!(!ids.contains(&5035), "{cause}");
            assert_eq!(ids.contains(&6829), ids.contains(&6833) || !ends, "{cause}");
        }
        let cleanup = task().destination(r"E:\SMSbackup").failure(FailureCause::CleanupFailed);
        let texts = texts(&cleanup);
        let tail = &texts[texts.len() - 5..];
        assert!(tail[0].starts_with(r"Deleting E:\SMSbackup\P01Backup\SiteServer\SMSServer\inboxes\auth"));
        assert!(tail[0].ends_with(", FAILED, Win32 Error = 145"));
        assert_eq!(tail[1], "Failed to delete the contents of the backup folder. Error Code = 0x0");
        assert_eq!(tail[3], "SMS site backup failed. Please see previous errors.");
    }

    #[test]
    fn a_run_can_be_cut_or_lose_a_message() {
        assert_eq!(ids(&task().unfinished(BackupPhase::Locate)), [500, 5055]);
        assert_eq!(ids(&task().stopped()), [500, 5055, 6829, 5056, 6833, 501]);
        assert_eq!(ids(&task().failed_and_running(FailureCause::DiskFull)), [500, 5055, 6829, 5056, 5060]);
        assert!(!ids(&task().success().without(MessageId::TASK_STARTED)).contains(&5055));
        assert_eq!(ids(&task().success().until(TimeDelta::minutes(10))), [500, 5055, 6829, 5056]);
    }
}
