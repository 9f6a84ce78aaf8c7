use std::io;
use std::time::Duration;

use proptest::prelude::*;
use rustls::CertificateError;
use rustls::pki_types::{ServerName, UnixTime};

use super::*;
use crate::config::{Encryption, ServerAddress};

const GRANT: &str = "SELECT ON dbo.backupset in msdb";

fn target(encryption: Encryption, instance: Option<&str>) -> Target {
    let password = PasswordSource::File("/etc/exporter/password".into());
    Target::configured(DatabaseConfig {
        server: ServerAddress {
            host: "sql01".to_owned(),
            instance: instance.map(str::to_owned),
            port: instance.is_none().then_some(1433),
        },
        name: "CM_P01".to_owned(),
        authentication: Authentication::Login { user: "cm_monitor".to_owned(), password },
        encryption,
        trust: Trust::CaFile("/etc/exporter/ca.pem".into()),
        interval: Duration::from_secs(300),
        query_timeout: Duration::from_millis(1500),
        alert: None,
    })
}

/// The message of an unanswered question, which is one line about server and database.
#[track_caller]
fn told(trouble: Trouble, target: &Target) -> (FailureKind, String) {
    let PollFailure { kind, message } = trouble.told(target).failure;
    assert!(message.starts_with("CM_P01 on sql01"), "{message}");
    assert!(!message.contains(char::is_control), "{message}");
    assert!(!message.contains("trust_cert()") && !message.contains("Config::"), "{message}");
    (kind, message)
}

fn rejected(complaint: &CertificateError) -> DriverError {
    DriverError::Tls(format!(
        "the server's certificate was rejected during the TLS handshake: {complaint}. To connect anyway you can: (1) \
         trust a specific CA certificate with `Config::trust_cert_ca(path)`"
    ))
}

fn io_error(kind: ErrorKind, message: &str) -> DriverError {
    DriverError::Io { kind, message: message.to_owned() }
}

#[test]
fn complaints_about_certificates_are_told_with_their_remedy() {
    let time = UnixTime::since_unix_epoch(Duration::from_secs(1));
    let name = CertificateError::NotValidForNameContext {
        expected: ServerName::try_from("sql01").unwrap(),
        presented: vec!["DnsName(\"other\")".to_owned()],
    };
    let expired = CertificateError::ExpiredContext { time, not_after: time };
    let not_yet = CertificateError::NotValidYetContext { time, not_before: time };
    for (complaint, parts) in [
        (CertificateError::UnknownIssuer, ["trusts nobody who signed", "sites[].database.ca_file"]),
        (name, ["for another name", "sites[].database.server"]),
        (CertificateError::NotValidForName, ["for another name", "sites[].database.server"]),
        (expired, ["has expired", "renew it"]),
        (CertificateError::Expired, ["has expired", "renew it"]),
        (not_yet, ["not valid yet", "clocks"]),
        (CertificateError::NotValidYet, ["not valid yet", "clocks"]),
        (CertificateError::BadSignature, ["trusts nobody who signed", "sites[].database.ca_file"]),
        (CertificateError::BadEncoding, ["cannot be used (BadEncoding)", "replace it"]),
    ] {
        let target = target(Encryption::Required, None);
        let error = NotConnected::Driver(rejected(&complaint));
        let (kind, message) = told(Trouble::connecting(&error, &target), &target);
        assert_eq!(kind, FailureKind::Tls, "{message}");
        for part in parts.into_iter().chain(["trust_server_certificate: true"]) {
            assert!(message.contains(part), "{part} in {message}");
        }
    }
}

