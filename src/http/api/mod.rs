//! The published state as JSON.

pub(super) mod copies;
pub(super) mod database;
mod restart;
mod services;
mod sql_server;

use serde::Serialize;

use crate::assessment::{Assessment, Check, CheckState, Hearing, Testimony, Verdict};
use crate::site::{FailureCause, Protection, RunJson, SiteCode, SiteRole, Timestamp, Witness};
use crate::state::SiteState;

/// One site as `/api/v1/sites` shows it; times are RFC 3339 in UTC, `null` where nothing is known.
#[derive(Debug, Serialize)]
pub struct SiteJson<'a> {
    site: SiteCode,
    role: Option<SiteRole>,
    protection: Protection,
    verdict: Verdict,
    reason: &'a str,
    last_run_failed: Option<bool>,
    failure_cause: Option<FailureCause>,
    run_in_progress: Option<bool>,
    run_stalled: Option<bool>,
    last_start: Option<Timestamp>,
    last_completion: Option<Timestamp>,
    last_success: Option<Timestamp>,
    last_failure: Option<Timestamp>,
    consecutive_failed_runs: Option<u32>,
    success_due: Option<Timestamp>,
    next_scheduled: Option<Timestamp>,
    missed_runs: Option<u32>,
    valid_copies: Option<u32>,
    recoverable_until: Option<Timestamp>,
    copies: copies::CopiesJson<'a>,
    database: Option<database::DatabaseJson<'a>>,
    sql_server: Option<sql_server::SqlServerJson>,
    services: Option<services::ServicesJson<'a>>,
    restart: Option<restart::RestartJson<'a>>,
    checks: Vec<CheckJson<'a>>,
    witnesses: Vec<WitnessJson>,
    sources: Vec<SourceJson<'a>>,
}

/// One check; `passed` is `null` while it is unknown.
#[derive(Debug, Serialize)]
pub struct CheckJson<'a> {
    check: Check,
    passed: Option<bool>,
    finding: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    advice: &'a str,
}

/// One deciding witness; it tells all of what happened between `since` and `until`.
#[derive(Debug, Serialize)]
struct WitnessJson {
    witness: Witness,
    state: Hearing,
    last_success: Option<Timestamp>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    finding: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    advice: &'static str,
}

#[derive(Debug, Serialize)]
struct SourceJson<'a> {
    source: crate::source::SourceKind,
    location: &'a str,
    up: bool,
    last_poll_success: Option<Timestamp>,
    failure: Option<&'a str>,
}

/// The verdict on one site with everything that explains it.
pub fn site<'a>(state: &'a SiteState, assessment: &'a Assessment) -> SiteJson<'a> {
    let (runs, due) = (&assessment.runs, &assessment.due);
    let source = |(id, source): (&'a crate::source::SourceId, &'a crate::state::SourceState)| SourceJson {
        source: id.kind,
        location: &id.location,
        up: source.up(),
        last_poll_success: source.last_success,
        failure: source.failure.as_ref().map(|failure| failure.message.as_str()),
    };
    SiteJson {
        site: state.settings.code,
        role: state.role(),
        protection: assessment.protection.mode,
        verdict: assessment.verdict,
        reason: &assessment.reason,
        last_run_failed: runs.last_failed,
        failure_cause: runs.failure_cause,
        run_in_progress: runs.in_progress,
        run_stalled: runs.stalled,
        last_start: runs.last_start,
        last_completion: runs.last_completion,
        last_success: runs.last_success,
        last_failure: runs.last_failure,
        consecutive_failed_runs: runs.consecutive_failures,
        success_due: due.success_due,
        next_scheduled: due.next,
        missed_runs: due.missed,
        valid_copies: assessment.copies.valid,
        recoverable_until: assessment.copies.recoverable_until,
        copies: copies::copies(assessment),
        database: database::database(state),
        sql_server: sql_server::sql_server(state),
        services: services::services(state),
        restart: restart::restart(state, assessment),
        checks: checks(assessment),
        witnesses: assessment.witnesses.iter().map(witness).collect(),
        sources: state.sources.iter().map(source).collect(),
    }
}

fn witness(testimony: &Testimony) -> WitnessJson {
    let coverage = testimony.coverage;
    WitnessJson {
        witness: testimony.witness,
        state: testimony.hearing,
        last_success: testimony.last_success,
        since: coverage.map(|coverage| coverage.since),
        until: coverage.and_then(|coverage| coverage.until),
        finding: testimony.finding(),
        advice: testimony.advice(),
    }
}

/// Every check of an assessment.
pub fn checks(assessment: &Assessment) -> Vec<CheckJson<'_>> {
    let check = |result: &'_ crate::assessment::CheckResult| match result.state {
        CheckState::Passed => Some(true),
        CheckState::Failed => Some(false),
        CheckState::Unknown => None,
    };
    (assessment.checks.iter())
        .map(|result| CheckJson {
            check: result.check,
            passed: check(result),
            finding: &result.finding,
            advice: &result.advice,
        })
        .collect()
}

/// The runs of a site, oldest first.
pub fn runs(state: &SiteState) -> Vec<RunJson<'_>> {
    state.runs.iter().map(|run| RunJson::new(Some(state.settings.code), run)).collect()
}
