//! Services in every state that matters, and when a state is no finding.

use super::*;
use crate::assessment::samples::{GOOD, Rig, at};
use crate::assessment::{Check, CheckState, Verdict, guidance};
use crate::site::{DatabaseServer, SiteServer, TaskDefinition, TaskWindow};
use crate::source::{DatabaseFact, Quiet};

use CheckState::{Failed, Passed, Unknown};
use ServiceState::{Missing, Running, StartPending, Stopped};
use SiteService::{Backup, ComponentManager, Executive, SqlWriter, Vss, VssWriter};

const OURS: [Check; 4] =
    [Check::SmsWriter, Check::BackupService, Check::ServicesRecovered, Check::ControlFileApplied];

fn service(state: ServiceState, start: StartMode, account: &str) -> Service {
    Service { state, start: Some(start), account: Some(account.into()), started: None }
}

/// A site server on which everything is as it should be, but for what `change` does.
fn seen(change: impl FnOnce(&mut ServicesSeen)) -> ServicesSeen {
    use StartMode::{Automatic, Manual};
    let mut seen = ServicesSeen {
        machine: Some("CM01".into()),
        booted: Some(at(-9999)),
        site_servers: Some(Vec::new()),
        ..ServicesSeen::default()
    };
    for (name, state, start, account) in [
        (Backup, Stopped, Manual, "LocalSystem"),
        (VssWriter, Running, Automatic, "LocalSystem"),
        (SqlWriter, Running, Automatic, "LocalSystem"),
        (Vss, Stopped, Manual, "LocalSystem"),
        (Executive, Running, Automatic, "LocalSystem"),
        (ComponentManager, Running, Automatic, "LocalSystem"),
    ] {
        seen.services.insert(name.label().into(), service(state, start, account));
    }
    let writer = seen.services.get_mut(VssWriter.label()).unwrap();
    writer.started = Some(at(-9998));
    change(&mut seen);
    seen
}

fn set(name: SiteService, change: impl Fn(&mut Service)) -> impl Fn(&mut ServicesSeen) {
    move |seen| change(seen.services.get_mut(name.label()).unwrap())
}

fn in_state(name: SiteService, state: ServiceState) -> impl Fn(&mut ServicesSeen) {
    set(name, move |service| service.state = state)
}

fn starting(name: SiteService, start: Option<StartMode>) -> impl Fn(&mut ServicesSeen) {
    set(name, move |service| service.start = start)
}

fn without(name: SiteService) -> impl Fn(&mut ServicesSeen) {
    move |seen| {
        seen.services.remove(name.label());
    }
}

/// A site whose last backup is long over.
fn rig() -> Rig {
    let mut rig = Rig::with(|_| {});
    rig.log(-600, GOOD);
    rig
}

/// What a check says of such a server, with its advice.
fn judged(check: Check, change: impl FnOnce(&mut ServicesSeen)) -> (CheckState, String, String) {
    let mut rig = rig();
    rig.control_file(0, -9999);
    rig.services(0, seen(change));
    let result = rig.assess(0).checks.into_iter().find(|result| result.check == check).unwrap();
    (result.state, result.finding.into_owned(), result.advice.into_owned())
}

type Case = (CheckState, Box<dyn Fn(&mut ServicesSeen)>, &'static str, &'static str);

fn case(
    state: CheckState,
    change: impl Fn(&mut ServicesSeen) + 'static,
    finding: &'static str,
    advice: &'static str,
) -> Case {
    (state, Box::new(change), finding, advice)
}

fn assert_cases(check: Check, cases: Vec<Case>) {
    for (expected, change, words, command) in cases {
        let (state, finding, advice) = judged(check, change);
        assert_eq!(state, expected, "{finding}");
        assert!(finding.contains(words), "{finding:?} has no {words:?}");
        assert!(advice.contains(command), "{advice:?} has no {command:?}");
        assert_eq!(advice.is_empty(), state != Failed, "{finding}");
    }
}

