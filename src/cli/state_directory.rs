//! The folders of the service on Windows, its state and its usual configuration, closed to all but the system,
//! administrators and the service.
//!
//! Whoever may write there could make the exporter forget a failed backup, start one again and again, or run a program.
//! Elsewhere a folder belongs to the account that makes it, and nothing is done here.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::service::SERVICE_NAME;
use crate::clock::Clock;
use crate::config::{is_within, same_path};
use crate::platform::IS_WINDOWS;
use crate::platform::security::{
    Dacl, Secured, own_sid, owner, read_dacl, service_sid, take_over, write_dacl,
};

/// How deep folders in it are looked into: the exporter makes none.
const DEPTH: usize = 8;
/// How often a folder is made anew that others fill before it is closed.
const ATTEMPTS: usize = 3;

/// SYSTEM and Administrators.
const TRUSTED: [&str; 2] = ["S-1-5-18", "S-1-5-32-544"];

/// The directory cannot be closed to others.
#[derive(Debug, thiserror::Error)]
pub(super) enum CloseError {
    /// It leads somewhere else.
    #[error(
        "{} is a link to another folder, which others may change; remove it, then install the service again", path.display()
    )]
    Link {
        /// Which.
        path: PathBuf,
    },
    /// The system refuses it.
    #[error(
        "cannot close {} to others; take it over (takeown /F \"{}\" /A /R /D Y), then install the service again",
        path.display(), path.display()
    )]
    Refused {
        /// Which file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody made it, or something in it, and it stands in the way.
    #[error(
        "{} was made by somebody else and cannot be moved out of the way; remove it, then install the service again",
        path.display()
    )]
    InTheWay {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody adds to it whenever it is made.
    #[error("somebody fills {} as soon as it is made; find out who, then install the service again", path.display())]
    Contested {
        /// Which.
        path: PathBuf,
    },
}

/// What the system is asked of a folder.
struct Asked<'a> {
    /// Whether somebody owns it whose files nobody should believe.
    is_foreign: &'a dyn Fn(&Path) -> io::Result<bool>,
    /// Closes it, without what is in it, and says whether others could change it before.
    shut: &'a dyn Fn(&Path) -> io::Result<bool>,
}

/// Makes the directory, or takes over the one that an administrator or the service made, with all that is in it.
///
/// What somebody else made, or added to, is moved aside and not believed; where to, is returned.
pub(super) fn close(path: &Path) -> Result<Option<PathBuf>, CloseError> {
    let own = own_sid().map_err(|source| CloseError::Refused { path: path.to_owned(), source })?;
    let is_foreign = |path: &Path| match owner(path) {
        Ok(owner) => Ok(!is_trusted(&owner, &own)),
        // From nobody else would the owner be hidden.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(true),
        Err(error) => Err(error),
    };
    let shut = |path: &Path| {
        let text = path.to_str().ok_or(io::ErrorKind::InvalidFilename)?;
        let before = read_dacl(Secured::File(text)).ok().and_then(|list| Dacl::parse(&list).ok());
        take_over(path, &closed())?;
        Ok(before.is_none_or(|before| before.is_open_to_others()))
    };
    let aside = prepare(path, &Asked { is_foreign: &is_foreign, shut: &shut })?;
    take_over_below(path, DEPTH)?;
    Ok(aside)
}

/// Whether what this account owns is believed: the system's and administrators' files, the service's, and those of whoever
/// installs it.
fn is_trusted(owner: &str, own: &str) -> bool {
    TRUSTED.contains(&owner) || owner == own || owner == service_sid(SERVICE_NAME)
}

/// Makes the folder, or closes the one that is there, if nobody else has put anything into it.
fn prepare(path: &Path, asked: &Asked<'_>) -> Result<Option<PathBuf>, CloseError> {
    let refused = |source| CloseError::Refused { path: path.to_owned(), source };
    let mut aside = None;
    for _ in 0..ATTEMPTS {
        match fs::symlink_metadata(path) {
            Ok(found) if found.is_symlink() => return Err(CloseError::Link { path: path.to_owned() }),
            Ok(_) if (asked.is_foreign)(path).map_err(refused)? => {
                aside = Some(move_aside(path)?);
                continue;
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                path.parent().map_or(Ok(()), fs::create_dir_all).map_err(refused)?;
                // Not one that somebody else makes at this moment.
                fs::create_dir(path).map_err(refused)?;
            }
            Err(error) => return Err(refused(error)),
        }
        // First the folder: from then on nobody adds anything to it, so what is in it can be judged.
        let was_open = (asked.shut)(path).map_err(refused)?;
        if !was_open || !holds_foreign(path, asked, DEPTH).map_err(refused)? {
            return Ok(aside);
        }
        aside = Some(move_aside(path)?);
    }
    Err(CloseError::Contested { path: path.to_owned() })
}

