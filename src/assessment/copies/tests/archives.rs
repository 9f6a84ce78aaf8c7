//! Archives of earlier snapshots.

use super::*;
use crate::snapshot::samples::{HALF, MDF};

const DAY: i64 = 24 * 60;

#[test]
fn a_copy_that_still_grows_is_settling() {
    let mut rig = Rig::with_archive(8);
    rig.log(0, GOOD);
    for (minute, sample) in [
        (100, Sample::good(1).without("SiteServer").without("CD.Latest")),
        (110, Sample::good(1).without("CD.Latest").resized(MDF, HALF)),
        (120, Sample::good(1)),
    ] {
        rig.archives(minute, vec![copy("/nas/a", 1, &sample)]);
        assert_eq!(rig.judgements(minute + 29), [CopyJudgement::Settling(at(1))]);
    }
    assert_eq!(rig.judgements(150), [CopyJudgement::Valid(at(1))]);
    // A copy that stopped half-way is no copy.
    rig.archives(200, vec![copy("/nas/a", 1, &Sample::good(1).without("CD.Latest"))]);
    let judgements = rig.judgements(230);
    assert!(
        matches!(&judgements[..], [CopyJudgement::Invalid(why)] if why.contains("CD.Latest")),
        "{judgements:?}"
    );
}

#[test]
fn a_copy_with_another_runs_database_names_the_file_and_both_runs() {
    let old_database = Sample::good(2).headers(MDF, |headers| headers.fingerprint = [1; 32]);
    let named = |rig: &Rig, minute| {
        let judgements = rig.judgements(minute);
        let Some(CopyJudgement::Invalid(why)) = judgements.last() else { panic!("{judgements:?}") };
        for part in ["SiteDBServer/CM_P01.mdf", "2024-10-04 00:01", "2024-10-05 00:01"] {
            assert!(why.contains(part), "{why}");
        }
    };
    // Both runs were recorded.
    let mut rig = Rig::with_archive(8);
    rig.log(0, GOOD);
    rig.walk(100, &Sample::good(1));
    rig.log(DAY, GOOD);
    rig.walk(DAY + 100, &Sample::good(2));
    rig.archives(DAY + 200, vec![copy("/nas/b", DAY + 1, &old_database)]);
    named(&rig, DAY + 230);
    // Only the older one.
    let mut rig = Rig::with_archive(8);
    rig.log(0, GOOD);
    rig.walk(100, &Sample::good(1));
    rig.archives(DAY + 200, vec![copy("/nas/b", DAY + 1, &old_database)]);
    named(&rig, DAY + 230);
    // None, but the older run's own copy lies beside it.
    let mut rig = Rig::with_archive(8);
    let copies = vec![copy("/nas/a", 1, &Sample::good(1)), copy("/nas/b", DAY + 1, &old_database)];
    rig.archives(DAY + 200, copies);
    assert_eq!(rig.judgements(DAY + 230)[0], CopyJudgement::Valid(at(1)));
    named(&rig, DAY + 230);
    // Of its own run something else was recorded, and nobody knows whose this is.
    let mut rig = Rig::with_archive(8);
    rig.log(DAY, GOOD);
    rig.walk(DAY + 100, &Sample::good(2));
    rig.archives(DAY + 200, vec![copy("/nas/b", DAY + 1, &old_database)]);
    assert!(
        matches!(&rig.judgements(DAY + 230)[0], CopyJudgement::Invalid(why) if why.contains("another run"))
    );
}

/// Until when the site can be recovered is not told by the second newest copy.
#[test]
fn while_a_newer_copy_may_exist_the_newest_is_not_known() {
    let mut rig = Rig::with_archive(8);
    rig.log(0, GOOD);
    rig.walk(100, &Sample::good(1));
    rig.archives(100, vec![copy("/nas/a", 1, &Sample::good(1))]);
    rig.log(DAY, GOOD);
    let newest = |rig: &Rig, minute| {
        let copies = rig.assess(minute).copies;
        assert_eq!(copies.newest_valid.is_some(), copies.recoverable_until.is_some());
        (copies.valid, copies.newest_valid)
    };
    assert_eq!(newest(&rig, DAY + 62), (Some(1), None), "the new snapshot has not been looked at");
    rig.walk(DAY + 100, &Sample::good(2));
    assert_eq!(newest(&rig, DAY + 131), (Some(2), Some(at(DAY + 1))));
    for minute in 0..5 {
        rig.fold(SourceKind::Snapshot, DAY + 200 + minute, Err(FailureKind::Unreachable));
    }
    assert_eq!(newest(&rig, DAY + 210).1, None, "the destination cannot be looked at");
    // What the run has deleted is known not to be there: the archive is the newest.
    let mut rig = Rig::with_archive(8);
    rig.log(0, GOOD);
    rig.archives(100, vec![copy("/nas/a", 1, &Sample::good(1))]);
    rig.log(DAY, &[(0, "500"), (1, "5055"), (2, "preparing"), (10, "-5060"), (11, "501")]);
    rig.gone(DAY + 20);
    assert_eq!(newest(&rig, DAY + 60), (Some(1), Some(at(1))));
}

