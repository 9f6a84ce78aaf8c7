//! The last 30 days as a time line: one mark for each run at its time, and one for each due day without a run.
//!
//! The picture has no fixed width: every place on it is a share of whatever width there is, so that its words keep their
//! size on a phone. What went wrong stands in a row of its own, above what went well.

use chrono::{DateTime, Days, TimeDelta};
use maud::{Markup, html};

use super::events::{Event, Kind, events, sign};
use super::runs_table;
use crate::assessment::{Assessment, LOOK_BACK};
use crate::http::words::{ago, count, spaced, time};
use crate::site::{BackupRun, ClosedSet, Timestamp};
use crate::state::SiteState;

/// Shares of the width that stay free at the sides, for the marks and for the words below them.
const LEFT: f64 = 3.0;
const RIGHT: f64 = 4.0;
/// Marks of a kind are at least this share of the width apart.
const NEAREST: f64 = 0.6;
/// Days from one date on the axis to the next.
const LABELLED_DAYS: u64 = 5;
/// Heights of the two rows of marks, of the axis and of its words.
const WRONG: u32 = 16;
const WELL: u32 = 42;
const AXIS: u32 = 58;
const WORDS: u32 = 76;

/// The picture, its legend with numbers, and the same as a table.
pub(super) fn section(state: &SiteState, assessment: &Assessment, now: Timestamp) -> Markup {
    let all = events(state, assessment);
    let shown: Vec<_> = all.iter().filter(|event| event.at > now - LOOK_BACK).copied().collect();
    let number = |kind| shown.iter().filter(|event| event.kind == kind).count();
    html! {
        section.panel {
            h3 { "Last 30 days" }
            figure {
                (picture(&shown, &summary(&number), now))
                figcaption {
                    ul.legend {
                        @for kind in Kind::ALL.into_iter().filter(|kind| number(*kind) > 0) {
                            li { (sign(kind)) (number(kind)) " " (kind.word()) }
                        }
                        @if shown.is_empty() { li { "No run is known of this time." } }
                    }
                }
            }
            (runs_table::section(state.settings.code, &all, now))
        }
    }
}

/// In which row a kind stands.
fn height(kind: Kind) -> u32 {
    match kind {
        Kind::Succeeded | Kind::InProgress => WELL,
        Kind::Failed | Kind::Interrupted | Kind::Missed => WRONG,
    }
}

/// What the picture says, for those who do not see it.
fn summary(number: &impl Fn(Kind) -> usize) -> String {
    let counts = Kind::ALL.map(|kind| {
        let number = number(kind);
        match kind {
            Kind::Missed => count(number, "due day missed", "due days missed"),
            kind => format!("{number} {}", kind.word()),
        }
    });
    format!("Backups of the last 30 days: {}.", counts.join(", "))
}

fn picture(shown: &[Event<'_>], summary: &str, now: Timestamp) -> Markup {
    html! {
        svg.timeline role="img" aria-label=(summary) width="100%" height="84" {
            title { (summary) }
            desc { "One mark for each run at the time of its start; the newest is at the right." }
            @for (at, date) in days(now) {
                @let x = percent(at, now);
                line.labelled[date.is_some()] x1=(x) x2=(x) y1=(if date.is_some() { 4 } else { AXIS }) y2=(AXIS + 5) {}
                @if let Some(date) = date {
                    text.spare[date == Date::Spare] x=(x) y=(WORDS) text-anchor="middle" { (at.format("%-d %b")) }
                }
            }
            line.axis x1=(share(LEFT)) x2=(share(100.0 - RIGHT)) y1=(AXIS) y2=(AXIS) {}
            @for (event, more) in marks(shown, now) {
                use.mark.(event.kind.mark()) href={ "#" (event.kind.mark()) } x=(percent(event.at, now))
                    y=(height(event.kind)) {
                    title { (told(event)) @if more > 0 { ", and " (more) " more just before" } }
                }
            }
        }
    }
}

/// The events that have a mark, and how many of their kind are too close before each to be told apart.
fn marks<'a, 'b>(shown: &'a [Event<'b>], now: Timestamp) -> Vec<(&'a Event<'b>, usize)> {
    let mut marks: Vec<(&Event<'_>, usize)> = Vec::new();
    for event in shown.iter().rev() {
        let x = place(event.at, now);
        let mut same = marks.iter_mut().rev().take_while(|(newer, _)| place(newer.at, now) - x < NEAREST);
        match same.find(|(newer, _)| newer.kind == event.kind) {
            Some((_, more)) => *more += 1,
            None => marks.push((event, 0)),
        }
    }
    marks
}

/// What a mark says when it is pointed at.
fn told(event: &Event<'_>) -> String {
    let took = event
        .run
        .and_then(BackupRun::duration)
        .map_or_else(String::new, |took| format!(" after {}", ago(took)));
    let cause = event.run.and_then(BackupRun::failure).filter(|_| event.kind == Kind::Failed);
    let cause = cause.map_or_else(String::new, |cause| format!(": {}", spaced(cause.label())));
    format!("{} {}{took}{cause}", time(event.at), event.kind.word())
}

/// Where a moment stands, as a share of the width; what is dated before the picture or in the future, at its edge.
fn place(at: Timestamp, now: Timestamp) -> f64 {
    let (since, whole) = ((at - (now - LOOK_BACK)).num_seconds() as f64, LOOK_BACK.num_seconds() as f64);
    LEFT + (since / whole).clamp(0.0, 1.0) * (100.0 - LEFT - RIGHT)
}

fn percent(at: Timestamp, now: Timestamp) -> String {
    share(place(at, now))
}

fn share(share: f64) -> String {
    format!("{share:.2}%")
}

/// Whether a day has its date below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Date {
    Always,
    /// Where there is room.
    Spare,
}

