//! The part of the status page about copies: the snapshot, archives, other copies, and the disks they are on.
//!
//! It repeats the words of the judgement and judges nothing itself.

use std::fmt::Write;

use super::html::{row, time};
use crate::assessment::{Assessment, CopyJudgement, PresentSnapshot, Standing, supplemental};
use crate::config::SnapshotRoot;
use crate::site::{ClosedSet, Timestamp};
use crate::snapshot::{Completeness, SnapshotComponent, Survey, Verification};
use crate::state::SiteState;

/// So many copies of one archive and so many findings are shown.
const SHOWN: usize = 10;

/// Nothing where neither a destination nor another copy is configured.
pub(super) fn section(html: &mut String, state: &SiteState, assessment: &Assessment) {
    let copies = &assessment.copies;
    if copies.present.is_none() && copies.archives.is_empty() && state.settings.supplemental.is_empty() {
        return;
    }
    html.push_str("<h3>Copies</h3><table>");
    if let Some(present) = &copies.present {
        snapshot(html, state, present);
    }
    for archive in &copies.archives {
        let name = format!("archive {}", archive.name);
        match &archive.copies {
            None => row(html, &name, "none", "unknown", "It cannot be looked at now."),
            Some(found) if found.is_empty() => row(html, &name, "warn", "empty", "No copy is in it."),
            Some(found) => {
                for (path, judgement) in found.iter().rev().take(SHOWN) {
                    let (class, word, why) = judged(judgement);
                    row(html, &name, class, word, &format!("{path} {why}"));
                }
                if let Some(more) = found.len().checked_sub(SHOWN).filter(|more| *more > 0) {
                    row(html, &name, "none", "more", &format!("and {more} more"));
                }
            }
        }
    }
    for item in &state.settings.supplemental {
        let (class, word) = match supplemental(state, item, assessment.at) {
            Some(true) => ("good", "fresh"),
            Some(false) => ("bad", "old"),
            None => ("none", "unknown"),
        };
        let copy = state.observed(state.snapshot.supplemental.get(&item.name));
        let current = copy.and_then(|copy| copy.current_to);
        let current = current.map_or_else(String::new, |at| format!(", current to {}", time(at)));
        let why = copy.map_or("", |copy| copy.unreadable.as_deref().unwrap_or(&copy.because));
        row(html, &item.name, class, word, &format!("{}{current}: {why}", item.path.display()));
    }
    for (location, place) in &state.snapshot.places {
        let Some(place) = state.observed(place) else { continue };
        let (class, word) = if place.exists { ("good", "there") } else { ("bad", "missing") };
        let free = place.free.map_or_else(String::new, |free| format!(", {} free", size(free)));
        row(html, &format!("disk of {location}"), class, word, &format!("{}{free}", place.path));
    }
    html.push_str("</table>");
}

fn snapshot(html: &mut String, state: &SiteState, present: &PresentSnapshot) {
    let (class, word) = match present.valid() {
        Some(true) => ("good", "valid"),
        Some(false) => ("bad", "not valid"),
        None => ("none", "unknown"),
    };
    let surveys: Vec<&Survey> =
        SnapshotRoot::ALL.iter().filter_map(|root| state.observed(state.snapshot.root(*root))).collect();
    let mut text = standing(present.standing).to_owned();
    if let Some(run) = present.run {
        let _ = write!(text, " Run of {}.", time(run));
    }
    let bytes: u64 = surveys.iter().map(|survey| survey.total.bytes).sum();
    if surveys.iter().any(|survey| survey.present) {
        let has = |part: &&SnapshotComponent| surveys.iter().any(|survey| survey.component(**part).files > 0);
        let parts: Vec<_> =
            SnapshotComponent::ALL.iter().filter(has).map(|part| part.label().replace('_', " ")).collect();
        let _ = write!(text, " {} in the destination: {}.", size(bytes), parts.join(", "));
    }
    match &present.completeness {
        Completeness::Complete => {}
        Completeness::Missing(missing) => {
            let _ = write!(text, " Missing: {}.", missing.join("; "));
        }
        Completeness::Unknown(why) => {
            let _ = write!(text, " Not known: {why}.");
        }
    }
    row(html, "snapshot", class, word, &text);

    let (class, word) = match present.intact {
        Some(true) => ("good", "undamaged"),
        Some(false) => ("bad", "damaged"),
        None => ("none", "unknown"),
    };
    row(html, "verification", class, word, &progress(state, present.run, bytes));
    for finding in present.differences.iter().take(SHOWN) {
        row(html, "", "bad", "changed", &finding.to_string());
    }
    for finding in present.findings.iter().take(SHOWN) {
        let class = if finding.is_damage() { "bad" } else { "warn" };
        row(html, "", class, finding.severity.label(), &finding.to_string());
    }
    if let Some(more) = present.findings.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        row(html, "", "none", "more", &format!("and {more} more findings"));
    }
}

