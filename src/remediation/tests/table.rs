//! The table by itself: every row over all values of what it looks at, and all rows together.

use crate::remediation::policy::plan;
use crate::remediation::{
    Armed, DueSeen, Evidence, Inputs, LastCopy, Maintenance, NodeSeen, Prerequisite, Progress, ROWS, Remedy,
    Row, Ruling, ServiceSeen, Space, StartSeen, TaskSeen, Unseen, Watched, decide,
};
use crate::site::{ClosedSet, HoldReason, RestartMode, RestartPlan};
use Watched::{Failing, Known, NotWatched};

/// All that is well.
const WELL: Inputs = Inputs {
    mode: RestartMode::Restart,
    trouble: true,
    node: Known(NodeSeen::Active),
    progress: Progress::Ended,
    service: Known(ServiceSeen::Stopped),
    settled: true,
    ledger: true,
    armed: Armed::Yes,
    evidence: Evidence::Fresh,
    task: Known(TaskSeen::Enabled),
    maintenance: Known(Maintenance::None),
    remedy: Remedy::Retry,
    start: Known(StartSeen::Possible),
    prerequisite: Known(Prerequisite::Present),
    space: Known(Space::Enough),
    last_copy: Known(LastCopy::Safe),
    attempted: false,
    spent: false,
    cooling: false,
    due: Known(DueSeen::Later),
    in_window: true,
};

/// A field of the inputs and how it is set to each of its values.
struct Field {
    name: &'static str,
    values: usize,
    set: fn(&mut Inputs, usize),
}

macro_rules! fields {
    ($($name:ident: $values:expr,)*) => {
        &[$(Field {
            name: stringify!($name),
            values: $values.len(),
            set: |inputs, index| inputs.$name = $values[index],
        }),*]
    };
}

const fn watched<T: Copy, const N: usize, const M: usize>(known: [T; N]) -> [Watched<T>; M] {
    let mut all = [NotWatched; M];
    let mut index = 0;
    while index < N {
        all[index] = Known(known[index]);
        index += 1;
    }
    all[N] = Failing;
    all
}

const BOTH: [bool; 2] = [false, true];
const NODES: [Watched<NodeSeen>; 6] =
    watched([NodeSeen::Active, NodeSeen::Passive, NodeSeen::Unclear, NodeSeen::OtherMachine]);
const PROGRESS: [Progress; 4] = [Progress::Ended, Progress::GoesOn, Progress::Hung, Progress::Stalled];
const SERVICES: [Watched<ServiceSeen>; 6] =
    watched([ServiceSeen::Stopped, ServiceSeen::Running, ServiceSeen::Changing, ServiceSeen::Missing]);
const MAINTENANCE: [Watched<Maintenance>; 9] = watched([
    Maintenance::None,
    Maintenance::ServicesDown,
    Maintenance::UpdateInstalls,
    Maintenance::SiteStatus,
    Maintenance::VersionChanged,
    Maintenance::Booted,
    Maintenance::PauseFile,
]);
const PREREQUISITES: [Watched<Prerequisite>; 8] = watched([
    Prerequisite::Present,
    Prerequisite::SmsWriter,
    Prerequisite::SqlWriter,
    Prerequisite::Vss,
    Prerequisite::SqlServer,
    Prerequisite::Frozen,
]);

const FIELDS: &[Field] = fields! {
    mode: [RestartMode::Off, RestartMode::Observe, RestartMode::Restart],
    trouble: BOTH,
    node: NODES,
    progress: PROGRESS,
    service: SERVICES,
    settled: BOTH,
    ledger: BOTH,
    armed: [Armed::Yes, Armed::NeverSucceeded, Armed::BeforeLedger],
    evidence: [Evidence::Fresh, Evidence::Old, Evidence::Future, Evidence::Unheard],
    task: watched::<_, 2, 4>([TaskSeen::Enabled, TaskSeen::Disabled]),
    maintenance: MAINTENANCE,
    remedy: [Remedy::Retry, Remedy::CauseNeedsPerson, Remedy::TwoNights],
    start: watched::<_, 3, 5>([StartSeen::Possible, StartSeen::Disabled, StartSeen::NoCommand]),
    prerequisite: PREREQUISITES,
    space: watched::<_, 2, 4>([Space::Enough, Space::Short]),
    last_copy: watched::<_, 2, 4>([LastCopy::Safe, LastCopy::AtRisk]),
    attempted: BOTH,
    spent: BOTH,
    cooling: BOTH,
    due: watched::<_, 3, 5>([DueSeen::Later, DueSeen::Soon, DueSeen::Awaited]),
    in_window: BOTH,
};

