//! What to do about a site, first things first: what is done already, what failed, what holds a restart, what is not
//! heard. Every sentence is one that something upstream has found.

use std::borrow::Cow;

use crate::assessment::{Assessment, CheckState, Hearing, NOTHING_IS_WATCHED, Verdict};
use crate::http::outlook::{Intent, outlook};
use crate::http::words::{capital, spaced, title};
use crate::site::{ClosedSet, Hold, HoldReason};
use crate::state::SiteState;

/// One thing to do, and what it is about.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Step<'a> {
    pub(super) what: Cow<'a, str>,
    pub(super) because: Cow<'a, str>,
}

/// The steps in their order; none where there is nothing to do or nothing is known that could be done.
pub(super) fn steps<'a>(state: &'a SiteState, assessment: &'a Assessment) -> Vec<Step<'a>> {
    if assessment.verdict == Verdict::Passive {
        return Vec::new();
    }
    let mut steps = Vec::new();
    let intent = state.restart.as_ref().map(|standing| Intent::of(standing, state, assessment));
    if let Some(standing) = &state.restart
        && matches!(intent, Some(Intent::UnderWay | Intent::Now | Intent::Pending))
    {
        let what = format!("Wait, unless it is urgent. {}", outlook(standing, state, assessment));
        steps.push(Step { what: what.into(), because: "".into() });
    }
    let failed = assessment.checks.iter().filter(|result| result.state == CheckState::Failed);
    for result in failed.filter(|result| !result.advice.is_empty()) {
        let advice: &'a str = &result.advice;
        // Several checks may fail of one cause.
        if steps.iter().all(|step| step.what != advice) {
            steps.push(Step { what: advice.into(), because: (&*result.finding).into() });
        }
    }
    if let Some(standing) = state.restart.as_ref().filter(|_| intent == Some(Intent::Held)) {
        // That the exporter only observes is how somebody wanted it.
        let is_step = |hold: &&Hold| !hold.passes && hold.reason != HoldReason::ObserveOnly;
        let lasting = standing.holds().iter().filter(is_step);
        for hold in lasting {
            // A cause that needs a person has its advice already.
            if steps.iter().any(|step| step.what == *hold.finding) {
                continue;
            }
            let because = format!("The restart is held: {}.", hold.reason.label().replace('_', " "));
            steps.push(Step { what: (&*hold.finding).into(), because: because.into() });
        }
    }
    if state.sources.is_empty() {
        steps.push(Step { what: capital(NOTHING_IS_WATCHED).into(), because: "".into() });
    }
    for (id, source) in &state.sources {
        if let Some(failure) = &source.failure {
            let what = format!("Find out why the {} cannot be read.", spaced(id.kind.label()));
            steps.push(Step { what: what.into(), because: (&*failure.message).into() });
        }
    }
    if assessment.verdict == Verdict::Unknown {
        let silent = assessment.witnesses.iter().filter(|witness| witness.hearing == Hearing::Silent);
        for witness in silent.filter(|witness| !witness.advice().is_empty()) {
            let because = format!("{} {}.", title(witness.witness.label()), witness.finding());
            steps.push(Step { what: witness.advice().into(), because: because.into() });
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assessment::assess;
    use crate::assessment::samples::{GOOD, Rig, at};
    use crate::http::samples::{held, standing};
    use crate::site::{RestartMode, RestartPlan};

    const BAD: &[(i64, &str)] = &[(0, "500"), (1, "5055"), (2, "preparing"), (3, "-5060"), (4, "501")];

    fn whats(rig: &Rig, minute: i64) -> Vec<String> {
        let assessment = assess(&rig.state, at(minute));
        steps(&rig.state, &assessment).into_iter().map(|step| step.what.into_owned()).collect()
    }

    #[test]
    fn a_restart_comes_before_what_failed_and_what_holds_it_after() {
        let mut rig = Rig::with(|_| {});
        rig.log(0, GOOD);
        assert_eq!(whats(&rig, 70), Vec::<String>::new());
        rig.log(1440, BAD);
        let advice = "Read Smsbkup.log around the time of the first error.";
        assert_eq!(whats(&rig, 1450)[0], advice);
        rig.state.restart =
            Some(standing(RestartMode::Restart, crate::site::Decision::Restart(RestartPlan::Start)));
        let steps = whats(&rig, 1450);
        assert!(steps[0].ends_with("The backup service is started now.") && steps[1] == advice, "{steps:?}");
        rig.state.restart =
            Some(standing(RestartMode::Restart, held(&[HoldReason::NoSpace, HoldReason::CoolingDown])));
        let steps = whats(&rig, 1450);
        assert_eq!((&*steps[0], steps.len()), (advice, 2), "what passes by itself is no step: {steps:?}");
        rig.state.restart = Some(standing(RestartMode::Observe, held(&[HoldReason::ObserveOnly])));
        assert_eq!(whats(&rig, 1450), [advice], "nor is what somebody has configured");
    }

    #[test]
    fn a_site_of_which_nothing_is_watched_says_what_can_be() {
        let mut rig = Rig::with(|_| {});
        rig.state.sources.clear();
        assert!(whats(&rig, 0).contains(&capital(NOTHING_IS_WATCHED)));
    }
}
