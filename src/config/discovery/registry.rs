//! What the registry of a site server says of its site.
//!
//! Microsoft documents none of these values; they are read by its own diagnostic scripts. So each may be missing: only the
//! site code and the installation directory make a site server.

use std::path::Path;

use super::{Discovered, Node, NotDiscovered, OF_TASK, mapping, text};
use crate::config::fields;
use crate::config::origin::Origin;
use crate::config::paths::is_absolute;
use crate::config::problem::shown;
use crate::platform::registry::{RegistryData, RegistrySnapshot, RegistryValue};
use crate::site::{ClosedSet, SiteCode, SiteRole};

const fn identification(name: &'static str) -> RegistryValue {
    RegistryValue { key: r"SOFTWARE\Microsoft\SMS\Identification", name }
}

const fn setup(name: &'static str) -> RegistryValue {
    RegistryValue { key: r"SOFTWARE\Microsoft\SMS\Setup", name }
}

const fn sql_server(name: &'static str) -> RegistryValue {
    RegistryValue { key: r"SOFTWARE\Microsoft\SMS\SQL Server\Site System SQL Account", name }
}

const fn tracing(name: &'static str) -> RegistryValue {
    RegistryValue { key: r"SOFTWARE\Microsoft\SMS\Tracing\SMS_SITE_BACKUP", name }
}

const SITE_CODE: RegistryValue = identification("Site Code");
const INSTALLATION: RegistryValue = identification("Installation Directory");
/// Empty at a standalone primary site and at a central administration site.
const PARENT: RegistryValue = identification("Parent Site Code");
const TYPE: RegistryValue = setup("Type");
/// A name in DNS.
const SERVER: RegistryValue = sql_server("Server");
/// `DATABASE` or `INSTANCE\DATABASE`.
const DATABASE: RegistryValue = sql_server("Database Name");
const TRACE_FILE: RegistryValue = tracing("TraceFileName");
/// 0 everything, 1 the default, 2 warnings and errors, 3 errors.
const LOGGING_LEVEL: RegistryValue = tracing("LoggingLevel");
/// With `%SystemRoot%` in it.
const EVENT_LOG: RegistryValue =
    RegistryValue { key: r"SYSTEM\CurrentControlSet\Services\EventLog\Application", name: "File" };

/// All that is read.
pub(super) const VALUES: [RegistryValue; 9] =
    [SITE_CODE, INSTALLATION, PARENT, TYPE, SERVER, DATABASE, TRACE_FILE, LOGGING_LEVEL, EVENT_LOG];

/// What [`TYPE`] may hold; the site database has other numbers for them.
const PRIMARY: u32 = 1;
const SECONDARY: u32 = 2;
const CENTRAL_ADMINISTRATION: u32 = 8;

/// The first level of logging at which the messages of a success are left out.
const HIDES_SUCCESSES: u32 = 2;

/// Where Windows is installed, unless the environment says otherwise.
const SYSTEM_ROOT: &str = r"C:\Windows";

/// The site that these values tell of; `system_root` is where Windows is installed.
pub(super) fn interpret(
    registry: &RegistrySnapshot,
    system_root: Option<&Path>,
) -> Result<Discovered, NotDiscovered> {
    let mut values = Values { registry, notices: Vec::new() };
    let code = values.required(SITE_CODE)?;
    let code: SiteCode = fields::site_code(code)
        .map_err(|fault| NotDiscovered::Strange { value: SITE_CODE, found: fault.what })?;
    let installation = values.required(INSTALLATION)?.trim_end_matches('\\');
    if !is_absolute(installation) {
        let found = format!("{} is no absolute path", shown(installation));
        return Err(NotDiscovered::Strange { value: INSTALLATION, found });
    }
    let kind = values.number(TYPE);
    if kind == Some(SECONDARY) {
        return Err(NotDiscovered::Secondary(code));
    }

    let here = Origin::SiteServer;
    let mut site = vec![("code", text(Origin::Registry(SITE_CODE), code.to_string()))];
    if let Some((role, value)) = role(kind, &mut values) {
        site.push(("role", text(Origin::Registry(value), role.label())));
    }
    let (log, value) = match values.path(TRACE_FILE) {
        Some(path) => (path.to_owned(), TRACE_FILE),
        None => (format!(r"{installation}\Logs\smsbkup.log"), INSTALLATION),
    };
    site.push(("log", mapping(here, vec![("path", text(Origin::Registry(value), log))])));
    site.push(("event_log", mapping(here, vec![("path", event_log(&mut values, system_root))])));
    let control_file = format!(r"{installation}\inboxes\smsbkup.box\smsbkup.ctl");
    let snapshot = vec![
        ("path", text(here, OF_TASK)),
        ("control_file", text(Origin::Registry(INSTALLATION), control_file)),
    ];
    site.push(("snapshot", mapping(here, snapshot)));
    if let Some(database) = database(&mut values) {
        site.push(("database", database));
    }
    site.push(("services", mapping(here, Vec::new())));
    if let Some(level) = values.number(LOGGING_LEVEL).filter(|level| *level >= HIDES_SUCCESSES) {
        values.notices.push(format!(
            "{LOGGING_LEVEL} is {level}: what succeeds is left out of smsbkup.log; set it to 1 and restart SMS_EXECUTIVE"
        ));
    }
    Ok(Discovered { code, notices: values.notices, site: mapping(here, site) })
}

