//! The copies of a site as JSON.

use serde::Serialize;

use crate::assessment::{Assessment, Copies, CopyJudgement, PresentSnapshot, Standing};
use crate::site::Timestamp;
use crate::snapshot::{Completeness, Finding};

/// What could be restored; `null` where nothing is known.
#[derive(Debug, Serialize)]
pub(super) struct CopiesJson<'a> {
    valid: Option<u32>,
    valid_in_retention: Option<u32>,
    newest_valid: Option<Timestamp>,
    recoverable_until: Option<Timestamp>,
    native: Option<Timestamp>,
    snapshot: Option<SnapshotJson<'a>>,
    archives: Vec<ArchiveJson<'a>>,
}

/// The snapshot in the destination.
#[derive(Debug, Serialize)]
struct SnapshotJson<'a> {
    standing: &'static str,
    run: Option<Timestamp>,
    valid: Option<bool>,
    complete: Option<bool>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    missing: &'a [String],
    intact: Option<bool>,
    unchanged: Option<bool>,
    files_changed: Option<u64>,
    findings: &'a [Finding],
    differences: &'a [Finding],
}

/// One archive; `copies` is `null` while it cannot be looked at.
#[derive(Debug, Serialize)]
struct ArchiveJson<'a> {
    name: &'a str,
    max_age_seconds: Option<i64>,
    copies: Option<Vec<CopyJson<'a>>>,
}

/// One copy: `valid`, `settling`, `invalid` or `unknown`, and either its run or why.
#[derive(Debug, Serialize)]
struct CopyJson<'a> {
    path: &'a str,
    judgement: &'static str,
    run: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

/// Everything that is known of the copies.
pub(super) fn copies(assessment: &Assessment) -> CopiesJson<'_> {
    let Copies { present, archives, valid, valid_in_retention, newest_valid, recoverable_until, native } =
        &assessment.copies;
    CopiesJson {
        valid: *valid,
        valid_in_retention: *valid_in_retention,
        newest_valid: *newest_valid,
        recoverable_until: *recoverable_until,
        native: *native,
        snapshot: present.as_ref().map(snapshot),
        archives: (archives.iter())
            .map(|archive| ArchiveJson {
                name: &archive.name,
                max_age_seconds: archive.max_age.map(|age| age.num_seconds()),
                copies: archive.copies.as_ref().map(|copies| copies.iter().map(copy).collect()),
            })
            .collect(),
    }
}

fn snapshot(present: &PresentSnapshot) -> SnapshotJson<'_> {
    let (complete, missing): (_, &[String]) = match &present.completeness {
        Completeness::Complete => (Some(true), &[]),
        Completeness::Missing(missing) => (Some(false), missing),
        Completeness::Unknown(_) => (None, &[]),
    };
    SnapshotJson {
        standing: match present.standing {
            Standing::Current => "current",
            Standing::Remains => "remains",
            Standing::Gone => "gone",
            Standing::Moved => "moved",
            Standing::Archived => "archived",
            Standing::Earlier => "earlier",
            Standing::Doubtful => "doubtful",
            Standing::Touched => "touched",
            Standing::Unknown => "unknown",
        },
        run: present.run,
        valid: present.valid(),
        complete,
        missing,
        intact: present.intact,
        unchanged: present.unchanged,
        files_changed: present.files_changed,
        findings: &present.findings,
        differences: &present.differences,
    }
}

fn copy((path, judgement): &(String, CopyJudgement)) -> CopyJson<'_> {
    let (judgement, run, reason) = match judgement {
        CopyJudgement::Valid(run) => ("valid", Some(*run), None),
        CopyJudgement::Settling(run) => ("settling", Some(*run), None),
        CopyJudgement::Invalid(why) => ("invalid", None, Some(why.as_str())),
        CopyJudgement::Unknown(why) => ("unknown", None, Some(why.as_str())),
    };
    CopyJson { path, judgement, run, reason }
}

#[cfg(test)]
mod tests {
    use crate::assessment::samples::{GOOD, Rig, copy};
    use crate::http::api;
    use crate::snapshot::samples::Sample;

    const SHARE: &str = "/nas/<b>";

    #[test]
    fn json_has_every_copy() {
        let mut rig = Rig::with_archive(8);
        rig.log(0, GOOD);
        rig.walk(100, &Sample::good(1));
        rig.archives(100, vec![copy(SHARE, 1, &Sample::good(1))]);
        let json = serde_json::to_value(api::site(&rig.state, &rig.assess(200))).unwrap();
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
}
