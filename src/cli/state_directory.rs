//! The state directory on Windows, closed to all but the system, administrators and the service.
//!
//! Whoever may write there could make the exporter forget a failed backup, or start one again and again. Elsewhere the
//! directory belongs to the account that makes it, and nothing is done here.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::service::SERVICE_NAME;
use crate::platform::IS_WINDOWS;
use crate::platform::security::{Dacl, Secured, service_sid, take_over, write_dacl};

/// How deep folders in it are looked into: the exporter makes none.
const DEPTH: usize = 8;

/// The directory cannot be closed to others.
#[derive(Debug, thiserror::Error)]
pub(super) enum CloseError {
    /// It leads somewhere else.
    #[error(
        "the state directory {} is a link to another folder, which others may change; remove it, or give another with \
         --state.path", path.display()
    )]
    Link {
        /// Which.
        path: PathBuf,
    },
    /// The system refuses it.
    #[error(
        "cannot close the state directory to others at {}; take it over (takeown /F \"{}\" /A /R /D Y), then install the \
         service again", path.display(), path.display()
    )]
    Refused {
        /// At which file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Makes the directory, or takes it over with all that is in it, whoever made it.
pub(super) fn close(path: &Path) -> Result<(), CloseError> {
    let refused = |source| CloseError::Refused { path: path.to_owned(), source };
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() => return Err(CloseError::Link { path: path.to_owned() }),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => fs::create_dir_all(path).map_err(refused)?,
        Err(error) => return Err(refused(error)),
    }
    // First the folder: from then on nobody adds anything to it.
    take_over(path, &closed()).map_err(refused)?;
    take_over_below(path, DEPTH)
}

/// Leaves the configuration in the directory to administrators: what the service may read follows from it, so the service
/// must not write it.
pub(super) fn protect_configuration(file: &Path) -> Result<(), CloseError> {
    let refused = |source| CloseError::Refused { path: file.to_owned(), source };
    if file.exists() { take_over(file, &read_only()).map_err(refused) } else { Ok(()) }
}

/// Everything in the folder, for which from then on the folder's list counts.
fn take_over_below(folder: &Path, depth: usize) -> Result<(), CloseError> {
    let refused = |path: &Path| {
        let path = path.to_owned();
        move |source| CloseError::Refused { path, source }
    };
    for entry in fs::read_dir(folder).map_err(refused(folder))? {
        let entry = entry.map_err(refused(folder))?;
        let (path, kind) = (entry.path(), entry.file_type().map_err(refused(folder))?);
        // What a link leads to is not in the folder, and may belong to Windows itself.
        if kind.is_symlink() {
            return Err(CloseError::Link { path });
        }
        take_over(&path, &inherited()).map_err(refused(&path))?;
        if kind.is_dir() && depth > 0 {
            take_over_below(&path, depth - 1)?;
        }
    }
    Ok(())
}

/// Makes the directory where it is missing, closed to others as far as this account can do that.
///
/// Nobody but an administrator can give it away; a service that is none keeps it and closes it. Who starts the program
/// on a console and is none keeps what a folder there has, or could not go on.
pub(super) fn make(path: &Path, is_service: bool) {
    if !IS_WINDOWS || path.exists() || fs::create_dir_all(path).is_err() {
        return;
    }
    let closed_by_owner = |error| match path.to_str().filter(|_| is_service) {
        Some(path) => write_dacl(Secured::File(path), &closed()),
        None => Err(error),
    };
    if let Err(error) = take_over(path, &closed()).or_else(closed_by_owner) {
        tracing::info!(path = %path.display(), %error, "the state directory keeps the rights of its parent folder");
    }
}

/// The system and administrators may do everything, the service may read and write, and nobody else anything.
fn closed() -> Dacl {
    let entry = |rights: &str, who: &str| format!("A;OICI;{rights};;;{who}");
    let service = service_sid(SERVICE_NAME);
    Dacl::Entries("PAI".to_owned(), vec![entry("FA", "SY"), entry("FA", "BA"), entry("0x1301bf", &service)])
}

/// The same for a file that the service only reads.
fn read_only() -> Dacl {
    let entry = |rights: &str, who: &str| format!("A;;{rights};;;{who}");
    let service = service_sid(SERVICE_NAME);
    Dacl::Entries("PAI".to_owned(), vec![entry("FA", "SY"), entry("FA", "BA"), entry("FR", &service)])
}

/// What the folder says, and nothing of its own.
fn inherited() -> Dacl {
    Dacl::Entries("AI".to_owned(), Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_system_administrators_and_the_service_have_rights() {
        let sid = service_sid(SERVICE_NAME);
        let text = format!("D:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;0x1301bf;;;{sid})");
        assert_eq!(closed().to_string(), text);
        assert!(closed().is_protected() && !inherited().is_protected());
        for others in [&["WD"][..], &["BU", "AU", "CO", "IU"]] {
            assert_eq!(closed().granted(others), crate::platform::security::Granted::default());
        }
        // What it needs is there, so that nothing is given to it once more.
        assert_eq!(closed().with(&sid, 0x13_01bf, true), None);
    }

    #[test]
    fn the_service_reads_its_configuration_and_cannot_put_another_in_its_place() {
        let sid = service_sid(SERVICE_NAME);
        let granted = |dacl: &Dacl| dacl.granted(&[&sid]);
        // FILE_WRITE_DATA, FILE_APPEND_DATA, DELETE, WRITE_DAC, WRITE_OWNER; and in the folder FILE_DELETE_CHILD.
        assert_eq!(granted(&read_only()).here & 0x000d_0006, 0, "{}", read_only());
        assert_ne!(granted(&read_only()).here & 0x1, 0);
        assert_eq!(granted(&closed()).here & 0x40, 0);
        assert!(read_only().is_protected());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("state");
        std::os::unix::fs::symlink("/", &link).unwrap();
        let error = close(&link).unwrap_err();
        assert!(matches!(&error, CloseError::Link { path } if *path == link), "{error}");
        assert!(
            matches!(take_over_below(folder.path(), DEPTH), Err(CloseError::Link { path }) if path == link)
        );
    }
}
