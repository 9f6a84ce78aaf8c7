//! Polls of a server that answers in part, loses connections, is slow, or is not there. Time is paused.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::advance;
use tokio_util::sync::CancellationToken;

use super::super::scripted::{Scripted, Trouble};
use super::*;
use crate::site::{BackupMethod, BackupSet, Component, MessageId, StatusMessage, Timings};
use crate::source::{Report, Supervision, supervise};
use crate::watchdog::Watchdog;

const INTERVAL: Duration = Duration::from_secs(300);

fn start() -> Timestamp {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap()
}

fn rig() -> (Scripted, DatabaseSource) {
    let database = Scripted::new(Clock::anchored(start()));
    let source = database.source(None);
    (database, source)
}

fn message(id: u16, hours: i64) -> StatusMessage {
    StatusMessage {
        id: MessageId(id),
        severity: None,
        component: Component::SiteBackup,
        machine: "CM01".into(),
        pid: None,
        tid: None,
        time: start() + TimeDelta::hours(hours),
        hint: None,
    }
}

async fn poll(source: &mut DatabaseSource) -> Poll<SourceCursor> {
    source.poll(&Guidance::default()).await.unwrap()
}

/// The next poll, when it is due.
async fn next(source: &mut DatabaseSource) -> Poll<SourceCursor> {
    advance(INTERVAL).await;
    poll(source).await
}

fn unread(poll: &Poll<SourceCursor>) -> Vec<&'static str> {
    let unread = poll.facts.iter().find_map(|fact| match fact {
        Fact::Database(DatabaseFact::Unread(unread)) => Some(unread),
        _ => None,
    });
    unread.unwrap().iter().map(|unread| unread.topic.label()).collect()
}

/// The ids of the messages that a poll handed on, each at the position behind the one before.
fn ids(poll: &Poll<SourceCursor>) -> Vec<u16> {
    let records = poll.facts.iter().find_map(|fact| match fact {
        Fact::Records(Witness::StatusMessages, records) => Some(records.as_slice()),
        _ => None,
    });
    let records = records.unwrap_or_default();
    assert!(records.windows(2).all(|pair| pair[0].position + 1 == pair[1].position));
    let id = |record: &crate::source::Record| match &record.body {
        crate::source::RecordBody::Status(message) => message.id.0,
        crate::source::RecordBody::Remark { .. } => 0,
    };
    records.iter().map(id).collect()
}

/// Since how many hours after the start everything is told, and whether something is gone.
fn coverage(poll: &Poll<SourceCursor>) -> Option<(Option<i64>, bool)> {
    poll.facts.iter().find_map(|fact| match fact {
        Fact::Coverage { oldest, gap, .. } => {
            Some((oldest.map(|oldest| (oldest - start()).num_hours()), *gap))
        }
        _ => None,
    })
}

fn add(database: &Scripted, messages: &[(i64, u16, i64)]) {
    let messages = messages.iter().map(|(record, id, hours)| (*record, Some(message(*id, *hours))));
    database.world().messages.extend(messages);
}

