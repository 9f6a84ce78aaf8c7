//! From bytes to a configuration: encodings, sizes and what the file system may say.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf, absolute};

use super::discovery::with_discovered;
use super::origin::Origin;
use super::problem::{ConfigError, Fault};
use super::raw::Node;
use crate::platform::IS_WINDOWS;

use super::{Config, Discovered, NotDiscovered, raw, resolve};

/// The largest file that is read: what is larger was not meant.
pub(crate) const SIZE_LIMIT: u64 = 1 << 20;

/// A kind of file, as messages call it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    name: &'static str,
    flag: &'static str,
}

/// The file that names the sites.
const CONFIGURATION: Kind = Kind { name: "configuration", flag: "--config.file" };

/// The file that says how they are served.
pub(super) const WEB_CONFIGURATION: Kind = Kind { name: "web configuration", flag: "--web.config.file" };

impl Config {
    /// Reads and resolves a file without a look at this machine; relative paths in it are relative to its folder.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        Self::load_over(path, &Err(NotDiscovered::NotWindows))
    }

    /// Reads and resolves a file that goes before what this machine tells of its site.
    pub fn load_over(path: &Path, here: &Result<Discovered, NotDiscovered>) -> Result<Self, ConfigError> {
        let bytes = read(path, CONFIGURATION)?;
        let digest = Some(blake3::hash(&bytes));
        let config = Self::parse_over(bytes, &path.display().to_string(), &folder(path), here)?;
        Ok(Self { digest, ..config })
    }

    /// What this machine tells of its site.
    pub fn discovered(here: Discovered) -> Result<Self, ConfigError> {
        Self::parse_over("", "the registry of this site server", Path::new(""), &Ok(here))
    }

    /// Resolves the text of a file; `file` is its name in messages, `base` the folder of relative paths.
    pub fn parse(text: impl AsRef<[u8]>, file: &str, base: &Path) -> Result<Self, ConfigError> {
        Self::parse_over(text, file, base, &Err(NotDiscovered::NotWindows))
    }

    pub(super) fn parse_over(
        text: impl AsRef<[u8]>,
        file: &str,
        base: &Path,
        here: &Result<Discovered, NotDiscovered>,
    ) -> Result<Self, ConfigError> {
        let root = tree(text.as_ref(), file)?;
        let root = with_discovered(root, here).map_err(|problem| ConfigError::new(file, vec![problem]))?;
        // Only Windows has something to discover.
        let is_windows = IS_WINDOWS || here.is_ok();
        let sites =
            resolve::sites(&root, base, is_windows).map_err(|problems| ConfigError::new(file, problems))?;
        let notices = here.as_ref().map_or(Vec::new(), |here| here.notices_for(&sites));
        Ok(Self { sites, notices, digest: None })
    }
}

/// The bytes of a file, or the one problem with it.
pub(super) fn read(path: &Path, kind: Kind) -> Result<Vec<u8>, ConfigError> {
    read_limited(path).map_err(|source| {
        let problem = unreadable(&source, kind).at("", None);
        ConfigError { source: Some(source), ..ConfigError::new(&path.display().to_string(), vec![problem]) }
    })
}

/// The folder of relative paths in a file.
pub(super) fn folder(path: &Path) -> PathBuf {
    // Without a current folder (it was removed, say) a relative path stays what it is.
    let path = absolute(path).unwrap_or_else(|_| path.to_owned());
    path.parent().unwrap_or(Path::new("")).to_owned()
}

/// The tree of a file's text.
pub(super) fn tree(text: &[u8], file: &str) -> Result<Node, ConfigError> {
    let error = |problem| ConfigError::new(file, vec![problem]);
    let text =
        utf8(text).map_err(|(fault, line)| error(fault.at("", line.map(|line| Origin::File { line }))))?;
    raw::read(text).map_err(error)
}