#[test]
fn sms_writer_runs_as_local_system_and_sql_writer_runs_beside_the_database() {
    const START: &str = "`Start-Service SMS_SITE_VSS_WRITER`";
    let account = |name: &'static str| set(VssWriter, move |service| service.account = Some(name.into()));
    let disabled = |seen: &mut ServicesSeen| {
        in_state(VssWriter, Stopped)(seen);
        starting(VssWriter, Some(StartMode::Disabled))(seen);
    };
    let just_booted = |seen: &mut ServicesSeen| {
        in_state(VssWriter, Stopped)(seen);
        seen.booted = Some(at(-14));
    };
    assert_cases(
        Check::SmsWriter,
        vec![
            case(Passed, |_| {}, "SMS_SITE_VSS_WRITER is running", ""),
            case(Failed, in_state(VssWriter, Stopped), "SMS_SITE_VSS_WRITER is stopped", START),
            case(Failed, in_state(VssWriter, StartPending), "SMS_SITE_VSS_WRITER is start pending", START),
            case(Failed, in_state(VssWriter, Missing), "SMS_SITE_VSS_WRITER is missing", "site reset"),
            case(
                Failed,
                disabled,
                "is stopped and disabled",
                "sc.exe config SMS_SITE_VSS_WRITER start= auto",
            ),
            case(Unknown, just_booted, "has just started", ""),
            case(Unknown, without(VssWriter), "not known", ""),
            case(Passed, account("nt authority\\system"), "", ""),
            case(Passed, set(VssWriter, |service| service.account = None), "", ""),
            case(Failed, account("CORP\\svc"), "runs as CORP\\svc", "obj= LocalSystem"),
            case(Failed, in_state(SqlWriter, Stopped), "SQLWriter is stopped", "`Start-Service SQLWriter`"),
            case(Passed, in_state(SqlWriter, Missing), "", ""),
            case(Passed, without(SqlWriter), "", ""),
        ],
    );
}

#[test]
fn sql_writer_need_not_run_where_the_site_database_is_not() {
    for (server, expected) in
        [("SQL01", Passed), ("SQL01\\CM", Passed), ("cm01", Failed), ("CM01\\CM", Failed)]
    {
        let mut rig = rig();
        rig.services(0, seen(in_state(SqlWriter, Stopped)));
        let (version, utc) = ("16.0".into(), at(0));
        let server =
            DatabaseServer { name: server.into(), version, in_availability_group: false, utc, offset: 0 };
        let name = server.name.clone();
        rig.database(0, [DatabaseFact::Server { server, skew: chrono::TimeDelta::zero() }]);
        assert_eq!(rig.check(0, Check::SmsWriter).0, expected, "{name}");
    }
}

#[test]
fn the_backup_service_is_started_by_hand_and_by_the_task_only() {
    use StartMode::{Automatic, Disabled};
    const COMMAND: &str = "`sc.exe config SMS_SITE_BACKUP start= demand`";
    assert_cases(
        Check::BackupService,
        vec![
            case(Passed, |_| {}, "SMS_SITE_BACKUP is manual, as it should be, and stopped", ""),
            case(Passed, in_state(Backup, Running), "and running", ""),
            case(Failed, in_state(Backup, Missing), "SMS_SITE_BACKUP is missing", "site reset"),
            case(Failed, starting(Backup, Some(Automatic)), "is automatic", COMMAND),
            case(Failed, starting(Backup, Some(Disabled)), "is disabled", COMMAND),
            case(Failed, starting(Vss, Some(Disabled)), "VSS", "`sc.exe config VSS start= demand`"),
            case(
                Failed,
                starting(Executive, Some(Disabled)),
                "SMS_EXECUTIVE is running and disabled",
                "sc.exe config SMS_EXECUTIVE start= auto",
            ),
            case(Unknown, starting(Backup, None), "SMS_SITE_BACKUP is stopped", ""),
            case(Passed, without(Vss), "", ""),
            case(Unknown, without(Backup), "not known", ""),
        ],
    );
}

