//! When the files are to be verified, and when they are to be left alone.

use super::*;
use crate::assessment::guidance;

const DAY: i64 = 24 * 60;

/// The folders to be verified and after which pass.
fn orders(rig: &Rig, minute: i64) -> Vec<(String, Timestamp, Option<Timestamp>)> {
    let orders = guidance(&rig.state, at(minute)).verify;
    orders.into_iter().map(|order| (order.folder, order.run, order.after)).collect()
}

#[test]
fn a_snapshot_is_verified_when_it_has_settled_and_again_after_the_interval() {
    let mut rig = Rig::new();
    rig.log(0, GOOD);
    assert_eq!(orders(&rig, 91), [], "nobody has seen it");
    rig.walk(70, &Sample::good(1));
    assert_eq!(orders(&rig, 90), []);
    assert_eq!(orders(&rig, 91), [(FOLDER.to_owned(), at(1), None)]);
    rig.verified(FOLDER, 1, 92, |_| {});
    assert_eq!(orders(&rig, 93).len(), 1, "the same order until it is carried out");
    rig.verified_good(FOLDER, 1, 100);
    assert_eq!(orders(&rig, 100 + 7 * DAY - 1), []);
    assert_eq!(orders(&rig, 100 + 7 * DAY), [(FOLDER.to_owned(), at(1), Some(at(100)))]);
    // A new run begins: nothing is to be read, and then another snapshot.
    rig.log(8 * DAY, &[(0, "500"), (1, "5055")]);
    assert_eq!(orders(&rig, 8 * DAY + 1), []);
    rig.log(8 * DAY + 2, &[(0, "6829"), (58, "5035"), (59, "501")]);
    assert_eq!(orders(&rig, 8 * DAY + 100), [], "this look was before that run");
    rig.walk(8 * DAY + 100, &Sample::good(2));
    assert_eq!(orders(&rig, 8 * DAY + 100), [(FOLDER.to_owned(), at(8 * DAY + 1), None)]);
}

#[test]
fn a_run_whose_end_was_never_logged_is_verified_some_day() {
    let mut rig = Rig::new();
    rig.log(0, &GOOD[..4]);
    rig.walk(100, &Sample::good(1));
    assert_eq!(orders(&rig, 200), [], "it may go on");
    assert_eq!(orders(&rig, 3 * DAY).len(), 1);
}

#[test]
fn nothing_is_verified_in_quiet_times() {
    let mut rig = Rig::new();
    rig.log(0, &[(0, "500"), (1, "5055"), (60, "5035"), (61, "501"), (75, "5040")]);
    rig.walk(76, &Sample::good(1));
    assert_eq!((orders(&rig, 104), guidance(&rig.state, at(104)).quiet), (vec![], Some(Quiet::AfterBackup)));
    assert_eq!(orders(&rig, 105).len(), 1);
    let mut rig = Rig::with(|settings| settings.snapshot.as_mut().unwrap().verify.pages = false);
    rig.log(0, GOOD);
    rig.walk(70, &Sample::good(1));
    assert_eq!(orders(&rig, 1000), []);
}

#[test]
fn archives_are_verified_once_they_rest() {
    let mut rig = Rig::with_archive(8);
    rig.log(0, &[]);
    rig.archives(100, vec![copy("/nas/a", 1, &Sample::good(1)), copy("/nas/b", 1441, &Sample::good(2))]);
    assert_eq!(orders(&rig, 129), []);
    let both = [("/nas/a".to_owned(), at(1), None), ("/nas/b".to_owned(), at(1441), None)];
    assert_eq!(orders(&rig, 130), both);
    let order = guidance(&rig.state, at(130));
    assert_eq!(order.order_for("/nas/*").map(|order| order.folder.as_str()), Some("/nas/a"));
    rig.verified_good("/nas/a", 1, 140);
    assert_eq!(orders(&rig, 141), both[1..]);
    assert_eq!(orders(&rig, 140 + 7 * DAY).len(), 2);
}

#[test]
fn the_destination_waits_for_another_witness_only_where_there_is_one() {
    let settings = Rig::new().state.settings;
    for (kind, quiet) in [(SourceKind::BackupLog, Some(Quiet::Unknown)), (SourceKind::Snapshot, None)] {
        let mut state = SiteState::new(Arc::clone(&settings), at(0));
        state.watch(source(kind), Duration::from_secs(5), Some(Witness::DestinationLog), at(0));
        state.watch(source(SourceKind::Verification), Duration::from_secs(5), None, at(0));
        assert_eq!(guidance(&state, at(1)).quiet, quiet, "{kind}");
    }
}
