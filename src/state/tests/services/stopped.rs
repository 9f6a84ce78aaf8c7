//! A run that nobody ends but its service, which is seen Stopped.

use super::*;

const OPEN: &str = "500@0 5055@1 6829@5";

/// What the log says by then, read to its end by a poll that began then.
fn read(state: &mut SiteState, seconds: i64, script: &str) {
    let facts = vec![Fact::Records(Witness::Log, records(script))];
    state.fold(&report(LOG, at(seconds), facts), at(seconds));
}

fn end(state: &SiteState) -> Option<(RunEnd, Timestamp)> {
    state.runs.last().unwrap().ended
}

/// A run that goes on, as was known 10 s after it began.
fn open(script: &str) -> SiteState {
    let mut state = watched();
    read(&mut state, 10, script);
    state
}

/// One that its service has ended at 20 s, which was learned at 25 s.
fn ended(script: &str) -> SiteState {
    let mut state = open(script);
    look(&mut state, 20, seen("CM01", Stopped));
    read(&mut state, 25, script);
    assert_eq!(end(&state), Some((RunEnd::ServiceStopped, at(20))), "{script}");
    state
}

#[test]
fn a_run_is_over_when_its_service_was_seen_stopped_and_its_log_has_said_nothing_since() {
    for (script, expected) in [
        (OPEN, "interrupted interrupted"),
        ("500@0 5055@1 -5060@5", "failed unknown"),
        ("500@0 5055@1 code@4 -5060@5", "failed disk_full"),
        ("500@0 5055@1 5035@5", "succeeded"),
        // Words decide where no status message does, as at any other end.
        ("500@0 5055@1 completed@5", "succeeded"),
        ("500@0 5055@1 code@4 failed@5", "failed disk_full"),
    ] {
        let mut state = open(script);
        assert_eq!(look(&mut state, 20, seen("cm01.corp.example", Stopped)), Change::Durable);
        assert_eq!(end(&state), None, "a 501 may have been written since: {script}");
        read(&mut state, 25, "");
        assert_eq!(end(&state), Some((RunEnd::ServiceStopped, at(20))), "{script}");
        assert_eq!(look(&mut state, 50, seen("CM01", Stopped)), Change::Volatile);
        assert_eq!(end(&state), Some((RunEnd::ServiceStopped, at(20))), "the first look counts");
        let run = state.runs.last().unwrap();
        let label = run.outcome_label();
        assert_eq!(run.failure().map_or(label.to_owned(), |cause| format!("{label} {cause}")), expected);
        assert_eq!(run.duration().is_some(), label == "succeeded", "nobody knows when it ended");
    }
}

#[test]
fn what_the_log_says_of_its_end_is_believed_first() {
    let mut state = open(OPEN);
    look(&mut state, 20, seen("CM01", Stopped));
    read(&mut state, 25, &format!("{OPEN} 5035@18 501@19"));
    assert_eq!(end(&state), Some((RunEnd::ServiceStop, at(19))));
    // Also if it is learned only later.
    let mut state = ended(OPEN);
    read(&mut state, 30, &format!("{OPEN} 5035@18 501@19"));
    assert_eq!(end(&state), Some((RunEnd::ServiceStop, at(19))));
    assert_eq!(state.runs[0].outcome(), Some(BackupOutcome::Succeeded));
}

#[test]
fn the_order_in_which_things_are_learned_decides_and_not_their_times() {
    // The site's clock is an hour behind, and an hour ahead.
    for offset in [-3600, 3600] {
        let script = format!("500@{offset} 5055@{}", offset + 1);
        let mut state = open(&script);
        look(&mut state, 20, seen("CM01", Stopped));
        assert_eq!(end(&state), None);
        read(&mut state, 25, "");
        assert_eq!(end(&state), Some((RunEnd::ServiceStopped, at(20.max(offset + 1)))));
    }
    // A look that began before the run was known may have seen the time before it.
    let mut state = watched();
    read(&mut state, 10, "");
    let look = report(SourceKind::Services, at(12), vec![Fact::Services(seen("CM01", Stopped))]);
    state.fold(&report(LOG, at(15), vec![Fact::Records(Witness::Log, records(OPEN))]), at(16));
    state.fold(&look, at(17));
    read(&mut state, 25, "");
    assert_eq!(end(&state), None);
    // And a poll of the log that began before the look was over may have missed its end.
    let mut state = open(OPEN);
    let slow = PollReport {
        duration: Duration::from_secs(8),
        ..report(SourceKind::Services, at(20), vec![Fact::Services(seen("CM01", Stopped))])
    };
    state.fold(&slow, at(28));
    read(&mut state, 27, "");
    assert_eq!(end(&state), None);
    read(&mut state, 32, "");
    assert_eq!(end(&state), Some((RunEnd::ServiceStopped, at(28))));
}