#[test]
fn a_connection_that_fails_is_told_with_its_remedy() {
    use Encryption::{Off, Required, Strict};
    use FailureKind::{Protocol, Timeout, Tls, Unreachable};
    let refuses = DriverError::Protocol("Server does not allow the requested encryption level.".into());
    let browser = DriverError::Conversion("SQL browser timeout during resolving instance CM.".into());
    let routing = DriverError::Routing { host: "sql09".to_owned(), port: 1500 };
    let text =
        "An error occurred during the attempt of performing I/O: Connection reset by peer (os error 104)";
    for (error, encryption, instance, kind, part) in [
        (
            io_error(ErrorKind::ConnectionRefused, "refused"),
            Required,
            None,
            Unreachable,
            "with TCP/IP enabled",
        ),
        (
            io_error(ErrorKind::ConnectionReset, "reset"),
            Required,
            None,
            Unreachable,
            "write `encryption: strict`",
        ),
        (io_error(ErrorKind::Other, "bytes remaining on stream"), Required, None, Protocol, "check the port"),
        (
            io_error(ErrorKind::BrokenPipe, text),
            Off,
            None,
            Unreachable,
            "lost (Connection reset by peer (os error 104))",
        ),
        (
            io_error(ErrorKind::HostUnreachable, "no route"),
            Required,
            None,
            Unreachable,
            "no way there (no route)",
        ),
        (io_error(ErrorKind::TimedOut, "timed out"), Required, None, Timeout, "check the network"),
        (io_error(ErrorKind::ConnectionReset, "reset"), Strict, None, Tls, "SQL Server 2022"),
        (io_error(ErrorKind::InvalidData, "fatal alert"), Required, None, Tls, "TLS 1.2"),
        (io_error(ErrorKind::UnexpectedEof, "tls handshake eof"), Required, None, Tls, "TLS 1.2"),
        (
            io_error(ErrorKind::NotFound, "could not load platform certificates"),
            Required,
            None,
            Tls,
            "ca_file",
        ),
        (refuses, Required, None, Tls, "offers no encryption"),
        (browser, Required, Some("CM"), Unreachable, "start it and let UDP port 1434"),
        (routing, Required, None, Protocol, "sends to sql09, port 1500"),
        (DriverError::Utf16, Required, None, Protocol, "check the port"),
    ] {
        let target = target(encryption, instance);
        let (found, message) = told(Trouble::connecting(&NotConnected::Driver(error), &target), &target);
        assert_eq!(found, kind, "{message}");
        assert!(message.contains(part), "{part} in {message}");
    }
    let target = target(Required, None);
    let unknown = NotConnected::UnknownHost(io::Error::other("Name or service not known"));
    let (kind, message) = told(Trouble::connecting(&unknown, &target), &target);
    assert_eq!(kind, Unreachable);
    assert!(
        message.contains("no such host (Name or service not known); check sites[].database.server, or DNS"),
        "{message}"
    );
}

#[test]
fn what_takes_too_long_is_told_with_its_limit() {
    for (encryption, instance, part) in [
        (Encryption::Required, None, "let TCP port 1433 through?"),
        (Encryption::Required, Some("CM"), "let UDP port 1434 and the instance's TCP port through?"),
        (Encryption::Strict, None, "through? strict needs SQL Server 2022"),
    ] {
        let target = target(encryption, instance);
        let (kind, message) = told(Trouble::slow_connection(&target.config), &target);
        assert_eq!(kind, FailureKind::Timeout, "{message}");
        assert!(message.contains("no log-on within 15 s") && message.contains(part), "{part} in {message}");
    }
    let target = target(Encryption::Required, None);
    for (trouble, part) in [
        (
            Trouble::slow_files(&target.config),
            "/etc/exporter/password or /etc/exporter/ca.pem cannot be read",
        ),
        (
            Trouble::asking(&NotAnswered::TimedOut, Topic::OldestCommit, GRANT, &target),
            "no answer about oldest_commit within 1.5 s; if that stays, raise sites[].database.query_timeout",
        ),
    ] {
        let (kind, message) = told(trouble, &target);
        assert_eq!(kind, FailureKind::Timeout, "{message}");
        assert!(message.contains(part), "{part} in {message}");
    }
}