/// A file's whole content, if it is no folder and no larger than a file of settings or certificates can be.
pub(crate) fn read_limited(path: &Path) -> io::Result<Vec<u8>> {
    // Opening a folder fails with another word on each platform.
    if fs::metadata(path)?.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(SIZE_LIMIT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > SIZE_LIMIT { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
}

fn unreadable(error: &io::Error, Kind { name, flag }: Kind) -> Fault {
    let what = |reason: &str| format!("cannot read the {name}: {reason}");
    let path = || format!("check the path given with {flag}");
    match error.kind() {
        io::ErrorKind::NotFound => Fault::new(what("there is no such file"), path()),
        io::ErrorKind::IsADirectory => Fault::new(what("this is a folder"), path()),
        io::ErrorKind::FileTooLarge => Fault::new(what(&format!("larger than {SIZE_LIMIT} bytes")), path()),
        io::ErrorKind::PermissionDenied => Fault::new(
            what("access denied"),
            "let the account that runs the exporter read the file; on Windows run the command as administrator",
        ),
        _ => Fault::new(format!("cannot read the {name}"), "check the file and the volume it is on"),
    }
}

fn utf8(bytes: &[u8]) -> Result<&str, (Fault, Option<u64>)> {
    const REMEDY: &str = "save the file as UTF-8";
    if matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) {
        return Err((Fault::new("the file is in UTF-16", REMEDY), None));
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let line = 1 + bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count() as u64;
        (Fault::new("the file is not in UTF-8", REMEDY), Some(line))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_file_that_cannot_be_read_is_named_with_a_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing.yml");
        let error = Config::load(&missing).unwrap_err();
        let wanted =
            "cannot read the configuration: there is no such file; check the path given with --config.file";
        assert_eq!(error.to_string(), format!("{}: {wanted}", missing.display()));
        assert!(error.source.is_some());
        assert!(Config::load(folder.path()).unwrap_err().to_string().contains("this is a folder"));

        let large = folder.path().join("large.yml");
        fs::write(&large, "#".repeat(SIZE_LIMIT as usize + 1)).unwrap();
        assert!(Config::load(&large).unwrap_err().to_string().contains("larger than 1048576 bytes"));
    }

    #[test]
    fn relative_paths_are_relative_to_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("exporter.yml");
        fs::write(&file, "sites: [{ code: P01, log: { path: logs/smsbkup.log } }]").unwrap();
        let config = Config::load(&file).unwrap();
        assert_eq!(config.sites[0].log.as_ref().unwrap().path, folder.path().join("logs/smsbkup.log"));
    }

    proptest! {
        #[test]
        fn no_file_breaks_it(text in "(sites|code|log|days|[-:?{}\\[\\]&*!|>'\"%@#,~ \t\n]|\\PC){0,60}", bytes: Vec<u8>) {
            let base = Path::new("/");
            for result in [Config::parse(&text, "x.yml", base), Config::parse(&bytes, "x.yml", base)] {
                if let Err(error) = result {
                    prop_assert!(!error.problems.is_empty());
                    prop_assert!(error.to_string().lines().count() == error.problems.len(), "{}", error);
                }
            }
        }

        #[test]
        fn no_value_breaks_the_line(text in "\\PC{0,20}|[\\x00-\\x1f\\x7f-\\u{a0}\\u{2028}]{1,9}") {
            let quoted = serde_json::to_string(&text).unwrap();
            let keys = |names: &[&str]| names.iter().map(|name| format!("{name}: {quoted}")).collect::<Vec<_>>().join(", ");
            let archive = keys(&["name", "path", "max_age", "verify"]);
            let snapshot = keys(&["path", "database_path", "control_file", "interval"]);
            let verify = keys(&["pages", "interval", "rate_limit", "settle"]);
            let copy = keys(&["name", "path", "source", "marker", "max_age"]);
            let database = keys(&["server", "port", "name", "encryption", "ca_file", "trust_server_certificate", "interval", "query_timeout"]);
            let login = keys(&["integrated", "user", "password", "password_file", "password_env"]);
            let alert = keys(&["name", "type_id"]);
            let services = keys(&["machine", "interval"]);
            let answer = keys(&["exit", "text"]);
            let remediation = keys(&[
                "mode", "max_attempts_per_day", "cooldown", "max_failure_age", "window", "stop_stalled", "hung_after", "pause_file",
            ]);
            let yaml = format!(
                "sites: [{{ code: {quoted}, {quoted}: {quoted}, protection: {quoted}, log: {{ path: {quoted}, interval: {quoted} }}, \
                 event_log: {{ path: {quoted}, interval: {quoted} }}, \
                 snapshot: {{ {snapshot}, archives: [{{ {archive} }}], verify: {{ {verify} }} }}, \
                 supplemental: [{{ {copy} }}], recovery_drill: {{ last: {quoted} }}, package_sources: [{quoted}, {quoted}], \
                 database: {{ {database}, authentication: {{ {login} }}, alert: {{ {alert} }} }}, \
                 services: {{ {services}, command: {{ state: [{quoted}, {quoted}], running: {{ {answer} }}, stopped: {{ text: {quoted} }}, \
                 start: [{quoted}], stop: {quoted}, timeout: {quoted} }} }}, remediation: {{ {remediation} }}, \
                 schedule: {{ time_zone: {quoted} }} }}]\nremediation: {{ {remediation} }}"
            );
            let error = Config::parse(&yaml, "x.yml", Path::new("/")).err();
            prop_assert!(error.is_none_or(|error| error.to_string().lines().count() == error.problems.len()));
        }
    }
}
