//! The values by which a site database is found and logged on to.
//!
//! Who pastes a connection string or a password into the wrong key must not find it in a message: what may hold one is
//! refused without being shown.

use std::net::Ipv6Addr;

use crate::config::ServerAddress;
use crate::config::paths::all_visible;
use crate::config::problem::{Fault, shown};

/// The most characters that SQL Server allows in the name of a database or a login.
const LONGEST_NAME: usize = 128;

/// The most characters that DNS allows in a name.
const LONGEST_HOST: usize = 253;

/// The most characters that SQL Server allows in the name of an instance.
const LONGEST_INSTANCE: usize = 16;

/// The prefixes with which SQL Server's own tools choose how they connect.
const PROTOCOLS: [&str; 4] = ["tcp", "np", "lpc", "admin"];

/// The name of a database.
pub(in crate::config) fn database_name(text: &str) -> Result<String, Fault> {
    if text.contains(['=', ';']) {
        return Err(Fault::new("a connection string", "write the name of the database alone, as CM_P01"));
    }
    if text.starts_with('[') {
        let remedy = "write the name without the brackets of Transact-SQL, as CM_P01";
        return Err(Fault::new(format!("{} has brackets", shown(text)), remedy));
    }
    short_name(text, || {
        format!("write its name in SQL Server, of at most {LONGEST_NAME} characters, as CM_P01")
    })
}

/// A SQL Server as its own tools are told of it: `host` or `host\instance`, with or without `tcp:` and `,port`.
pub(in crate::config) fn server_address(text: &str) -> Result<ServerAddress, Fault> {
    all_visible(text)?;
    if text.contains(['=', ';', '@']) || text.contains("://") {
        let remedy =
            "write the name of the server alone, as sql01.corp.example; the rest has keys of its own";
        return Err(Fault::new("a connection string", remedy));
    }
    let fault = |what: &str, remedy: &str| Fault::new(format!("{} {what}", shown(text)), remedy);
    let chosen = |(name, _): &(&str, &str)| PROTOCOLS.iter().any(|known| known.eq_ignore_ascii_case(name));
    let (protocol, address) = text.split_once(':').filter(chosen).unwrap_or(("tcp", text));
    if !protocol.eq_ignore_ascii_case("tcp") || address.starts_with(r"\\") {
        let remedy = "let the server listen on TCP/IP, and write its name alone, as sql01.corp.example";
        return Err(fault("is not reached over TCP/IP", remedy));
    }
    let (place, port) = match address.split_once(',') {
        Some((place, digits)) => (place, Some(port(digits.trim())?)),
        None => (address, None),
    };
    let (host, instance) = match place.split_once('\\') {
        Some((host, instance)) => (host, Some(instance)),
        None => (place, None),
    };
    if matches!(host.to_ascii_lowercase().as_str(), "." | "(local)") {
        return Err(fault(
            "has no name of a machine",
            "write localhost, or the name in the server's certificate",
        ));
    }
    if let Some((name, digits)) = host.split_once(':')
        && is_host_name(name)
        && digits.parse::<u16>().is_ok()
    {
        return Err(fault(
            "has the port behind a colon",
            &format!("write it behind a comma, as `{name},{digits}`"),
        ));
    }
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let is_ipv6 = bare.parse::<Ipv6Addr>().is_ok();
    let host = if is_ipv6 { bare } else { host };
    if !is_ipv6 && !is_host_name(host) {
        let remedy = r"write its name in DNS or its IP address, as sql01.corp.example, or 'sql01\instance'";
        return Err(fault("is not the address of a server", remedy));
    }
    if instance.is_some_and(|name| !is_instance_name(name)) {
        let remedy =
            format!("write one of at most {LONGEST_INSTANCE} letters and digits, or the server alone");
        return Err(fault("has no name of an instance behind the `\\`", &remedy));
    }
    // The instance without a name is called so in its service alone.
    let instance = instance.filter(|name| !name.eq_ignore_ascii_case("MSSQLSERVER")).map(str::to_owned);
    Ok(ServerAddress { host: host.to_owned(), instance, port })
}

