//! Which rights the service's own account needs on this machine, and no others; a table made from the configuration.
//!
//! On the network the account is that of the computer, to which nothing can be given here: paths on other machines are
//! named instead. Paths are judged as text, because they are those of Windows wherever this runs.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use crate::cli::state_directory::{SERVICE_BELOW, SERVICE_HERE};
use crate::config::{Authentication, Config, Freshness, PasswordSource, ServicesConfig, SiteConfig, Trust};
use crate::platform::security::Secured;
use crate::site::{ClosedSet, RestartMode, SiteService};

const SEPARATORS: [char; 2] = ['\\', '/'];
/// What makes a pattern of a part of a path.
const WILDCARDS: [char; 3] = ['*', '?', '['];

/// What is given to the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Right {
    /// To ask a service for its state and its settings.
    Query,
    /// To start and stop it too.
    Restart,
    /// To read and list, and to run a program.
    Read,
    /// To write and delete too.
    Modify,
}

impl Right {
    /// The bits of Windows for it, on the object itself.
    pub(super) fn here(self) -> u32 {
        match self {
            // SERVICE_QUERY_CONFIG, SERVICE_QUERY_STATUS, SERVICE_INTERROGATE, READ_CONTROL
            Self::Query => 0x1 | 0x4 | 0x80 | 0x2_0000,
            // SERVICE_START, SERVICE_STOP
            Self::Restart => Self::Query.here() | 0x10 | 0x20,
            // FILE_GENERIC_READ, FILE_GENERIC_EXECUTE
            Self::Read => 0x12_00a9,
            Self::Modify => SERVICE_HERE,
        }
    }

    /// The bits on all that is below a folder, which may be deleted where the folder itself may not.
    fn below(self) -> u32 {
        if self == Self::Modify { SERVICE_BELOW } else { self.here() }
    }

    /// In words, behind "may".
    fn words(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Restart => "query, start and stop",
            Self::Read => "read",
            Self::Modify => "change",
        }
    }
}

/// What something is given on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Object {
    /// A folder and everything in it, also what comes later.
    Folder(String),
    /// One file.
    File(String),
    /// A service.
    Service(String),
}

impl Object {
    /// As the system knows it.
    pub(super) fn secured(&self) -> Secured<'_> {
        match self {
            Self::Folder(path) | Self::File(path) => Secured::File(path),
            Self::Service(name) => Secured::Service(name),
        }
    }

    /// Whether what is given counts for what is below too.
    fn is_inherited(&self) -> bool {
        matches!(self, Self::Folder(_))
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => write!(f, "folder {path}"),
            Self::File(path) => write!(f, "file {path}"),
            Self::Service(name) => write!(f, "service {name}"),
        }
    }
}

/// One thing that the account may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Grant {
    /// On what.
    pub(super) object: Object,
    /// What.
    pub(super) right: Right,
}

impl Grant {
    /// What counts for what is below too; `None` where nothing is.
    pub(super) fn below(&self) -> Option<u32> {
        self.object.is_inherited().then(|| self.right.below())
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} the {}", self.right.words(), self.object)
    }
}

/// All that the account needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Needs {
    /// What can be given on this machine.
    pub(super) grants: Vec<Grant>,
    /// Paths on other machines, where the computer's account needs to read.
    pub(super) remote: Vec<String>,
}

impl Needs {
    /// Of these only the state directory: whatever its account, a service carries its own identifier, for which that is
    /// open. What else another account may do is its administrator's to say.
    pub(super) fn of_state(mut self, state: &str) -> Self {
        self.grants.retain(|grant| matches!(&grant.object, Object::Folder(path) if path == state));
        self.remote.clear();
        self
    }
}

/// The files of the program itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Own<'a> {
    /// The program.
    pub(super) program: &'a str,
    /// The configuration file; `None` where there is none.
    pub(super) configuration: Option<&'a str>,
    /// The state directory.
    pub(super) state: &'a str,
}

/// The table: what the program needs for itself, and for what the configuration lets it watch, if there is one.
pub(super) fn needs(own: Own<'_>, config: Option<&Config>) -> Needs {
    let mut table = Table::default();
    table.folder(own.state, Right::Modify);
    table.file(own.program);
    if let Some(file) = own.configuration
        && !parent(file).is_some_and(|folder| folder.eq_ignore_ascii_case(own.state))
    {
        table.folder_of(file);
    }
    for site in config.into_iter().flat_map(|config| &config.sites) {
        table.site(site);
    }
    let grants = table.grants.into_iter().map(|(object, right)| Grant { object, right });
    Needs { grants: grants.collect(), remote: table.remote }
}

#[derive(Default)]
struct Table {
    grants: BTreeMap<Object, Right>,
    remote: Vec<String>,
}

