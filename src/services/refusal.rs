//! What a refusal of Windows means to an operator: its kind, and one line that names what was asked, where, and what
//! to do.

use std::io;

use super::{ServiceError, ServiceErrorKind};

/// What was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Request {
    /// A connection to the service control manager.
    Connect,
    /// The state of a service.
    Look,
    /// A start.
    Start,
    /// A stop.
    Stop,
}

/// Who asked, and where.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) request: Request,
    /// The service; of no matter to a connection.
    pub(super) service: &'a str,
    pub(super) machine: &'a str,
    pub(super) account: &'a str,
}

/// An error with the kind and the words that fit.
pub(super) fn refusal(asked: Asked<'_>, error: &io::Error) -> ServiceError {
    let Asked { request, service, machine, .. } = asked;
    let tried = match request {
        Request::Connect => format!("cannot connect to the service control manager of {machine}"),
        Request::Look => format!("cannot ask {machine} for the state of {service}"),
        Request::Start => format!("cannot start {service} on {machine}"),
        Request::Stop => format!("cannot stop {service} on {machine}"),
    };
    let (kind, message) = match error.raw_os_error().and_then(|code| Some((code, meaning(code)?))) {
        Some((code, (kind, words, remedy))) => {
            let remedy =
                if kind == ServiceErrorKind::AccessDenied { right(asked) } else { remedy.to_owned() };
            (kind, format!("{tried}: {words} (Win32 {code}); {remedy}"))
        }
        None if error.kind() == io::ErrorKind::Unsupported => {
            let words = "this is not Windows; run the exporter on Windows, or set services.command";
            (ServiceErrorKind::NotFound, format!("{tried}: {words}"))
        }
        None => {
            let words = "look into the System event log of that machine";
            (ServiceErrorKind::Refused, format!("{tried}: {error}; {words}"))
        }
    };
    ServiceError { kind, message }
}

/// The kind, the words and the remedy for a Win32 code; what else there is speaks for itself.
fn meaning(code: i32) -> Option<(ServiceErrorKind, &'static str, &'static str)> {
    use ServiceErrorKind as K;
    Some(match code {
        // Their remedy is the right that lacks, see below.
        5 => (K::AccessDenied, "access denied", ""),
        1326..=1331 | 1385 | 1396 | 1909 | 1311 => {
            (K::AccessDenied, "that machine did not accept the logon", "")
        }
        1060 => (K::NotFound, "there is no such service", "check that this machine is the site server"),
        2 | 3 => (K::NotFound, "its program is missing", "repair the installation of the site server"),
        // Names that no machine has, or nobody answers to.
        53 | 67 | 1210 | 1214 | 1707 | 1722 | 1726 | 1727 | 1753 | 1231 | 1232 => (
            K::Unreachable,
            "the machine cannot be reached",
            "check its name, that it runs, and that the firewall lets remote service management through",
        ),
        1053 => (K::Timeout, "it did not answer the start in time", "look into the System event log"),
        1460 | 121 | 1818 => (K::Timeout, "no answer in time", "look whether that machine is overloaded"),
        1058 => (K::Refused, "the service is disabled", "set its startup type to Manual"),
        1068 | 1075 => (
            K::Refused,
            "a service that it depends on does not run",
            "start that one; the System event log names it",
        ),
        1069 => {
            (K::Refused, "its account cannot log on", "check the account of the service and its password")
        }
        1072 => (
            K::Refused,
            "it is marked for deletion",
            "close every console of services, or restart the machine",
        ),
        1055 => (K::Refused, "the service database is locked", "wait until Windows has started"),
        1056 => (K::Refused, "it is just being stopped", "wait until it has"),
        1051 => (K::Refused, "services that run depend on it", "stop those first"),
        1052 | 1061 => (K::Refused, "it takes no stop now", "wait, or end its process"),
        232 | 109 => (K::Refused, "its process has gone", "wait until Windows has noticed"),
        1115 | 1255 => (K::Refused, "the machine is shutting down", "wait until it has started again"),
        _ => return None,
    })
}

/// The right that the account lacks, and how it gets it.
fn right(Asked { request, service, machine, account }: Asked<'_>) -> String {
    let (right, letters) = match request {
        Request::Connect => {
            return format!("make {account} a local administrator of {machine}");
        }
        Request::Look => ("query", "LC"),
        Request::Start => ("start", "RP"),
        Request::Stop => ("stop", "WP"),
    };
    let administrator = format!("make it a local administrator of {machine}");
    format!("give {account} the right to {right} {service} ({letters}, by sc sdset), or {administrator}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(request: Request, code: i32) -> (ServiceErrorKind, String) {
        let asked = Asked { request, service: "SMS_SITE_BACKUP", machine: "CM01", account: r"CORP\mon$" };
        let ServiceError { kind, message } = refusal(asked, &io::Error::from_raw_os_error(code));
        (kind, message)
    }

    #[test]
    fn a_right_that_lacks_is_named() {
        let denied = |request| match said(request, 5) {
            (ServiceErrorKind::AccessDenied, message) => message,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            denied(Request::Connect),
            "cannot connect to the service control manager of CM01: access denied (Win32 5); \
             make CORP\\mon$ a local administrator of CM01"
        );
        for (request, tried, right) in [
            (Request::Look, "cannot ask CM01 for the state of SMS_SITE_BACKUP", "query SMS_SITE_BACKUP (LC"),
            (Request::Start, "cannot start SMS_SITE_BACKUP on CM01", "start SMS_SITE_BACKUP (RP"),
            (Request::Stop, "cannot stop SMS_SITE_BACKUP on CM01", "stop SMS_SITE_BACKUP (WP"),
        ] {
            let remedy = "or make it a local administrator of CM01";
            let right = format!(r"give CORP\mon$ the right to {right}, by sc sdset), {remedy}");
            assert_eq!(denied(request), format!("{tried}: access denied (Win32 5); {right}"));
        }
    }

    #[test]
    fn every_code_that_is_known_has_its_kind_and_a_remedy() {
        for (code, kind, part) in [
            (1326, ServiceErrorKind::AccessDenied, "did not accept the logon"),
            (1060, ServiceErrorKind::NotFound, "no such service"),
            (2, ServiceErrorKind::NotFound, "repair the installation"),
            (1722, ServiceErrorKind::Unreachable, "firewall"),
            (1753, ServiceErrorKind::Unreachable, "firewall"),
            (53, ServiceErrorKind::Unreachable, "firewall"),
            (1053, ServiceErrorKind::Timeout, "System event log"),
            (1058, ServiceErrorKind::Refused, "set its startup type to Manual"),
            (1069, ServiceErrorKind::Refused, "password"),
            (1056, ServiceErrorKind::Refused, "just being stopped"),
            (1061, ServiceErrorKind::Refused, "takes no stop now"),
            (232, ServiceErrorKind::Refused, "its process has gone"),
            (8, ServiceErrorKind::Refused, "System event log"),
        ] {
            let (found, message) = said(Request::Start, code);
            assert_eq!(found, kind, "{code}");
            assert!(message.starts_with("cannot start SMS_SITE_BACKUP on CM01: "), "{message}");
            assert!(message.contains(part) && !message.contains('\n'), "{message}");
            let remedy = message.split_once("; ").map_or("", |(_, remedy)| remedy);
            assert!(remedy.len() > 10, "{message}");
        }
    }
}