/// The decision table once more, in other words: what each row looks at, and when it holds.
fn oracle(reason: HoldReason) -> (&'static [&'static str], fn(&Inputs) -> bool) {
    match reason {
        HoldReason::PassiveNode => {
            (&["node"], |seen| ![Known(NodeSeen::Active), NotWatched].contains(&seen.node))
        }
        HoldReason::RunInProgress => (&["progress", "service"], |seen| {
            !matches!(
                (seen.progress, seen.service),
                (Progress::Hung | Progress::Stalled, Known(ServiceSeen::Running))
                    | (Progress::Ended, Known(ServiceSeen::Stopped | ServiceSeen::Missing) | NotWatched)
            )
        }),
        HoldReason::Settling => (&["progress", "service", "settled"], |seen| {
            let hangs = seen.progress == Progress::Hung || seen.progress == Progress::Stalled;
            let is_stopped_first = hangs && seen.service == Known(ServiceSeen::Running);
            !(seen.settled || is_stopped_first)
        }),
        HoldReason::LedgerUnavailable => (&["ledger"], |seen| !seen.ledger),
        HoldReason::NotArmed => {
            (&["armed"], |seen| matches!(seen.armed, Armed::NeverSucceeded | Armed::BeforeLedger))
        }
        HoldReason::StaleEvidence => (&["evidence"], |seen| {
            matches!(seen.evidence, Evidence::Old | Evidence::Future | Evidence::Unheard)
        }),
        HoldReason::TaskDisabled => {
            (&["task"], |seen| [Known(TaskSeen::Disabled), Failing].contains(&seen.task))
        }
        HoldReason::SiteMaintenance => {
            (&["maintenance"], |seen| ![Known(Maintenance::None), NotWatched].contains(&seen.maintenance))
        }
        HoldReason::NeedsOperator => {
            (&["remedy"], |seen| matches!(seen.remedy, Remedy::CauseNeedsPerson | Remedy::TwoNights))
        }
        HoldReason::ServiceUnavailable => (&["service", "start"], |seen| {
            let may_be_asked = [Known(ServiceSeen::Stopped), Known(ServiceSeen::Running), Failing];
            let may_start = [Known(StartSeen::Possible), Failing, NotWatched];
            !may_be_asked.contains(&seen.service) || !may_start.contains(&seen.start)
        }),
        HoldReason::PrerequisiteMissing => (&["prerequisite"], |seen| {
            ![Known(Prerequisite::Present), NotWatched].contains(&seen.prerequisite)
        }),
        HoldReason::NoSpace => (&["space"], |seen| [Known(Space::Short)].contains(&seen.space)),
        HoldReason::LastValidCopy => {
            (&["last_copy"], |seen| [Known(LastCopy::AtRisk), Failing].contains(&seen.last_copy))
        }
        HoldReason::AlreadyAttempted => (&["attempted"], |seen| seen.attempted),
        HoldReason::BudgetSpent => (&["spent"], |seen| seen.spent),
        HoldReason::CoolingDown => (&["cooling"], |seen| seen.cooling),
        HoldReason::ScheduledRunDue => {
            (&["due"], |seen| [Known(DueSeen::Soon), Known(DueSeen::Awaited)].contains(&seen.due))
        }
        HoldReason::OutsideWindow => (&["in_window"], |seen| !seen.in_window),
        HoldReason::ObserveOnly => (&["mode"], |seen| matches!(seen.mode, RestartMode::Observe)),
    }
}

