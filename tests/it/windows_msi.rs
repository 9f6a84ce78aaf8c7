//! The MSI from its installation to its removal, silently, as an administrator of many servers does it.
//!
//! `service_before` is about a service that is there already, `site_server` about a server that nothing is configured for.
//! The packages are made by `tests/wine/packages`; the variable `WINDOWS_PACKAGES` names their folder.

mod service_before;
mod site_server;

use std::fs;
use std::net::SocketAddr;
use std::os::windows::process::CommandExt;
use std::path::{Path, PathBuf, absolute};
use std::process::Command;

use windows_service::service::{ServiceAccess, ServiceState};
use windows_service::service_manager::{ServiceManager, ServiceManagerAccess};
use winreg::HKLM;

use super::support::backups::successes;
use super::support::process::{DEADLINE, ONE_SITE, Place, Samples};
use super::support::test_service::alone;
use super::support::{http, skip_without, wait};

const NAME: &str = "configmgr_backup_exporter";
const FOLDER: &str = r"C:\Program Files\configmgr_backup_exporter";
/// What programs and features lists.
const UNINSTALL: &str = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall";
/// What the packages remember, and while they are installed what the service was before.
const MEMORY: &str = r"SOFTWARE\configmgr_backup_exporter";
const MEMORY_OF_SERVICE: &str = r"SOFTWARE\configmgr_backup_exporter.before";
/// The service and its messages.
const SERVICE_KEY: &str = r"SYSTEM\CurrentControlSet\Services\configmgr_backup_exporter";
const SOURCE_KEY: &str = r"SYSTEM\CurrentControlSet\Services\EventLog\Application\configmgr_backup_exporter";
/// What msiexec says where it was not allowed to go on.
const INSTALL_FAILURE: i32 = 1603;

/// A site with services, so that a mode of restarts is exported.
const CONFIGURATION: &str = "\
sites:
  - code: P01
    role: hierarchy
    log: { path: logs/smsbkup.log, interval: 1s }
    services: { interval: 1s }
    judgement: { settle: 0s }
";

/// Two packages and a machine without them. Both are uninstalled from it where a test fails.
struct Packages<L> {
    old: PathBuf,
    /// Of a higher version.
    new: PathBuf,
    _lock: L,
}

impl<L> Packages<L> {
    /// `None` where they are missing and may be; what is called keeps other tests from having services.
    #[track_caller]
    fn find(lock: impl FnOnce() -> L) -> Option<Self> {
        let Some(folder) = std::env::var_os("WINDOWS_PACKAGES") else {
            skip_without("WINDOWS_PACKAGES, the folder that tests/wine/packages makes,");
            return None;
        };
        let lock = lock();
        // Wine is an older Windows by default, which the packages refuse.
        let (windows, _) = HKLM.create_subkey(r"SOFTWARE\Microsoft\Windows NT\CurrentVersion").unwrap();
        windows.set_value("CurrentMajorVersionNumber", &10_u32).unwrap();
        assert_eq!((service(), listed()), (None, vec![]), "end what is left of an earlier test: wineboot -k");
        let package =
            |version| absolute(Path::new(&folder).join(format!("{NAME}-{version}-x64.msi"))).unwrap();
        Some(Self { old: package("1.0.0"), new: package("1.0.1"), _lock: lock })
    }
}

impl<L> Drop for Packages<L> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the service was {:?}", service());
            msiexec("/x", &self.new, "");
            msiexec("/x", &self.old, "");
        }
    }
}

/// Runs msiexec silently and returns its code; the properties are written as for a command prompt.
fn msiexec(action: &str, package: &Path, properties: &str) -> i32 {
    let mut command = Command::new("msiexec");
    command.raw_arg(format!("{action} \"{}\" /qn {properties}", package.display()));
    command.status().unwrap().code().unwrap()
}

