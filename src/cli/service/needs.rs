//! Which rights the service's own account needs on this machine, and no others; a table made from the configuration.

use std::collections::BTreeMap;
use std::path::Path;

use super::grants::{Grant, Needs, Object, Right};
use super::places::{fixed, has_drive, is_root, is_server, is_share, joined, parent};
use crate::config::{
    Authentication, Config, Freshness, PasswordSource, ServicesConfig, SiteConfig, TlsConfig, Trust,
    WebConfig,
};
use crate::site::{ClosedSet, RestartMode, SiteService};

/// The files of the program itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Own<'a> {
    /// The program.
    pub(super) program: &'a str,
    /// The configuration file; `None` where there is none.
    pub(super) configuration: Option<&'a str>,
    /// The web configuration file and what it says; `None` where there is none.
    pub(super) web: Option<(&'a str, &'a WebConfig)>,
    /// The state directory.
    pub(super) state: &'a str,
    /// Whether a path is that of a file, as the disk has it now.
    pub(super) is_file: fn(&str) -> bool,
}

/// The table: what the program needs for itself, and for what the configuration lets it watch, if there is one.
pub(super) fn needs(own: Own<'_>, config: Option<&Config>) -> Needs {
    let mut table =
        Table { is_file: own.is_file, grants: BTreeMap::new(), by_hand: BTreeMap::new(), remote: Vec::new() };
    table.folder(own.state, What::own(Right::Modify));
    table.file(own.program);
    if let Some(file) = own.configuration
        && !parent(file).is_some_and(|folder| folder.eq_ignore_ascii_case(own.state))
    {
        table.folder_of(file);
    }
    if let Some((file, web)) = own.web {
        table.folder_of(file);
        web.tls.iter().flat_map(TlsConfig::files).for_each(|file| table.file(&text(file)));
    }
    for site in config.into_iter().flat_map(|config| &config.sites) {
        table.site(site);
    }
    let all = |grants: BTreeMap<Object, What>| {
        let grant = |(object, What { right, is_of_backup })| Grant { object, right, is_of_backup };
        grants.into_iter().map(grant).collect()
    };
    Needs { grants: all(table.grants), by_hand: all(table.by_hand), remote: table.remote }
}

/// What is needed on an object.
#[derive(Debug, Clone, Copy)]
struct What {
    right: Right,
    is_of_backup: bool,
}

impl What {
    /// A right on what the backup has nothing to do with.
    fn own(right: Right) -> Self {
        Self { right, is_of_backup: false }
    }

    /// To read what the backup writes.
    const BACKUP: Self = Self { right: Right::Read, is_of_backup: true };
}