/// A port of TCP.
pub(in crate::config) fn port(text: &str) -> Result<u16, Fault> {
    let number = text.parse().ok().filter(|port| *port > 0 && text.bytes().all(|c| c.is_ascii_digit()));
    number.ok_or_else(|| {
        Fault::new(format!("{} is not a port", shown(text)), "write a number between 1 and 65535, as 1433")
    })
}

/// The name of a login of SQL Server.
pub(in crate::config) fn login(text: &str) -> Result<String, Fault> {
    // SQL Server allows no backslash in the name of a login with a password.
    if text.contains('\\') {
        let remedy =
            "write a login of SQL Server, or run the exporter as this account and write `integrated: true`";
        return Err(Fault::new(format!("{} is an account of Windows", shown(text)), remedy));
    }
    short_name(text, || "write the name of a login of SQL Server, as cm_backup_monitor".to_owned())
}

/// The name of an environment variable.
pub(in crate::config) fn variable(text: &str) -> Result<String, Fault> {
    let fits = |c: u8| c.is_ascii_alphanumeric() || c == b'_';
    if text.is_empty() || text.starts_with(|c: char| c.is_ascii_digit()) || !text.bytes().all(fits) {
        let remedy =
            "write its name, of letters, digits and `_`, as CM_MONITOR_PASSWORD; its value is the password";
        return Err(Fault::new("this is not the name of an environment variable", remedy));
    }
    Ok(text.to_owned())
}

/// The name of an alert.
pub(in crate::config) fn alert_name(text: &str) -> Result<String, Fault> {
    all_visible(text)?;
    if text.trim().is_empty() {
        return Err(Fault::new("an empty name", "write the alert's name as the console shows it"));
    }
    Ok(text.to_owned())
}

/// The `TypeID` of an alert.
pub(in crate::config) fn type_id(text: &str) -> Result<i64, Fault> {
    text.parse().map_err(|_| {
        Fault::new(format!("{} is not a whole number", shown(text)), "write the `TypeID` of the alert's row")
    })
}

fn short_name(text: &str, remedy: impl FnOnce() -> String) -> Result<String, Fault> {
    all_visible(text)?;
    let what = match text.chars().count() {
        _ if text.trim().is_empty() => "an empty name".to_owned(),
        length if length > LONGEST_NAME => format!("{} is too long", shown(text)),
        _ => return Ok(text.to_owned()),
    };
    Err(Fault::new(what, remedy()))
}

/// What DNS, hosts files and Active Directory have as names of machines; IPv4 addresses look the same.
pub(super) fn is_host_name(text: &str) -> bool {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.' | '_');
    text.starts_with(char::is_alphanumeric) && text.chars().all(fits) && text.chars().count() <= LONGEST_HOST
}