#[test]
fn another_word_of_the_run_or_another_state_of_the_service_opens_it_again() {
    let mut state = ended(OPEN);
    read(&mut state, 30, &format!("{OPEN} 5056@27"));
    assert_eq!(end(&state), None);
    look(&mut state, 50, seen("CM01", Stopped));
    read(&mut state, 55, "");
    assert_eq!(end(&state), Some((RunEnd::ServiceStopped, at(50))));

    for other in ServiceState::ALL.iter().filter(|state| **state != Stopped) {
        let mut state = ended(OPEN);
        assert_eq!(look(&mut state, 30, seen("CM01", *other)), Change::Durable);
        assert_eq!(end(&state), None, "{other}");
        read(&mut state, 55, "");
        assert_eq!(end(&state), None, "{other}");
    }
    // A controller that does not tell of the service says nothing.
    let mut state = ended(OPEN);
    look(&mut state, 30, ServicesSeen::default());
    assert_eq!(end(&state), Some((RunEnd::ServiceStopped, at(20))));
}

#[test]
fn the_service_of_another_machine_or_of_a_passive_node_ends_no_run() {
    for (looked, expected) in [
        (seen("CM02", Stopped), false),
        (seen("CM01.other.example", Stopped), true),
        (ServicesSeen { machine: None, ..seen("", Stopped) }, true),
        (of_a_pair("CM01", &["CM01"]), true),
        (of_a_pair("CM01", &["CM02"]), false),
        (of_a_pair("CM01", &[]), false),
    ] {
        let mut state = open(OPEN);
        look(&mut state, 20, looked.clone());
        read(&mut state, 25, "");
        assert_eq!(end(&state).is_some(), expected, "{looked:?}");
    }
}

#[test]
fn only_who_told_of_its_beginning_can_be_silent_about_its_end() {
    // The log keeps errors only, and the event log writes late.
    let mut state = watched();
    let source = SourceId { kind: SourceKind::EventLog, location: String::new() };
    state.watch(source, Duration::from_secs(30), Some(Witness::EventLog), at(0));
    let event_log = |state: &mut SiteState, seconds: i64, script: &str| {
        let facts = vec![Fact::Records(Witness::EventLog, records(script))];
        state.fold(&report(SourceKind::EventLog, at(seconds), facts), at(seconds));
    };
    read(&mut state, 5, "");
    event_log(&mut state, 10, OPEN);
    look(&mut state, 20, seen("CM01", Stopped));
    for seconds in [30, 60, 919] {
        read(&mut state, seconds, "");
        event_log(&mut state, seconds, "");
        assert_eq!(end(&state), None, "{seconds}");
    }
    event_log(&mut state, 920, "");
    assert_eq!(end(&state), Some((RunEnd::ServiceStopped, at(20))));
}

/// Both witnesses are asked, and nobody has anything to add.
fn settle(state: &mut SiteState, seconds: i64) {
    read(state, seconds, "");
    state.advance(at(seconds));
}

