//! A service that behaves like SMS_SITE_BACKUP, or badly, for tests of the exporter with a real service control manager.
//!
//! Started, it appends a run to `logs/smsbkup.log` in its folder and stops by itself. The file `behaviour` there says
//! otherwise, and is read at each start.

use std::process::ExitCode;

#[cfg(windows)]
mod behaviour;
#[cfg(windows)]
mod manager;
#[cfg(windows)]
mod run;
#[cfg(windows)]
mod service;

#[cfg(windows)]
fn main() -> anyhow::Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["install", name, start, folder] => manager::install(name, start, folder.as_ref())?,
        ["uninstall", name] => manager::uninstall(name)?,
        // What the service control manager calls.
        ["run", name, _folder] => service::serve(name)?,
        _ => anyhow::bail!("usage: install NAME automatic|manual|disabled FOLDER, or uninstall NAME"),
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(not(windows))]
fn main() -> anyhow::Result<ExitCode> {
    anyhow::bail!("this is a service of Windows; it does nothing here")
}