/// Every combination of the values of some fields, on top of others.
fn product(names: &[&str], base: Inputs) -> Vec<Inputs> {
    let mut all = vec![base];
    for field in FIELDS.iter().filter(|field| names.contains(&field.name)) {
        let each = |inputs: Inputs| {
            (0..field.values).map(move |value| {
                let mut inputs = inputs;
                (field.set)(&mut inputs, value);
                inputs
            })
        };
        all = all.into_iter().flat_map(each).collect();
    }
    all
}

/// The same pseudo-random numbers in each run of the tests.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    fn inputs(&mut self) -> Inputs {
        let mut inputs = WELL;
        for field in FIELDS {
            (field.set)(&mut inputs, self.below(field.values));
        }
        inputs
    }
}

#[test]
fn the_rows_are_the_reasons_in_their_order() {
    assert!(ROWS.iter().map(|row| row.reason).eq(HoldReason::ALL.iter().copied()));
}

#[test]
fn each_row_does_what_the_table_says_for_every_value_it_looks_at() {
    let mut combinations = 0;
    for row in ROWS {
        let (fields, expected) = oracle(row.reason);
        for inputs in product(fields, WELL) {
            assert_eq!((row.holds)(&inputs), expected(&inputs), "{}: {inputs:?}", row.reason);
            combinations += 1;
        }
    }
    assert_eq!(combinations, 165);
}

#[test]
fn a_row_looks_at_nothing_else() {
    let mut dice = Dice(4);
    let bases: Vec<_> = (0..300).map(|_| dice.inputs()).collect();
    let mut compared = 0;
    for row in ROWS {
        let (fields, _) = oracle(row.reason);
        let alone = product(fields, WELL);
        // Each of all other fields at each of its values, and many combinations of all of them.
        let others = FIELDS.iter().filter(|field| !fields.contains(&field.name));
        let others: Vec<_> =
            others.flat_map(|field| product(&[field.name], WELL)).chain(bases.clone()).collect();
        for base in others {
            for (inputs, alone) in product(fields, base).iter().zip(&alone) {
                assert_eq!((row.holds)(inputs), (row.holds)(alone), "{}: {inputs:?}", row.reason);
                compared += 1;
            }
        }
    }
    assert!(compared > 50_000, "{compared}");
}

#[test]
fn what_cannot_be_seen_does_what_the_row_says() {
    let sets: [(&[HoldReason], fn(&mut Inputs, bool)); 9] = [
        (&[HoldReason::PassiveNode], |seen, fails| seen.node = unseen(fails)),
        (&[HoldReason::RunInProgress, HoldReason::ServiceUnavailable], |seen, fails| {
            seen.service = unseen(fails);
        }),
        (&[HoldReason::TaskDisabled], |seen, fails| seen.task = unseen(fails)),
        (&[HoldReason::SiteMaintenance], |seen, fails| seen.maintenance = unseen(fails)),
        (&[], |seen, fails| seen.start = unseen(fails)),
        (&[HoldReason::PrerequisiteMissing], |seen, fails| seen.prerequisite = unseen(fails)),
        (&[HoldReason::NoSpace], |seen, fails| seen.space = unseen(fails)),
        (&[HoldReason::LastValidCopy], |seen, fails| seen.last_copy = unseen(fails)),
        (&[HoldReason::ScheduledRunDue], |seen, fails| seen.due = unseen(fails)),
    ];
    let of = |row: &Row, fails: bool| if fails { row.failing } else { row.not_watched };
    for fails in BOTH {
        let mut told = Vec::new();
        for (reasons, set) in sets {
            let mut inputs = WELL;
            set(&mut inputs, fails);
            for row in ROWS {
                let holds = (row.holds)(&inputs);
                if reasons.contains(&row.reason) {
                    assert_eq!(holds, of(&row, fails) == Unseen::Holds, "{} {fails}", row.reason);
                    assert_ne!(of(&row, fails), Unseen::Never, "{}", row.reason);
                    told.push(row.reason);
                } else {
                    assert!(!holds, "{} {fails}", row.reason);
                }
            }
        }
        let always_known = |row: &&Row| of(row, fails) == Unseen::Never;
        assert_eq!(told.len() + ROWS.iter().filter(always_known).count(), ROWS.len());
    }
}

