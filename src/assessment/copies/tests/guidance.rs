//! When the files are to be verified, and when they are to be left alone.

use super::*;
use crate::assessment::guidance;

const DAY: i64 = 24 * 60;

/// The folders to be verified and after which pass.
fn orders(rig: &Rig, minute: i64) -> Vec<(String, Timestamp, Option<Timestamp>)> {
    let orders = guidance(&rig.state, at(minute)).verify;
    orders.into_iter().map(|order| (order.folder, order.run, order.after)).collect()
}

fn quiet(rig: &Rig, minute: i64) -> Option<Quiet> {
    guidance(&rig.state, at(minute)).quiet
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
fn what_changed_since_is_verified_once_it_has_settled() {
    let mut rig = Rig::new();
    rig.log(0, GOOD);
    rig.walk(70, &Sample::good(1));
    rig.verified_good(FOLDER, 1, 100);
    rig.walk(200, &Sample::good(1).with("SiteServer/note.txt", 10));
    assert_eq!(orders(&rig, 229), []);
    assert_eq!(orders(&rig, 230), [(FOLDER.to_owned(), at(1), Some(at(100)))]);
    rig.verified_good(FOLDER, 1, 231);
    rig.walk(240, &Sample::good(1).with("SiteServer/note.txt", 10));
    assert_eq!(orders(&rig, 400), [], "once");
}

#[test]
fn a_run_whose_end_was_never_logged_is_verified_some_day() {
    let mut rig = Rig::new();
    rig.log(0, &GOOD[..4]);
    rig.walk(80, &Sample::good(1));
    assert_eq!((orders(&rig, 89), quiet(&rig, 89)), (vec![], Some(Quiet::RunInProgress)), "it may go on");
    assert_eq!((orders(&rig, 90).len(), quiet(&rig, 90)), (1, None));
    // Its AfterBackup.bat may move what is there.
    rig.log(85, &[(0, "5040")]);
    assert_eq!((quiet(&rig, 114), quiet(&rig, 115)), (Some(Quiet::RunInProgress), None));
}

#[test]
fn a_stalled_run_that_says_nothing_more_keeps_nobody_away() {
    let mut rig = Rig::new();
    rig.log(0, &GOOD[..3]);
    // Without three successes it is stalled after a day.
    assert_eq!((quiet(&rig, DAY + 1), quiet(&rig, DAY + 2)), (Some(Quiet::RunInProgress), None));
    rig.log(DAY, &[(0, "5056")]);
    assert_eq!((quiet(&rig, DAY + 59), quiet(&rig, DAY + 60)), (Some(Quiet::RunInProgress), None));
}

#[test]
fn while_no_log_can_be_read_a_backup_may_run_unseen() {
    let mut rig = Rig::new();
    rig.log(0, GOOD);
    rig.fold(SourceKind::BackupLog, 70, Ok(vec![]));
    rig.fold(SourceKind::BackupLog, 71, Err(FailureKind::Unreachable));
    assert_eq!((quiet(&rig, 79), quiet(&rig, 80)), (None, Some(Quiet::Unknown)), "a hiccup does not matter");
    assert_eq!(quiet(&rig, 3), Some(Quiet::Unknown), "the clock was set");
    assert!(rig.state.knows_events(), "what was known is shown all the same");
    rig.fold(SourceKind::BackupLog, 90, Ok(vec![]));
    assert_eq!(quiet(&rig, 500), None);
    // After a restart there is no success yet.
    let watched = rig.state.sources.keys().next().unwrap().clone();
    rig.state.watch(watched, Duration::from_secs(5), Some(Witness::Log), at(91));
    rig.fold(SourceKind::BackupLog, 91, Err(FailureKind::Unreachable));
    assert_eq!(quiet(&rig, 91), Some(Quiet::Unknown));
}

#[test]
fn a_log_that_is_read_rarely_still_tells_of_a_running_backup() {
    let mut rig = Rig::new();
    let log = source(SourceKind::BackupLog);
    rig.state.watch(log, Duration::from_secs(900), SourceKind::BackupLog.witness(), at(0));
    assert_eq!(quiet(&rig, 1), Some(Quiet::Unknown), "nothing has been read yet");
    rig.log(0, &GOOD[..3]);
    // Far longer than the expected eight hours, and not stalled yet.
    assert_eq!(quiet(&rig, 9 * 60), Some(Quiet::RunInProgress));
}

#[test]
fn a_database_whose_messages_are_not_read_hears_no_backup() {
    let heard = |reach: Reach, silent: bool| {
        let mut rig = Rig::new();
        rig.log(0, GOOD);
        rig.fold(SourceKind::BackupLog, 70, Err(FailureKind::Unreachable));
        let id = source(SourceKind::Database);
        rig.state.watch(id, Duration::from_secs(300), SourceKind::Database.witness(), at(0));
        for minute in [60, 100] {
            let silent = silent.then_some(Fact::Silent(Witness::StatusMessages));
            let facts = silent.into_iter().chain([Fact::Lines(LineTotals::default())]).collect();
            let (site, started) = (rig.state.settings.code, at(minute));
            let result = Ok(Poll {
                facts,
                cursor: Cursor::Anew,
                reach: if minute == 60 { Reach::CaughtUp } else { reach },
            });
            let source = source(SourceKind::Database);
            let report = PollReport { site, source, started, duration: Duration::ZERO, result };
            rig.state.fold(&report, started);
        }
        quiet(&rig, 101) != Some(Quiet::Unknown)
    };
    assert!(heard(Reach::CaughtUp, false));
    assert!(!heard(Reach::Unsettled, false), "it was up, and its messages were not read for 40 min");
    assert!(!heard(Reach::CaughtUp, true));
}

#[test]
fn a_pass_that_could_not_read_everything_is_tried_again_soon() {
    let damaged = |pass: &mut Verification| pass.find(page_damage());
    let long = |pass: &mut Verification| pass.started = at(-1900);
    let nothing = |_: &mut Verification| {};
    type Change = fn(&mut Verification);
    for (unread, change, minutes) in
        [(1, nothing as Change, 60), (1, damaged, 7 * DAY), (1, long, 2000), (0, nothing, 7 * DAY)]
    {
        let mut rig = Rig::new();
        rig.log(0, GOOD);
        rig.walk(70, &Sample::good(1));
        rig.verified(FOLDER, 1, 100, |pass| {
            pass.finished = Some(at(100));
            pass.unread = unread;
            change(pass);
        });
        assert_eq!(
            (orders(&rig, 99 + minutes).len(), orders(&rig, 100 + minutes).len()),
            (0, 1),
            "{minutes}"
        );
    }
    let mut rig =
        Rig::with(|settings| settings.snapshot.as_mut().unwrap().verify.interval = Duration::from_secs(60));
    rig.log(0, GOOD);
    rig.walk(70, &Sample::good(1));
    rig.verified(FOLDER, 1, 100, |pass| {
        pass.finished = Some(at(100));
        pass.unread = 1;
    });
    assert_eq!(orders(&rig, 101).len(), 1, "never later than a good one");
}

#[test]
fn a_pass_that_was_finished_in_the_future_does_not_put_off_the_next() {
    let mut rig = Rig::new();
    rig.log(0, GOOD);
    rig.walk(70, &Sample::good(1));
    rig.verified_good(FOLDER, 1, 90 * DAY);
    let ahead = Some(at(90 * DAY));
    assert_eq!(orders(&rig, 100), [(FOLDER.to_owned(), at(1), ahead)]);
    assert_eq!(orders(&rig, 90 * DAY), []);
}

#[test]
fn what_was_verified_where_the_destination_was_before_is_forgotten() {
    let mut rig = Rig::with_archive(8);
    rig.verified_good("/old/P01Backup", 1, 10);
    rig.verified_good(FOLDER, 1, 20);
    rig.archives(100, vec![]);
    assert_eq!(rig.state.snapshot.verifications.keys().collect::<Vec<_>>(), [FOLDER]);
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
    assert!(guidance(&rig.state, at(130)).verify.iter().all(|order| order.location == "/nas/*"));
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
