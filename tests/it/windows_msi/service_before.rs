//! A service that is there before the MSI comes, by the zip or by an older MSI.

use std::fs;
use std::path::Path;
use std::process::Command;

use windows_service::service::{ServiceAccess, ServiceInfo, ServiceStartType, ServiceState};
use windows_service::service_manager::{ServiceManager, ServiceManagerAccess};

use super::{CONFIGURATION, FOLDER, NAME, Packages, SERVICE_KEY, SOURCE_KEY};
use super::{HKLM, MEMORY_OF_SERVICE, listed, msiexec, nothing_is_left, running, service, until, value};
use crate::support::backups::successes;
use crate::support::process::{ONE_SITE, Place, binary};
use crate::support::test_service::alone;

/// Runs a command of the program for its service.
#[track_caller]
fn command(mut program: Command, arguments: &[&str]) {
    let output = program.arg("service").args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
}

fn installed() -> Command {
    Command::new(Path::new(FOLDER).join(format!("{NAME}.exe")))
}

/// How the service is started, as a number of the registry.
#[track_caller]
fn start() -> u32 {
    HKLM.open_subkey(SERVICE_KEY).and_then(|key| key.get_value("Start")).unwrap()
}

/// Changes how the service is started, as a console of services does.
#[track_caller]
fn set_start(start_type: ServiceStartType) {
    let manager = ServiceManager::local_computer(None::<&str>, ServiceManagerAccess::CONNECT).unwrap();
    let access = ServiceAccess::QUERY_CONFIG | ServiceAccess::CHANGE_CONFIG;
    let service = manager.open_service(NAME, access).unwrap();
    let config = service.query_config().unwrap();
    // Windows tells one text, and is told a program and its arguments; none of these has a space.
    let line = config.executable_path.display().to_string();
    let (program, flags) = line.strip_prefix('"').and_then(|line| line.split_once("\" ")).unwrap();
    let info = ServiceInfo {
        name: NAME.into(),
        display_name: config.display_name,
        service_type: config.service_type,
        start_type,
        error_control: config.error_control,
        executable_path: program.into(),
        launch_arguments: flags.split(' ').map(Into::into).collect(),
        dependencies: Vec::new(),
        account_name: None,
        account_password: None,
    };
    service.change_config(&info).unwrap();
}

#[test]
fn an_installation_that_fails_gives_a_service_its_command_line_back() {
    let Some(packages) = Packages::find(alone) else { return };
    let place = Place::new("");
    let address = place.keep_port();
    // A name with a space, for which the command line has quotation marks.
    place.write("the configuration.yml", CONFIGURATION);
    command(
        binary(),
        &[
            "install",
            "--remediation.mode=off",
            &format!("--web.listen-address={address}"),
            &format!("--config.file={}", place.path("the configuration.yml").display()),
            &format!("--state.path={}", place.path("state").display()),
        ],
    );
    let told = || (value(SERVICE_KEY, "ImagePath"), value(SOURCE_KEY, "EventMessageFile"));
    let before = told();
    assert!(before.0.contains("--remediation.mode=off") && before.0.contains(r#"" "#), "{before:?}");

    let properties = "REMEDIATION_MODE=restart FAIL=1";
    assert_ne!(msiexec("/i", &packages.old, properties), 0);
    // It was changed and ran, before the step that fails.
    assert!(fs::read_to_string(place.path("state/exporter.log")).unwrap().contains("message=listening"));
    // Wine's service control manager looks into the registry only once.
    let (state, _) = service().unwrap();
    assert_eq!((state, told()), (ServiceState::Stopped, before));
    assert!(HKLM.open_subkey(MEMORY_OF_SERVICE).is_err());
    assert_eq!(listed(), Vec::<String>::new());

    // Where it does not fail it takes the service over, with its flags.
    assert_eq!(msiexec("/i", &packages.old, "REMEDIATION_MODE=observe"), 0);
    let line = running();
    assert!(
        line.contains(FOLDER) && line.contains("=observe") && line.contains("the configuration"),
        "{line}"
    );
    assert!(value(SOURCE_KEY, "EventMessageFile").contains(FOLDER));
    assert!(HKLM.open_subkey(MEMORY_OF_SERVICE).is_err());
    assert_eq!(msiexec("/x", &packages.old, ""), 0);
    nothing_is_left();
}

#[test]
fn a_first_installation_that_fails_leaves_no_service() {
    let Some(packages) = Packages::find(alone) else { return };
    let place = Place::new("");
    place.write("exporter.yml", ONE_SITE);
    let properties = format!(
        r#"LISTEN_ADDRESS={} CONFIG_FILE="{}" EXTRA_FLAGS=--state.path={} FAIL=1"#,
        place.keep_port(),
        place.path("exporter.yml").display(),
        place.path("state").display()
    );
    assert_ne!(msiexec("/i", &packages.old, &properties), 0);
    // It was there and ran, before the step that fails.
    assert!(fs::read_to_string(place.path("state/exporter.log")).unwrap().contains("message=listening"));
    nothing_is_left();
}

#[test]
fn an_upgrade_does_not_start_what_its_administrator_does_not_have_started() {
    let Some(packages) = Packages::find(alone) else { return };
    let place = Place::new("");
    let address = place.keep_port();
    place.write("exporter.yml", ONE_SITE);
    place.append(&successes("P01", 2));
    let properties = format!(
        r#"LISTEN_ADDRESS={address} CONFIG_FILE="{}" EXTRA_FLAGS=--state.path={}"#,
        place.path("exporter.yml").display(),
        place.path("state").display()
    );
    assert_eq!(msiexec("/i", &packages.old, &properties), 0);
    running();
    command(installed(), &["stop"]);
    set_start(ServiceStartType::Disabled);
    assert_eq!(msiexec("/i", &packages.new, ""), 0);
    assert_eq!((service().unwrap().0, listed()), (ServiceState::Stopped, vec!["1.0.1".to_owned()]));
    assert_eq!(start(), ServiceStartType::Disabled as u32);

    set_start(ServiceStartType::OnDemand);
    assert_eq!(msiexec("/i", &packages.new, ""), 0);
    assert_eq!(service().unwrap().0, ServiceState::Stopped);
    // Only where that is asked for.
    assert_eq!(msiexec("/i", &packages.new, "START_SERVICE=1"), 0);
    until(address, r#"runs_total{site_code="P01"}"#, 2.0);
    assert_eq!(start(), ServiceStartType::OnDemand as u32);
    assert_eq!(msiexec("/x", &packages.new, ""), 0);
    nothing_is_left();
}