#[test]
fn errors_of_the_server_in_place_of_a_log_on() {
    use FailureKind::{Authentication, Malformed, NotFound, Permission, Protocol, Unreachable};
    for (number, kind, part) in [
        (18456, Authentication, "check user and password, and that"),
        (18452, Authentication, "check user and password, and that"),
        (18470, Authentication, "SQL Server's error log"),
        (18486, Authentication, "SQL Server's error log"),
        (18487, Authentication, "SQL Server's error log"),
        (17892, Authentication, "let the trigger allow this login"),
        (18401, Unreachable, "the next poll tries again"),
        (18461, Unreachable, "the next poll tries again"),
        (17142, Unreachable, "the next poll tries again"),
        (952, Unreachable, "the next poll tries again"),
        (824, Malformed, "DBCC CHECKDB"),
        (4060, NotFound, "check sites[].database.name"),
        (911, NotFound, "check sites[].database.name"),
        (976, Unreachable, "write its listener in sites[].database.server"),
        (927, Unreachable, "write its listener"),
        (916, Permission, "docs/sql-permissions.md"),
        (50000, Protocol, "please report this"),
    ] {
        let target = target(Encryption::Required, None);
        let (found, text) = server::connecting(number, "What it says.\r\nMore.", &target);
        let (found, message) = told(Trouble::new(found, text), &target);
        assert_eq!(found, kind, "{message}");
        assert!(
            message.contains(part) && message.contains(&format!("(error {number}: What it says.)")),
            "{message}"
        );
    }
}

#[test]
fn errors_of_the_server_in_place_of_an_answer() {
    use FailureKind::{Malformed, NotFound, Permission, Protocol, Timeout, Unreachable};
    for (number, kind, part) in [
        (229, Permission, "grant SELECT ON dbo.backupset in msdb (docs/sql-permissions.md)"),
        (230, Permission, "grant"),
        (262, Permission, "grant"),
        (297, Permission, "grant"),
        (300, Permission, "grant"),
        (371, Permission, "grant"),
        (916, Permission, "grant"),
        (15562, Permission, "grant"),
        (208, Malformed, "the version of ConfigMgr"),
        (207, Malformed, "the version of ConfigMgr"),
        (2812, Malformed, "the version of ConfigMgr"),
        (241, Malformed, "please report the version of ConfigMgr"),
        (242, Malformed, "please report the version of ConfigMgr"),
        (245, Malformed, "please report the version of ConfigMgr"),
        (529, Malformed, "please report the version of ConfigMgr"),
        (8114, Malformed, "please report the version of ConfigMgr"),
        (8115, Malformed, "please report the version of ConfigMgr"),
        (823, Malformed, "run DBCC CHECKDB"),
        (824, Malformed, "run DBCC CHECKDB"),
        (825, Malformed, "run DBCC CHECKDB"),
        (952, Unreachable, "the next poll tries again"),
        (1222, Timeout, "the next poll asks again"),
        (1205, Timeout, "the next poll asks again"),
        (601, Timeout, "the next poll asks again"),
        (911, NotFound, "sites[].database.name"),
        (978, Unreachable, "listener"),
        (6005, Unreachable, "the next poll tries again"),
        (8134, Protocol, "please report this"),
    ] {
        let target = target(Encryption::Required, None);
        let (found, text) = server::asking(number, "What it says.\nMore.", Topic::BackupSets, GRANT);
        let (found, message) = told(Trouble::new(found, text), &target);
        assert_eq!(found, kind, "{message}");
        assert!(
            message.contains(part) && message.contains(&format!("(error {number}: What it says.)")),
            "{message}"
        );
    }
}

#[test]
fn who_may_not_log_on_is_not_named_in_whatever_language() {
    for (number, said, shown) in [
        (18456, "Login failed for user 'cm_monitor'.", "Login failed for user '…'."),
        (18456, "Fehler bei der Anmeldung f\u{fc}r den Benutzer 'CORP\\CM01$'.", "den Benutzer '…'."),
        (
            18470,
            "Login failed for user 'cm_monitor'. Reason: The account is disabled.",
            "'…'. Reason: The account",
        ),
        (18456, "Login failed for user 'cm_mon", "Login failed for user '…'"),
        (18456, "Accesso non riuscito per l'utente 'cm_monitor'.", "riuscito per l'…'."),
        (17892, "Logon failed for login 'cm_monitor' due to trigger execution.", "login '…' due to trigger"),
        (
            916,
            "The server principal \"cm_monitor\" is not able to access the database \"CM_P01\".",
            "principal '…'.",
        ),
    ] {
        let target = target(Encryption::Required, None);
        let (_, asked) = server::asking(number, said, Topic::BackupSets, GRANT);
        for text in [server::connecting(number, said, &target).1, asked] {
            assert!(text.contains(shown) && !text.contains("cm_mon") && !text.contains("CM01"), "{text}");
        }
    }
}

