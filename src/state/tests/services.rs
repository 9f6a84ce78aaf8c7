//! What the services of the site server tell: that a run is over, and which machine runs the site.

mod stopped;

use super::*;
use crate::state::checkpoint::{StateDirectory, peek};

pub(super) use ServiceState::{Running, Stopped};

/// The same state after a restart.
pub(super) fn restarted(state: &SiteState, now: Timestamp) -> SiteState {
    let folder = tempfile::tempdir().unwrap();
    StateDirectory::open(folder.path()).unwrap().save(state, 1).unwrap();
    let mut restarted = peek(folder.path(), &state.settings, now).unwrap().state;
    for (source, known) in &state.sources {
        restarted.watch(source.clone(), known.interval, known.witness, now);
    }
    restarted
}

/// A look at the services of a machine on which SMS_SITE_BACKUP is in a state.
pub(super) fn seen(machine: &str, backup: ServiceState) -> ServicesSeen {
    let services = [(SiteService::Backup.label().into(), Service::in_state(backup))];
    ServicesSeen { machine: Some(machine.into()), services: services.into(), ..ServicesSeen::default() }
}

/// The same on one of two site servers, of which one or both or none are said to be active.
fn of_a_pair(machine: &str, active: &[&str]) -> ServicesSeen {
    let server = |name: &str| SiteServer { name: name.into(), active: active.contains(&name) };
    let site_servers = Some(["CM01", "CM02"].map(server).to_vec());
    ServicesSeen { site_servers, ..seen(machine, Stopped) }
}

/// A site whose log and services are watched.
pub(super) fn watched() -> SiteState {
    let mut state = SiteState::new(Arc::new(SiteSettings::new("P01".parse().unwrap())), at(0));
    for kind in [LOG, SourceKind::Services] {
        let source = SourceId { kind, location: String::new() };
        state.watch(source, Duration::from_secs(5), kind.witness(), at(0));
    }
    state
}

pub(super) fn look(state: &mut SiteState, seconds: i64, seen: ServicesSeen) -> Change {
    let now = at(seconds);
    state.fold(&report(SourceKind::Services, now, vec![Fact::Services(seen)]), now)
}

#[test]
fn a_node_that_was_passive_and_is_active_has_taken_the_site_over() {
    let mut state = watched();
    assert_eq!((state.node(), state.takeover), (None, None), "nobody has told");
    look(&mut state, 10, of_a_pair("CM02", &["CM02"]));
    assert_eq!((state.node(), state.takeover), (Some(Node::Active), None), "it may always have been");
    assert_eq!(look(&mut state, 20, of_a_pair("CM02", &["CM01"])), Change::Durable);
    assert_eq!(look(&mut state, 30, of_a_pair("CM02", &["CM01"])), Change::Volatile);
    assert_eq!(state.node(), Some(Node::Passive));
    look(&mut state, 40, of_a_pair("CM02", &["CM01", "CM02"]));
    assert_eq!((state.node(), state.takeover), (Some(Node::Unclear), None));
    assert_eq!(look(&mut state, 50, of_a_pair("CM02", &["CM02"])), Change::Durable);
    assert_eq!((state.node(), state.takeover), (Some(Node::Active), Some(at(50))));
    look(&mut state, 60, seen("CM02", Stopped));
    assert_eq!((state.node(), state.takeover), (None, Some(at(50))));
}

#[test]
fn a_takeover_is_seen_across_a_restart_and_kept() {
    let mut state = watched();
    look(&mut state, 10, of_a_pair("CM02", &["CM01"]));
    let mut state = restarted(&state, at(100));
    assert_eq!(state.node(), Some(Node::Passive), "until its services are asked");
    look(&mut state, 110, of_a_pair("CM02", &["CM02"]));
    assert_eq!((state.node(), state.takeover), (Some(Node::Active), Some(at(110))));
    let state = restarted(&state, at(200));
    assert_eq!((state.node(), state.takeover), (Some(Node::Active), Some(at(110))));
    // The clock was ahead then.
    assert_eq!(restarted(&state, at(105)).takeover, Some(at(105)));
}