/// How far the passes over the present snapshot came, or when they ended.
fn progress(state: &SiteState, run: Option<Timestamp>, bytes: u64) -> String {
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
        (true, _) => format!("{} % of {} read.", percent(read, bytes), size(bytes)),
        (false, Some(at)) => format!("Ended at {}, {} read.", time(at), size(read)),
        (false, None) => "Its pages have not been read yet.".to_owned(),
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

fn judged(judgement: &CopyJudgement) -> (&'static str, &'static str, String) {
    match judgement {
        CopyJudgement::Valid(run) => ("good", "valid", format!("of the run of {}", time(*run))),
        CopyJudgement::Settling(run) => {
            ("none", "settling", format!("of the run of {}: it changed a short time ago", time(*run)))
        }
        CopyJudgement::Invalid(why) => ("bad", "not valid", why.clone()),
        CopyJudgement::Unknown(why) => ("none", "unknown", why.clone()),
    }
}

/// Bytes in the largest unit that leaves something before the point.
fn size(bytes: u64) -> String {
    let units = [(1_u64 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match units.into_iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) => format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit),
        None => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::api;
    use super::*;
    use crate::assessment::assess;
    use crate::assessment::samples::Rig;
    use crate::http::status_page::page;
    use crate::snapshot::samples::Sample;

    const SHARE: &str = "/nas/<b>";

    /// A snapshot whose verification goes on, and an archive with a name from outside.
    fn rig() -> Rig {
        let mut rig = Rig::with_archive(8);
        rig.log(0, crate::assessment::samples::GOOD);
        rig.walk(100, &Sample::good(1));
        let bytes = Sample::good(1).survey(Timestamp::UNIX_EPOCH).total.bytes;
        rig.verified("/backup/P01Backup", 1, 101, |pass| pass.bytes = bytes * 37 / 100 + 1);
        rig.archives(100, vec![crate::assessment::samples::copy(SHARE, 1, &Sample::good(1))]);
        rig
    }

    #[test]
    fn the_page_shows_every_copy_and_how_far_verification_came() {
        let mut rig = rig();
        let html = |rig: &Rig| {
            let now = crate::assessment::samples::at(200);
            page([(&rig.state, &assess(&rig.state, now))].into_iter(), "/metrics", now)
        };
        let shown = html(&rig);
        for part in [
            "The files of the newest successful run. Run of 2024-10-04 00:01:00 UTC.",
            "15.8 MiB in the destination: site server, database,",
            "37 % of 15.8 MiB read.",
            "/nas/&lt;b&gt; of the run of 2024-10-04 00:01:00 UTC",
        ] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        assert!(!shown.contains(SHARE));
        rig.verified("/backup/P01Backup", 1, 102, |pass| {
            pass.find(crate::snapshot::Finding::damaged("<i>.mdf", "a checksum", "another"));
        });
        let shown = html(&rig);
        assert!(
            shown.contains("&lt;i&gt;.mdf: expected a checksum, found another") && !shown.contains("<i>")
        );
    }

    #[test]
    fn json_has_the_same_copies() {
        let rig = rig();
        let assessment = assess(&rig.state, crate::assessment::samples::at(200));
        let json = serde_json::to_value(api::site(&rig.state, &assessment)).unwrap();
        assert_eq!((&json["valid_copies"], &json["copies"]["valid"]), (&2.into(), &2.into()));
        assert_eq!(json["copies"]["newest_valid"], "2024-10-04T00:01:00Z");
        assert_eq!(json["copies"]["snapshot"]["standing"], "current");
        assert_eq!(json["copies"]["snapshot"]["intact"], serde_json::Value::Null);
        let archive = serde_json::json!({
            "name": "nas",
            "max_age_seconds": 8 * 86_400,
            "copies": [{ "path": SHARE, "judgement": "valid", "run": "2024-10-04T00:01:00Z" }],
        });
        assert_eq!(json["copies"]["archives"], serde_json::json!([archive]));
    }

    #[test]
    fn sizes_and_shares_have_no_overflow() {
        for (bytes, expected) in [
            (0, "0 bytes"),
            (1023, "1023 bytes"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            ((1 << 30) - 1, "1023.9 MiB"),
            (u64::MAX, "16777215.9 TiB"),
        ] {
            assert_eq!(size(bytes), expected);
        }
        assert_eq!((percent(0, 0), percent(u64::MAX, 1), percent(1, 3)), (0, 100, 33));
    }
}