#[test]
fn it_is_counted_once_whatever_ends_it_later() {
    for (script, next) in [
        // The next start, from which on that is its end.
        (OPEN, "500@9000 5055@9001 5035@9060 501@9061"),
        ("500@0 5055@1 -5060@5", "500@9000 5055@9001 5035@9060 501@9061"),
        // Its own end, told late.
        (OPEN, "501@19"),
        // A success, told late: counters never go back.
        (OPEN, "5035@18 501@19"),
        ("500@0 5055@1 -5060@5", "5035@18"),
    ] {
        let mut state = ended(script);
        assert_eq!(state.totals.runs, 0, "not before it has settled");
        settle(&mut state, 140);
        assert_eq!((state.totals.runs, state.totals.runs_failed), (1, 1), "{script}");
        let mut state = restarted(&state, at(150));
        assert_eq!(end(&state), Some((RunEnd::ServiceStopped, at(20))), "{script}");
        read(&mut state, 9100, &format!("{script} {next}"));
        settle(&mut state, 20_000);
        let runs = state.runs.len() as u64;
        assert_eq!((state.totals.runs, state.totals.runs_failed), (runs, 1), "{script}, then {next}");
        assert_ne!(state.runs[0].ended.map(|(end, _)| end), Some(RunEnd::ServiceStopped));
    }
}

#[test]
fn once_that_is_final_a_service_that_runs_was_started_anew() {
    let mut state = ended(OPEN);
    settle(&mut state, 140);
    look(&mut state, 150, seen("CM01", Running));
    assert_eq!(end(&state), Some((RunEnd::ServiceStopped, at(20))));
    read(&mut state, 155, &format!("{OPEN} 500@149 5055@150"));
    assert_eq!((state.runs.len(), end(&state)), (2, None));
    assert_eq!(state.runs[0].ended, Some((RunEnd::NextStart, at(149))));
}

#[test]
fn it_stays_over_while_the_services_cannot_be_asked_and_across_a_restart() {
    let mut state = open(OPEN);
    look(&mut state, 20, seen("CM01", Stopped));
    let mut state = restarted(&state, at(22));
    assert_eq!(end(&state), None);
    read(&mut state, 25, "");
    assert_eq!(end(&state), Some((RunEnd::ServiceStopped, at(20))));
    let state = restarted(&state, at(30));
    assert_eq!(end(&state), Some((RunEnd::ServiceStopped, at(20))));
}

/// What happens to a site server and to the exporter that watches it.
#[derive(Debug, Clone, Copy)]
enum Step {
    Start,
    Say(&'static str),
    /// The service stops by itself and says so.
    End,
    /// Its process is gone.
    Crash,
    AskLog,
    AskServices,
    LogAnswers,
    ServicesAnswer,
    RestartExporter,
    Wait(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => Just(Step::Start),
        2 => proptest::sample::select(&["5056", "6829", "preparing", "-5060", "5035", "5057"]).prop_map(Step::Say),
        1 => Just(Step::End),
        1 => Just(Step::Crash),
        6 => Just(Step::AskLog),
        6 => Just(Step::LogAnswers),
        3 => Just(Step::AskServices),
        3 => Just(Step::ServicesAnswer),
        1 => Just(Step::RestartExporter),
        2 => prop_oneof![1_i64..20, 100_i64..300, 3600_i64..90_000].prop_map(Step::Wait),
    ]
}

/// A site server whose log is dated by a clock of its own, and an exporter with a poll under way of each source.
struct Site {
    now: i64,
    ahead: i64,
    said: Vec<RecordBody>,
    /// What each run came to, of which the last one may go on.
    truth: Vec<Option<BackupOutcome>>,
    runs: bool,
    state: SiteState,
    saved: SiteState,
    log: Option<PollReport>,
    services: Option<PollReport>,
}

impl Site {
    fn new(ahead: i64) -> Self {
        let state = watched();
        let (said, truth) = (Vec::new(), Vec::new());
        Self {
            now: 0,
            ahead,
            said,
            truth,
            runs: false,
            saved: state.clone(),
            state,
            log: None,
            services: None,
        }
    }

    fn say(&mut self, word: &'static str) {
        self.said.push(body(word, self.now + self.ahead));
        let failed = Some(BackupOutcome::Failed(FailureCause::Unknown));
        if let Some(outcome) = self.truth.last_mut() {
            match word {
                "5035" => *outcome = Some(BackupOutcome::Succeeded),
                "-5060" if outcome.is_none() => *outcome = failed,
                _ => {}
            }
        }
    }

