//! A service that behaves like SMS_SITE_BACKUP, or badly, for tests of the exporter with a real service control manager.
//!
//! Started, it appends a run to `logs/smsbkup.log` in its folder and stops by itself. The file `behaviour` there says
//! otherwise, and is read at each start.

#[cfg(windows)]
mod behaviour;
#[cfg(windows)]
mod run;
#[cfg(windows)]
mod service;

/// Its arguments, which a test gives it with the service: the service's name and its folder.
#[cfg(windows)]
fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, _folder] = &arguments[..] else { anyhow::bail!("usage: NAME FOLDER") };
    service::serve(name)
}

#[cfg(not(windows))]
fn main() -> anyhow::Result<()> {
    anyhow::bail!("this is a service of Windows; it does nothing here")
}