#[test]
fn what_nobody_can_tell_is_unknown() {
    let file = ArchiveContent::File { size: 1 << 30, modified: Some(at(100)) };
    let folder = |sample: &Sample, run| ArchiveContent::Folder { survey: sample.survey(at(0)), run };
    let failed = Some(OwnRun { started: at(1), succeeded: None });
    let run = Some(OwnRun { started: at(1), succeeded: Some(at(60)) });
    for (content, unknown) in [
        (file, true),
        (folder(&Sample::good(1), None), true),
        (folder(&Sample::good(1).unreadable("locked"), run), true),
        (folder(&Sample::good(1).without("SiteDBServer"), run), true),
        (folder(&Sample::good(1), failed), false),
        (folder(&Sample::good(1).foreign(MDF), run), false),
    ] {
        let mut rig = Rig::with_archive(8);
        rig.archives(100, vec![ArchiveCopy { path: "/nas/a".to_owned(), content }]);
        let judgement = rig.judgements(1000).remove(0);
        assert_eq!(matches!(judgement, CopyJudgement::Unknown(_)), unknown, "{judgement:?}");
        assert_eq!(matches!(judgement, CopyJudgement::Invalid(_)), !unknown, "{judgement:?}");
        assert_eq!(rig.valid(1000), None);
    }
}

#[test]
fn an_archive_of_the_site_part_alone_is_no_proof() {
    let mut rig = Rig::with_archive(8);
    let settings = Arc::make_mut(&mut rig.state.settings);
    settings.snapshot.as_mut().unwrap().database_path = Some("/sql".into());
    rig.log(0, GOOD);
    rig.walk(100, &Sample::good(1).without("SiteDBServer"));
    rig.saw(SnapshotRoot::Database, Sample::good(1).only("SiteDBServer").survey(at(100)));
    rig.archives(
        100,
        vec![
            copy("/nas/a", 1, &Sample::good(1).without("SiteDBServer")),
            copy("/nas/b", 1, &Sample::good(1)),
        ],
    );
    let judgements = rig.judgements(200);
    assert!(
        matches!(&judgements[0], CopyJudgement::Unknown(why) if why.contains("goes elsewhere")),
        "{judgements:?}"
    );
    assert_eq!(judgements[1], CopyJudgement::Valid(at(1)));
}

#[test]
fn damage_that_a_verification_found_makes_a_copy_invalid() {
    let mut rig = Rig::with_archive(8);
    rig.archives(100, vec![copy("/nas/a", 1, &Sample::good(1))]);
    rig.verified_good("/nas/a", 1, 130);
    assert_eq!(rig.judgements(140), [CopyJudgement::Valid(at(1))]);
    rig.verified("/nas/a", 1, 150, |pass| pass.find(page_damage()));
    assert!(matches!(&rig.judgements(150)[0], CopyJudgement::Invalid(why) if why.contains("page 77")));
    // Another run's copy at the same place is another copy; and what is gone leaves nothing behind.
    rig.archives(200, vec![copy("/nas/a", DAY + 1, &Sample::good(2))]);
    assert_eq!(rig.judgements(230), [CopyJudgement::Valid(at(DAY + 1))]);
    rig.archives(300, vec![]);
    assert!(rig.state.snapshot.verifications.is_empty() && rig.state.snapshot.unchanged.is_empty());
}

#[test]
fn a_copy_of_a_snapshot_that_was_found_damaged_is_doubtful_until_it_is_read() {
    let mut rig = Rig::with_archive(8);
    rig.log(0, GOOD);
    rig.walk(70, &Sample::good(1));
    rig.archives(100, vec![copy("/nas/a", 1, &Sample::good(1))]);
    assert_eq!(rig.judgements(140), [CopyJudgement::Valid(at(1))]);
    rig.verified(FOLDER, 1, 150, |pass| pass.find(page_damage()));
    assert!(matches!(&rig.judgements(150)[0], CopyJudgement::Unknown(why) if why.contains("page 77")));
    rig.verified_good("/nas/a", 1, 160);
    assert_eq!(rig.judgements(170), [CopyJudgement::Valid(at(1))]);
}

#[test]
fn an_archive_is_fresh_by_its_newest_valid_copy() {
    use CheckState::{Failed, Passed, Unknown};
    let zip = || ArchiveCopy {
        path: "/nas/z".to_owned(),
        content: ArchiveContent::File { size: 1, modified: None },
    };
    let good = || copy("/nas/a", 1, &Sample::good(1));
    for (copies, days, expected) in [
        (vec![good()], 7, Passed),
        (vec![good()], 9, Failed),
        (vec![], 1, Failed),
        (vec![zip()], 1, Unknown),
        (vec![good(), zip()], 7, Passed),
        (vec![good(), zip()], 9, Unknown),
        (vec![copy("/nas/a", 1, &Sample::good(1).without("CD.Latest"))], 1, Failed),
    ] {
        let mut rig = Rig::with_archive(8);
        rig.archives(100, copies.clone());
        assert_eq!(rig.check(days * DAY, Check::ArchiveFresh).0, expected, "{days} {copies:?}");
    }
    let mut rig = Rig::with_archive(8);
    assert_eq!(rig.check(0, Check::ArchiveFresh).0, Unknown, "nobody has looked");
    rig.archives(100, vec![good()]);
    assert_eq!(rig.check(101, Check::ArchiveFresh).0, Unknown, "it settles");
    assert_eq!(Rig::new().check(0, Check::ArchiveFresh).0, Unknown, "none is configured");
    // One that is too old already does not get younger by settling.
    let mut rig = Rig::with_archive(8);
    rig.archives(20 * DAY, vec![good()]);
    assert_eq!(rig.check(20 * DAY + 1, Check::ArchiveFresh).0, Failed);
    for _ in 0..3 {
        rig.fold(SourceKind::Snapshot, 20 * DAY + 2, Err(FailureKind::Unreachable));
    }
    assert_eq!(rig.check(20 * DAY + 2, Check::ArchiveFresh).0, Unknown);
}
