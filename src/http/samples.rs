//! What the tests of the page and of the JSON share: states, and the words of a page.

use std::sync::Arc;
use std::time::Duration;

use super::page::{View, page as whole_page};
use crate::assessment::assess;
use crate::config::SiteSettings;
use crate::site::{
    Attempt, AttemptOutcome, Decision, FailureCause, Hold, HoldReason, Protection, RestartMode, RestartPlan,
    RestartStanding, Timestamp,
};
use crate::source::{Cursor, Poll, PollReport, Reach, SourceId, SourceKind};
use crate::state::SiteState;

/// Whatever somebody may have written somewhere.
pub(super) const FOREIGN: &str = "<a href='x'>&";

/// The page of one site.
pub(super) fn page(state: &SiteState, now: Timestamp) -> String {
    let view = View { telemetry_path: "/metrics", refreshes: false, now };
    whole_page(&[(state, &assess(state, now))], view)
}

/// What of a page is text, its parts a space apart.
pub(super) fn words(html: &str) -> String {
    let body = html.rsplit("</style>").next().unwrap_or_default();
    let mut text = String::new();
    let mut is_tag = false;
    for c in body.chars() {
        match c {
            '<' => is_tag = true,
            '>' if is_tag => {
                is_tag = false;
                text.push(' ');
            }
            c if !is_tag => text.push(c),
            _ => {}
        }
    }
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&amp;", "&")]
        .into_iter()
        .fold(text, |text, (entity, character)| text.replace(entity, character))
}

/// A minute of one morning.
pub(super) fn at(minute: u32) -> Timestamp {
    format!("2026-11-21T08:{minute:02}:00Z").parse().unwrap()
}

/// A site of which everything was read that there is.
pub(super) fn read(protection: Protection) -> SiteState {
    let mut settings = SiteSettings::new("P01".parse().unwrap());
    settings.protection = Some(protection);
    let mut state = SiteState::new(Arc::new(settings), at(0));
    let source = SourceId { kind: SourceKind::BackupLog, location: String::new() };
    state.watch(source.clone(), Duration::from_secs(5), source.kind.witness(), at(0));
    let poll = Poll { facts: Vec::new(), cursor: Cursor::Anew, reach: Reach::CaughtUp };
    let (site, result) = (state.settings.code, Ok(poll));
    let report = PollReport { site, source, started: at(0), duration: Duration::ZERO, result };
    state.fold(&report, at(0));
    state
}

/// How a site stands with restarts.
pub(super) fn standing(mode: RestartMode, decision: Decision) -> RestartStanding {
    RestartStanding {
        mode,
        decision,
        run: Some(at(0)),
        attempts: Vec::new(),
        attempts_total: Some(3),
        attempts_failed_total: Some(1),
        pending: false,
        attempts_remaining: 2,
    }
}

/// A restart that these reasons hold.
pub(super) fn held(reasons: &[HoldReason]) -> Decision {
    let hold = |reason: &HoldReason| Hold {
        reason: *reason,
        finding: FOREIGN.into(),
        passes: reason.clears_by_itself(),
    };
    Decision::Hold(reasons.iter().map(hold).collect())
}

/// An attempt, and whether the run after it succeeded.
pub(super) fn attempt(outcome: Option<AttemptOutcome>, followed_by: Option<Option<bool>>) -> Attempt {
    Attempt {
        run: at(0),
        cause: FailureCause::Vss,
        decided: at(5),
        seen_ahead: None,
        plan: RestartPlan::Start,
        outcome: outcome.map(|outcome| (outcome, at(6))),
        error: None,
        followed_by: followed_by.map(|succeeded| (at(6), succeeded)),
    }
}
