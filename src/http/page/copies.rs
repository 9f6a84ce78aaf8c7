//! The copies: the snapshot, archives, other copies, and the disks they are on.
//!
//! It repeats the words of the judgement and judges nothing itself.

use maud::{Markup, html};

use super::elements::{Tone, moment, panel, row};
use super::recoverable::{REPLACED, is_being_made};
use crate::assessment::{ArchiveSummary, Assessment, CopyJudgement, PresentSnapshot, Standing, supplemental};
use crate::config::{SnapshotRoot, SupplementalConfig};
use crate::http::words::{capital, size, spaced};
use crate::site::{ClosedSet, Node, Timestamp};
use crate::snapshot::{Completeness, SnapshotComponent, Survey, Verification};
use crate::state::SiteState;

/// So many copies of one archive and so many findings are shown.
const SHOWN: usize = 10;

/// Nothing where neither a destination nor another copy is configured, or where the site is watched elsewhere.
pub(super) fn section(state: &SiteState, assessment: &Assessment) -> Markup {
    let copies = &assessment.copies;
    if state.node() == Some(Node::Passive) {
        return html! {};
    }
    if copies.present.is_none() && copies.archives.is_empty() && state.settings.supplemental.is_empty() {
        return html! {};
    }
    panel(
        "Copies",
        &html! {
            dl.rows {
                @if let Some(present) = &copies.present { (snapshot(state, present, is_being_made(state, assessment))) }
                @for summary in &copies.archives { (archive(summary)) }
                @for item in &state.settings.supplemental { (other(state, assessment, item)) }
                (disks(state))
            }
        },
    )
}

fn snapshot(state: &SiteState, present: &PresentSnapshot, is_being_made: bool) -> Markup {
    let (tone, word) = match present.valid() {
        _ if is_being_made => (Tone::Plain, "being made"),
        Some(true) => (Tone::Good, "valid"),
        Some(false) => (Tone::Bad, "not valid"),
        None => (Tone::Plain, "unknown"),
    };
    let surveys: Vec<&Survey> =
        SnapshotRoot::ALL.iter().filter_map(|root| state.observed(state.snapshot.root(*root))).collect();
    let bytes: u64 = surveys.iter().map(|survey| survey.total.bytes).sum();
    let has = |part: &&SnapshotComponent| surveys.iter().any(|survey| survey.component(**part).files > 0);
    let parts: Vec<_> = SnapshotComponent::ALL.iter().filter(has).map(|part| spaced(part.label())).collect();
    let said = html! {
        @if is_being_made { (capital(REPLACED)) "." } @else { (standing(present.standing)) }
        @if let Some(run) = present.run { " Run of " (moment(run)) "." }
        @if !parts.is_empty() {
            " " (size(bytes)) " in the destination: " (parts.join(", ")) "."
        }
        @match &present.completeness {
            Completeness::Missing(missing) if !is_being_made => { " Missing: " (missing.join("; ")) "." },
            Completeness::Unknown(why) => { " Not known: " (why) "." },
            Completeness::Complete | Completeness::Missing(_) => {},
        }
    };
    let (intact, read) = match present.intact {
        Some(true) => (Tone::Good, "undamaged"),
        Some(false) => (Tone::Bad, "damaged"),
        None => (Tone::Plain, "unknown"),
    };
    html! {
        (row("Snapshot", tone, word, said))
        (row("Verification", intact, read, progress(state, present.run, bytes)))
        @for finding in present.differences.iter().take(SHOWN) {
            (row("File", Tone::Bad, "changed", finding.to_string()))
        }
        @for finding in present.findings.iter().take(SHOWN) {
            (row("File", if finding.is_damage() { Tone::Bad } else { Tone::Warn }, finding.severity.label(),
                finding.to_string()))
        }
        (more("Files", present.findings.len(), "more findings"))
    }
}

/// That not everything is shown; nothing where it is.
fn more(name: &str, all: usize, what: &str) -> Markup {
    match all.checked_sub(SHOWN).filter(|more| *more > 0) {
        Some(more) => row(name, Tone::Plain, "more", format!("and {more} {what}")),
        None => html! {},
    }
}

fn archive(archive: &ArchiveSummary) -> Markup {
    let name = format!("Archive {}", archive.name);
    html! {
        @match &archive.copies {
            None => (row(&name, Tone::Plain, "unknown", "It cannot be looked at now.")),
            Some(found) if found.is_empty() => (row(&name, Tone::Warn, "empty", "No copy is in it.")),
            Some(found) => {
                @for (path, judgement) in found.iter().rev().take(SHOWN) {
                    (copy(&name, path, judgement))
                }
                (more(&name, found.len(), "more"))
            },
        }
    }
}

fn copy(name: &str, path: &str, judgement: &CopyJudgement) -> Markup {
    let (tone, word, why) = match judgement {
        CopyJudgement::Valid(run) => (Tone::Good, "valid", html! { "of the run of " (moment(*run)) }),
        CopyJudgement::Settling(run) => {
            let why = html! { "of the run of " (moment(*run)) ": it changed a short time ago" };
            (Tone::Plain, "settling", why)
        }
        CopyJudgement::Invalid(why) => (Tone::Bad, "not valid", html! { (why) }),
        CopyJudgement::Unknown(why) => (Tone::Plain, "unknown", html! { (why) }),
    };
    row(name, tone, word, html! { bdi { (path) } " " span.dim { (why) } })
}