impl Table {
    fn site(&mut self, site: &SiteConfig) {
        let settings = &site.settings;
        if let Some(log) = &site.log {
            self.folder_of(&text(&log.path));
        }
        if let Some(event_log) = &site.event_log {
            self.file(&text(&event_log.path));
        }
        if let Some(snapshot) = &settings.snapshot {
            self.folder(&text(&snapshot.path), Right::Read);
            if let Some(path) = &snapshot.database_path {
                self.folder(&text(path), Right::Read);
            }
            for archive in &snapshot.archives {
                self.folder(&fixed(&text(&archive.pattern)), Right::Read);
            }
            if let Some(path) = &snapshot.control_file {
                self.folder_of(&text(path));
            }
        }
        for copy in &settings.supplemental {
            self.folder_of(&text(&copy.path));
            if let Freshness::Source(path) | Freshness::Marker(path) = &copy.freshness {
                self.folder_of(&text(path));
            }
        }
        if let Some(path) = &settings.remediation.pause_file {
            self.folder_of(&text(path));
        }
        if let Some(database) = &settings.database {
            if let Authentication::Login { password: PasswordSource::File(path), .. } =
                &database.authentication
            {
                self.file(&text(path));
            }
            if let Trust::CaFile(path) = &database.trust {
                self.file(&text(path));
            }
        }
        if settings.services.as_ref().is_some_and(ServicesConfig::is_local) {
            let right = match settings.remediation.mode {
                RestartMode::Restart => Right::Restart,
                RestartMode::Observe | RestartMode::Off => Right::Query,
            };
            self.add(Object::Service(SiteService::Backup.label().to_owned()), right);
        }
    }

    /// The folder of a file: programs that write it anew make another file. Not a whole drive, though.
    fn folder_of(&mut self, path: &str) {
        match parent(path) {
            Some(folder) if !folder.ends_with(SEPARATORS) => self.folder(folder, Right::Read),
            _ => self.file(path),
        }
    }

    fn folder(&mut self, path: &str, right: Right) {
        if self.is_here(path) {
            self.add(Object::Folder(path.to_owned()), right);
        }
    }

    fn file(&mut self, path: &str) {
        if self.is_here(path) {
            self.add(Object::File(path.to_owned()), Right::Read);
        }
    }

    /// Whether a path is one of this machine; one of another is kept.
    fn is_here(&mut self, path: &str) -> bool {
        let is_remote = is_share(path);
        if is_remote && !self.remote.iter().any(|known| known == path) {
            self.remote.push(path.to_owned());
        }
        !is_remote && has_drive(path)
    }

