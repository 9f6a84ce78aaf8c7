//! The service control manager of Windows, or Wine's: what the controller sees and does with a real service.

use std::time::Duration;

use configmgr_backup_exporter::clock::Clock;
use configmgr_backup_exporter::services::{ServiceErrorKind, Start};
use configmgr_backup_exporter::site::{Node, Service, ServiceState, SiteService, StartMode, same_machine};

use winreg::HKLM;

use super::support::process::Place;
use super::support::test_service::{TestService, controller};

/// Where a site server keeps which site it is of.
const IDENTIFICATION: &str = r"SOFTWARE\Microsoft\SMS\Identification";

const BACKUP: SiteService = SiteService::Backup;

#[test]
fn a_service_is_seen_with_its_start_mode_account_and_process() {
    let place = Place::new("");
    let service = TestService::install(&place);
    let services = controller(None);
    let seen = services.look().unwrap();
    let account = Some("LocalSystem".into());
    let stopped = Service {
        state: ServiceState::Stopped,
        start: Some(StartMode::Manual),
        account: account.clone(),
        started: None,
    };
    assert_eq!(seen.of(BACKUP), Some(&stopped));
    assert_eq!(seen.of(SiteService::Executive), Some(&Service::in_state(ServiceState::Missing)));
    // The name that ConfigMgr on this machine would write into its log.
    let own = std::env::var("COMPUTERNAME").unwrap();
    assert!(seen.machine.as_deref().is_some_and(|machine| same_machine(machine, &own)), "{own}: {seen:?}");
    let now = Clock::System.now();
    assert!(seen.booted.is_some_and(|booted| booted < now), "{seen:?}");

    service.behave("run hang");
    let before = now - Duration::from_secs(1);
    assert_eq!(services.start(BACKUP), Ok(Start::Accepted));
    service.until(ServiceState::Running);
    let running = services.look().unwrap().of(BACKUP).cloned().unwrap();
    assert_eq!((running.state, &running.account), (ServiceState::Running, &account));
    assert!(
        running.started.is_some_and(|started| started >= before && started <= Clock::System.now()),
        "{running:?}"
    );
    assert_eq!(services.start(BACKUP), Ok(Start::AlreadyRunning));
    assert_eq!(services.stop(BACKUP), Ok(()));
    service.until(ServiceState::Stopped);
    assert_eq!(services.stop(BACKUP), Ok(()));
    assert_eq!(service.starts(), 1);
}

#[test]
fn what_the_registry_tells_of_the_site_is_seen() {
    let place = Place::new("");
    let service = TestService::install(&place);
    let services = controller(None);
    assert_eq!(services.look().unwrap().site_servers, None);

    let (key, _) = HKLM.create_subkey(IDENTIFICATION).unwrap();
    assert_eq!(services.look().unwrap().site_servers, Some(Vec::new()));
    let machine = services.location();
    for (value, node) in [
        (format!("1;{machine}.corp.example;0;cm02.corp.example;"), Node::Active),
        (format!("0;{machine}.corp.example;1;cm02.corp.example;"), Node::Passive),
        ("whatever".to_owned(), Node::Unclear),
    ] {
        key.set_value("Site Servers", &value).unwrap();
        assert_eq!(services.look().unwrap().node(), Some(node), "{value}");
    }
    key.set_value("Site Servers", &1_u32).unwrap();
    assert_eq!(services.look().unwrap().node(), Some(Node::Unclear));
    HKLM.delete_subkey_all(r"SOFTWARE\Microsoft\SMS").unwrap();

    let name = "SMS_SITE_SQL_BACKUP_CM02.CORP.EXAMPLE";
    assert_eq!(services.look().unwrap().services.get(name), None);
    service.install_another(name);
    let seen = services.look().unwrap();
    assert_eq!(seen.services.get(name).map(|service| service.state), Some(ServiceState::Stopped));
    service.uninstall_another(name);
}

