//! What the table asks of the failed run itself: whether it is over, final, known for certain, and worth another try.

use chrono::TimeDelta;

use super::{Situation, lasting, moment};
use crate::remediation::inputs::{Armed, Evidence, Progress, Remedy, ServiceSeen, Watched};
use crate::site::{
    Attempt, BackupRun, ClosedSet, FailureCause, RestartMode, RunEnd, Timestamp, Witness, delta,
};
use crate::source::SourceKind;
use crate::state::SourceState;

/// A failure dated so far ahead was dated by a clock that is wrong.
const FUTURE: TimeDelta = TimeDelta::minutes(5);

impl Situation<'_> {
    pub(in crate::remediation) fn progress(&self) -> Progress {
        let Some(newest) = self.state.runs.last().filter(|run| run.ended.is_none()) else {
            return Progress::Ended;
        };
        if self.unstoppable(newest).is_some() {
            Progress::GoesOn
        } else if self.config().stop_stalled && self.assessment.runs.stalled == Some(true) {
            Progress::Stalled
        } else if newest.failure().is_some() && self.is_silent(newest) {
            Progress::Hung
        } else {
            Progress::GoesOn
        }
    }

    /// Whether nothing was logged for so long that a run hangs; only its log tells more than status messages.
    ///
    /// Who puts the clock forward makes no run hang: the log was looked at about as often as it is in that time.
    fn is_silent(&self, run: &BackupRun) -> bool {
        let Some(log) = self.source(SourceKind::BackupLog).filter(|log| self.is_heard(log)) else {
            return false;
        };
        let (grew, polls) = self.state.log_grew.unwrap_or((log.watched_since, 0));
        let looks = u32::try_from(log.polls.saturating_sub(polls)).unwrap_or(u32::MAX);
        let hung_after = self.config().hung_after;
        let last = run.last.max(log.watched_since).max(grew);
        self.now - last >= delta(hung_after) && log.interval.saturating_mul(looks) >= hung_after / 2
    }

    /// From when on a run is stalled.
    fn stalls_at(&self, run: &BackupRun) -> Timestamp {
        let after = self.assessment.runs.stalled_after;
        run.started_or_first().checked_add_signed(after).unwrap_or(Timestamp::MAX_UTC)
    }

    /// When it failed, by its own evidence: when the next run began, or its service was seen stopped, is no sign of it.
    fn failed_at(&self, run: &BackupRun) -> Timestamp {
        match (&run.error, run.ended) {
            (Some(error), _) => error.time,
            (None, Some((RunEnd::ServiceStop, ended))) => ended,
            (None, Some(_)) => run.last,
            (None, None) => self.stalls_at(run),
        }
    }

    pub(in crate::remediation) fn progress_words(&self) -> String {
        if self.service() == Watched::Failing {
            let why = self.silence_of(SourceKind::Services);
            return format!("Whether SMS_SITE_BACKUP stands still cannot be seen: {why}.");
        }
        let newest = self.state.runs.last().filter(|run| run.ended.is_none());
        let Some(newest) = newest else {
            return format!("SMS_SITE_BACKUP is {}: another backup was started.", self.service_label());
        };
        let start = moment(newest.started_or_first());
        if matches!(self.service(), Watched::Known(ServiceSeen::Stopped | ServiceSeen::Missing)) {
            return format!(
                "SMS_SITE_BACKUP does not run, and nothing has told yet how the run of {start} ended."
            );
        }
        let by_hand = "Stop SMS_SITE_BACKUP by hand if it hangs";
        if newest.failure().is_some() {
            let kept = self.unstoppable(newest).map(|why| format!("nothing here stops it: {why}"));
            return match kept.or_else(|| self.unobserved()) {
                Some(why) => format!(
                    "The run of {start} has failed and not ended, and {why}. {by_hand}; its last message is of {}.",
                    moment(newest.last)
                ),
                None => format!(
                    "The run of {start} has failed and not ended. It is stopped once nothing was logged for {} and \
                     nothing else holds; the last message is of {}.",
                    lasting(delta(self.config().hung_after)),
                    moment(newest.last)
                ),
            };
        }
        if self.assessment.runs.stalled == Some(true) {
            let why = match self.unstoppable(newest).filter(|_| self.config().stop_stalled) {
                Some(why) => format!("nothing here stops it: {why}"),
                None => "remediation.stop_stalled does not allow to stop it".to_owned(),
            };
            return format!(
                "The run of {start} takes longer than {}, and {why}. {by_hand}.",
                lasting(self.assessment.runs.stalled_after)
            );
        }
        format!("The run of {start} goes on; how it ends decides.")
    }

    /// Why a run that has failed is not stopped though it could be, without a full stop.
    fn unobserved(&self) -> Option<String> {
        match self.source(SourceKind::BackupLog) {
            None => Some("without smsbkup.log nobody can tell whether it hangs".to_owned()),
            Some(log) if !self.is_heard(log) => {
                let why = self.silence_of(SourceKind::BackupLog);
                Some(format!("whether it hangs cannot be seen: backup_log: {why}"))
            }
            Some(_) if self.config().mode == RestartMode::Observe => {
                Some("in mode observe nothing stops it".to_owned())
            }
            Some(_) => None,
        }
    }

    pub(in crate::remediation) fn is_settled(&self) -> bool {
        self.run.is_some_and(|run| self.state.is_failure_final(run, self.now))
    }

    pub(in crate::remediation) fn settling_words(&self) -> String {
        let settle = delta(self.state.settings.timings.settle);
        match self.run.and_then(|run| run.ended) {
            None => format!(
                "{} has not ended: a success may still withdraw the failure.",
                self.the_run_at_first()
            ),
            Some((_, ended)) => format!(
                "{} ended at {}: until {}, and until every log was read once more, a late success may withdraw the \
                 failure.",
                self.the_run_at_first(),
                moment(ended),
                moment(ended + settle)
            ),
        }
    }

    pub(in crate::remediation) fn armed(&self) -> Armed {
        // A failure that was there already may have had its attempt, whenever its run ended.
        let is_older =
            |run: &BackupRun| self.ledger.is_some_and(|ledger| self.failed_at(run) <= ledger.begun);
        if self.assessment.runs.last_success.is_none() {
            Armed::NeverSucceeded
        } else if self.run.is_some_and(is_older) {
            Armed::BeforeLedger
        } else {
            Armed::Yes
        }
    }

    pub(in crate::remediation) fn armed_words(&self) -> String {
        if self.armed() == Armed::NeverSucceeded {
            return "No backup of this site was ever seen to succeed. Start the first one by hand and watch it."
                .to_owned();
        }
        let begun = self.ledger.map_or_else(String::new, |ledger| format!(" ({})", moment(ledger.begun)));
        format!(
            "The failure of {} happened before this program kept a ledger{begun}: it acts on later failures only. Start \
             a backup by hand.",
            self.the_run()
        )
    }

    pub(in crate::remediation) fn evidence(&self) -> Evidence {
        let Some(run) = self.run else { return Evidence::Fresh };
        let failed = self.failed_at(run);
        let ended = run.ended.map_or(run.last, |(_, ended)| ended);
        if failed.max(run.last).max(ended) - self.now > FUTURE {
            Evidence::Future
        } else if self.now - failed > delta(self.config().max_failure_age) {
            Evidence::Old
        } else if self.told_and_silent(run).is_some() || !self.is_followed(run) {
            Evidence::Unheard
        } else {
            Evidence::Fresh
        }
    }

    /// Whether a success since the failure would be known: somebody is heard who tells everything since the run.
    fn is_followed(&self, run: &BackupRun) -> bool {
        let covers = |witness: Witness| {
            self.state.coverage.get(&witness).is_some_and(|coverage| coverage.since <= run.last)
        };
        let follows = |(witness, source): (Witness, &SourceState)| {
            source.is_current && self.is_heard(source) && covers(witness)
        };
        !self.is_cut_off(run) && self.state.witnesses().any(follows)
    }

    /// Whether what followed in the run itself rolled away unread.
    fn is_cut_off(&self, run: &BackupRun) -> bool {
        run.ended.is_some_and(|(end, _)| end == RunEnd::Unseen)
    }

    /// A witness that told of this run and is not heard now, or has more to tell that was not read yet.
    fn told_and_silent(&self, run: &BackupRun) -> Option<Witness> {
        let told = |witness: &Witness| {
            let records = self.state.timeline.records().get(witness).into_iter().flatten();
            records.rev().any(|record| (run.first..=run.last).contains(&record.time()))
        };
        let fails = |source: &SourceState| !self.is_heard(source) || source.reads_on;
        let silent = |witness: &Witness| {
            let mut sources = self.state.witnesses().filter(|(of, _)| of == witness);
            sources.any(|(_, source)| fails(source))
        };
        Witness::ALL.iter().copied().find(|witness| silent(witness) && told(witness))
    }

    pub(in crate::remediation) fn evidence_words(&self) -> String {
        let run = self.the_run();
        let failed = self.run.map(|run| self.failed_at(run));
        let time = failed.map(moment).unwrap_or_default();
        match (self.evidence(), self.run.and_then(|run| self.told_and_silent(run))) {
            (Evidence::Future, _) => format!(
                "{} is dated in the future. Correct the clock of the site server, or of this machine.",
                self.the_run_at_first()
            ),
            (Evidence::Old, _) => format!(
                "The failure of {run} ({time}) is older than {}: only a person knows what it means now. Start a backup \
                 by hand.",
                lasting(delta(self.config().max_failure_age))
            ),
            (_, Some(witness)) => format!(
                "The {} told of {run} and cannot be read to its end now: whether a backup has succeeded since is not \
                 known.",
                witness.label()
            ),
            _ if self.run.is_some_and(|run| self.is_cut_off(run)) => format!(
                "What followed in {run} was never read, for the logs rolled away: whether it has succeeded is not known. \
                 Start a backup by hand."
            ),
            _ => format!(
                "Nothing is read that tells of all backups since {run}: whether one has succeeded is not known. If it \
                 stays so, start a backup by hand."
            ),
        }
    }

    /// The night of a moment: a day of the site's from noon to noon, by the date on which it began.
    fn night(&self, time: Timestamp) -> chrono::NaiveDate {
        (self.zone().local(time) - TimeDelta::hours(12)).date()
    }

    /// The newest attempts of two nights that have failed since the last success, oldest first.
    fn two_nights(&self) -> Option<[&Attempt; 2]> {
        let since = self.assessment.runs.last_success;
        let failed = |attempt: &&Attempt| {
            Some(attempt.decided) > since
                && match (attempt.outcome, attempt.followed_by) {
                    (_, Some((_, succeeded))) => succeeded == Some(false),
                    (Some((outcome, _)), None) => outcome.is_spent() && !outcome.began(),
                    (None, None) => false,
                }
        };
        let mut failed = self.ledger?.attempts.iter().rev().filter(failed);
        let last = failed.next()?;
        let before = failed.find(|attempt| self.night(attempt.decided) != self.night(last.decided))?;
        Some([before, last])
    }

    pub(in crate::remediation) fn remedy(&self) -> Remedy {
        use FailureCause::{AccessDenied, ControlFile, DiskFull, PathNotFound, Registry, ServiceStopped};
        let cause = self.cause();
        if matches!(cause, AccessDenied | PathNotFound | DiskFull | ControlFile | Registry | ServiceStopped) {
            Remedy::CauseNeedsPerson
        } else if self.two_nights().is_some() {
            Remedy::TwoNights
        } else {
            Remedy::Retry
        }
    }

    pub(in crate::remediation) fn remedy_words(&self) -> String {
        let cause = self.cause();
        match (self.remedy(), self.two_nights()) {
            (Remedy::TwoNights, Some([before, last])) => format!(
                "The attempts of {} and of {} failed, and no backup has succeeded since: find the reason ({cause}), then \
                 start a backup by hand.",
                moment(before.decided),
                moment(last.decided)
            ),
            _ => format!(
                "{} failed of {cause}, which another attempt would too. {}",
                self.the_run_at_first(),
                cause.advice()
            ),
        }
    }
}
