//! What the program's own log says of the backups: a line when a run or a verdict has changed, and none when not.

use crate::assessment::{Assessment, Verdict, assess};
use crate::site::{BackupRun, ClosedSet, Timestamp};
use crate::state::SiteState;

/// What was told last of a site.
#[derive(Debug, Default)]
pub struct Journal(Option<Told>);

#[derive(Debug, PartialEq)]
struct Told {
    verdict: Verdict,
    /// The newest run by its first evidence, and how it stood.
    run: Option<(Timestamp, &'static str)>,
}

/// Whether a run is another one than was told, or stands otherwise; earlier evidence of it is no news.
fn is_news((first, label): (Timestamp, &str), newest: &BackupRun) -> bool {
    let is_same = (newest.first..=newest.last).contains(&first);
    if is_same { label != newest.outcome_label() } else { newest.first > first }
}

impl Journal {
    /// Tells what is new of the site, once all of its sources have reported.
    pub fn note(&mut self, state: &SiteState, now: Timestamp) {
        if !state.knows_all() {
            return;
        }
        let Assessment { verdict, reason, .. } = assess(state, now);
        let newest = state.runs.last();
        let site = state.settings.code;
        let run = newest.map(|run| (run.first, run.outcome_label()));
        let before = self.0.replace(Told { verdict, run });
        // What happened before this process is no news.
        if let (Some(before), Some(newest)) = (&before, newest)
            && before.run.is_none_or(|before| is_news(before, newest))
        {
            let cause = newest.failure().map_or("", ClosedSet::label);
            let started = newest.started_or_first().to_rfc3339();
            tracing::info!(%site, started, outcome = newest.outcome_label(), cause, "backup run");
        }
        if before.is_none_or(|before| before.verdict != verdict) {
            tracing::info!(%site, %verdict, reason, "verdict");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assessment::samples::{GOOD, Rig, at};
    use crate::logging::Lines;

    #[test]
    fn a_line_tells_each_change_and_nothing_of_before() {
        let written = Lines::default();
        let mut journal = Journal::default();
        let mut rig = Rig::with(|settings| settings.snapshot = None);
        rig.log(0, GOOD);
        rig.all_reported(70);
        tracing::subscriber::with_default(written.subscriber(), || {
            let mut note = |rig: &Rig, minute: i64| {
                journal.note(&rig.state, at(minute));
                written
                    .take()
                    .lines()
                    .map(|line| line.split_once("journal: ").unwrap().1.to_owned())
                    .collect::<Vec<_>>()
            };
            let first = note(&rig, 70);
            assert!(
                first.len() == 1 && first[0].starts_with("verdict site=P01 verdict=healthy"),
                "{first:?}"
            );
            assert_eq!(note(&rig, 71), [""; 0]);
            rig.log(80, &[(0, "500"), (1, "5055")]);
            let begun = note(&rig, 82);
            assert!(begun.len() == 1 && begun[0].contains("outcome=\"in_progress\""), "{begun:?}");
            rig.log(90, &[(0, "-5060")]);
            let failed = note(&rig, 91);
            assert!(failed.len() == 2 && failed[0].contains("outcome=\"failed\""), "{failed:?}");
            assert!(failed[1].starts_with("verdict site=P01 verdict=failed"), "{failed:?}");
            rig.log(92, &[(0, "501")]);
            assert_eq!(note(&rig, 93), [""; 0]);
        });
    }
}