fn unseen<T>(fails: bool) -> Watched<T> {
    if fails { Failing } else { NotWatched }
}

/// What makes one row apply and no other.
fn put_amiss(seen: &mut Inputs, reason: HoldReason) {
    match reason {
        HoldReason::PassiveNode => seen.node = Known(NodeSeen::Passive),
        HoldReason::RunInProgress => seen.progress = Progress::GoesOn,
        HoldReason::Settling => seen.settled = false,
        HoldReason::LedgerUnavailable => seen.ledger = false,
        HoldReason::NotArmed => seen.armed = Armed::BeforeLedger,
        HoldReason::StaleEvidence => seen.evidence = Evidence::Old,
        HoldReason::TaskDisabled => seen.task = Known(TaskSeen::Disabled),
        HoldReason::SiteMaintenance => seen.maintenance = Known(Maintenance::Booted),
        HoldReason::NeedsOperator => seen.remedy = Remedy::TwoNights,
        HoldReason::ServiceUnavailable => seen.start = Known(StartSeen::Disabled),
        HoldReason::PrerequisiteMissing => seen.prerequisite = Known(Prerequisite::Frozen),
        HoldReason::NoSpace => seen.space = Known(Space::Short),
        HoldReason::LastValidCopy => seen.last_copy = Known(LastCopy::AtRisk),
        HoldReason::AlreadyAttempted => seen.attempted = true,
        HoldReason::BudgetSpent => seen.spent = true,
        HoldReason::CoolingDown => seen.cooling = true,
        HoldReason::ScheduledRunDue => seen.due = Known(DueSeen::Soon),
        HoldReason::OutsideWindow => seen.in_window = false,
        HoldReason::ObserveOnly => seen.mode = RestartMode::Observe,
    }
}

#[test]
fn the_first_row_that_applies_decides_and_all_are_shown() {
    let mut combinations = 0;
    for outcomes in 0..1_u32 << ROWS.len() {
        let mut inputs = WELL;
        let applies = |reason: &&HoldReason| outcomes >> (**reason as u32) & 1 == 1;
        for reason in HoldReason::ALL.iter().filter(applies) {
            put_amiss(&mut inputs, *reason);
        }
        match decide(&inputs) {
            Ruling::Restart(RestartPlan::Start) => assert_eq!(outcomes, 0),
            Ruling::Hold(reasons) => {
                assert!(!reasons.is_empty() && reasons.iter().eq(HoldReason::ALL.iter().filter(applies)));
            }
            other => panic!("{other:?} of {inputs:?}"),
        }
        for nothing in [Inputs { mode: RestartMode::Off, ..inputs }, Inputs { trouble: false, ..inputs }] {
            assert_eq!(decide(&nothing), Ruling::Nothing);
        }
        combinations += 1;
    }
    assert_eq!(combinations, 524_288);
}

#[test]
fn a_service_is_stopped_only_while_it_runs_and_its_run_hangs() {
    let names = ["mode", "trouble", "progress", "service", "settled", "start"];
    let all = product(&names, WELL);
    assert_eq!(all.len(), 3 * 2 * 4 * 6 * 2 * 5);
    for inputs in all {
        if let Ruling::Restart(decided) = decide(&inputs) {
            let hangs = matches!(inputs.progress, Progress::Hung | Progress::Stalled);
            let (stops, runs) =
                (decided == RestartPlan::StopFirst, inputs.service == Known(ServiceSeen::Running));
            assert_eq!((stops, stops), (hangs, runs), "{inputs:?}");
            assert_eq!(plan(&inputs), decided);
        }
    }
}