fn is_instance_name(text: &str) -> bool {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '#' | '&');
    matches!(text.chars().count(), 1..=LONGEST_INSTANCE) && text.chars().all(fits)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn servers_are_written_as_their_own_tools_write_them() {
        let address = |host: &str, instance: Option<&str>, port| ServerAddress {
            host: host.to_owned(),
            instance: instance.map(str::to_owned),
            port,
        };
        for (text, server) in [
            ("sql01", address("sql01", None, None)),
            ("SQL01.corp.example", address("SQL01.corp.example", None, None)),
            ("sql_01-a", address("sql_01-a", None, None)),
            ("10.0.0.5", address("10.0.0.5", None, None)),
            ("localhost", address("localhost", None, None)),
            ("sql01,1433", address("sql01", None, Some(1433))),
            ("sql01, 14330", address("sql01", None, Some(14330))),
            (r"sql01\P01", address("sql01", Some("P01"), None)),
            (r"sql01.corp.example\CM$1,1450", address("sql01.corp.example", Some("CM$1"), Some(1450))),
            (r"sql01\MSSQLServer", address("sql01", None, None)),
            ("tcp:sql01,1433", address("sql01", None, Some(1433))),
            (r"TCP:sql01\P01", address("sql01", Some("P01"), None)),
            ("2001:db8::5", address("2001:db8::5", None, None)),
            ("[::1],1433", address("::1", None, Some(1433))),
        ] {
            assert_eq!(server_address(text), Ok(server), "{text}");
        }
    }

    #[test]
    fn what_is_no_server_is_refused_with_what_to_write() {
        for (text, what, remedy) in [
            ("", "not the address", "sql01.corp.example"),
            (" sql01", "not the address", "sql01.corp.example"),
            ("sql01/P01", "not the address", r"'sql01\instance'"),
            ("[sql01]", "not the address", "sql01.corp.example"),
            ("-", "not the address", "sql01.corp.example"),
            ("(localdb)", "not the address", "sql01.corp.example"),
            ("http://sql01", "a connection string", "sql01.corp.example"),
            ("sa:hunter2@sql01", "a connection string", "sql01.corp.example"),
            (".", "no name of a machine", "localhost"),
            (r"(Local)\P01", "no name of a machine", "localhost"),
            ("sql01:1433", "behind a colon", "as `sql01,1433`"),
            (r"sql01\", "no name of an instance", "the server alone"),
            (r"sql01\a\b", "no name of an instance", "the server alone"),
            (r"sql01\an instance", "no name of an instance", "the server alone"),
            (r"sql01\12345678901234567", "no name of an instance", "at most 16"),
            ("sql01,", "`` is not a port", "between 1 and 65535"),
            ("sql01,0", "`0` is not a port", "between 1 and 65535"),
            ("sql01,1433,1434", "is not a port", "between 1 and 65535"),
            ("np:sql01", "not reached over TCP/IP", "its name alone"),
            (r"np:\\sql01\pipe\sql\query", "not reached over TCP/IP", "its name alone"),
            (r"\\sql01\pipe", "not reached over TCP/IP", "its name alone"),
            ("admin:sql01", "not reached over TCP/IP", "its name alone"),
            ("sql\t01", "cannot be seen", "single quotes"),
        ] {
            let fault = server_address(text).unwrap_err();
            assert!(fault.what.contains(what) && fault.remedy.contains(remedy), "{text}: {fault:?}");
        }
    }

    #[test]
    fn what_may_hold_a_password_is_not_repeated() {
        for fault in [
            server_address("Server=sql01;User Id=cm;Password=hunter2").unwrap_err(),
            database_name("Database=CM_P01;Password=hunter2").unwrap_err(),
            database_name("hunter2;").unwrap_err(),
            database_name("hunter\t2=hunter2").unwrap_err(),
            variable("hunter2!").unwrap_err(),
        ] {
            assert!(!format!("{fault:?}").contains("hunter2"), "{fault:?}");
        }
    }

    #[test]
    fn a_port_has_a_number() {
        for (text, number) in [("1", 1), ("1433", 1433), ("65535", 65535)] {
            assert_eq!(port(text), Ok(number));
        }
        for text in ["", "0", "65536", "-1", "+1433", "1433 ", "ms-sql-s"] {
            assert!(port(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_database_and_a_login_have_names_of_at_most_128_characters() {
        for read in [database_name, login] {
            for text in ["CM_P01", "Configuration Manager", &"ä".repeat(128)] {
                assert_eq!(read(text).as_deref(), Ok(text));
            }
            for text in ["", " ", "CM\tP01", &"x".repeat(129)] {
                assert!(read(text).is_err(), "{text:?}");
            }
        }
        assert!(login(r"CORP\cm_monitor").unwrap_err().remedy.contains("integrated: true"));
    }

    #[test]
    fn a_variable_is_named_as_every_shell_names_it() {
        for text in ["CM_MONITOR_PASSWORD", "_p", "pw2"] {
            assert_eq!(variable(text).as_deref(), Ok(text));
        }
        for text in ["", "2pw", "a b", "a=b", "%PW%", "$PW", "ä"] {
            assert!(variable(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_alert_is_known_by_a_name_or_a_number() {
        assert_eq!(alert_name("$BackupFailed").as_deref(), Ok("$BackupFailed"));
        assert_eq!(type_id("-1"), Ok(-1));
        for text in ["", "  ", "a\nb"] {
            assert!(alert_name(text).is_err(), "{text:?}");
            assert!(type_id(text).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn an_address_says_what_it_was_read_from(text in r"(tcp:|np:|[a-z0-9.:\[\]\\(),_-]){0,12}|\PC{0,20}") {
            if let Ok(server) = server_address(&text) {
                prop_assert_eq!(server_address(&server.to_string()), Ok(server));
            }
        }
    }
}