#[test]
fn the_services_of_the_site_run_and_come_back() {
    const BOTH: &str = "SMS_EXECUTIVE and SMS_SITE_COMPONENT_MANAGER";
    let booted = |minute: i64| {
        move |seen: &mut ServicesSeen| {
            in_state(Executive, Stopped)(seen);
            seen.booted = Some(at(minute));
        }
    };
    let manager_alone = |seen: &mut ServicesSeen| {
        without(Executive)(seen);
        in_state(ComponentManager, Missing)(seen);
    };
    let neither = |seen: &mut ServicesSeen| {
        without(Executive)(seen);
        without(ComponentManager)(seen);
    };
    assert_cases(
        Check::ServicesRecovered,
        vec![
            case(Passed, |_| {}, BOTH, ""),
            case(
                Failed,
                in_state(Executive, Stopped),
                "SMS_EXECUTIVE is stopped",
                "Start-Service SMS_EXECUTIVE",
            ),
            case(
                Failed,
                in_state(ComponentManager, ServiceState::StopPending),
                "SMS_SITE_COMPONENT_MANAGER is stop pending",
                "Start-Service SMS_SITE_COMPONENT_MANAGER",
            ),
            // It runs now.
            case(Passed, starting(Executive, Some(StartMode::Disabled)), BOTH, ""),
            case(Unknown, booted(-14), "SMS_EXECUTIVE is stopped. The server has just started", ""),
            case(Failed, booted(-15), "SMS_EXECUTIVE is stopped", "Start-Service"),
            case(Failed, booted(99), "SMS_EXECUTIVE is stopped", "Start-Service"),
            case(Failed, manager_alone, "SMS_SITE_COMPONENT_MANAGER is missing", "site reset"),
            case(Unknown, neither, "not known", ""),
        ],
    );
}

#[test]
fn services_may_stand_still_during_a_run_and_for_a_while_after_it() {
    const RUN: [(i64, &str); 3] = [(0, "500"), (1, "5055"), (10, "6829")];
    for (log, minute, expected) in [
        (vec![], 11, Unknown),
        // Before it has thawed it may take hours; what hangs does not count for ever.
        (vec![], 24 * 60 + 1, Unknown),
        (vec![], 24 * 60 + 2, Failed),
        (vec![(20, "6833")], 34, Unknown),
        (vec![(20, "6833")], 35, Failed),
        (vec![(20, "6833"), (90, "5057")], 104, Unknown),
        (vec![(20, "6833"), (90, "5057")], 105, Failed),
        // It ended before it thawed anything.
        (vec![(20, "-5060"), (21, "501")], 25, Unknown),
        (vec![(20, "-5060"), (21, "501")], 26, Failed),
    ] {
        let mut rig = rig();
        rig.log(0, &[&RUN[..], &log[..]].concat());
        rig.services(minute, seen(in_state(Executive, Stopped)));
        let (state, finding) = rig.check(minute, Check::ServicesRecovered);
        assert_eq!(state, expected, "{log:?} {minute} {finding}");
        assert!(finding.starts_with("SMS_EXECUTIVE is stopped"), "{finding}");
    }
}

#[test]
fn an_update_and_maintenance_stop_services_too() {
    use DatabaseFact::{SiteStatus, UpdateInstalls};
    for (facts, expected, words) in [
        ([UpdateInstalls(false), SiteStatus(Some(125))], Failed, "the site does not work"),
        ([UpdateInstalls(true), SiteStatus(Some(125))], Unknown, "An update is being installed"),
        ([UpdateInstalls(false), SiteStatus(Some(120))], Unknown, "maintenance mode"),
    ] {
        let mut rig = rig();
        rig.database(0, facts);
        rig.services(0, seen(in_state(Executive, Stopped)));
        let (state, finding) = rig.check(1, Check::ServicesRecovered);
        assert_eq!(state, expected, "{finding}");
        assert!(finding.contains(words), "{finding}");
    }
}