    fn add(&mut self, object: Object, right: Right) {
        let known = self.grants.entry(object).or_insert(right);
        *known = right.max(*known);
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn is_share(path: &str) -> bool {
    let path = path.replace('/', r"\").to_ascii_lowercase();
    path.strip_prefix(r"\\").is_some_and(|rest| rest.starts_with(r"?\unc\") || !rest.starts_with(['?', '.']))
}

/// Whether a path begins with a drive and a separator.
pub(super) fn has_drive(path: &str) -> bool {
    let path = path.strip_prefix(r"\\?\").unwrap_or(path);
    matches!(path.as_bytes(), [letter, b':', b'\\' | b'/', ..] if letter.is_ascii_alphabetic())
}

/// The folder of a file; the root of its drive has its separator behind it.
fn parent(path: &str) -> Option<&str> {
    let end = path.trim_end_matches(SEPARATORS).rfind(SEPARATORS)?;
    let folder = &path[..end];
    Some(if folder.ends_with(':') { &path[..=end] } else { folder })
}

/// The folder in which all copies lie that a pattern names: that before its first wildcard, or above its last part.
fn fixed(pattern: &str) -> String {
    match pattern.find(WILDCARDS) {
        Some(at) => parent(&format!("{}x", &pattern[..at])).unwrap_or_default().to_owned(),
        None => parent(pattern).unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use super::*;
    use crate::config::ServiceControl;

    const OWN: Own<'_> = Own {
        program: r"C:\Program Files\cm\exporter.exe",
        configuration: Some(r"C:\ProgramData\cm\exporter.yml"),
        state: r"C:\ProgramData\cm",
    };

    /// What a site needs whose services are those of a machine, `None` for this one: elsewhere the configuration cannot
    /// say that of Windows.
    fn table(
        own: Own<'_>,
        yaml: &str,
        services: Option<Option<&str>>,
        mode: RestartMode,
    ) -> (Vec<String>, Vec<String>) {
        let mut config = Config::parse(yaml, "x.yml", Path::new("/")).unwrap();
        let settings = &mut config.sites[0].settings;
        settings.services = services.map(|machine| ServicesConfig {
            control: ServiceControl::Windows,
            machine: machine.map(ToOwned::to_owned),
            interval: Duration::from_secs(30),
        });
        settings.remediation.mode = mode;
        let Needs { grants, remote } = needs(own, Some(&config));
        (grants.iter().map(ToString::to_string).collect(), remote)
    }

    #[test]
    fn a_site_server_gives_what_is_watched_and_no_more() {
        let yaml = r"
sites:
  - code: P01
    log: { path: 'C:\Program Files\Microsoft Configuration Manager\Logs\smsbkup.log' }
    event_log: { path: 'C:\Windows\System32\winevt\Logs\Application.evtx' }
    snapshot:
      path: 'E:\SCCMBackup'
      database_path: '\\SQL01\E$\SCCMBackup'
      archives:
        - { name: nas, path: '\\NAS01\cm\P01Backup-*' }
        - { name: disk, path: 'F:\old\*\P01Backup' }
";
        let (grants, remote) = table(OWN, yaml, Some(None), RestartMode::Restart);
        assert_eq!(
            grants,
            [
                r"read the folder C:\Program Files\Microsoft Configuration Manager\Logs",
                r"read the folder C:\Program Files\Microsoft Configuration Manager\inboxes\smsbkup.box",
                r"change the folder C:\ProgramData\cm",
                r"read the folder E:\SCCMBackup",
                r"read the folder F:\old",
                r"read the file C:\Program Files\cm\exporter.exe",
                r"read the file C:\Windows\System32\winevt\Logs\Application.evtx",
                "query, start and stop the service SMS_SITE_BACKUP",
            ]
        );
        assert_eq!(remote, [r"\\SQL01\E$\SCCMBackup", r"\\NAS01\cm"]);
    }

    #[test]
    fn only_restart_gives_the_right_to_start() {
        let bare = "sites: [{ code: P01 }]";
        for (services, mode, grants) in [
            (Some(None), RestartMode::Restart, &["query, start and stop the service SMS_SITE_BACKUP"][..]),
            (Some(None), RestartMode::Observe, &["query the service SMS_SITE_BACKUP"]),
            (Some(None), RestartMode::Off, &["query the service SMS_SITE_BACKUP"]),
            (Some(Some("cm02")), RestartMode::Restart, &[]),
            (None, RestartMode::Restart, &[]),
        ] {
            let (all, _) = table(OWN, bare, services, mode);
            let found: Vec<_> = all.iter().filter(|grant| grant.contains("service")).collect();
            assert_eq!(found, grants.iter().collect::<Vec<_>>(), "{services:?} {mode}");
        }
    }

    #[test]
    fn what_else_is_read_is_in_the_table() {
        let yaml = r"
sites:
  - code: P01
    supplemental:
      - { name: scup, path: 'D:\copies\scupdb.sdf', source: 'D:\scup\scupdb.sdf', max_age: 7d }
      - { name: lib, path: '\\NAS01\lib', marker: 'D:\marks\lib.txt', max_age: 7d }
    database:
      server: sql01
      authentication: { user: cm, password_file: 'D:\secrets\password' }
      ca_file: 'D:\secrets\ca.pem'
    services: { command: { state: [x], running: { exit: 0 }, stopped: { exit: 1 } } }
    remediation: { pause_file: 'D:\pause\now.txt' }
";
        let own = Own { configuration: Some(r"D:\cm.yml"), ..OWN };
        let (grants, remote) = table(own, yaml, None, RestartMode::Off);
        for grant in [
            r"read the folder D:\copies",
            r"read the folder D:\scup",
            r"read the folder D:\marks",
            r"read the folder D:\pause",
            r"read the file D:\cm.yml",
            r"read the file D:\secrets\password",
            r"read the file D:\secrets\ca.pem",
        ] {
            assert!(grants.iter().any(|known| known == grant), "{grant}: {grants:?}");
        }
        assert_eq!(remote, [r"\\NAS01"]);
        assert_eq!(needs(OWN, None).grants.len(), 2);
        let state = Grant { object: Object::Folder(OWN.state.to_owned()), right: Right::Modify };
        assert_eq!(needs(OWN, None).of_state(OWN.state), Needs { grants: vec![state], remote: vec![] });
    }

    #[test]
    fn a_path_is_of_this_machine_or_of_another() {
        for (path, here, share) in [
            (r"E:\SCCMBackup", true, false),
            (r"e:/SCCMBackup", true, false),
            (r"\\?\E:\SCCMBackup", true, false),
            (r"\\NAS01\cm", false, true),
            ("//nas01/cm", false, true),
            (r"\\?\UNC\NAS01\cm", false, true),
            (r"\\?\Volume{b75e2c83}\x", false, false),
            (r"\SCCMBackup", false, false),
            ("SCCMBackup", false, false),
            ("/var/log", false, false),
            ("E:", false, false),
            ("", false, false),
        ] {
            assert_eq!((has_drive(path), is_share(path)), (here, share), "{path}");
        }
    }

    #[test]
    fn the_folder_above_is_found() {
        for (path, folder) in [
            (r"D:\a\b.log", Some(r"D:\a")),
            (r"D:\b.log", Some(r"D:\")),
            (r"D:\a\", Some(r"D:\")),
            ("b", None),
        ] {
            assert_eq!(parent(path), folder, "{path}");
        }
        for (pattern, folder) in [
            (r"F:\old\P01Backup-*", r"F:\old"),
            (r"F:\*\P01Backup", r"F:\"),
            (r"F:\old\x[ab]\P01Backup", r"F:\old"),
            (r"F:\old\P01Backup", r"F:\old"),
        ] {
            assert_eq!(fixed(pattern), folder, "{pattern}");
        }
        assert_eq!(text(&PathBuf::from(r"F:\old")), r"F:\old");
    }
}