#[tokio::test(start_paused = true)]
async fn messages_are_handed_on_once_whatever_their_numbers() {
    let (database, mut source) = rig();
    add(&database, &[(10, 500, -30), (11, 5055, -30)]);
    let first = poll(&mut source).await;
    assert_eq!(
        (ids(&first), coverage(&first), first.reach),
        (vec![500, 5055], Some((Some(-30), false)), Reach::CaughtUp)
    );
    // Nothing at all has come.
    let second = next(&mut source).await;
    assert_eq!((ids(&second), coverage(&second), second.reach), (vec![], None, Reach::CaughtUp));
    assert_eq!(database.times_asked(Topic::StatusMessages), 3, "the newest number twice, messages once");
    // One that was given its number before another, and was written after it.
    add(&database, &[(13, 501, -29)]);
    assert_eq!(ids(&next(&mut source).await), [501]);
    add(&database, &[(12, 5035, -29)]);
    database.world().messages.insert(14, None);
    assert_eq!(ids(&next(&mut source).await), [5035]);
    // A backup from before is put in place, and its numbers are given once more.
    database.world().messages.split_off(&11);
    add(&database, &[(11, 500, 0), (12, 5055, 0)]);
    assert_eq!(ids(&next(&mut source).await), [500, 5055]);
    assert_eq!(ids(&next(&mut source).await), [0_u16; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_new_process_goes_on_behind_the_newest_message_or_reads_everything_again() {
    for (recovered, expected, recoveries) in [(false, vec![5035], 0), (true, vec![500, 5060], 1)] {
        let (database, mut source) = rig();
        add(&database, &[(10, 500, -30), (11, 5055, -30)]);
        let cursor = poll(&mut source).await.cursor;
        if recovered {
            database.world().messages.split_off(&11);
            add(&database, &[(11, 5060, -1)]);
        } else {
            add(&database, &[(12, 5035, -1)]);
        }
        let mut source = database.source(Some(cursor));
        let polled = next(&mut source).await;
        assert_eq!(ids(&polled), expected, "{recovered}");
        let SourceCursor::Database(cursor) = polled.cursor else { panic!("{polled:?}") };
        assert_eq!((cursor.recoveries, cursor.next), (recoveries, 2 + expected.len() as u64), "{recovered}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_may_be_gone_after_a_long_pause_is_a_gap() {
    // Hours of the pause, messages that are there after it, since when everything is told, and whether it is a gap.
    for (hours, after, expected) in [
        (20, vec![(11, 5055, -30), (12, 500, 5)], (Some(-30), false)),
        (200, vec![(11, 5055, -30), (12, 500, 150)], (Some(-30), false)),
        // The newest one that was known has been deleted, or lost with the database.
        (20, vec![(12, 500, 5)], (Some(5), false)),
        (200, vec![(12, 500, 150)], (Some(150), true)),
        (200, vec![(10, 500, -30), (11, 500, 160)], (Some(160), true)),
        (200, vec![], (None, true)),
    ] {
        let (database, mut source) = rig();
        add(&database, &[(10, 500, -30), (11, 5055, -30)]);
        let cursor = poll(&mut source).await.cursor;
        database.world().messages.clear();
        add(&database, &after);
        advance(Duration::from_secs(hours * 3600)).await;
        let mut source = database.source(Some(cursor));
        assert_eq!(coverage(&poll(&mut source).await), Some(expected), "{hours} {after:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn messages_that_nobody_may_read_silence_the_witness_only_where_they_never_were() {
    let silent = Fact::Silent(Witness::StatusMessages);
    let (database, mut source) = rig();
    add(&database, &[(10, 500, -90)]);
    // What passes by itself does not silence.
    for (kind, silences) in [(FailureKind::Timeout, false), (FailureKind::Permission, true)] {
        database.world().trouble.insert(Topic::StatusMessages, Trouble::Refused(kind));
        let refused = next(&mut source).await;
        assert_eq!((refused.facts.contains(&silent), refused.reach), (silences, Reach::Unsettled), "{kind}");
        assert_eq!(unread(&refused), ["status_messages", "status_messages"]);
    }
    database.world().trouble.clear();
    let heard = next(&mut source).await;
    assert_eq!((coverage(&heard), ids(&heard)), (Some((Some(-90), false)), vec![500]));
    // Refused later, also to a new process, it stays with what it told.
    database.world().trouble.insert(Topic::StatusMessages, Trouble::Refused(FailureKind::Permission));
    for mut source in [source, database.source(Some(heard.cursor))] {
        database.world().messages.insert(11, None);
        let refused = next(&mut source).await;
        assert_eq!((refused.facts.contains(&silent), coverage(&refused)), (false, None));
        assert_eq!(refused.reach, Reach::Unsettled);
        database.world().trouble.clear();
        let back = next(&mut source).await;
        assert_eq!(
            (coverage(&back), ids(&back), back.reach),
            (Some((Some(-90), false)), vec![], Reach::CaughtUp),
            "read whole"
        );
        database.world().trouble.insert(Topic::StatusMessages, Trouble::Refused(FailureKind::Permission));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_hourly_is_told_with_every_poll() {
    let (database, mut source) = rig();
    database.world().trouble.insert(Topic::OldestCommit, Trouble::Refused(FailureKind::Timeout));
    let roots = |poll: &Poll<SourceCursor>| {
        poll.facts.iter().any(|fact| matches!(fact, Fact::Database(DatabaseFact::PackageRoots(_))))
    };
    let first = poll(&mut source).await;
    assert_eq!((unread(&first), roots(&first)), (vec!["oldest_commit"], true));
    for minutes in (5..60).step_by(5) {
        // It was slow once, and is left in peace for the hour.
        database.world().trouble.clear();
        let later = next(&mut source).await;
        assert_eq!((unread(&later), roots(&later)), (vec!["oldest_commit"], true), "{minutes} min");
    }
    assert_eq!(database.times_asked(Topic::OldestCommit), 1);
    assert_eq!(unread(&next(&mut source).await), [""; 0]);
    assert_eq!(
        (database.times_asked(Topic::OldestCommit), database.times_asked(Topic::PackageRoots)),
        (2, 2)
    );
    assert_eq!(database.times_asked(Topic::Replicas), 0);
}

#[tokio::test(start_paused = true)]
async fn reasons_that_nobody_may_read_are_told_also_where_there_is_no_error() {
    let (database, mut source) = rig();
    add(&database, &[(10, 500, -1)]);
    database.world().trouble.insert(Topic::Reasons, Trouble::Refused(FailureKind::Permission));
    for _ in 0..2 {
        let polled = next(&mut source).await;
        assert_eq!((unread(&polled), polled.reach), (vec!["reasons"], Reach::CaughtUp));
    }
    // Once the right is granted, the next poll finds out.
    database.world().trouble.clear();
    assert_eq!(unread(&next(&mut source).await), [""; 0]);
    assert_eq!(database.times_asked(Topic::Reasons), 3);
}

#[tokio::test(start_paused = true)]
async fn one_lost_connection_is_made_anew_and_a_second_ends_the_asking() {
    let (database, mut source) = rig();
    add(&database, &[(10, 500, -1)]);
    database.world().trouble.insert(Topic::Task, Trouble::Disconnects);
    let polled = poll(&mut source).await;
    assert_eq!((unread(&polled), polled.reach), (vec!["task"], Reach::CaughtUp));
    assert_eq!(database.world().connections, 2);
    database.world().trouble.insert(Topic::SiteStatus, Trouble::Disconnects);
    let polled = next(&mut source).await;
    let missing = ["task", "site_status", "updates", "task_status", "change_tracking", "backup_sets"];
    assert_eq!(
        (unread(&polled), polled.reach),
        (missing.to_vec(), Reach::CaughtUp),
        "the hourly ones are known"
    );
    // Messages that were not come to are not read.
    let (database, mut source) = rig();
    for topic in [Topic::StatusMessages, Topic::Task] {
        database.world().trouble.insert(topic, Trouble::Disconnects);
    }
    let polled = poll(&mut source).await;
    assert_eq!(polled.reach, Reach::Unsettled);
    assert_eq!(unread(&polled)[..3], ["status_messages", "status_messages", "task"]);
    assert!(!polled.facts.contains(&Fact::Silent(Witness::StatusMessages)));
}

#[tokio::test(start_paused = true)]
async fn a_slow_server_is_left_in_time_and_what_it_answered_counts() {
    let (database, mut source) = rig();
    add(&database, &[(10, 500, -1)]);
    database.world().delay = Duration::from_secs(44);
    let begun = Instant::now();
    let polled = poll(&mut source).await;
    assert!(begun.elapsed() <= source.deadline().unwrap(), "{:?}", begun.elapsed());
    assert_eq!((ids(&polled), polled.reach), (vec![500], Reach::CaughtUp));
    assert_eq!(unread(&polled).first(), Some(&"task"));
    assert_eq!(unread(&polled).len(), 10);
}

#[tokio::test(start_paused = true)]
async fn servers_of_a_group_are_asked_one_in_a_poll_once_an_hour() {
    let (database, mut source) = rig();
    let set = |hours| {
        let time = start() + TimeDelta::hours(hours);
        BackupSet { started: time, finished: time, method: BackupMethod::Native, damaged: false }
    };
    database.world().servers = [("SQL01", -1), ("SQL02", -2), ("SQL03", -3), ("SQL04", -4)]
        .map(|(server, hours)| (server.to_owned(), vec![set(hours)]))
        .to_vec();
    database.world().dead = vec!["SQL03".to_owned()];
    let mut told = Vec::new();
    for number in 0..12 {
        let polled = if number == 0 { poll(&mut source).await } else { next(&mut source).await };
        told.push(
            polled
                .facts
                .iter()
                .filter_map(|fact| match fact {
                    Fact::Database(DatabaseFact::BackupSets(server, sets)) if server != "SQL01" => {
                        assert_eq!(sets.len(), 1);
                        Some(server.clone())
                    }
                    _ => None,
                })
                .collect::<Vec<_>>(),
        );
        // The one that is mute stays visible until it is asked again.
        let expected = if number == 0 { vec![] } else { vec!["backup_sets"] };
        assert_eq!(unread(&polled), expected, "poll {number}");
    }
    let asked: Vec<_> = told.concat();
    assert_eq!(asked, ["SQL02", "SQL04"]);
    assert_eq!((told[0].len(), told[1].len(), told[2].len()), (1, 0, 1));
    // Brought back, it is asked in its turn of the next hour.
    database.world().dead.clear();
    next(&mut source).await;
    let mended = next(&mut source).await;
    assert_eq!(unread(&mended), [""; 0]);
    // No longer a group: nobody else is asked, and nobody else's silence matters.
    database.world().servers.truncate(1);
    let alone = next(&mut source).await;
    assert!(alone.facts.contains(&Fact::Database(DatabaseFact::Servers(vec!["SQL01".to_owned()]))));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_not_in_its_own_group_by_name_stays_known() {
    let (database, mut source) = rig();
    database.world().servers = vec![("SQL01".to_owned(), Vec::new()), ("SQL02".to_owned(), Vec::new())];
    poll(&mut source).await;
    source.server = "OLDNAME".to_owned();
    let answer = Answer::Replicas(vec!["SQL01".to_owned(), "SQL02".to_owned()]);
    let facts = source.facts(Question::Replicas, answer, start(), &mut Gathered::new(start()));
    let servers = ["SQL01", "SQL02", "OLDNAME"].map(str::to_owned).to_vec();
    assert_eq!(facts, [Fact::Database(DatabaseFact::Servers(servers))]);
}

#[tokio::test(start_paused = true)]
async fn the_database_rests_after_every_poll_whatever_came_of_it() {
    let (database, mut source) = rig();
    poll(&mut source).await;
    database.world().dead = vec!["SQL01".to_owned()];
    source.poll(&Guidance::default()).await.unwrap_err();
    assert_eq!(database.world().rests, 2);
}

#[tokio::test(start_paused = true)]
async fn of_several_alerts_that_fit_the_active_one_is_told() {
    let (_, mut source) = rig();
    source.alert = Some(AlertMatch::TypeId(26));
    let alert = |id, type_id, active| SiteAlert { id, type_id, name: "Backup".into(), active, bad: None };
    let alerts = [(1, None, true), (2, Some(26), false), (3, Some(26), true), (4, Some(26), true)];
    for (told, expected) in [(4, Some(3)), (2, Some(2)), (1, None)] {
        let answer =
            Answer::Alerts(alerts[..told].iter().map(|&(id, kind, on)| alert(id, kind, on)).collect());
        let facts = source.facts(Question::Alerts, answer, start(), &mut Gathered::new(start()));
        let [Fact::Database(DatabaseFact::Alert(alert))] = facts.as_slice() else { panic!("{facts:?}") };
        assert_eq!(alert.as_ref().map(|alert| alert.id), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_server_is_tried_a_few_times_an_hour() {
    let (database, source) = rig();
    database.world().dead = vec!["SQL01".to_owned()];
    let (reports, mut received) = mpsc::channel(64);
    let (_advice, guidance) = watch::channel(Guidance::default());
    let stop = CancellationToken::new();
    let supervision = Supervision {
        site: "P01".parse().unwrap(),
        clock: Clock::anchored(start()),
        timings: Timings::DEFAULT,
        guidance,
        wake: Arc::new(Notify::new()),
        reports,
        heartbeat: Watchdog::default().register("database", Timings::DEFAULT.watchdog),
        stop: stop.clone(),
    };
    let supervised = tokio::spawn(supervise(source, supervision));
    tokio::time::sleep(Duration::from_secs(3600)).await;
    stop.cancel();
    supervised.await.unwrap();
    let mut polls = 0;
    while let Some(report) = received.recv().await {
        let Report::Poll(report) = report else { panic!("a source reports polls") };
        assert_eq!(report.result.unwrap_err().kind, FailureKind::Unreachable);
        polls += 1;
    }
    assert!((10..=20).contains(&polls), "{polls}");
    assert_eq!(database.world().connections, polls, "one attempt in each poll");
}
