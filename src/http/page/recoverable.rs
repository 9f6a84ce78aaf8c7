//! How long the newest copy can still be restored without loss: said the same in the overview and on the card.

use crate::assessment::Assessment;
use crate::http::words::remaining;
use crate::site::{SiteRole, Timestamp};
use crate::state::SiteState;

/// What is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recoverable {
    /// Until then.
    Until(Timestamp),
    /// A copy of a site without a hierarchy does not expire.
    NoLimit,
    /// The running backup has deleted the old copy and makes the new one.
    BeingMade,
    /// There is no valid copy.
    Nothing,
    /// Nobody can tell, for this reason.
    NotKnown(&'static str),
}

impl Recoverable {
    pub(super) fn of(state: &SiteState, assessment: &Assessment) -> Self {
        let copies = &assessment.copies;
        match (copies.recoverable_until, copies.valid) {
            (Some(until), _) => Self::Until(until),
            (None, Some(0)) if is_being_made(state, assessment) => Self::BeingMade,
            (None, Some(0)) => Self::Nothing,
            (None, Some(_)) if !SiteRole::in_hierarchy(state.role()) => Self::NoLimit,
            (None, Some(_)) => Self::NotKnown(NEWER),
            (None, None) => Self::NotKnown("no valid copy is known"),
        }
    }

    pub(super) fn word(self, now: Timestamp) -> String {
        match self {
            Self::Until(until) => remaining(until, now),
            Self::NoLimit => "no limit".to_owned(),
            Self::BeingMade => "being made".to_owned(),
            Self::Nothing => "nothing to recover from".to_owned(),
            Self::NotKnown(_) => "not known".to_owned(),
        }
    }
}

/// Why nothing is said of the newest copy though there are some.
pub(super) const NEWER: &str = "a newer copy may exist that could not be looked at yet";
/// What a backup that runs has done to the old copy.
pub(super) const REPLACED: &str = "the running backup has deleted the old one";

/// Whether the present run has deleted the only copy to make another, which is no news while it comes on.
pub(super) fn is_being_made(state: &SiteState, assessment: &Assessment) -> bool {
    let (runs, copies) = (&assessment.runs, &assessment.copies);
    let comes_on =
        runs.in_progress == Some(true) && runs.stalled != Some(true) && runs.last_failed != Some(true);
    let deleted = state.runs.last().is_some_and(|run| run.old_snapshot_deleted.is_some());
    comes_on && deleted && copies.valid.unwrap_or(0) == 0 && assessment.protection.snapshots_count(state)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::assessment::assess;
    use crate::assessment::samples::{GOOD, Rig, at, copy};
    use crate::site::SiteRole;
    use crate::snapshot::samples::Sample;

    fn of(rig: &Rig, minute: i64) -> Recoverable {
        Recoverable::of(&rig.state, &assess(&rig.state, at(minute)))
    }

    #[test]
    fn only_a_site_without_a_hierarchy_has_no_limit() {
        for (role, expected) in [
            (Some(SiteRole::Hierarchy), Recoverable::Until(at(1) + TimeDelta::days(5))),
            (None, Recoverable::Until(at(1) + TimeDelta::days(5))),
            (Some(SiteRole::Standalone), Recoverable::NoLimit),
        ] {
            let mut rig = Rig::with(|settings| settings.role = role);
            rig.log(0, GOOD);
            rig.walk(100, &Sample::good(1));
            assert_eq!(of(&rig, 110), expected, "{role:?}");
        }
    }

    #[test]
    fn while_a_newer_copy_may_exist_nothing_is_said_of_the_newest() {
        let mut rig = Rig::with_archive(8);
        rig.log(0, GOOD);
        rig.archives(100, vec![copy("/nas/1", 1, &Sample::good(1))]);
        rig.walk(100, &Sample::good(1));
        // The next success has not been looked at.
        rig.log(1440, GOOD);
        let assessment = assess(&rig.state, at(1502));
        assert_eq!((assessment.copies.valid, assessment.copies.newest_valid), (Some(1), None));
        assert_eq!(of(&rig, 1502), Recoverable::NotKnown(NEWER));
    }

    #[test]
    fn a_copy_is_being_made_until_the_run_stalls_fails_or_ends() {
        let mut rig = Rig::with(|_| {});
        rig.log(0, GOOD);
        rig.walk(100, &Sample::good(1));
        rig.log(1440, &[(0, "500"), (1, "5055"), (2, "preparing")]);
        rig.walk(1450, &Sample::good(2).only("SiteServer"));
        assert_eq!(of(&rig, 1450), Recoverable::BeingMade);
        assert_eq!(of(&rig, 1440 + 5000), Recoverable::Nothing, "stalled");
        rig.log(1460, &[(0, "-5060")]);
        assert_eq!(of(&rig, 1470), Recoverable::Nothing, "failed");
    }

    #[test]
    fn every_answer_has_words_of_its_own() {
        let now = at(0);
        for (found, expected) in [
            (Recoverable::Until(now + TimeDelta::hours(30)), "1 d 6 h"),
            (Recoverable::Until(now - TimeDelta::hours(3)), "ran out 3 h 0 min ago"),
            (Recoverable::NoLimit, "no limit"),
            (Recoverable::BeingMade, "being made"),
            (Recoverable::Nothing, "nothing to recover from"),
            (Recoverable::NotKnown(NEWER), "not known"),
        ] {
            assert_eq!(found.word(now), expected);
        }
    }
}
