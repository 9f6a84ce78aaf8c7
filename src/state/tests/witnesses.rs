//! The same runs, whoever tells of them, when, and by which clock.

use super::deliveries::{Act, Cast, LogKeeps, Play, World, history};
use super::*;

fn play() -> impl Strategy<Value = Play> {
    use FailureCause as F;
    const CAUSES: &[FailureCause] = &[
        F::Vss,
        F::Writer,
        F::AccessDenied,
        F::PathNotFound,
        F::SharingViolation,
        F::DiskFull,
        F::CleanupFailed,
        F::CopyFailed,
        F::Sql,
        F::Registry,
        F::ControlFile,
    ];
    let cause = || proptest::sample::select(CAUSES);
    prop_oneof![
        3 => Just(Play::Success),
        1 => Just(Play::Warning),
        1 => Just(Play::AfterBackupFails),
        3 => cause().prop_map(Play::Failure),
        1 => cause().prop_map(Play::FailureAndCrash),
        1 => Just(Play::TwoFailures),
        1 => proptest::sample::select(BackupPhase::ALL).prop_map(Play::Crash),
        1 => Just(Play::Stopped),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    let lasts = prop_oneof![60_i64..1200, 1200_i64..20_000];
    // Somebody starts it again at once, or it waits for the next night.
    let pause = prop_oneof![2 => 20_i64..120, 2 => 120_i64..1200, 1 => 20_000_i64..90_000];
    (play(), lasts, pause).prop_map(|(play, lasts, pause)| Act { play, lasts, pause })
}

fn cast() -> impl Strategy<Value = Cast> {
    let log = prop_oneof![
        2 => Just(LogKeeps::Everything),
        1 => Just(LogKeeps::Errors),
        1 => Just(LogKeeps::Nothing),
    ];
    (log, any::<bool>(), any::<bool>(), any::<bool>())
        .prop_map(|(log, destination, event_log, database)| Cast { log, destination, event_log, database })
        .prop_filter("somebody must have seen everything", |cast| {
            cast.log == LogKeeps::Everything || cast.event_log || cast.database
        })
}

/// What must be the same of a run, whoever tells of it; all but its times.
fn essence(run: &BackupRun) -> impl PartialEq + std::fmt::Debug + use<> {
    let ended = run.ended.map(|(end, _)| end);
    let cause = run.error.as_ref().map(|error| error.cause);
    (run.outcome(), ended, cause, run.succeeded.is_some(), run.error_after_success.is_some(), run.warnings)
}

/// Reads a history at random times, at most so many records at once, now and then restarted.
fn watch(world: &mut World, limit: usize, random: &mut fastrand::Rng) {
    for _ in 0..random.usize(0..60) {
        match random.u32(0..20) {
            0 => world.save(),
            1 => world.restart(),
            2..=6 => world.wait(TimeDelta::seconds(random.i64(0..600)), limit),
            7 => world.wait(TimeDelta::seconds(random.i64(0..50_000)), limit),
            _ => {
                world.poll(random.usize(0..world.witnesses()), limit);
            }
        }
    }
    world.finish(limit, random);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    /// What "the same" means is what one log would tell that held all that the site's witnesses know: every message, and
    /// the words that any of them keeps, because a cause may only stand there. Where the log of the installation is
    /// missing, causes are those of the messages' own strings, and times are another's: the database's, by its clock, or
    /// the event log's, which can be ten minutes late.
    #[test]
    fn the_same_runs_whoever_tells_of_them_in_whatever_order_and_however_late(
        acts in proptest::collection::vec(act(), 1..7),
        cast in cast(),
        limit in prop_oneof![Just(usize::MAX), 1_usize..30],
        seed in any::<u64>(),
    ) {
        let mut random = fastrand::Rng::with_seed(seed);
        let history = history(&acts, &mut random);
        let told = cast.told(&history);
        let expected = derive_runs(&told, &Timings::DEFAULT);
        let span = expected.last().unwrap().last - at(0);
        let begin = at(0) + span * random.i32(0..=100) / 100;
        let mut world = World::new(&history, cast, begin, &mut random);
        watch(&mut world, limit, &mut random);
        let SiteState { runs, totals, contradictions, .. } = &world.state;

        let essences = |runs: &[BackupRun]| runs.iter().map(essence).collect::<Vec<_>>();
        prop_assert_eq!(essences(runs), essences(&expected));
        for (run, expected) in runs.iter().zip(&expected) {
            let off = run.started_or_first() - expected.started_or_first();
            prop_assert!(off.abs() <= cast.tolerance(), "dated {} off", off);
        }
        let mut counted = Totals::default();
        counted.add_growth(&Tally::default(), &Tally::of(&told.events(&Timings::DEFAULT)));
        prop_assert_eq!(&totals.messages, &counted.messages);
        prop_assert_eq!((totals.errors, totals.warnings), (counted.errors, counted.warnings));
        if cast.tells_runs_apart(limit < usize::MAX) {
            let outcomes = expected.iter().filter_map(BackupRun::outcome);
            let failed = outcomes.clone().filter(|outcome| *outcome != BackupOutcome::Succeeded).count();
            prop_assert_eq!((totals.runs, totals.runs_failed), (outcomes.count() as u64, failed as u64));
        }
        prop_assert_eq!(contradictions.as_slice(), &[] as &[String]);
    }
}

/// What the witnesses say of each other, who say these things.
fn contradictions(told: &[(Witness, &str)]) -> usize {
    let mut state = state();
    for (witness, script) in told {
        let facts = vec![Fact::Records(*witness, records(script))];
        let kind = if *witness == Witness::EventLog { SourceKind::EventLog } else { LOG };
        state.fold(&report(kind, at(9000), facts), at(9000));
    }
    state.contradictions.len()
}

#[test]
fn only_opposite_words_of_one_run_contradict() {
    use Witness::{EventLog, Log, StatusMessages};
    const GOOD: &str = "500@0 5055@1 5035@60 501@61";
    for (told, expected) in [
        ([(Log, GOOD), (EventLog, "500@0 5055@1 -5060@50 501@61")].as_slice(), 1),
        // Two who saw the success, and one who saw an error instead.
        (&[(Log, GOOD), (StatusMessages, GOOD), (EventLog, "500@0 5055@1 -5060@50 501@61")], 2),
        // Who saw both saw more than who saw either.
        (&[(Log, "500@0 5055@1 -5060@50 5035@60 501@61"), (EventLog, "500@0 5055@1 -5060@50 501@61")], 0),
        (&[(Log, "500@0 5055@1 -5060@50 5035@60 501@61"), (EventLog, GOOD)], 0),
        // Long after one has said that it ended, the other goes on.
        (&[(Log, "500@0 5055@1 5035@5400 501@5401"), (EventLog, "500@0 5055@1 -5060@2100 501@2101")], 1),
        // Silence is no word: the log keeps errors only, or the event log has not written all of it.
        (&[(Log, "-5041@61"), (EventLog, "500@0 5055@1 5035@60 -5041@61 501@62")], 0),
        (&[(Log, GOOD), (EventLog, "500@0 5055@1")], 0),
        // A failure and the success a minute later, both told ten minutes late.
        (
            &[
                (Log, "500@0 5055@1 -5060@5 501@6 500@60 5055@61 5035@90 501@91"),
                (EventLog, "500@600 5055@601 -5060@602 501@603 500@604 5055@605 5035@606 501@607"),
            ],
            0,
        ),
        // A later success that nobody disputes ends the doubt; a failure, and a run that goes on, do not.
        (
            &[
                (Log, "500@0 5055@1 5035@60 501@61 500@900 5055@901 5035@960"),
                (EventLog, "500@0 5055@1 -5060@50 501@61"),
            ],
            0,
        ),
        (
            &[
                (Log, "500@0 5055@1 5035@60 501@61 500@900 5055@901 -5060@960"),
                (EventLog, "500@0 5055@1 -5060@50 501@61"),
            ],
            1,
        ),
        (
            &[
                (Log, "500@0 5055@1 5035@60 501@61 500@900 5055@901"),
                (EventLog, "500@0 5055@1 -5060@50 501@61"),
            ],
            1,
        ),
        // Of different runs.
        (&[(Log, "500@0 5055@1 5035@60 501@61"), (StatusMessages, "500@900 5055@901 -5060@960 501@961")], 0),
    ] {
        assert_eq!(contradictions(told), expected, "{told:?}");
    }
}

/// The outcome of each run that these two tell of together.
fn outcomes(told: [(Witness, &str); 2]) -> Vec<String> {
    let mut timeline = Timeline::default();
    for (witness, script) in told {
        let unsaid = |record: Record| match record.body {
            RecordBody::Status(message) if witness == Witness::EventLog => {
                let body = RecordBody::Status(StatusMessage { pid: None, tid: None, ..message });
                Record { body, ..record }
            }
            _ => record,
        };
        timeline.insert(witness, records(script).into_iter().map(unsaid));
    }
    let label = |run: &BackupRun| match run.failure() {
        Some(cause) => format!("{} {cause}", run.outcome_label()),
        None => run.outcome_label().to_owned(),
    };
    derive_runs(&timeline, &Timings::DEFAULT).iter().map(label).collect()
}

#[test]
fn a_record_that_was_written_late_stays_between_its_neighbours() {
    use Witness::{DestinationLog, EventLog, Log};
    // The log keeps errors and their reasons; all else is told late, beyond the next run's error.
    let log = (Log, "phrase@4 -5060@5 code@64 -5060@65");
    let late = (EventLog, "500@590 5055@590 -5060@600 501@600 500@601 5055@601 -5060@602 501@602");
    assert_eq!(outcomes([log, late]), ["failed copy_failed", "failed disk_full"]);
    // Of two runs the destination's log has the second one; records of the first must not end it.
    let own = (DestinationLog, "500@300 5055@301 5056@350 5035@400 501@401");
    let both = "500@500 5055@500 -5060@500 501@500 500@501 5055@501 5056@502 5035@503 501@504";
    assert_eq!(outcomes([own, (EventLog, both)]), ["failed unknown", "succeeded"]);
}

#[test]
fn a_log_of_errors_only_does_not_go_on_with_a_run_that_is_over() {
    let log = (Witness::Log, "-5041@61 -5060@36000");
    let database = (Witness::StatusMessages, "500@0 5055@1 5035@60 -5041@61 501@62");
    assert_eq!(outcomes([log, database]), ["succeeded", "failed unknown"]);
}

#[test]
fn of_two_runs_alike_the_destination_has_kept_the_newer_and_a_log_has_told_the_older() {
    use Witness::{DestinationLog, EventLog, Log};
    const ONE: &str = "500@300 5055@301 code@302 -5060@303 501@304";
    const BOTH: &str = "500@500 5055@500 -5060@500 501@500 500@501 5055@501 -5060@502 501@502";
    for (witness, expected) in [
        (DestinationLog, ["failed unknown", "failed disk_full"]),
        (Log, ["failed disk_full", "failed unknown"]),
    ] {
        assert_eq!(outcomes([(witness, ONE), (EventLog, BOTH)]), expected, "{witness}");
    }
}

#[test]
fn messages_that_changed_places_count_once() {
    let order = (Witness::Log, "500@0 5055@1 6829@30 5056@30 5035@60 501@61");
    for other in
        ["500@0 5055@1 5056@30 6829@30 5035@60 501@61", "5055@1 500@1 5056@30 6829@30 501@61 5035@61"]
    {
        let mut state = state();
        for (witness, script) in [order, (Witness::StatusMessages, other)] {
            state.fold(&report(LOG, at(9000), vec![Fact::Records(witness, records(script))]), at(9000));
        }
        assert_eq!((state.totals.messages.values().sum::<u64>(), state.runs.len()), (6, 1), "{other}");
    }
}