/// A copy of what the task leaves out.
fn other(state: &SiteState, assessment: &Assessment, item: &SupplementalConfig) -> Markup {
    let (tone, word) = match supplemental(state, item, assessment.at) {
        Some(true) => (Tone::Good, "fresh"),
        Some(false) => (Tone::Bad, "old"),
        None => (Tone::Plain, "unknown"),
    };
    let copy = state.observed(state.snapshot.supplemental.get(&item.name));
    let why = copy.map_or("", |copy| copy.unreadable.as_deref().unwrap_or(&copy.because));
    let said = html! {
        bdi { (item.path.display()) }
        @if let Some(at) = copy.and_then(|copy| copy.current_to) { ", current to " (moment(at)) }
        @if !why.is_empty() { ": " (why) }
    };
    row(html! { bdi { (item.name) } }, tone, word, said)
}

fn disks(state: &SiteState) -> Markup {
    let places = state.snapshot.places.iter();
    let seen = places.filter_map(|(location, place)| Some((location, state.observed(place)?)));
    html! {
        @for (location, place) in seen {
            (row(format!("Disk of {location}"), if place.exists { Tone::Good } else { Tone::Bad },
                if place.exists { "there" } else { "missing" },
                html! {
                    bdi { (place.path) }
                    @if let Some(free) = place.free { ", " (size(free)) " free" }
                }))
        }
    }
}

/// How far the passes over the present snapshot came, or when they ended.
fn progress(state: &SiteState, run: Option<Timestamp>, bytes: u64) -> Markup {
    let folders = state.settings.snapshot.as_ref().map(|config| config.folders(state.settings.code));
    let known = folders.iter().flatten().filter_map(|(_, folder)| state.snapshot.verifications.get(folder));
    let of_run = |pass: &&Verification| run == Some(pass.run);
    let (mut read, mut goes_on, mut ended) = (0_u64, false, None::<Timestamp>);
    for verified in known {
        if let Some(pass) = verified.current.as_ref().filter(of_run) {
            goes_on = true;
            read = read.saturating_add(pass.bytes);
        } else if let Some(pass) = verified.finished.as_ref().filter(of_run) {
            read = read.saturating_add(pass.bytes);
            ended = ended.max(pass.finished);
        }
    }
    match (goes_on, ended) {
        (true, _) => html! { (percent(read, bytes)) " % of " (size(bytes)) " read." },
        (false, Some(at)) => html! { "Ended at " (moment(at)) ", " (size(read)) " read." },
        (false, None) => html! { "Its pages have not been read yet." },
    }
}

fn percent(part: u64, whole: u64) -> u64 {
    u128::from(part).saturating_mul(100).checked_div(whole.into()).map_or(0, |of| of.min(100) as u64)
}

fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Current => "The files of the newest successful run.",
        Standing::Remains => "What a run left that has not succeeded.",
        Standing::Gone => "It is gone, though a run succeeded.",
        Standing::Moved => "It was taken away after AfterBackup.bat was started, nobody knows where.",
        Standing::Archived => "It was moved into an archive.",
        Standing::Earlier => "The files of an earlier run: the newest has left nothing here.",
        Standing::Doubtful => "Its own log is older than the newest success.",
        Standing::Touched => "Its files are not those that were recorded.",
        Standing::Unknown => "It is not known whose files they are.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assessment::samples::{GOOD, Rig, at, copy};
    use crate::http::samples::{page, words};
    use crate::snapshot::samples::Sample;

    const SHARE: &str = "/nas/<b>";

    /// A snapshot whose verification goes on, and an archive with a name from outside.
    fn rig() -> Rig {
        let mut rig = Rig::with_archive(8);
        rig.log(0, GOOD);
        rig.walk(100, &Sample::good(1));
        let bytes = Sample::good(1).survey(Timestamp::UNIX_EPOCH).total.bytes;
        rig.verified("/backup/P01Backup", 1, 101, |pass| pass.bytes = bytes * 37 / 100 + 1);
        rig.archives(100, vec![copy(SHARE, 1, &Sample::good(1))]);
        rig
    }

    #[test]
    fn the_page_shows_every_copy_and_how_far_verification_came() {
        let mut rig = rig();
        let html = page(&rig.state, at(200));
        let shown = words(&html);
        for part in [
            "Snapshot valid The files of the newest successful run. Run of 2024-10-04 00:01:00 UTC .",
            "15.8 MiB in the destination: site server, database,",
            "37 % of 15.8 MiB read.",
            "Archive nas valid /nas/<b> of the run of 2024-10-04 00:01:00 UTC",
        ] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        assert!(!html.contains(SHARE));
        rig.verified("/backup/P01Backup", 1, 102, |pass| {
            pass.find(crate::snapshot::Finding::damaged("<i>.mdf", "a checksum", "another"));
        });
        let html = page(&rig.state, at(200));
        assert!(words(&html).contains("<i>.mdf: expected a checksum, found another"), "{html}");
        assert!(!html.contains("<i>"));
    }

    #[test]
    fn a_share_is_no_more_than_all() {
        assert_eq!((percent(0, 0), percent(u64::MAX, 1), percent(1, 3)), (0, 100, 33));
    }
}
