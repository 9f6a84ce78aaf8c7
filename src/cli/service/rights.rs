//! Giving the service's account what it needs, taking it back, and seeing what of it is gone.
//!
//! What was given is noted in the state directory, so that a later installation or the removal takes back all of it,
//! whatever the configuration says by then.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::SERVICE_NAME;
use super::account::ServiceAccount;
use super::grants::{Grant, Needs, Object};
use super::install::{arguments, kept};
use super::needs::{Own, needs};
use super::places::{has_drive, root};
use crate::cli::args::Args;
use crate::cli::configuration::{configuration, configuration_file};
use crate::cli::look::{Ask, settle_destinations};
use crate::cli::serve;
use crate::config::{Config, WebConfig};
use crate::environment::Environment;
use crate::error_chain;
use crate::platform::security::{Dacl, UnknownForm, read_dacl, service_sid, write_dacl};
use crate::platform::service_control::ServiceControl;
use crate::platform::service_setup;
use crate::site::{ClosedSet, ServiceState, SiteService};

/// The file in the state directory in which is noted what was given.
const NOTED: &str = "service-rights.txt";

/// Whom the service's account belongs to besides itself: all services, everyone, whoever is logged on, users, services.
const GROUPS: [&str; 9] =
    ["S-1-5-80-0", "WD", "S-1-1-0", "AU", "S-1-5-11", "BU", "S-1-5-32-545", "SU", "S-1-5-6"];

/// A list of rights that cannot be read or written.
#[derive(Debug, thiserror::Error)]
enum ListError {
    #[error("it is not there")]
    Missing,
    #[error("access denied")]
    Denied,
    #[error("a backup may be writing there now")]
    Busy,
    #[error("the system refuses it")]
    System(#[source] io::Error),
    #[error(transparent)]
    Form(#[from] UnknownForm),
}

impl From<io::Error> for ListError {
    fn from(error: io::Error) -> Self {
        /// Win32: the specified service does not exist as an installed service.
        const NO_SERVICE: i32 = 1060;
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing,
            _ if error.raw_os_error() == Some(NO_SERVICE) => Self::Missing,
            io::ErrorKind::PermissionDenied => Self::Denied,
            _ => Self::System(error),
        }
    }
}

/// Something about a right of the account that an administrator should know.
#[derive(Debug)]
pub(super) struct Trouble {
    /// What it is about.
    pub(super) what: String,
    /// What is wrong with it.
    pub(super) why: String,
    /// What to do.
    pub(super) remedy: &'static str,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.what, self.why, self.remedy)
    }
}

const AGAIN: &str = "run configmgr_backup_exporter service install again, as administrator";
const ONCE_REACHED: &str = "run this command again, as administrator, once it can be reached";
const ONCE_QUIET: &str = "run this command again, as administrator, once SMS_SITE_BACKUP has stopped";
const ONCE_THERE: &str = "run configmgr_backup_exporter service install again once it is there";
const BY_HAND: &str = "see docs/windows.md for the same by hand";

/// What the service needs that has these arguments.
pub(super) fn needs_of(args: &Args, config: Option<&Config>, environment: &Environment) -> Needs {
    let program = std::env::current_exe().map(|path| path.display().to_string()).unwrap_or_default();
    let configuration = configuration_file(args, environment).map(|path| path.display().to_string());
    let state = serve::state_path(args, environment).display().to_string();
    let is_file = |path: &str| Path::new(path).is_file();
    // One that cannot be used is told of when the service starts.
    let web_file =
        args.web_config_file.as_ref().map(|path| (path.display().to_string(), WebConfig::load(path)));
    let web = web_file.as_ref().and_then(|(path, web)| Some((path.as_str(), web.as_ref().ok()?)));
    needs(
        Own { program: &program, configuration: configuration.as_deref(), web, state: &state, is_file },
        config,
    )
}