#[test]
fn a_change_of_the_control_file_needs_a_new_start_of_sms_writer() {
    const RESTART: &str = "`Restart-Service SMS_SITE_VSS_WRITER`";
    let started = |minute: i64| set(VssWriter, move |service| service.started = Some(at(minute)));
    assert_cases(
        Check::ControlFileApplied,
        vec![
            case(Passed, started(-9999), "SMS_SITE_VSS_WRITER", ""),
            case(Failed, started(-10_000), "SMS_SITE_VSS_WRITER has been running since", RESTART),
            case(Unknown, set(VssWriter, |service| service.started = None), "", ""),
            case(Unknown, in_state(VssWriter, Stopped), "not running", ""),
        ],
    );
    let mut rig = rig();
    rig.services(0, seen(|_| {}));
    assert_eq!(rig.check(0, Check::ControlFileApplied).0, Unknown, "nobody has looked at it");
}

#[test]
fn what_nobody_sees_is_unknown() {
    let mut unclear = rig();
    let pair = ["CM01", "CM02"].map(|name| SiteServer { name: name.into(), active: true }).to_vec();
    unclear.control_file(0, -9999);
    unclear.services(0, seen(|seen| (seen.services.clear(), seen.site_servers = Some(pair)).1));
    for rig in [rig(), unclear] {
        for check in OURS {
            assert_eq!(rig.check(0, check).0, Unknown, "{check}");
        }
    }
}

/// The same machine as one of two site servers.
fn of_a_pair(active: &str) -> ServicesSeen {
    let server = |name: &str| SiteServer { name: name.into(), active: name == active };
    seen(|seen| {
        seen.site_servers = Some(["CM01", "CM02"].map(server).to_vec());
        for service in seen.services.values_mut() {
            service.state = Missing;
        }
    })
}

#[test]
fn on_the_passive_node_nothing_is_judged() {
    let mut rig = rig();
    rig.log(0, &[(0, "500"), (1, "5055"), (2, "-5060"), (3, "501")]);
    rig.services(10, of_a_pair("CM02"));
    let assessment = rig.assess(10);
    assert_eq!(assessment.verdict, Verdict::Passive);
    assert_eq!(assessment.reason, "This is the passive site server; the site runs on CM02.");
    assert!(assessment.checks.iter().all(|result| result.state == Unknown));
    rig.services(20, of_a_pair("CM01"));
    assert_eq!(rig.assess(20).verdict, Verdict::Failed);
    assert_eq!(rig.check(20, Check::BackupService).0, Failed);
}

#[test]
fn the_destination_is_left_alone_while_the_service_does_not_stand_still() {
    let mut rig = rig();
    for (state, expected) in [
        (Stopped, None),
        (StartPending, Some(Quiet::RunInProgress)),
        (Running, Some(Quiet::RunInProgress)),
        (ServiceState::StopPending, Some(Quiet::RunInProgress)),
        (Missing, None),
    ] {
        rig.log(0, &[]);
        rig.services(0, seen(in_state(Backup, state)));
        assert_eq!(guidance(&rig.state, at(0)).quiet, expected, "{state}");
    }
}

#[test]
fn on_the_passive_node_only_the_site_database_can_tell_that_no_backup_runs() {
    let mut rig = rig();
    let quiet = |rig: &mut Rig, minute: i64, active: &str| {
        rig.log(minute, &[]);
        rig.services(minute, of_a_pair(active));
        guidance(&rig.state, at(minute)).quiet
    };
    assert_eq!(quiet(&mut rig, 0, "CM01"), None);
    assert_eq!(quiet(&mut rig, 1, "CM02"), Some(Quiet::Unknown));
    assert_eq!(quiet(&mut rig, 2, "nobody"), Some(Quiet::Unknown));
    let window = TaskWindow { days: 0, begin: 0, latest_begin: 0 };
    rig.database(3, [DatabaseFact::Task(TaskDefinition { enabled: true, window, destination: None })]);
    assert_eq!(quiet(&mut rig, 4, "CM02"), None);
    assert_eq!(quiet(&mut rig, 500, "CM02"), None, "its last poll succeeded");
}
