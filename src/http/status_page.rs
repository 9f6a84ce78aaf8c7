//! The page at `/`: every site, its verdict and why, its last runs; plain HTML made on the server.
//!
//! Everything that comes from outside is escaped on its way in, and the page needs no script.

use std::fmt::Write;

use super::html::{self, Escaped, ago, time};
use super::{api, copies_section, database_section, restart, services, sql_server};
use crate::assessment::{Assessment, CheckState, Hearing, NOTHING_IS_WATCHED, Testimony};
use crate::build_info;
use crate::site::{BackupRun, ClosedSet, Protection, Timestamp};
use crate::state::SiteState;

/// So many runs are shown, newest first.
const SHOWN_RUNS: usize = 40;

const STYLE: &str = "\
body{font:15px/1.45 system-ui,sans-serif;margin:0 auto;max-width:62rem;padding:1rem;color:#1b1f24;background:#fff}\
h1{font-size:1.3rem}h2{font-size:1.15rem;margin:1.6rem 0 .3rem}h3{font-size:1rem;margin:1rem 0 .3rem}\
.tag{border-radius:.3rem;color:#fff;font-size:.9rem;margin-left:.4rem;padding:.1rem .5rem}\
.good{background:#1a7f37}.bad{background:#b42318}.warn{background:#8a5a00}.none{background:#57606a}\
table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid #d0d7de;padding:.25rem .6rem .25rem 0;\
text-align:left;vertical-align:top}td:not(:last-child){white-space:nowrap}td:last-child{overflow-wrap:anywhere;width:99%}.dim{color:#57606a}\
@media(prefers-color-scheme:dark){body{background:#0d1117;color:#e6edf3}td,th{border-color:#30363d}a{color:#58a6ff}\
.dim{color:#8b949e}}";

/// The whole page. Links are relative, so that it works behind any prefix.
pub(super) fn page<'a>(
    sites: impl Iterator<Item = (&'a SiteState, &'a Assessment)>,
    telemetry_path: &str,
    now: Timestamp,
) -> String {
    let mut html = String::with_capacity(16 << 10);
    // Writing to a String cannot fail.
    let _ = write!(
        html,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>ConfigMgr backup exporter</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><meta http-equiv=\"refresh\" content=\"30\">\
         <style>{STYLE}</style></head><body><h1>ConfigMgr backup exporter</h1><p><a href=\"{metrics}\">Metrics</a> \
         &middot; <a href=\"health/backup\">Backup health</a> &middot; <a href=\"api/v1/sites\">Sites as JSON</a> \
         <span class=\"dim\">&middot; version {version} &middot; {now}</span></p>",
        metrics = Escaped(telemetry_path.trim_start_matches('/')),
        version = Escaped(build_info::VERSION),
        now = time(now),
    );
    for (state, assessment) in sites {
        site(&mut html, state, assessment, now);
    }
    html.push_str("</body></html>\n");
    html
}

fn site(html: &mut String, state: &SiteState, assessment: &Assessment, now: Timestamp) {
    use crate::assessment::Verdict::{
        Degraded, Failed, Healthy, Overdue, Passive, Pending, Unknown, Unprotected,
    };
    let class = match assessment.verdict {
        Healthy => "good",
        Failed | Overdue | Unprotected => "bad",
        Degraded | Unknown => "warn",
        Pending | Passive => "none",
    };
    let (code, verdict, reason) = (state.settings.code, assessment.verdict, Escaped(&assessment.reason));
    let _ = write!(
        html,
        "<h2>Site {code} <span class=\"tag {class}\">{verdict}</span></h2><p>{reason}</p><table>"
    );
    let (runs, due) = (&assessment.runs, &assessment.due);
    if runs.in_progress == Some(true) {
        let since = runs.last_start.map_or_else(String::new, |start| format!("since {}", ago(now - start)));
        row(html, "Running now", &since);
    }
    for (name, value) in [
        ("Last success", runs.last_success),
        ("Last failure", runs.last_failure),
        ("Next scheduled", due.next),
        ("Success due by", due.success_due),
        ("Recoverable until", assessment.copies.recoverable_until),
    ] {
        if let Some(at) = value {
            let distance =
                if at > now { format!("in {}", ago(at - now)) } else { format!("{} ago", ago(now - at)) };
            row(html, name, &format!("{} ({distance})", time(at)));
        }
    }
    row(html, "Protected by", protected_by(assessment.protection.mode));
    match &state.schedule {
        Some(known) => row(html, "Schedule", &api::schedule(known)),
        None => row(html, "Schedule", "not known: a success is due at an age that fits the site's role"),
    }
    if let Some(missed) = due.missed.filter(|missed| *missed > 0) {
        row(html, "Missed", &format!("{missed} due day(s) since the last success"));
    }
    html.push_str("</table><h3>Checks</h3><table>");
    for result in &assessment.checks {
        let (class, word) = match result.state {
            CheckState::Passed => ("good", "passed"),
            CheckState::Failed => ("bad", "failed"),
            CheckState::Unknown => ("none", "unknown"),
        };
        let (finding, advice) = (Escaped(&result.finding), Escaped(&result.advice));
        let check = result.check;
        let _ = write!(
            html,
            "<tr><td>{check}</td><td><span class=\"tag {class}\">{word}</span></td><td>{finding} {advice}</td></tr>"
        );
    }
    html.push_str("</table>");
    restart::section(html, state, assessment);
    copies_section::section(html, state, assessment);
    database_section::section(html, state);
    sql_server::section(html, state);
    services::section(html, state, assessment);
    witnesses(html, &assessment.witnesses);
    html.push_str("<h3>Sources</h3><table>");
    if state.sources.is_empty() {
        html::row(html, "none", "warn", "unknown", NOTHING_IS_WATCHED);
    }
    for (id, source) in &state.sources {
        let (class, word) = if source.up() { ("good", "up") } else { ("bad", "down") };
        let (class, word) = if source.last_poll.is_none() { ("none", "waiting") } else { (class, word) };
        let why = source.failure.as_ref().map_or("", |failure| &failure.message);
        let _ = write!(
            html,
            "<tr><td>{}</td><td><span class=\"tag {class}\">{word}</span></td><td>{} <span class=\"dim\">{}</span></td></tr>",
            id.kind,
            Escaped(&id.location),
            Escaped(why)
        );
    }
    html.push_str("</table><h3>Last runs</h3><table><tr><th>Started</th><th>Outcome</th><th>Duration</th><th></th></tr>");
    for run in state.runs.iter().rev().take(SHOWN_RUNS) {
        run_row(html, run);
    }
    html.push_str("</table>");
}