/// Gives what is needed, takes back what no longer is, and says what could not be done.
pub(super) fn give(needs: &Needs, state: &Path) -> Vec<Trouble> {
    let sid = service_sid(SERVICE_NAME);
    let mut troubles = Vec::new();
    let wanted: BTreeSet<Object> = needs.grants.iter().map(|grant| grant.object.clone()).collect();
    let before = noted(state);
    let is_busy = backup_runs();
    let all: BTreeSet<Object> = {
        let gone = before.difference(&wanted);
        // What is in no table any more may have been of the backup.
        let left =
            take_from(gone.map(|object| (object, is_busy && object.is_inherited())), &sid, &mut troubles);
        left.union(&wanted).cloned().collect()
    };
    // Before anything is given: what is noted and not given does no harm.
    if let Err(error) = fs::write(state.join(NOTED), lines(&all)) {
        let why = error_chain(&error);
        let what = format!("cannot note in {} what the service was given", state.join(NOTED).display());
        troubles.push(Trouble { what, why, remedy: AGAIN });
    }
    for grant in &needs.grants {
        if let Err(error) = change(&grant.object, is_busy && grant.is_of_backup, |dacl| {
            dacl.with(&sid, grant.right.here(), grant.below())
        }) {
            let remedy = match error {
                ListError::Missing => ONCE_THERE,
                ListError::Busy => ONCE_QUIET,
                _ => BY_HAND,
            };
            troubles.push(Trouble {
                what: format!("cannot let the service {grant}"),
                why: error_chain(&error),
                remedy,
            });
        }
    }
    let by_hand =
        needs.by_hand.iter().filter_map(|grant| lost(grant, read(read_dacl(grant.object.secured()))));
    troubles.extend(by_hand.map(|trouble| Trouble {
        why: "a right on a whole drive is never given".to_owned(),
        remedy: BY_HAND,
        ..trouble
    }));
    troubles
}

/// Takes back what was given, and keeps the note of what could not be taken back.
pub(super) fn take_back(needs: &Needs, state: &Path) -> Vec<Trouble> {
    let mut given = noted(state);
    given.extend(needs.grants.iter().map(|grant| grant.object.clone()));
    let is_busy = backup_runs();
    let is_own =
        |object: &Object| needs.grants.iter().any(|grant| grant.object == *object && !grant.is_of_backup);
    let mut troubles = Vec::new();
    let objects = given.iter().map(|object| (object, is_busy && object.is_inherited() && !is_own(object)));
    let left = take_from(objects, &service_sid(SERVICE_NAME), &mut troubles);
    let noted = state.join(NOTED);
    let kept = if left.is_empty() { fs::remove_file(&noted) } else { fs::write(&noted, lines(&left)) };
    match kept {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            let what = format!("cannot note in {} what the service still has", noted.display());
            troubles.push(Trouble { what, why: error_chain(&error), remedy: ONCE_REACHED });
        }
        _ => {}
    }
    troubles
}

/// Takes what the account has on these objects, unless they are busy, and returns those where it may still have it.
fn take_from<'a>(
    objects: impl IntoIterator<Item = (&'a Object, bool)>,
    sid: &str,
    troubles: &mut Vec<Trouble>,
) -> BTreeSet<Object> {
    let mut left = BTreeSet::new();
    for (object, is_busy) in objects {
        match change(object, is_busy, |dacl| dacl.without(sid)) {
            Ok(()) => {}
            Err(ListError::Missing) if !is_out_of_reach(object, |root| Path::new(root).exists()) => {}
            Err(error) => {
                let remedy = match error {
                    ListError::Busy => ONCE_QUIET,
                    ListError::Missing => ONCE_REACHED,
                    _ => BY_HAND,
                };
                let what = format!("cannot take back what the service was given on the {object}");
                troubles.push(Trouble { what, why: error_chain(&error), remedy });
                left.insert(object.clone());
            }
        }
    }
    left
}

/// Whether an object that is not there may come back as it was: its whole drive is missing.
fn is_out_of_reach(object: &Object, exists: impl FnOnce(&str) -> bool) -> bool {
    match object {
        Object::Folder(path) | Object::Listing(path) | Object::File(path) => {
            root(path).is_some_and(|root| !exists(root))
        }
        Object::Service(_) => false,
    }
}

/// Whether a backup is known to run, or may come to: a change goes through all files that it writes, moves and deletes.
fn backup_runs() -> bool {
    let queried =
        ServiceControl::connect(None).and_then(|control| control.query(SiteService::Backup.label()));
    queried
        .is_ok_and(|queried| !matches!(queried.service.state, ServiceState::Stopped | ServiceState::Missing))
}