/// Whether somebody else has put a file, a folder or a link into the folder.
fn holds_foreign(folder: &Path, asked: &Asked<'_>, depth: usize) -> io::Result<bool> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        if kind.is_symlink()
            || (asked.is_foreign)(&path)?
            || kind.is_dir() && (depth == 0 || holds_foreign(&path, asked, depth - 1)?)
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Gives it another name beside it, so that nothing is lost and nothing of it is read.
fn move_aside(path: &Path) -> Result<PathBuf, CloseError> {
    let mut aside = path.as_os_str().to_owned();
    aside.push(format!(".found-{}", Clock::System.now().format("%Y%m%dT%H%M%S%.6fZ")));
    let aside = PathBuf::from(aside);
    match fs::rename(path, &aside) {
        Ok(()) => Ok(aside),
        Err(source) => Err(CloseError::InTheWay { path: path.to_owned(), source }),
    }
}

/// Leaves a configuration in one of these folders to administrators: what the service may read and run follows from it, so
/// the service must not write it.
pub(super) fn protect_configuration(file: &Path, folders: &[&Path]) -> Result<(), CloseError> {
    let refused = |path: &Path| {
        let path = path.to_owned();
        move |source| CloseError::Refused { path, source }
    };
    let Some(inside) = folders.iter().find(|folder| is_within(file, folder)).filter(|_| file.exists()) else {
        return Ok(());
    };
    take_over(file, &read_only()).map_err(refused(file))?;
    // Nor put another in its place by moving its folder.
    let is_between = |folder: &&Path| is_within(folder, inside) && !same_path(folder, inside);
    let mut between = file.ancestors().skip(1).take_while(is_between);
    between.try_for_each(|folder| take_over(folder, &closed()).map_err(refused(folder)))
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
    // Nobody may delete or rename the folder itself but the first two.
    let here = format!("A;;{SERVICE_HERE:#x};;;{service}");
    let below = format!("A;OICIIO;{SERVICE_BELOW:#x};;;{service}");
    Dacl::Entries("PAI".to_owned(), vec![entry("FA", "SY"), entry("FA", "BA"), here, below])
}

/// FILE_GENERIC_READ, FILE_GENERIC_WRITE, FILE_GENERIC_EXECUTE.
pub(super) const SERVICE_HERE: u32 = 0x12_01bf;
/// DELETE too.
pub(super) const SERVICE_BELOW: u32 = 0x13_01bf;

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
        let text =
            format!("D:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;;0x1201bf;;;{sid})(A;OICIIO;0x1301bf;;;{sid})");
        assert_eq!(closed().to_string(), text);
        assert!(closed().is_protected() && !inherited().is_protected());
        for others in [&["WD"][..], &["BU", "AU", "CO", "IU"]] {
            assert_eq!(closed().granted(others), crate::platform::security::Granted::default());
        }
        // What it needs is there, so that nothing is given to it once more.
        assert_eq!(closed().with(&sid, SERVICE_HERE, Some(SERVICE_BELOW)), None);
    }

    #[test]
    fn the_service_reads_its_configuration_and_cannot_put_another_in_its_place() {
        let sid = service_sid(SERVICE_NAME);
        let granted = |dacl: &Dacl| dacl.granted(&[&sid]);
        // FILE_WRITE_DATA, FILE_APPEND_DATA, DELETE, WRITE_DAC, WRITE_OWNER; and in the folder FILE_DELETE_CHILD.
        assert_eq!(granted(&read_only()).here & 0x000d_0006, 0, "{}", read_only());
        assert_ne!(granted(&read_only()).here & 0x1, 0);
        // Nor the folder: who renames it makes another one where users may make folders.
        assert_eq!(granted(&closed()).here & 0x000d_0040, 0, "{}", closed());
        assert_eq!(granted(&closed()).below & 0x000d_0040, 0x0001_0000, "{}", closed());
        assert!(read_only().is_protected());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("state");
        std::os::unix::fs::symlink("/", &link).unwrap();
        let error = prepare(&link, &Asked { is_foreign: &|_| Ok(false), shut: &|_| Ok(false) }).unwrap_err();
        assert!(matches!(&error, CloseError::Link { path } if *path == link), "{error}");
        assert!(
            matches!(take_over_below(folder.path(), DEPTH), Err(CloseError::Link { path }) if path == link)
        );
    }

    /// Prepares a folder; files and folders whose names begin with `evil` are somebody else's.
    fn prepared(state: &Path, was_open: bool) -> Result<Option<PathBuf>, CloseError> {
        let is_foreign = |path: &Path| Ok(path.file_name().unwrap().to_string_lossy().starts_with("evil"));
        prepare(state, &Asked { is_foreign: &is_foreign, shut: &|_| Ok(was_open) })
    }

    #[test]
    fn what_an_administrator_put_there_stays() {
        let place = tempfile::tempdir().unwrap();
        let state = place.path().join("program data/state");
        assert_eq!(prepared(&state, true).unwrap(), None);
        fs::create_dir(state.join("below")).unwrap();
        fs::write(state.join("below/exporter.yml"), "text").unwrap();
        for was_open in [true, false] {
            assert_eq!(prepared(&state, was_open).unwrap(), None);
            assert_eq!(fs::read_to_string(state.join("below/exporter.yml")).unwrap(), "text");
        }
        // What the service's account wrote into a closed folder is its own.
        fs::write(state.join("evil.log"), "").unwrap();
        assert_eq!(prepared(&state, false).unwrap(), None);
    }

    #[test]
    fn what_somebody_else_put_there_is_moved_aside() {
        for planted in ["evil.yml", "below/evil.yml"] {
            let place = tempfile::tempdir().unwrap();
            let state = place.path().join("state");
            fs::create_dir_all(state.join("below")).unwrap();
            fs::write(state.join(planted), "text").unwrap();
            let aside = prepared(&state, true).unwrap().unwrap();
            assert_eq!(fs::read_to_string(aside.join(planted)).unwrap(), "text");
            assert!(aside.file_name().unwrap().to_str().unwrap().starts_with("state.found-"), "{aside:?}");
            assert_eq!(fs::read_dir(&state).unwrap().count(), 0);
        }
        let place = tempfile::tempdir().unwrap();
        let state = place.path().join("evil");
        fs::create_dir(&state).unwrap();
        fs::write(state.join("exporter.yml"), "text").unwrap();
        let aside = prepared(&state, false).unwrap().unwrap();
        assert!(aside.join("exporter.yml").exists() && !state.join("exporter.yml").exists());
    }

    #[test]
    fn a_folder_that_is_filled_again_and_again_ends_it() {
        let place = tempfile::tempdir().unwrap();
        let state = place.path().join("state");
        let fill = |path: &Path| fs::write(path.join("evil.yml"), "text").map(|()| true);
        let is_foreign = |path: &Path| Ok(path.ends_with("evil.yml"));
        let error = prepare(&state, &Asked { is_foreign: &is_foreign, shut: &fill }).unwrap_err();
        assert!(matches!(error, CloseError::Contested { .. }), "{error}");
        assert!(!state.exists());
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), ATTEMPTS);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_was_put_into_an_open_folder_is_moved_aside_with_it() {
        let place = tempfile::tempdir().unwrap();
        let state = place.path().join("state");
        fs::create_dir(&state).unwrap();
        std::os::unix::fs::symlink("/", state.join("link")).unwrap();
        assert!(prepared(&state, true).unwrap().is_some());
        assert_eq!(fs::read_dir(&state).unwrap().count(), 0);
    }

    #[test]
    fn only_administrators_and_the_service_are_believed() {
        let (own, user) = ("S-1-5-21-1-2-3-500", "S-1-5-21-1-2-3-1104");
        for owner in ["S-1-5-18", "S-1-5-32-544", own, &service_sid(SERVICE_NAME)] {
            assert!(is_trusted(owner, own), "{owner}");
        }
        for owner in [user, "S-1-5-32-545", "S-1-1-0", "S-1-5-19", &service_sid("MSSQLSERVER"), ""] {
            assert!(!is_trusted(owner, own), "{owner}");
        }
    }
}
