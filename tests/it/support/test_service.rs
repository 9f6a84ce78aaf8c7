//! The test service as SMS_SITE_BACKUP of the real service control manager, one at a time, alone or on a site server.
//!
//! It behaves as `tests/service` describes; its folder is the [`Place`] of an exporter that reads its log.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use configmgr_backup_exporter::config::{ServiceControl, ServicesConfig};
use configmgr_backup_exporter::environment::Environment;
use configmgr_backup_exporter::services::{ServiceController, ServiceControllers, SystemServices};
use configmgr_backup_exporter::site::{ClosedSet, ServiceState, SiteService, StartMode};
use windows_service::service::{
    ServiceAccess, ServiceErrorControl, ServiceInfo, ServiceStartType, ServiceType,
};
use windows_service::service_manager::{ServiceManager, ServiceManagerAccess};

use super::process::{DEADLINE, Place};
use super::wait;

/// What runs on a site server while no backup does.
const RUNNING: [SiteService; 3] =
    [SiteService::VssWriter, SiteService::Executive, SiteService::ComponentManager];
/// The folder of those, and of what stands still but is there.
const OTHERS: &str = "others";

/// There is one such service on a machine.
static THE_ONE: Mutex<()> = Mutex::new(());

/// Waits until no other test has a service: there is one of each name, and Wine does not like two threads of a process
/// to ask for services at the same time.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    THE_ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What asks the service control manager of a machine, `None` for this one.
pub(crate) fn controller(machine: Option<&str>) -> Arc<dyn ServiceController> {
    let interval = Duration::from_secs(1);
    let machine = machine.map(ToOwned::to_owned);
    let config = ServicesConfig { control: ServiceControl::Windows, machine, interval };
    SystemServices::new(&Environment::new(std::env::vars_os())).of(&config)
}

/// The service, which goes with its value.
pub(crate) struct TestService<'a> {
    place: &'a Place,
    controller: Arc<dyn ServiceController>,
    others: &'static [SiteService],
    _alone: MutexGuard<'static, ()>,
}

impl<'a> TestService<'a> {
    /// Installs it as a manual service, in this place, among the services that a backup needs.
    #[track_caller]
    pub(crate) fn install_on_site_server(place: &'a Place) -> Self {
        let mut service = Self::install(place);
        fs::create_dir_all(place.path(OTHERS).join("logs")).expect("a folder");
        place.write(&format!("{OTHERS}/behaviour"), "run none");
        service.others = &RUNNING;
        for other in RUNNING {
            put(other.label(), ServiceStartType::AutoStart, &place.path(OTHERS));
            service.controller.start(other).expect("a service of the site server starts");
        }
        put(SiteService::Vss.label(), ServiceStartType::OnDemand, &place.path(OTHERS));
        for other in RUNNING {
            service.until_of(other, ServiceState::Running);
        }
        service
    }

    /// Installs it as a manual service, in this place.
    #[track_caller]
    pub(crate) fn install(place: &'a Place) -> Self {
        let alone = alone();
        let controller = controller(None);
        let before = controller.state(SiteService::Backup);
        assert_eq!(before, Ok(ServiceState::Missing), "end what is left of an earlier test: wineboot -k");
        let service = Self { place, controller, others: &[], _alone: alone };
        service.set_start(StartMode::Manual);
        service
    }

    /// Changes its start mode.
    #[track_caller]
    pub(crate) fn set_start(&self, mode: StartMode) {
        let start = match mode {
            StartMode::Automatic => ServiceStartType::AutoStart,
            StartMode::Manual => ServiceStartType::OnDemand,
            StartMode::Disabled => ServiceStartType::Disabled,
        };
        put(SiteService::Backup.label(), start, &self.place.path(""));
    }

    /// Installs the same program under another name.
    #[track_caller]
    pub(crate) fn install_another(&self, name: &str) {
        put(name, ServiceStartType::OnDemand, &self.place.path(OTHERS));
    }

    /// Takes that one away again.
    #[track_caller]
    pub(crate) fn uninstall_another(&self, name: &str) {
        delete(name).expect("the service is deleted");
    }

    /// Tells it what to do from its next start on; the empty text is a good run.
    #[track_caller]
    pub(crate) fn behave(&self, behaviour: &str) {
        drop(fs::remove_file(self.place.path("let_go")));
        self.place.write("behaviour", behaviour);
    }