#[test]
fn what_the_node_is_was_observed_and_goes_with_its_source_but_for_a_passive_one() {
    for (active, last) in [("CM01", Some(Node::Passive)), ("CM02", None)] {
        let mut state = watched();
        look(&mut state, 10, of_a_pair("CM02", &[active]));
        let known = state.node();
        assert!(known.is_some());
        let failure = PollFailure { kind: FailureKind::Unreachable, message: "gone".to_owned() };
        let failed = PollReport { result: Err(failure), ..report(SourceKind::Services, at(20), Vec::new()) };
        for expected in [known, known, last, last] {
            state.fold(&failed, at(20));
            assert_eq!(state.node(), expected, "{active}");
        }
        let mut state = restarted(&state, at(100));
        assert_eq!(state.node(), known, "until its services are asked");
        state.fold(&failed, at(110));
        assert_eq!(state.node(), last, "{active}");
        // Services that nobody watches any more tell nothing.
        state.sources.retain(|id, _| id.kind != SourceKind::Services);
        assert_eq!(state.node(), None);
    }
}

#[test]
fn a_passive_node_whose_services_cannot_be_asked_does_not_alarm() {
    use crate::assessment::{Verdict, assess};
    let mut state = watched();
    look(&mut state, 10, of_a_pair("CM02", &["CM01"]));
    let failed = PollFailure { kind: FailureKind::Unreachable, message: "gone".to_owned() };
    for seconds in 20..30 {
        let result = Err(failed.clone());
        let report = PollReport { result, ..report(SourceKind::Services, at(seconds), Vec::new()) };
        state.fold(&report, at(seconds));
    }
    let assessment = assess(&state, at(40 * 24 * 3600));
    assert_eq!(assessment.verdict, Verdict::Passive);
    assert_eq!(assessment.reason, "This was the passive site server when its services were last seen.");
    // Once it was seen to be active it is responsible, also while nobody can see.
    look(&mut state, 30, of_a_pair("CM02", &["CM02"]));
    assert_eq!(state.node(), Some(Node::Active));
}

#[test]
fn a_site_whose_messages_are_read_from_the_database_knows_of_the_time_before_a_takeover() {
    let mut state = watched();
    state.takeover = Some(at(50));
    assert_eq!(state.taken_over(), Some(at(50)));
    let database = SourceId { kind: SourceKind::Database, location: String::new() };
    state.watch(database, Duration::from_secs(300), SourceKind::Database.witness(), at(0));
    assert_eq!(state.taken_over(), None);
}

#[test]
fn where_the_site_database_is_follows_from_two_names() {
    use crate::config::{Authentication, DatabaseConfig, Encryption, ServerAddress, Trust};
    for (machine, host, told, expected) in [
        (Some("CM01"), None, None, None),
        (Some("CM01"), Some("cm01.corp.example"), None, Some(true)),
        (Some("CM01"), Some("sql01"), None, Some(false)),
        (Some("CM01"), Some("localhost"), None, None),
        (Some("CM01"), Some("10.0.0.1"), None, None),
        (Some("CM01"), Some("sql01"), Some("CM01\\CM"), Some(true)),
        (Some("CM01"), Some("localhost"), Some("SQL01\\CM01"), Some(false)),
        (None, Some("sql01"), Some("SQL01"), None),
    ] {
        let mut state = watched();
        Arc::make_mut(&mut state.settings).database = host.map(|host| DatabaseConfig {
            server: ServerAddress { host: host.to_owned(), instance: None, port: None },
            name: "CM_P01".to_owned(),
            authentication: Authentication::Integrated,
            encryption: Encryption::Required,
            trust: Trust::Platform,
            interval: Duration::from_secs(300),
            query_timeout: Duration::from_secs(30),
            alert: None,
        });
        let services = ServicesSeen { machine: machine.map(Into::into), ..seen("CM01", Stopped) };
        look(&mut state, 10, services);
        if let Some(name) = told {
            let database = SourceId { kind: SourceKind::Database, location: String::new() };
            state.watch(database, Duration::from_secs(300), None, at(0));
            let (version, utc) = ("16.0".into(), at(0));
            let server =
                DatabaseServer { name: name.into(), version, in_availability_group: false, utc, offset: 0 };
            let fact = DatabaseFact::Server { server, skew: TimeDelta::zero() };
            state.fold(&report(SourceKind::Database, at(20), vec![Fact::Database(fact)]), at(20));
        }
        assert_eq!(state.database_is_here(), expected, "{machine:?} {host:?} {told:?}");
    }
}