/// The midnights (UTC) of the picture, newest first, and which of them have their date below.
fn days(now: Timestamp) -> Vec<(Timestamp, Option<Date>)> {
    let today = now.date_naive();
    let midnight = |back: u64| {
        let day = today.checked_sub_days(Days::new(back))?.and_hms_opt(0, 0, 0)?;
        let date = if back.is_multiple_of(2 * LABELLED_DAYS) { Date::Always } else { Date::Spare };
        let date = back.is_multiple_of(LABELLED_DAYS).then_some(date);
        Some((DateTime::from_naive_utc_and_offset(day, chrono::Utc), date))
    };
    let within = |(at, _): &(Timestamp, Option<Date>)| *at > now - LOOK_BACK + TimeDelta::minutes(1);
    (0..=30).map_while(midnight).take_while(within).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assessment::assess;
    use crate::assessment::samples::{GOOD, Rig, at};

    fn now() -> Timestamp {
        "2026-11-21T08:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_moment_has_its_place_and_none_is_outside() {
        let middle = LEFT + (100.0 - LEFT - RIGHT) / 2.0;
        for (days, expected) in
            [(0, 100.0 - RIGHT), (15, middle), (30, LEFT), (400, LEFT), (-1, 100.0 - RIGHT)]
        {
            let found = place(now() - TimeDelta::days(days), now());
            assert!((found - expected).abs() < 1e-9, "{days} days ago: {found}");
        }
    }

    #[test]
    fn every_midnight_is_on_the_axis_and_every_fifth_has_its_date() {
        let days = days(now());
        assert_eq!((days.len(), days[0].0), (30, "2026-11-21T00:00:00Z".parse().unwrap()));
        assert!(days.windows(2).all(|pair| pair[0].0 - pair[1].0 == TimeDelta::days(1)));
        let number = |wanted| days.iter().filter(|(_, date)| *date == Some(wanted)).count();
        assert_eq!((number(Date::Always), number(Date::Spare)), (3, 3));
    }

    #[test]
    fn every_run_has_its_mark_and_the_summary_counts_them() {
        let mut rig = Rig::with(|settings| {
            settings.schedule = Some(crate::site::TaskWindow { days: 127, begin: 120, latest_begin: 300 });
            settings.time_zone = Some(crate::schedule::Zone::Utc);
        });
        // Nights of 02:00; in the third nobody starts.
        rig.log(120, GOOD);
        rig.log(1440 + 120, &[(0, "500"), (1, "5055"), (2, "-5060"), (4, "501")]);
        rig.log(3 * 1440 + 120, GOOD);
        rig.log(4 * 1440 + 120, &[(0, "500"), (1, "5055")]);
        rig.log(5 * 1440 + 120, &[(0, "500"), (1, "5055")]);
        let now = at(5 * 1440 + 150);
        let assessment = assess(&rig.state, now);
        let kinds: Vec<_> = events(&rig.state, &assessment).iter().map(|event| event.kind).collect();
        let expected = [
            Kind::Succeeded,
            Kind::Failed,
            Kind::Missed,
            Kind::Succeeded,
            Kind::Interrupted,
            Kind::InProgress,
        ];
        assert_eq!(kinds, expected);
        let html = section(&rig.state, &assessment, now).into_string();
        let summary = "Backups of the last 30 days: 2 succeeded, 1 failed, 1 interrupted, 1 due day missed, 1 in progress.";
        assert!(html.contains(&format!("aria-label=\"{summary}\"")), "{html}");
        for kind in Kind::ALL {
            let marks = format!("<use class=\"mark {0}\" href=\"#{0}\" x=", kind.mark());
            let expected = if kind == Kind::Succeeded { 2 } else { 1 };
            assert_eq!(html.matches(&marks).count(), expected, "{kind:?}");
        }
    }

    #[test]
    fn marks_of_a_kind_that_would_hide_one_another_are_one() {
        let event = |minutes: i64, kind| Event { at: now() - TimeDelta::minutes(minutes), kind, run: None };
        let shown = [
            event(3000, Kind::Failed),
            event(40, Kind::Failed),
            event(30, Kind::Succeeded),
            event(20, Kind::Failed),
            event(10, Kind::Failed),
        ];
        let marks: Vec<_> =
            marks(&shown, now()).into_iter().map(|(event, more)| (event.kind, more)).collect();
        assert_eq!(marks, [(Kind::Failed, 2), (Kind::Succeeded, 0), (Kind::Failed, 0)]);
    }

    #[test]
    fn what_is_older_than_the_picture_is_not_on_it() {
        let mut rig = Rig::with(|_| {});
        rig.log(0, GOOD);
        let shown = |minute: i64| {
            section(&rig.state, &assess(&rig.state, at(minute)), at(minute))
                .into_string()
                .contains("x=\"3.00%\"")
        };
        assert!(!shown(60) && !shown(31 * 1440));
        let html = section(&rig.state, &assess(&rig.state, at(31 * 1440)), at(31 * 1440)).into_string();
        assert!(
            html.contains("No run is known of this time.") && html.contains("2024-10-04 00:01:00 UTC"),
            "{html}"
        );
    }
}