/// The service's state and the command line that it is started with.
fn service() -> Option<(ServiceState, String)> {
    let manager = ServiceManager::local_computer(None::<&str>, ServiceManagerAccess::CONNECT).unwrap();
    let service =
        manager.open_service(NAME, ServiceAccess::QUERY_STATUS | ServiceAccess::QUERY_CONFIG).ok()?;
    let (status, config) = (service.query_status().ok()?, service.query_config().ok()?);
    Some((status.current_state, config.executable_path.display().to_string()))
}

/// The command line of the running service; waits until it runs.
#[track_caller]
fn running() -> String {
    wait::until(DEADLINE, "the service to run", || {
        service().and_then(|(state, line)| (state == ServiceState::Running).then_some(line))
    })
}

/// Scrapes the service until a series has this value.
#[track_caller]
fn until(address: SocketAddr, series: &str, value: f64) {
    wait::until(DEADLINE, &format!("{series} to be {value}"), || {
        let response = http::request("GET", address, "/metrics", &[]).ok()?;
        (Samples::parse(response.text()).get(series) == Some(value)).then_some(())
    });
}

/// The versions that are installed, as programs and features lists them.
fn listed() -> Vec<String> {
    let Ok(key) = HKLM.open_subkey(UNINSTALL) else { return Vec::new() };
    let products = key.enum_keys().map(|name| key.open_subkey(name.unwrap()).unwrap());
    let ours = products.filter(|product| {
        product.get_value::<String, _>("DisplayName").is_ok_and(|name| name == "ConfigMgr Backup Exporter")
    });
    ours.map(|product| product.get_value("DisplayVersion").unwrap()).collect()
}

/// A text of the registry.
#[track_caller]
fn value(key: &str, name: &str) -> String {
    HKLM.open_subkey(key).and_then(|key| key.get_value(name)).expect(key)
}

/// The program that a package holds.
fn packaged(package: &Path) -> Vec<u8> {
    fs::read(package.with_extension("exe")).unwrap()
}

fn installed() -> Vec<u8> {
    fs::read(Path::new(FOLDER).join(format!("{NAME}.exe"))).unwrap()
}

/// Waits until neither service nor program is there, nor what Windows was told of them.
#[track_caller]
fn nothing_is_left() {
    wait::until(DEADLINE, "the service to be gone", || service().is_none().then_some(()));
    assert_eq!(listed(), Vec::<String>::new());
    assert!(!Path::new(FOLDER).exists(), "{FOLDER} is left");
    for key in [MEMORY, MEMORY_OF_SERVICE, SERVICE_KEY, SOURCE_KEY] {
        assert!(HKLM.open_subkey(key).is_err(), "{key} is left");
    }
}