fn role(kind: Option<u32>, values: &mut Values<'_>) -> Option<(SiteRole, RegistryValue)> {
    match kind? {
        PRIMARY => {
            let is_alone = values.text(PARENT)?.is_empty();
            Some((if is_alone { SiteRole::Standalone } else { SiteRole::Hierarchy }, PARENT))
        }
        CENTRAL_ADMINISTRATION => Some((SiteRole::Cas, TYPE)),
        _ => None,
    }
}

/// The file of the Application log, wherever an administrator has put it.
fn event_log(values: &mut Values<'_>, system_root: Option<&Path>) -> Node {
    const VARIABLE: &str = "%SystemRoot%";
    let system_root = system_root.and_then(Path::to_str).unwrap_or(SYSTEM_ROOT);
    let written = values.text(EVENT_LOG).unwrap_or_default();
    let path = match written.split_at_checked(VARIABLE.len()) {
        Some((start, rest)) if start.eq_ignore_ascii_case(VARIABLE) => format!("{system_root}{rest}"),
        _ => written.to_owned(),
    };
    if is_absolute(&path) {
        text(Origin::Registry(EVENT_LOG), path)
    } else {
        text(Origin::SiteServer, format!(r"{system_root}\System32\winevt\Logs\Application.evtx"))
    }
}

fn database(values: &mut Values<'_>) -> Option<Node> {
    let server = values.text(SERVER).filter(|server| !server.is_empty())?;
    let name = values.text(DATABASE).unwrap_or_default();
    let (server, name) = match name.split_once('\\') {
        Some((instance, name)) => (format!(r"{server}\{instance}"), name),
        None => (server.to_owned(), name),
    };
    let mut database = vec![("server", text(Origin::Registry(SERVER), server))];
    if !name.is_empty() {
        database.push(("name", text(Origin::Registry(DATABASE), name)));
    }
    Some(mapping(Origin::SiteServer, database))
}

/// What was read, by type. One that cannot be used is as good as none, but for those that make a site server.
struct Values<'a> {
    registry: &'a RegistrySnapshot,
    notices: Vec<String>,
}

impl<'a> Values<'a> {
    /// A text that must be there.
    fn required(&self, value: RegistryValue) -> Result<&'a str, NotDiscovered> {
        match self.registry.value(value) {
            Ok(Some(RegistryData::Text(text))) if !text.trim().is_empty() => Ok(text.trim()),
            Ok(None | Some(RegistryData::Text(_))) => Err(NotDiscovered::NoSiteServer(value)),
            Ok(Some(_)) => Err(NotDiscovered::Strange { value, found: "it holds no text".to_owned() }),
            Err(error) => Err(NotDiscovered::Unreadable { value, source: copy(error) }),
        }
    }

    fn data(&mut self, value: RegistryValue) -> Option<&'a RegistryData> {
        self.registry.value(value).unwrap_or_else(|error| {
            self.notices.push(format!("{value} cannot be read and is left out: {error}"));
            None
        })
    }

    /// A text, trimmed, which may be empty.
    fn text(&mut self, value: RegistryValue) -> Option<&'a str> {
        match self.data(value)? {
            RegistryData::Text(text) => Some(text.trim()),
            _ => self.strange(value, "no text"),
        }
    }

    fn path(&mut self, value: RegistryValue) -> Option<&'a str> {
        match self.text(value)? {
            path if is_absolute(path) => Some(path),
            "" => None,
            other => self.strange(value, &format!("{}, which is no absolute path", shown(other))),
        }
    }

    /// A number, also one that is written as a text.
    fn number(&mut self, value: RegistryValue) -> Option<u32> {
        match self.data(value)? {
            RegistryData::Number(number) => Some(*number),
            RegistryData::Text(text) => match text.trim().parse() {
                Ok(number) => Some(number),
                Err(_) => self.strange(value, &format!("{}, which is no number", shown(text))),
            },
            RegistryData::Other => self.strange(value, "no number"),
        }
    }

    fn strange<T>(&mut self, value: RegistryValue, found: &str) -> Option<T> {
        self.notices.push(format!("{value} is {found}, and is left out"));
        None
    }
}

/// An error of the operating system once more.
fn copy(error: &std::io::Error) -> std::io::Error {
    error.raw_os_error().map_or_else(|| error.kind().into(), std::io::Error::from_raw_os_error)
}

#[cfg(test)]
mod tests;
