//! The exporter as a service of the real service control manager of Windows, or Wine's: installed by its own command,
//! started, scraped, stopped, killed, and taken away again.
//!
//! A service inherits nothing from the test, so everything it needs is in its flags.

use std::io::{Read, Seek, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::MutexGuard;
use std::time::{Duration, Instant};

use windows_permissions::constants::{SeObjectType, SecurityInformation};
use windows_permissions::wrappers::SetNamedSecurityInfo;
use windows_permissions::{LocalBox, SecurityDescriptor};
use windows_service::service::{
    ServiceAccess, ServiceControlAccept, ServiceErrorControl, ServiceExitCode, ServiceInfo, ServiceStartType,
    ServiceState, ServiceStatus, ServiceType,
};
use windows_service::service_manager::{ServiceManager, ServiceManagerAccess};
use winreg::HKLM;

use super::support::authority::{self, Authority};
use super::support::process::{DEADLINE, ONE_SITE, Place, binary};
use super::support::test_service::alone;
use super::support::{http, wait};

const NAME: &str = "configmgr_backup_exporter";
const SOURCE: &str = r"SYSTEM\CurrentControlSet\Services\EventLog\Application\configmgr_backup_exporter";
const KEY: &str = r"SYSTEM\CurrentControlSet\Services\configmgr_backup_exporter";

/// The service with its files, which goes with its value.
struct Service {
    place: Place,
    address: SocketAddr,
    _alone: MutexGuard<'static, ()>,
}

impl Service {
    /// A place for it; its configuration has spaces in its path.
    #[track_caller]
    fn place() -> Self {
        let alone = alone();
        assert!(HKLM.open_subkey(KEY).is_err(), "end what is left of an earlier test: wineboot -k");
        let place = Place::new(ONE_SITE);
        std::fs::create_dir(place.path("a folder")).unwrap();
        std::fs::rename(place.path("exporter.yml"), place.path("a folder/exporter.yml")).unwrap();
        let address = place.keep_port();
        Self { place, address, _alone: alone }
    }

    /// Installs it with all that it needs and these flags.
    #[track_caller]
    fn install(&self, flags: &[&str]) -> Output {
        let config = format!("--config.file={}", self.config().display());
        let state = format!("--state.path={}", self.state().display());
        let listen = format!("--web.listen-address={}", self.address);
        let all: Vec<_> =
            ["install", &config, &state, &listen].into_iter().chain(flags.iter().copied()).collect();
        succeeded(&all)
    }

    fn config(&self) -> PathBuf {
        self.place.path(r"a folder\exporter.yml")
    }

    fn state(&self) -> PathBuf {
        self.place.path("its state")
    }

    /// What it has logged.
    fn log(&self) -> String {
        std::fs::read_to_string(self.state().join("exporter.log")).unwrap_or_default()
    }

    /// Waits until it is in a state, and returns what it told on its way.
    #[track_caller]
    fn until(&self, wanted: ServiceState) -> Vec<ServiceStatus> {
        let mut told: Vec<ServiceStatus> = Vec::new();
        wait::until(DEADLINE, &format!("the service to be {wanted:?}"), || {
            let status = status();
            let state = status.current_state;
            if told
                .last()
                .is_none_or(|last| last.current_state != state || last.checkpoint != status.checkpoint)
            {
                told.push(status);
            }
            (state == wanted).then_some(())
        });
        told
    }

    /// Starts it and waits for its end; its code.
    #[track_caller]
    fn ends_with(&self) -> ServiceExitCode {
        let begun = Instant::now();
        start();
        let told = self.until(ServiceState::Stopped);
        assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
        told.last().unwrap().exit_code
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // A second panic would hide the first.
        let output = service(&["uninstall"]);
        if std::thread::panicking() {
            eprintln!("--- uninstall: {}", text(&output));
        }
    }
}

/// A client that does not come to the end of its request; the server has read the beginning.
fn slow_client(address: SocketAddr) -> TcpStream {
    let mut client = TcpStream::connect(address).unwrap();
    client.write_all(b"GET /metrics HTTP/1.1\r\nHost: ").unwrap();
    // Who came later was answered, one after the other.
    for _ in 0..10 {
        assert_eq!(http::get(address, "/-/healthy", &[]).status, 200);
    }
    client
}

/// The command `service` with these arguments.
#[track_caller]
fn service(arguments: &[&str]) -> Output {
    output(binary().arg("service").args(arguments))
}

/// A program to its end, with all that it says in the place of its standard output.
///
/// That goes through a file: Wine's pipes now and then fail (Win32 1359) while other threads start programs.
#[track_caller]
fn output(command: &mut Command) -> Output {
    let mut said = tempfile::tempfile().expect("a temporary file");
    command.stdin(Stdio::null());
    for out in [Command::stdout, Command::stderr] {
        out(command, said.try_clone().expect("its copy"));
    }
    let status = command.status().expect("the program starts");
    let mut stdout = Vec::new();
    said.rewind().and_then(|()| said.read_to_end(&mut stdout)).expect("what it said");
    Output { status, stdout, stderr: Vec::new() }
}

#[track_caller]
fn succeeded(arguments: &[&str]) -> Output {
    let output = service(arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", text(&output));
    output
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[track_caller]
fn open(access: ServiceAccess) -> windows_service::service::Service {
    let manager = ServiceManager::local_computer(None::<&str>, ServiceManagerAccess::CONNECT).unwrap();
    manager.open_service(NAME, access).expect("the service is there")
}

#[track_caller]
fn start() {
    open(ServiceAccess::START).start::<&str>(&[]).expect("the service is started");
}

#[track_caller]
fn status() -> ServiceStatus {
    open(ServiceAccess::QUERY_STATUS).query_status().unwrap()
}

#[track_caller]
fn command_line() -> String {
    let config = open(ServiceAccess::QUERY_CONFIG).query_config().unwrap();
    config.executable_path.to_str().unwrap().to_owned()
}

/// Changes when the service starts and what its program is started with, as somebody does by hand.
#[track_caller]
fn reconfigure(start_type: ServiceStartType, arguments: &[&str]) {
    let info = ServiceInfo {
        name: NAME.into(),
        display_name: NAME.into(),
        service_type: ServiceType::OWN_PROCESS,
        start_type,
        error_control: ServiceErrorControl::Normal,
        executable_path: std::path::absolute(binary().get_program()).unwrap(),
        launch_arguments: arguments.iter().map(Into::into).collect(),
        dependencies: Vec::new(),
        account_name: None,
        account_password: None,
    };
    open(ServiceAccess::CHANGE_CONFIG).change_config(&info).unwrap();
}

/// Lets only some do something with a file or folder.
#[track_caller]
fn write_dacl(path: &Path, text: &str) {
    let what = SecurityInformation::Dacl | SecurityInformation::ProtectedDacl;
    let list: LocalBox<SecurityDescriptor> = text.parse().unwrap();
    let kind = SeObjectType::SE_FILE_OBJECT;
    SetNamedSecurityInfo(path, kind, what, None, None, list.dacl(), None).unwrap();
}

#[test]
fn installed_by_its_own_command_it_serves_until_it_is_stopped_and_goes() {
    let exporter = Service::place();
    assert_eq!(service(&["status"]).status.code(), Some(4));
    let said = text(&exporter.install(&[]));
    assert!(said.contains(r"to run as NT SERVICE\configmgr_backup_exporter"), "{said}");
    let config = open(ServiceAccess::QUERY_CONFIG).query_config().unwrap();
    assert_eq!(config.start_type, ServiceStartType::AutoStart);
    assert_eq!(config.service_type, ServiceType::OWN_PROCESS);
    assert_eq!(config.display_name, "ConfigMgr Backup Exporter");
    assert_eq!(config.account_name.as_deref(), Some(r"NT SERVICE\configmgr_backup_exporter".as_ref()));

    let begun = Instant::now();
    let mut starting = binary().args(["service", "start"]).spawn().unwrap();
    let told = exporter.until(ServiceState::Running);
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    let [before @ .., running] = &told[..] else { panic!("{told:?}") };
    // It may be too fast to be seen; with which hint it starts is tested where that is told.
    for status in before.iter().filter(|status| status.current_state != ServiceState::Stopped) {
        assert_eq!(status.current_state, ServiceState::StartPending, "{told:?}");
        assert_eq!(status.controls_accepted, ServiceControlAccept::empty(), "{told:?}");
    }
    assert_eq!(running.controls_accepted, ServiceControlAccept::STOP | ServiceControlAccept::PRESHUTDOWN);
    assert_eq!((running.checkpoint, running.wait_hint), (0, Duration::ZERO));
    assert!(starting.wait().unwrap().success());

    // It listens from the moment it runs.
    let metrics = http::get(exporter.address, "/metrics", &[]);
    assert!(metrics.text().contains(r#"configmgr_backup_site_info{site_code="P01""#), "{}", metrics.text());
    assert_eq!(text(&succeeded(&["start"])).lines().count(), 1);
    let said = text(&succeeded(&["install"]));
    assert!(
        said.contains("restart it with configmgr_backup_exporter service stop, then service start"),
        "{said}"
    );
    let said = text(&succeeded(&["status"]));
    for part in
        ["is running, process ", "start: automatic", "exporter.yml", r"NT SERVICE\configmgr_backup_exporter"]
    {
        assert!(said.contains(part), "{part}: {said}");
    }

    // Such a client is waited for, for a few seconds.
    let _client = slow_client(exporter.address);
    let begun = Instant::now();
    open(ServiceAccess::STOP).stop().unwrap();
    let told = exporter.until(ServiceState::Stopped);
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    let stopping: Vec<_> =
        told.iter().filter(|status| status.current_state == ServiceState::StopPending).collect();
    assert!(stopping.len() > 1, "{told:?}");
    assert!(stopping.windows(2).all(|pair| pair[0].checkpoint < pair[1].checkpoint), "{told:?}");
    assert!(stopping.iter().all(|status| status.wait_hint > Duration::from_secs(10)), "{told:?}");
    assert!(stopping.iter().all(|status| status.controls_accepted.is_empty()), "{told:?}");
    assert_eq!(told.last().unwrap().exit_code, ServiceExitCode::NO_ERROR);
    assert!(exporter.state().join("lock").exists());
    assert_eq!(text(&succeeded(&["stop"])), "configmgr_backup_exporter does not run\n");
    let output = service(&["status"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output).contains("is stopped: it ended as it should"), "{}", text(&output));

    succeeded(&["uninstall"]);
    wait::until(DEADLINE, "the service's key to go", || HKLM.open_subkey(KEY).is_err().then_some(()));
    // Somebody else has deleted the service, and left what belonged to it.
    drop(HKLM.create_subkey(SOURCE).unwrap());
    assert_eq!(text(&succeeded(&["uninstall"])), "configmgr_backup_exporter is not installed\n");
    assert!(HKLM.open_subkey(SOURCE).is_err());
    assert_eq!(service(&["start"]).status.code(), Some(1));
    assert!(exporter.config().exists() && exporter.state().join("lock").exists());
}

#[test]
fn it_runs_within_two_seconds_of_its_start() {
    let exporter = Service::place();
    exporter.install(&[]);
    // The best of three: what else runs on the machine says nothing of this program.
    let times: Vec<_> = (0..3)
        .map(|_| {
            let begun = Instant::now();
            start();
            exporter.until(ServiceState::Running);
            let time = begun.elapsed();
            succeeded(&["stop"]);
            time
        })
        .collect();
    eprintln!("from the control to start until it runs: {times:?}");
    assert!(times.iter().min().unwrap() < &Duration::from_secs(2), "{times:?}");
}

#[test]
fn what_it_cannot_work_with_ends_it_with_64() {
    let exporter = Service::place();
    exporter.install(&[]);
    std::fs::rename(exporter.config(), exporter.place.path("elsewhere.yml")).unwrap();
    assert_eq!(exporter.ends_with(), ServiceExitCode::ServiceSpecific(64));
    let output = service(&["start"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).contains("exit code 64"), "{}", text(&output));
    std::fs::rename(exporter.place.path("elsewhere.yml"), exporter.config()).unwrap();

    assert!(
        exporter.log().contains("the service has no configuration that can be used"),
        "{}",
        exporter.log()
    );

    // Somebody has written a flag into its command line by hand.
    let state = format!("--state.path={}", exporter.state().display());
    reconfigure(ServiceStartType::AutoStart, &["service", "run", "--no.such.flag=1", &state]);
    assert_eq!(exporter.ends_with(), ServiceExitCode::ServiceSpecific(64));
    let log = exporter.log();
    let line = log.lines().find(|line| line.contains("the service has a flag that cannot be used"));
    assert!(line.is_some_and(|line| line.contains("--no.such.flag")), "{log}");

    let said = text(&exporter.install(&[]));
    assert!(said.contains("--no.such.flag=1"), "{said}");
    assert!(!command_line().contains("such"), "{}", command_line());
    succeeded(&["start"]);
}

#[test]
fn a_port_that_is_taken_ends_it_with_1() {
    let exporter = Service::place();
    exporter.install(&[]);
    let taken = TcpListener::bind(exporter.address).unwrap();
    assert_eq!(exporter.ends_with(), ServiceExitCode::ServiceSpecific(1));
    assert!(exporter.log().contains("the port is in use"), "{}", exporter.log());
    drop(taken);
    succeeded(&["start"]);
}

#[test]
fn killed_it_leaves_nothing_that_keeps_it_from_starting_again() {
    let exporter = Service::place();
    exporter.install(&[]);
    succeeded(&["start"]);
    let process = status().process_id.unwrap();
    let killed = output(Command::new("taskkill").args(["/F", "/PID", &process.to_string()]));
    assert!(killed.status.success(), "{}", text(&killed));
    // Wine goes on saying that it runs.
    wait::until(DEADLINE, "the process to be gone", || {
        TcpStream::connect(exporter.address).is_err().then_some(())
    });
    succeeded(&["uninstall"]);
    wait::until(DEADLINE, "the service's key to go", || HKLM.open_subkey(KEY).is_err().then_some(()));
    exporter.install(&[]);
    succeeded(&["start"]);
    assert_eq!(http::get(exporter.address, "/-/healthy", &[]).status, 200);
    assert_ne!(status().process_id.unwrap(), process);
}

#[test]
fn a_second_installation_keeps_what_is_not_given_again() {
    let exporter = Service::place();
    exporter.install(&["--log.level=debug", "--web.disable-exporter-metrics", "--account=localsystem"]);
    let before = command_line();
    for part in [r#"exe service run "--config.file="#, "--log.level=debug", "--web.disable-exporter-metrics"]
    {
        assert!(before.contains(part), "{part}: {before}");
    }
    succeeded(&["install"]);
    assert_eq!(command_line(), before);
    succeeded(&["install", "--no-web.disable-exporter-metrics", "--log.level", "warn"]);
    let wanted = before
        .replace("--log.level=debug", "--log.level=warn")
        .replace("--web.disable-exporter-metrics", "--no-web.disable-exporter-metrics");
    assert_eq!(command_line(), wanted);
    let account = || open(ServiceAccess::QUERY_CONFIG).query_config().unwrap().account_name.unwrap();
    assert_eq!(account(), "LocalSystem");
    succeeded(&["install", "--account=virtual"]);
    assert_eq!(account(), r"NT SERVICE\configmgr_backup_exporter");
    assert_eq!(command_line(), wanted);

    let arguments = ["service", "run", &format!("--state.path={}", exporter.state().display())];
    reconfigure(ServiceStartType::Disabled, &arguments);
    let said = text(&succeeded(&["install"]));
    assert!(said.contains("its start stays disabled"), "{said}");
    // An installer shows nothing of what the command says.
    assert!(exporter.log().contains("its start stays disabled"), "{}", exporter.log());
    let start = open(ServiceAccess::QUERY_CONFIG).query_config().unwrap().start_type;
    assert_eq!(start, ServiceStartType::Disabled);
    let before = command_line();
    let started = service(&["start"]);
    assert_eq!(started.status.code(), Some(1));
    assert!(text(&started).contains("start= delayed-auto"), "{}", text(&started));

    for (arguments, part) in [
        (&["install", r"--account=CORP\svc"][..], "services.msc"),
        (&["install", "--no.such.flag"], "--no.such.flag"),
        (&["install", "--log.level=loud"], "debug, info, warn, error"),
    ] {
        let output = service(arguments);
        assert_eq!(output.status.code(), Some(64), "{arguments:?}");
        assert!(text(&output).contains(part), "{arguments:?}: {}", text(&output));
    }
    assert_eq!(command_line(), before);
}

#[test]
fn on_a_console_it_says_how_it_is_started() {
    // Wine finds the pipe to the service control manager by a number in the registry: this process would take that of a
    // service which is just started.
    let _alone = alone();
    let output = service(&["run"]);
    assert_eq!(output.status.code(), Some(64));
    let said = text(&output);
    assert!(said.lines().count() == 1 && said.contains("leave out service run"), "{said}");
}

#[test]
fn check_names_what_the_account_has_lost() {
    let exporter = Service::place();
    let check = || {
        let mut command = binary();
        command.arg("check").arg(format!("--config.file={}", exporter.config().display()));
        text(&output(command.arg(format!("--state.path={}", exporter.state().display()))))
    };
    exporter.install(&["--account=LocalSystem"]);
    assert!(!check().contains("has lost that right"), "{}", check());
    succeeded(&["install", "--account=virtual"]);
    // Somebody has given the folder to everybody else.
    write_dacl(&exporter.state(), "D:P(A;OICI;FA;;;SY)(A;OICI;0x1200a9;;;WD)");
    let said = check();
    let folder = format!("the service may not change the folder {}", exporter.state().display());
    let line = said.lines().find(|line| line.starts_with(&folder)).unwrap_or_else(|| panic!("{said}"));
    assert!(
        line.ends_with("run configmgr_backup_exporter service install again, as administrator"),
        "{line}"
    );
}

#[test]
fn what_changes_in_its_files_it_takes_over_while_it_runs() {
    let exporter = Service::place();
    let (place, authority) = (&exporter.place, Authority::new());
    let first = authority.renew(place);
    place.write("web.yml", "tls_server_config: { cert_file: server.crt, key_file: server.key }\n");
    exporter.install(&[&format!("--web.config.file={}", place.path("web.yml").display())]);
    let given = std::fs::read_to_string(exporter.state().join("service-rights.txt")).unwrap();
    for file in ["server.crt", "server.key"] {
        assert!(given.contains(&format!("file {}", place.path(file).display())), "{file}: {given}");
    }
    succeeded(&["start"]);
    let client = authority.client();
    let shown = || authority::ask(exporter.address, &client).expect("an answer");
    assert_eq!(shown(), ("HTTP/1.1 200 OK".to_owned(), first));
    let until_told = |what: &str| {
        wait::until(DEADLINE, what, || exporter.log().contains(what).then_some(()));
    };

    let second = authority.renew(place);
    wait::until(DEADLINE, "the renewed certificate", || (shown().1 == second).then_some(()));
    std::fs::write(exporter.config(), "sites: [").unwrap();
    until_told("configuration not reloaded; the one before stays in use");
    let more = format!("{ONE_SITE}  - code: P02\n    role: hierarchy\n    log: {{ path: logs/P02.log }}\n");
    std::fs::write(exporter.config(), more).unwrap();
    until_told("added=P02");
    assert_eq!(shown().0, "HTTP/1.1 200 OK");
}

/// Wine keeps neither owners nor lists, so which ones are written and believed is tested as data, elsewhere.
#[test]
fn a_state_directory_that_was_there_keeps_its_files() {
    let exporter = Service::place();
    let state = PathBuf::from(r"C:\ProgramData\configmgr_backup_exporter");
    std::fs::create_dir_all(state.join("below")).unwrap();
    std::fs::write(state.join(r"below\file"), "text").unwrap();
    let listen = format!("--web.listen-address={}", exporter.address);
    let said =
        text(&succeeded(&["install", &format!("--config.file={}", exporter.config().display()), &listen]));
    assert!(!said.contains("state directory"), "{said}");
    assert_eq!(std::fs::read_to_string(state.join(r"below\file")).unwrap(), "text");
    let given = std::fs::read_to_string(state.join("service-rights.txt")).unwrap();
    assert!(given.contains(&format!("folder {}", state.display())), "{given}");
    // Not started: Wine tells its services another %ProgramData% than the rest.
    succeeded(&["uninstall"]);
    assert!(!state.join("service-rights.txt").exists());
    assert!(state.join(r"below\file").exists());
    std::fs::remove_dir_all(&state).unwrap();
}

#[test]
fn without_a_folder_of_its_own_it_is_not_installed() {
    let exporter = Service::place();
    let state = PathBuf::from(r"C:\ProgramData\configmgr_backup_exporter");
    std::fs::write(&state, "in the way").unwrap();
    let output = service(&["install", &format!("--config.file={}", exporter.config().display())]);
    std::fs::remove_file(&state).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).contains("install the service again"), "{}", text(&output));
    assert!(HKLM.open_subkey(KEY).is_err());
}