#[test]
fn an_installation_keeps_its_settings_and_its_configuration_across_an_upgrade_and_leaves_nothing_else() {
    let Some(packages) = Packages::find(alone) else { return };
    let (old, new) = (&packages.old, &packages.new);

    for refused in [
        "REMEDIATION_MODE=on",
        "FIREWALL=yes",
        "START_SERVICE=2",
        r#"CONFIG_FILE="C:\folder\""#,
        // What the program itself refuses: the installation is taken back.
        "LISTEN_ADDRESS=nonsense",
    ] {
        assert_ne!(msiexec("/i", old, refused), 0, "{refused}");
        assert!(!Path::new(FOLDER).exists(), "{refused}");
        assert_eq!((service(), listed()), (None, vec![]), "{refused}");
    }

    let place = Place::new("");
    place.append(&successes("P01", 3));
    let address = place.keep_port();
    // A name with a space, for which everything on the way has to use quotation marks. Wine's msiexec cannot be given
    // any itself, so not in EXTRA_FLAGS.
    place.write("the configuration.yml", CONFIGURATION);
    let (config, state) = (place.path("the configuration.yml"), place.path("state"));
    let properties = format!(
        r#"LISTEN_ADDRESS={address} REMEDIATION_MODE=observe CONFIG_FILE="{}" FIREWALL=1 EXTRA_FLAGS="--state.path={} --log.level=debug""#,
        config.display(),
        state.display(),
    );
    assert_eq!(msiexec("/i", old, &properties), 0);
    let flags = [
        format!("--web.listen-address={address}"),
        "--remediation.mode=observe".to_owned(),
        config.display().to_string(),
        state.display().to_string(),
        "--log.level=debug".to_owned(),
    ];
    let line = running();
    assert!(line.starts_with(&format!(r#""{FOLDER}\{NAME}.exe" service run "#)), "{line}");
    assert!(flags.iter().all(|flag| line.contains(flag)), "{line}");
    let observes = r#"remediation_mode{site_code="P01",mode="observe"}"#;
    until(address, r#"runs_total{site_code="P01"}"#, 3.0);
    until(address, observes, 1.0);
    assert_eq!(listed(), ["1.0.0"]);
    assert!(installed() == packaged(old));

    // The configuration is changed by hand, and a silent upgrade is told nothing.
    let changed = format!("{CONFIGURATION}  - code: P02\n    log: {{ path: logs/other.log }}\n");
    place.write("the configuration.yml", &changed);
    assert_eq!(msiexec("/i", new, ""), 0);
    let line = running();
    assert!(flags.iter().all(|flag| line.contains(flag)), "{line}");
    until(address, r#"runs_total{site_code="P01"}"#, 3.0);
    until(address, observes, 1.0);
    until(address, r#"source_up{site_code="P02",source="backup_log"}"#, 0.0);
    assert_eq!(listed(), ["1.0.1"]);
    assert!(packaged(new) != packaged(old) && installed() == packaged(new));
    assert_eq!(value(MEMORY, "Firewall"), "1");

    // There is no way back but through an uninstallation.
    assert_eq!(msiexec("/i", old, "REMEDIATION_MODE=off"), INSTALL_FAILURE);
    assert_eq!((running(), listed()), (line, vec!["1.0.1".to_owned()]));
    assert!(installed() == packaged(new));

    // The same package again repairs, and changes what it is told to.
    fs::write(Path::new(FOLDER).join("LICENSE.txt"), "damaged").unwrap();
    assert_eq!(msiexec("/i", new, "REMEDIATION_MODE=off FIREWALL=0"), 0);
    let line = running();
    assert!(line.contains("--remediation.mode=off") && !line.contains("observe"), "{line}");
    assert!(flags.iter().filter(|flag| !flag.contains("observe")).all(|flag| line.contains(flag)), "{line}");
    until(address, r#"remediation_mode{site_code="P01",mode="off"}"#, 1.0);
    assert!(fs::read_to_string(Path::new(FOLDER).join("LICENSE.txt")).unwrap().contains("Apache License"));

    assert_eq!(msiexec("/x", new, ""), 0);
    nothing_is_left();
    assert_eq!(fs::read_to_string(&config).unwrap(), changed);
    assert!(state.join("P01.checkpoint.json").exists());
}

#[test]
fn a_service_that_cannot_start_yet_is_installed_and_a_damaged_one_is_uninstalled() {
    let Some(packages) = Packages::find(alone) else { return };
    let place = Place::new("");
    let address = place.keep_port();
    let (config, state) = (place.path("later.yml"), place.path("state"));
    let properties = format!(
        r#"LISTEN_ADDRESS={address} CONFIG_FILE="{}" EXTRA_FLAGS=--state.path={}"#,
        config.display(),
        state.display()
    );
    assert_eq!(msiexec("/i", &packages.old, &properties), 0);
    assert_eq!(service().unwrap().0, ServiceState::Stopped);
    place.write("later.yml", ONE_SITE);
    place.append(&successes("P01", 2));
    let program = Path::new(FOLDER).join(format!("{NAME}.exe"));
    assert!(Command::new(&program).args(["service", "start"]).status().unwrap().success());
    until(address, r#"runs_total{site_code="P01"}"#, 2.0);

    // Told not to start it, it only stops it.
    assert_eq!(msiexec("/i", &packages.new, "START_SERVICE=0"), 0);
    assert_eq!(service().unwrap().0, ServiceState::Stopped);

    // What could uninstall the service is gone; it has to go all the same.
    fs::write(&program, "damaged").unwrap();
    assert_eq!(msiexec("/x", &packages.new, ""), 0);
    nothing_is_left();
}