    /// Lets go what hangs.
    #[track_caller]
    pub(crate) fn let_go(&self) {
        self.place.write("let_go", "");
    }

    /// How often it was started.
    pub(crate) fn starts(&self) -> usize {
        fs::read_to_string(self.place.path("starts")).map_or(0, |text| text.lines().count())
    }

    /// Waits until it said last that it is in a state; asks nobody, so that nobody else is disturbed.
    ///
    /// Wine now and then refuses a call (Win32 6) while another thread of the process makes one.
    #[track_caller]
    pub(crate) fn until_told(&self, state: windows_service::service::ServiceState) {
        let (state, told) = (format!("{state:?}"), self.place.path("told"));
        wait::until(DEADLINE, &format!("the service to tell {state}"), || {
            let told = fs::read_to_string(&told).unwrap_or_default();
            (told.lines().last() == Some(&state)).then_some(())
        });
    }

    /// Starts it as its schedule would.
    #[track_caller]
    pub(crate) fn start(&self) {
        let before = self.starts();
        wait::until(DEADLINE, "the service to be started", || {
            let started = self.controller.start(SiteService::Backup);
            (started.is_ok() && self.starts() > before).then_some(())
        });
    }

    /// Waits until it is in a state.
    #[track_caller]
    pub(crate) fn until(&self, state: ServiceState) {
        self.until_of(SiteService::Backup, state);
    }

    #[track_caller]
    fn until_of(&self, service: SiteService, state: ServiceState) {
        let what = format!("{service} to be {state}");
        wait::until(DEADLINE, &what, || (self.controller.state(service) == Ok(state)).then_some(()));
    }
}

impl Drop for TestService<'_> {
    fn drop(&mut self) {
        let all = || [SiteService::Backup].into_iter().chain(self.others.iter().copied());
        let vss = Some(SiteService::Vss).filter(|_| !self.others.is_empty());
        drop(fs::write(self.place.path("let_go"), ""));
        drop(fs::write(self.place.path(OTHERS).join("let_go"), ""));
        if std::thread::panicking() {
            let errors = fs::read_to_string(self.place.path("errors")).unwrap_or_default();
            eprintln!("--- the service was started {} times and wrote\n{errors}", self.starts());
            // A second panic would hide the first; what is left makes the next test say so.
            for service in all().chain(vss) {
                drop(delete(service.label()));
            }
            return;
        }
        all().for_each(|service| self.until_of(service, ServiceState::Stopped));
        for service in all().chain(vss) {
            delete(service.label()).expect("the service is deleted");
            self.until_of(service, ServiceState::Missing);
        }
    }
}

/// Creates a service of the test program, or changes the one that is there.
#[track_caller]
fn put(name: &str, start_type: ServiceStartType, folder: &Path) {
    let beside = Path::new(env!("CARGO_BIN_EXE_configmgr_backup_exporter"));
    let program = beside.with_file_name("configmgr_backup_exporter_test_service.exe");
    assert!(program.exists(), "the test service is not built: cargo build --package for this target");
    let info = ServiceInfo {
        name: name.into(),
        display_name: name.into(),
        service_type: ServiceType::OWN_PROCESS,
        start_type,
        error_control: ServiceErrorControl::Normal,
        executable_path: std::path::absolute(program).expect("a path with a drive"),
        launch_arguments: vec![name.into(), folder.into()],
        dependencies: Vec::new(),
        account_name: None,
        account_password: None,
    };
    let access = ServiceManagerAccess::CONNECT | ServiceManagerAccess::CREATE_SERVICE;
    let manager = ServiceManager::local_computer(None::<&str>, access).expect("a service control manager");
    match manager.open_service(name, ServiceAccess::CHANGE_CONFIG) {
        Ok(service) => service.change_config(&info).expect("the service is changed"),
        Err(_) => {
            let created = manager.create_service(&info, ServiceAccess::QUERY_STATUS);
            created.map(drop).expect("the service is created");
        }
    }
}

/// Deletes a service, which goes once it has stopped.
fn delete(name: &str) -> windows_service::Result<()> {
    let manager = ServiceManager::local_computer(None::<&str>, ServiceManagerAccess::CONNECT)?;
    manager.open_service(name, ServiceAccess::DELETE)?.delete()
}