#[test]
fn an_answer_that_is_lost_or_not_understood() {
    use FailureKind::{Protocol, Unreachable};
    let target = target(Encryption::Required, None);
    for (failed, kind, part) in [
        (NotAnswered::TooLong, Protocol, "longer than any of a site database"),
        (
            NotAnswered::Gone(io_error(ErrorKind::BrokenPipe, "Broken pipe")),
            Unreachable,
            "lost (Broken pipe)",
        ),
        (NotAnswered::Driver(io_error(ErrorKind::UnexpectedEof, "No more packets")), Unreachable, "was lost"),
        (NotAnswered::Driver(DriverError::Utf16), Protocol, "cannot be understood"),
    ] {
        let trouble = Trouble::asking(&failed, Topic::Task, GRANT, &target);
        assert!(trouble.disconnected, "{failed:?}");
        let (found, message) = told(trouble, &target);
        assert_eq!(found, kind, "{message}");
        assert!(message.contains(part), "{part} in {message}");
    }
    let malformed = Trouble::malformed(Topic::Task, &Malformed("DaysOfWeek is NULL".to_owned()));
    assert!(!malformed.disconnected);
    let (kind, message) = told(malformed, &target);
    assert_eq!(kind, FailureKind::Malformed);
    assert!(
        message.ends_with("the answer about task is not what it should be: DaysOfWeek is NULL"),
        "{message}"
    );
}

proptest! {
    #[test]
    fn foreign_text_is_one_short_line(text in any::<String>()) {
        let shown = foreign(&text);
        prop_assert!(shown.chars().count() <= MOST_FOREIGN + 1);
        prop_assert!(!shown.contains(|character: char| character.is_control() || character == '\u{2028}'), "{shown:?}");
        let longer = "word \u{7} ".repeat(100) + &text;
        prop_assert!(foreign(&longer).ends_with('…'));
    }
}

/// The configuration does not name a replica, so nothing there could be mended.
#[test]
fn what_fails_at_a_replica_is_told_with_its_name_and_what_helps_there() {
    use FailureKind::{Authentication, Permission, Tls, Unreachable};
    let unknown = NotConnected::UnknownHost(io::Error::other("Name or service not known"));
    let name = NotConnected::Driver(rejected(&CertificateError::NotValidForName));
    let browser = NotConnected::Driver(DriverError::Conversion("SQL browser timeout".into()));
    let target = target(Encryption::Required, None);
    let (default, named) = (target.replica("SQL02"), target.replica(r"SQL02\CM"));
    let refused = |number| {
        let (kind, text) = server::connecting(number, "What it says.", &default);
        Trouble::new(kind, text)
    };
    for (trouble, kind, part) in [
        (Trouble::connecting(&unknown, &default), Unreachable, "make this name known in DNS"),
        (Trouble::connecting(&name, &default), Tls, "give it one with this name"),
        (Trouble::connecting(&browser, &named), Unreachable, "let UDP port 1434 through"),
        (refused(18456), Authentication, "make the login there too"),
        (refused(4060), Permission, "run parts 1 to 3 of the script"),
        (refused(916), Permission, "run parts 1 to 3 of the script"),
    ] {
        let Unanswered { failure, .. } = trouble.told(&default);
        let message = failure.message;
        assert_eq!(failure.kind, kind, "{message}");
        assert!(message.starts_with("msdb on replica SQL02,1433: ") && message.contains(part), "{message}");
        assert!(!message.contains("sites[].database"), "{message}");
    }
}
