//! Putting the service into the service control manager, and taking it out.

use std::ffi::OsString;
use std::path::Path;

use anyhow::Context;
use windows_service::service::{
    ServiceAccess, ServiceErrorControl, ServiceInfo, ServiceStartType, ServiceType,
};
use windows_service::service_manager::{ServiceManager, ServiceManagerAccess};

/// Creates the service, or changes the one that is there.
pub(crate) fn install(name: &str, start: &str, folder: &Path) -> anyhow::Result<()> {
    let start_type = match start {
        "automatic" => ServiceStartType::AutoStart,
        "manual" => ServiceStartType::OnDemand,
        "disabled" => ServiceStartType::Disabled,
        other => anyhow::bail!("no such start mode: {other}"),
    };
    let folder = std::path::absolute(folder).context("the folder has no absolute path")?;
    let info = ServiceInfo {
        name: name.into(),
        display_name: name.into(),
        service_type: ServiceType::OWN_PROCESS,
        start_type,
        error_control: ServiceErrorControl::Normal,
        executable_path: std::path::absolute(std::env::current_exe()?)?,
        launch_arguments: vec![OsString::from("run"), name.into(), folder.into()],
        dependencies: Vec::new(),
        account_name: None,
        account_password: None,
    };
    let access = ServiceManagerAccess::CONNECT | ServiceManagerAccess::CREATE_SERVICE;
    let manager = ServiceManager::local_computer(None::<&str>, access)?;
    match manager.open_service(name, ServiceAccess::CHANGE_CONFIG) {
        Ok(service) => service.change_config(&info).context("the service cannot be changed"),
        Err(_) => {
            let created = manager.create_service(&info, ServiceAccess::QUERY_STATUS);
            created.map(drop).context("the service cannot be created")
        }
    }
}

/// Deletes the service, which goes once it has stopped.
pub(crate) fn uninstall(name: &str) -> anyhow::Result<()> {
    let manager = ServiceManager::local_computer(None::<&str>, ServiceManagerAccess::CONNECT)?;
    let service = manager.open_service(name, ServiceAccess::DELETE)?;
    service.delete().context("the service cannot be deleted")
}