/// Who tells of the runs; nothing where nobody could.
fn witnesses(html: &mut String, witnesses: &[Testimony]) {
    if witnesses.is_empty() {
        return;
    }
    html.push_str("<h3>Witnesses</h3><table>");
    for testimony in witnesses {
        let class = match testimony.hearing {
            Hearing::Heard => "good",
            Hearing::Unreadable => "bad",
            Hearing::Silent | Hearing::Waiting | Hearing::NotWatched => "none",
        };
        let (name, word) = (testimony.witness.label(), testimony.hearing.label().replace('_', " "));
        let text = format!("{}. {}", testimony.finding(), testimony.advice());
        html::row(html, name, class, &word, text.trim_end());
    }
    html.push_str("</table>");
}

fn protected_by(protection: Protection) -> &'static str {
    match protection {
        Protection::Task => "the Backup Site Server task",
        Protection::Native => "SQL Server's own backups",
        Protection::Both => "the Backup Site Server task and SQL Server's own backups",
    }
}

fn row(html: &mut String, name: &str, value: &str) {
    let _ = write!(html, "<tr><td>{name}</td><td>{}</td></tr>", Escaped(value));
}

fn run_row(html: &mut String, run: &BackupRun) {
    let class = match run.outcome_label() {
        "succeeded" => "good",
        "in_progress" => "none",
        _ => "bad",
    };
    let cause = run.failure().map_or_else(String::new, |cause| format!("{cause}. {}", cause.advice()));
    let warnings = if run.warnings > 0 { format!("{} warning(s). ", run.warnings) } else { String::new() };
    let text = run.error.as_ref().and_then(|error| error.text.as_deref()).unwrap_or_default();
    let _ = write!(
        html,
        "<tr><td>{}</td><td><span class=\"tag {class}\">{}</span></td><td>{}</td><td>{warnings}{cause} \
         <span class=\"dim\">{}</span></td></tr>",
        run.started.map_or("unknown".to_owned(), time),
        run.outcome_label().replace('_', " "),
        run.duration().map_or("-".to_owned(), ago),
        Escaped(text)
    );
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::assessment::assess;
    use crate::config::SiteSettings;
    use crate::site::{SqlServerEvent, Witness};
    use crate::source::{SourceId, SourceKind};

    fn now() -> Timestamp {
        "2026-11-21T08:00:00Z".parse().unwrap()
    }

    fn state() -> SiteState {
        SiteState::new(Arc::new(SiteSettings::new("P01".parse().unwrap())), now())
    }

    fn shown(state: &SiteState) -> String {
        page([(state, &assess(state, now()))].into_iter(), "/metrics", now())
    }

    #[test]
    fn a_site_of_which_nothing_is_watched_says_what_can_be() {
        let page = shown(&state());
        assert!(page.contains(NOTHING_IS_WATCHED) && !page.contains("Witnesses"), "{page}");
    }

    #[test]
    fn who_tells_nothing_is_named_with_what_to_do_on_the_page_and_in_the_json() {
        let mut state = state();
        let source = SourceId { kind: SourceKind::EventLog, location: "Application.evtx".to_owned() };
        state.watch(source.clone(), Duration::from_secs(30), Some(Witness::EventLog), now());
        let watched = state.sources.get_mut(&source).unwrap();
        (watched.last_poll, watched.silent) = (Some(now()), true);
        state.sql_server.insert(SqlServerEvent::Frozen, now());
        let page = shown(&state);
        for part in [
            "<td>event_log</td><td><span class=\"tag none\">silent</span></td><td>has held no message of the backup yet. ",
            "Status reporting to the Windows event log may be off: look at the site&#39;s properties, Status Reporting.",
            "I/O of CM_P01 frozen since 2026-11-21 08:00:00 UTC, not resumed.",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert!(!page.contains(NOTHING_IS_WATCHED), "{page}");
        let site = serde_json::to_value(api::site(&state, &assess(&state, now()))).unwrap();
        let advice = site["witnesses"][0]["advice"].as_str().unwrap();
        let silent = json!({
            "witness": "event_log", "state": "silent", "last_success": null, "since": null, "until": null,
            "finding": "has held no message of the backup yet", "advice": advice
        });
        assert_eq!(site["witnesses"], json!([silent]));
        assert_eq!(site["sql_server"]["frozen_since"], "2026-11-21T08:00:00Z");
    }
}