struct Table {
    is_file: fn(&str) -> bool,
    grants: BTreeMap<Object, What>,
    by_hand: BTreeMap<Object, What>,
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
            for path in [Some(&snapshot.path), snapshot.database_path.as_ref()].into_iter().flatten() {
                self.destination(&text(path), &format!("{}Backup", settings.code));
            }
            for archive in &snapshot.archives {
                self.folder(&fixed(&text(&archive.pattern)), What::BACKUP);
            }
            if let Some(path) = &snapshot.control_file {
                self.folder_of(&text(path));
            }
        }
        for copy in &settings.supplemental {
            self.copy(&text(&copy.path));
            match &copy.freshness {
                Freshness::Source(path) => self.copy(&text(path)),
                Freshness::Marker(path) => self.folder_of(&text(path)),
                Freshness::Newest => {}
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
            let service = Object::Service(SiteService::Backup.label().to_owned());
            add(&mut self.grants, service, What::own(right));
        }
    }

    /// The task's destination: of a whole drive only the folder in which the task writes.
    fn destination(&mut self, path: &str, folder: &str) {
        if is_root(path) {
            add(&mut self.by_hand, Object::Listing(path.to_owned()), What::BACKUP);
            self.folder(&joined(path, folder), What::BACKUP);
        } else {
            self.folder(path, What::BACKUP);
        }
    }

    /// A copy, or what it is a copy of: what is beside it is nobody's business.
    fn copy(&mut self, path: &str) {
        if (self.is_file)(path) {
            self.file(path);
        } else {
            self.folder(path, What::own(Right::Read));
        }
    }

    /// The folder of a file: programs that write it anew make another file. Not a whole drive or server, though.
    fn folder_of(&mut self, path: &str) {
        match parent(path) {
            Some(folder) if !is_root(folder) && !is_server(folder) => {
                self.folder(folder, What::own(Right::Read));
            }
            _ => self.file(path),
        }
    }

    fn folder(&mut self, path: &str, what: What) {
        if self.is_here(path) {
            // What is given on a whole drive goes through all files of it.
            let grants = if is_root(path) { &mut self.by_hand } else { &mut self.grants };
            add(grants, Object::Folder(path.to_owned()), what);
        }
    }

    fn file(&mut self, path: &str) {
        if self.is_here(path) {
            add(&mut self.grants, Object::File(path.to_owned()), What::own(Right::Read));
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
}

fn add(grants: &mut BTreeMap<Object, What>, object: Object, what: What) {
    let known = grants.entry(object).or_insert(what);
    known.right = what.right.max(known.right);
    known.is_of_backup |= what.is_of_backup;
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::ServiceControl;

    const OWN: Own<'_> = Own {
        program: r"C:\Program Files\cm\exporter.exe",
        configuration: Some(r"C:\ProgramData\cm\exporter.yml"),
        web: None,
        state: r"C:\ProgramData\cm",
        is_file: |path| path.ends_with(".sdf"),
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
        let Needs { grants, remote, .. } = needs(own, Some(&config));
        (grants.iter().map(ToString::to_string).collect(), remote)
    }

    #[test]
    fn the_web_configuration_and_what_it_names_are_read() {
        let yaml = r"tls_server_config: { cert_file: 'D:\certs\cm01.crt', key_file: 'D:\keys\cm01.key' }";
        let web = WebConfig::parse(yaml, "web.yml", Path::new("/")).unwrap();
        let own = Own { web: Some((r"D:\web\web.yml", &web)), ..OWN };
        let grants: Vec<_> = needs(own, None).grants.iter().map(ToString::to_string).collect();
        for grant in
            [r"read the file D:\certs\cm01.crt", r"read the file D:\keys\cm01.key", r"read the folder D:\web"]
        {
            assert!(grants.iter().any(|given| given == grant), "{grant}: {grants:?}");
        }
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
      - { name: here, path: 'D:\Shares\lib', marker: '\\NAS02\marks', max_age: 7d }
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
            r"read the file D:\copies\scupdb.sdf",
            r"read the file D:\scup\scupdb.sdf",
            r"read the folder D:\Shares\lib",
            r"read the folder D:\marks",
            r"read the folder D:\pause",
            r"read the file D:\cm.yml",
            r"read the file D:\secrets\password",
            r"read the file D:\secrets\ca.pem",
        ] {
            assert!(grants.iter().any(|known| known == grant), "{grant}: {grants:?}");
        }
        assert_eq!(remote, [r"\\NAS01\lib", r"\\NAS02\marks"]);
        assert_eq!(needs(OWN, None).grants.len(), 2);
        let object = Object::Folder(OWN.state.to_owned());
        let state = Grant { object, right: Right::Modify, is_of_backup: false };
        let of_state = needs(OWN, None).of_state(OWN.state);
        assert_eq!(of_state, Needs { grants: vec![state], ..Needs::default() });
    }

    #[test]
    fn a_whole_drive_is_never_given() {
        let yaml = r"
sites:
  - code: P01
    snapshot:
      path: 'E:\'
      archives:
        - { name: disk, path: 'F:\P01Backup-*' }
";
        let config = Config::parse(yaml, "x.yml", Path::new("/")).unwrap();
        let Needs { grants, by_hand, .. } = needs(Own { state: r"D:\", ..OWN }, Some(&config));
        let told = |grants: &[Grant]| grants.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(
            told(&by_hand),
            [r"change the folder D:\", r"read the folder F:\", r"read the listing of E:\"]
        );
        assert!(told(&grants).contains(&r"read the folder E:\P01Backup".to_owned()), "{grants:?}");
        let of_backup = |grants: Vec<Grant>| grants.into_iter().filter(|grant| grant.is_of_backup).count();
        assert_eq!((of_backup(grants), of_backup(by_hand)), (1, 2));
    }
}