/// Changes the list of an object, unless it is as it should be: a change goes through all that is below.
fn change(
    object: &Object,
    is_busy: bool,
    changed: impl FnOnce(&Dacl) -> Option<Dacl>,
) -> Result<(), ListError> {
    let dacl = read(read_dacl(object.secured()))?;
    match changed(&dacl) {
        Some(_) if is_busy => Err(ListError::Busy),
        Some(dacl) => Ok(write_dacl(object.secured(), &dacl)?),
        None => Ok(()),
    }
}

/// What the installed service's account needs and does not have now; nothing where it runs as somebody else.
pub(super) fn lost_grants(args: &Args, config: Option<&Config>, environment: &Environment) -> Vec<Trouble> {
    let installed = service_setup::installed(SERVICE_NAME).ok().flatten();
    if !installed
        .and_then(|service| service.account)
        .is_some_and(|account| ServiceAccount::is_virtual(&account))
    {
        return Vec::new();
    }
    let mut config = config.cloned();
    if let Some(config) = &mut config {
        // What is not known yet is told of its source.
        settle_destinations(config, &serve::state_path(args, environment), environment, Ask::Never);
    }
    let grants = needs_of(args, config.as_ref(), environment).grants;
    grants.iter().filter_map(|grant| lost(grant, read(read_dacl(grant.object.secured())))).collect()
}

/// Writes a line for each right that the installed service's account has lost, by the flags that the service has.
pub fn note_lost_grants(environment: &Environment, notes: &mut dyn Write) -> io::Result<()> {
    let installed = service_setup::installed(SERVICE_NAME).ok().flatten();
    let (flags, _) = kept(installed.as_ref());
    // Why it does not start is not what was asked.
    let Ok(args) = Args::parse_from(arguments(&flags)) else { return Ok(()) };
    let config = configuration(&args, environment).ok();
    lost_grants(&args, config.as_ref(), environment)
        .iter()
        .try_for_each(|trouble| writeln!(notes, "{trouble}"))
}

/// Whether a right is gone, by the list of its object.
fn lost(grant: &Grant, dacl: Result<Dacl, ListError>) -> Option<Trouble> {
    let dacl = match dacl {
        Ok(dacl) => dacl,
        // Who watches it says so.
        Err(ListError::Missing) => return None,
        Err(error) => {
            let what = format!("cannot see whether the service may {grant}");
            return Some(Trouble { what, why: error_chain(&error), remedy: AGAIN });
        }
    };
    let sid = service_sid(SERVICE_NAME);
    let sids: Vec<&str> = std::iter::once(&*sid).chain(GROUPS).collect();
    let (granted, here, below) = (dacl.granted(&sids), grant.right.here(), grant.below().unwrap_or_default());
    let has = granted.here & here == here && granted.below & below == below;
    (!has).then(|| Trouble {
        what: format!("the service may not {grant}"),
        why: "its account has lost that right".to_owned(),
        remedy: AGAIN,
    })
}

fn read(text: io::Result<String>) -> Result<Dacl, ListError> {
    Ok(Dacl::parse(&text?)?)
}

/// What was given according to the note; what cannot be read was not noted.
fn noted(state: &Path) -> BTreeSet<Object> {
    let path: PathBuf = state.join(NOTED);
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().filter_map(object).collect()
}

fn lines(objects: &BTreeSet<Object>) -> String {
    objects.iter().map(|object| format!("{object}\r\n")).collect()
}

