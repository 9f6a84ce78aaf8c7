//! Where the program keeps its files.
//!
//! The rules of both platforms are plain functions of the environment, so that both are tested on each.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::environment::Environment;

/// The folder's name below the place that the platform has for such folders.
const FOLDER: &str = "configmgr_backup_exporter";

/// Where the state is kept unless `--state.path` says otherwise.
pub fn default_state_path(environment: &Environment) -> PathBuf {
    if cfg!(windows) { windows_state_path(environment) } else { unix_state_path(environment) }
}

/// The configuration file that is read where no other is named and this one exists.
pub fn default_config_path(environment: &Environment) -> PathBuf {
    let folder =
        if cfg!(windows) { windows_state_path(environment) } else { PathBuf::from("/etc").join(FOLDER) };
    folder.join(FOLDER).with_extension("yml")
}

/// The first folder of systemd's `StateDirectory=`, else the usual one.
fn unix_state_path(environment: &Environment) -> PathBuf {
    let folders = environment.value("STATE_DIRECTORY").map(|value| value.to_string_lossy().into_owned());
    match folders.as_deref().and_then(|folders| folders.split(':').find(|folder| !folder.is_empty())) {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from("/var/lib").join(FOLDER),
    }
}

/// Below `%ProgramData%`.
fn windows_state_path(environment: &Environment) -> PathBuf {
    let mut path =
        environment.value("ProgramData").map_or_else(|| OsString::from(r"C:\ProgramData"), OsString::from);
    path.push(r"\");
    path.push(FOLDER);
    path.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systemd_says_where_the_state_is() {
        for (value, path) in [
            ("/var/lib/private/cm", "/var/lib/private/cm"),
            ("/run/a:/run/b", "/run/a"),
            ("", "/var/lib/configmgr_backup_exporter"),
            (":", "/var/lib/configmgr_backup_exporter"),
        ] {
            assert_eq!(unix_state_path(&Environment::new([("STATE_DIRECTORY", value)])), PathBuf::from(path));
        }
        assert_eq!(
            unix_state_path(&Environment::default()),
            PathBuf::from("/var/lib/configmgr_backup_exporter")
        );
    }

    #[test]
    fn the_configuration_has_its_usual_place() {
        let path = default_config_path(&Environment::new([("ProgramData", r"D:\ProgramData")]));
        let windows = r"D:\ProgramData\configmgr_backup_exporter\configmgr_backup_exporter.yml";
        let linux = "/etc/configmgr_backup_exporter/configmgr_backup_exporter.yml";
        assert_eq!(path, PathBuf::from(if cfg!(windows) { windows } else { linux }));
    }

    #[test]
    fn windows_keeps_it_below_program_data() {
        let environment = Environment::new([("PROGRAMDATA", r"D:\ProgramData")]);
        let path = windows_state_path(&environment);
        assert_eq!(path, PathBuf::from(r"D:\ProgramData\configmgr_backup_exporter"));
        let path = windows_state_path(&Environment::default());
        assert_eq!(path, PathBuf::from(r"C:\ProgramData\configmgr_backup_exporter"));
    }
}