#[test]
fn a_service_that_is_missing_or_disabled_is_not_started() {
    let place = Place::new("");
    let services = controller(None);
    let service = TestService::install(&place);
    service.set_start(StartMode::Disabled);
    let seen = services.look().unwrap();
    assert_eq!(seen.of(BACKUP).and_then(|backup| backup.start), Some(StartMode::Disabled));
    let error = services.start(BACKUP).unwrap_err();
    assert_eq!(error.kind, ServiceErrorKind::Refused);
    let machine = services.location();
    assert_eq!(
        error.message,
        format!(
            "cannot start SMS_SITE_BACKUP on {machine}: the service is disabled (Win32 1058); set its startup type to \
             Manual"
        )
    );
    service.set_start(StartMode::Automatic);
    let seen = services.look().unwrap();
    assert_eq!(seen.of(BACKUP).and_then(|backup| backup.start), Some(StartMode::Automatic));

    // Another one than SMS_SITE_BACKUP, which may be there for another test.
    let missing = SiteService::VssWriter;
    assert_eq!(services.state(missing), Ok(ServiceState::Missing));
    assert_eq!(services.start(missing).unwrap_err().kind, ServiceErrorKind::NotFound);
    assert_eq!(services.stop(missing).unwrap_err().kind, ServiceErrorKind::NotFound);
    assert_eq!(service.starts(), 0);
}

#[test]
fn a_service_that_hangs_is_told_as_it_is() {
    let place = Place::new("");
    let services = controller(None);
    let service = TestService::install(&place);
    service.behave("start hang\nrun hang\nstop slow");
    assert_eq!(services.start(BACKUP), Ok(Start::Accepted));
    service.until(ServiceState::StartPending);
    let error = services.stop(BACKUP).unwrap_err();
    assert_eq!(error.kind, ServiceErrorKind::Refused, "{error}");
    assert_eq!(services.start(BACKUP), Ok(Start::AlreadyRunning));
    service.let_go();
    service.until(ServiceState::Stopped);

    service.behave("run hang\nstop slow");
    assert_eq!(services.start(BACKUP), Ok(Start::Accepted));
    service.until(ServiceState::Running);
    assert_eq!(services.stop(BACKUP), Ok(()));
    service.until(ServiceState::StopPending);
    assert_eq!(services.stop(BACKUP), Ok(()), "it is being stopped already");
    // It is not Running because somebody started it.
    let error = services.start(BACKUP).unwrap_err();
    assert_eq!(error.kind, ServiceErrorKind::Refused, "{error}");
    service.let_go();
    service.until(ServiceState::Stopped);

    service.behave("run hang\nstop refuse");
    assert_eq!(services.start(BACKUP), Ok(Start::Accepted));
    service.until(ServiceState::Running);
    let error = services.stop(BACKUP).unwrap_err();
    assert_eq!(error.kind, ServiceErrorKind::Refused, "{error}");
    assert_eq!(services.state(BACKUP), Ok(ServiceState::Running));
}

#[test]
fn a_start_that_fails_later_was_accepted() {
    let place = Place::new("");
    let services = controller(None);
    let service = TestService::install(&place);
    service.behave("start fail 77");
    assert_eq!(services.start(BACKUP), Ok(Start::Accepted));
    service.until(ServiceState::Stopped);
    assert_eq!(service.starts(), 1);
    assert!(!place.log().exists());
}

#[test]
fn of_another_machine_only_its_services_are_known() {
    let place = Place::new("");
    let service = TestService::install(&place);
    let here = controller(None);
    // Any name but none is that of another machine.
    let there = controller(Some(&here.location()));
    service.behave("run hang");
    assert_eq!(there.start(BACKUP), Ok(Start::Accepted));
    service.until(ServiceState::Running);
    let (own, seen) = (here.look().unwrap(), there.look().unwrap());
    assert_eq!(seen.machine, own.machine);
    assert_eq!((seen.booted, &seen.site_servers), (None, &None));
    let unknown = |service: &Service| Service { started: None, ..service.clone() };
    assert_eq!(seen.of(BACKUP).cloned(), own.of(BACKUP).map(unknown));
    assert_eq!(there.stop(BACKUP), Ok(()));
    service.until(ServiceState::Stopped);
}