    /// The service is gone; a run that nothing decided comes to this.
    fn stop(&mut self, outcome: BackupOutcome) {
        self.runs = false;
        self.truth.last_mut().unwrap().get_or_insert(outcome);
    }

    fn take(&mut self, step: Step) {
        self.now += 1;
        match step {
            Step::Start if !self.runs => {
                self.runs = true;
                self.truth.push(None);
                self.say("500");
                self.say("5055");
            }
            Step::Say(word) if self.runs => self.say(word),
            Step::End if self.runs => {
                self.say("501");
                self.stop(BackupOutcome::Failed(FailureCause::ServiceStopped));
            }
            Step::Crash if self.runs => self.stop(BackupOutcome::Interrupted),
            Step::AskLog if self.log.is_none() => {
                let from = self.state.timeline.next_position(Witness::Log);
                let record = |(position, body): (u64, &RecordBody)| Record { position, body: body.clone() };
                let records = (0..).zip(&self.said).map(record).filter(|record| record.position >= from);
                let facts = vec![Fact::Records(Witness::Log, records.collect())];
                self.log = Some(report(LOG, at(self.now), facts));
            }
            Step::AskServices if self.services.is_none() => {
                let facts = vec![Fact::Services(seen("CM01", if self.runs { Running } else { Stopped }))];
                self.services = Some(report(SourceKind::Services, at(self.now), facts));
            }
            Step::LogAnswers => {
                let answer = self.log.take();
                self.fold(answer);
            }
            Step::ServicesAnswer => {
                let answer = self.services.take();
                self.fold(answer);
            }
            Step::RestartExporter => {
                (self.log, self.services) = (None, None);
                self.state = restarted(&self.saved, at(self.now));
            }
            Step::Wait(seconds) => {
                self.now += seconds;
                if self.state.advance(at(self.now)) == Change::Durable {
                    self.saved = self.state.clone();
                }
            }
            _ => {}
        }
    }

    /// What is durable is saved at once, as the state's task does it.
    fn fold(&mut self, report: Option<PollReport>) {
        let Some(mut report) = report else { return };
        report.duration = (at(self.now) - report.started).to_std().unwrap();
        if self.state.fold(&report, at(self.now)) == Change::Durable {
            self.saved = self.state.clone();
        }
    }

    fn ask_everybody(&mut self) {
        for _ in 0..4 {
            for step in [Step::AskServices, Step::ServicesAnswer, Step::AskLog, Step::LogAnswers] {
                self.take(step);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    /// Whatever is asked in whatever order, no run is over that goes on, none is interrupted that has said its end,
    /// and in the end each is what it was and counted once.
    #[test]
    fn a_run_is_over_when_its_service_is_and_never_before(
        steps in proptest::collection::vec(step(), 0..150),
        ahead in -3600_i64..3600,
    ) {
        let mut site = Site::new(ahead);
        let mut counted = 0;
        for step in steps {
            site.take(step);
            let Site { state, truth, .. } = &site;
            prop_assert!(state.totals.runs >= counted, "a counter went back: {:?}", step);
            counted = state.totals.runs;
            prop_assert!(state.runs.len() <= truth.len());
            for (run, truth) in state.runs.iter().zip(truth) {
                let over = matches!(run.ended, Some((RunEnd::ServiceStopped, _)));
                prop_assert!(!(over && truth.is_none()), "it goes on: {:?}", step);
                let interrupted = run.outcome() == Some(BackupOutcome::Interrupted);
                prop_assert!(!interrupted || *truth == Some(BackupOutcome::Interrupted), "{:?}", step);
            }
        }
        if site.runs {
            site.take(Step::Crash);
        }
        site.ask_everybody();
        site.take(Step::Wait(2 * 3600));
        site.ask_everybody();
        let Site { state, truth, .. } = &site;
        let outcomes: Vec<_> = state.runs.iter().map(BackupRun::outcome).collect();
        prop_assert_eq!(&outcomes, truth);
        let failed = outcomes.iter().filter(|outcome| **outcome != Some(BackupOutcome::Succeeded)).count();
        let totals = (state.totals.runs, state.totals.runs_failed);
        prop_assert_eq!(totals, (truth.len() as u64, failed as u64));
    }
}