fn object(line: &str) -> Option<Object> {
    let (kind, name) = line.split_once(' ')?;
    let name = name.to_owned();
    match kind {
        // Nothing else was ever given: another machine would be told who asks.
        "folder" | "file" if !has_drive(&name) => None,
        "folder" => Some(Object::Folder(name)),
        "file" => Some(Object::File(name)),
        "service" => Some(Object::Service(name)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::service::grants::Right;

    fn grant(object: Object, right: Right) -> Grant {
        Grant { object, right, is_of_backup: false }
    }

    fn lost_by(grant: &Grant, text: &str) -> Option<String> {
        lost(grant, read(Ok(text.to_owned()))).map(|trouble| trouble.to_string())
    }

    #[test]
    fn a_right_is_lost_when_the_list_no_longer_has_it() {
        let sid = service_sid(SERVICE_NAME);
        let folder = grant(Object::Folder(r"E:\SCCMBackup".to_owned()), Right::Read);
        let service = |right| grant(Object::Service("SMS_SITE_BACKUP".to_owned()), right);
        // As a site update makes the service anew.
        let anew = "D:(A;;CCLCSWRPWPDTLOCRRC;;;SY)(A;;CCDCLCSWRPWPDTLOCRSDRCWDWO;;;BA)(A;;CCLCSWLOCRRC;;;IU)\
                    (A;;CCLCSWLOCRRC;;;SU)";
        assert_eq!(lost_by(&service(Right::Query), anew), None);
        assert_eq!(
            lost_by(&service(Right::Restart), anew).unwrap(),
            "the service may not query, start and stop the service SMS_SITE_BACKUP: its account has lost that right; run \
             configmgr_backup_exporter service install again, as administrator"
        );
        assert_eq!(lost_by(&service(Right::Restart), &format!("{anew}(A;;RPWP;;;{sid})")), None);
        assert!(lost_by(&service(Right::Restart), &format!("D:(D;;WP;;;WD)(A;;0x200b5;;;{sid})")).is_some());
        for (text, has) in [
            (format!("D:P(A;OICI;0x1200a9;;;{sid})"), true),
            (format!("D:P(A;;0x1200a9;;;{sid})"), false),
            (format!("D:P(A;OICIIO;0x1200a9;;;{sid})"), false),
            ("D:AI(A;OICIID;0x1200a9;;;BU)".to_owned(), true),
            ("D:AI(A;OICIID;FA;;;BA)".to_owned(), false),
            ("D:NO_ACCESS_CONTROL".to_owned(), true),
        ] {
            assert_eq!(lost_by(&folder, &text).is_none(), has, "{text}");
        }
    }

    #[test]
    fn a_list_that_cannot_be_read_is_no_lost_right() {
        let folder = grant(Object::Folder(r"E:\SCCMBackup".to_owned()), Right::Read);
        let told = |error: io::Error| lost(&folder, read(Err(error))).map(|trouble| trouble.to_string());
        let denied = told(io::ErrorKind::PermissionDenied.into()).unwrap();
        assert!(denied.starts_with(
            r"cannot see whether the service may read the folder E:\SCCMBackup: access denied; "
        ));
        assert_eq!(told(io::ErrorKind::NotFound.into()), None);
        assert!(lost_by(&folder, "nonsense").unwrap().starts_with("cannot see whether"));
    }

    #[test]
    fn what_was_given_is_noted() {
        let folder = tempfile::tempdir().unwrap();
        let objects: BTreeSet<_> = [
            Object::Folder(r"E:\SCCM Backup".to_owned()),
            Object::File(r"C:\x.evtx".to_owned()),
            Object::Service("SMS_SITE_BACKUP".to_owned()),
        ]
        .into();
        assert_eq!(noted(folder.path()), BTreeSet::new());
        let others = "nonsense\r\nother x\r\nfolder \\\\EVIL\\x\r\nfile \\\\?\\UNC\\EVIL\\x\r\nfile \\\\.\\pipe\\x\r\n";
        fs::write(folder.path().join(NOTED), format!("{}{others}", lines(&objects))).unwrap();
        assert_eq!(noted(folder.path()), objects);
    }

    #[test]
    fn what_is_on_a_drive_that_is_missing_may_come_back() {
        let file = Object::File(r"C:\x.evtx".to_owned());
        let folder = Object::Folder(r"\\?\E:\SCCMBackup".to_owned());
        let service = Object::Service("SMS_SITE_BACKUP".to_owned());
        for (object, exists, is) in
            [(&file, true, false), (&file, false, true), (&folder, false, true), (&service, false, false)]
        {
            assert_eq!(is_out_of_reach(object, |_| exists), is, "{object}");
        }
        is_out_of_reach(&folder, |root| {
            assert_eq!(root, r"\\?\E:\");
            true
        });
    }
}
