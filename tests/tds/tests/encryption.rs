//! Encryption and certificates: whom the exporter believes, and what it says where it believes nobody.

use std::path::PathBuf;

use configmgr_backup_exporter::config::{DatabaseConfig, Encryption, Trust};
use configmgr_backup_exporter::source::FailureKind;
use configmgr_backup_exporter::source::site_database::{Answer, Question};
use rig::{Authority, Identity, LogOn, PASSWORD, Server, Stub, Table, USER, Validity, config, database, int};

/// The address that the servers have, as a name in their certificates.
const HERE: &str = "127.0.0.1";

/// The end of everything about certificates.
const LAST_RESORT: &str = "trust_server_certificate: true";

fn refused() -> LogOn {
    LogOn::Refused(18456, format!("Login failed for user '{USER}'."))
}

fn encrypted(server: std::net::SocketAddr, encryption: Encryption, trust: Trust) -> DatabaseConfig {
    DatabaseConfig { encryption, trust, ..config(server) }
}

#[track_caller]
fn assert_told(failure: (FailureKind, String), kind: FailureKind, parts: &[&str]) {
    let (found, message) = failure;
    assert_eq!(found, kind, "{message}");
    for part in parts {
        assert!(message.contains(part), "{part} in {message}");
    }
    assert!(
        !message.contains('\n') && !message.contains("Config::") && !message.contains(PASSWORD),
        "{message}"
    );
}

async fn failure(config: &DatabaseConfig) -> (FailureKind, String) {
    let unanswered = database(config).ask(Question::NewestRecord).await.expect_err("no answer");
    assert!(unanswered.disconnected);
    (unanswered.failure.kind, unanswered.failure.message)
}

/// Certificates that are refused, whom the client trusts, and what it says.
fn refusals(authority: &Authority, other: &Authority) -> Vec<(Identity, Trust, [&'static str; 2])> {
    let trusted = || Trust::CaFile(authority.file());
    let signed = |validity| authority.sign(HERE, validity);
    vec![
        (signed(Validity::Now), Trust::Platform, ["trusts nobody who signed", "sites[].database.ca_file"]),
        (signed(Validity::Now), Trust::CaFile(other.file()), ["trusts nobody who signed", "ca_file"]),
        (
            authority.sign("sql01.corp.example", Validity::Now),
            trusted(),
            ["for another name", "sites[].database.server"],
        ),
        (signed(Validity::Past), trusted(), ["has expired", "renew it"]),
        (signed(Validity::Future), trusted(), ["not valid yet", "clocks"]),
    ]
}

#[tokio::test]
async fn required_encryption_is_made_before_anybody_logs_on() {
    let authority = Authority::new();
    let stub = Stub::encrypted(&authority.sign(HERE, Validity::Now), refused());
    let config = encrypted(stub.address(), Encryption::Required, Trust::CaFile(authority.file()));
    let parts = ["error 18456: Login failed for user '…'.", "check user and password"];
    assert_told(failure(&config).await, FailureKind::Authentication, &parts);
    assert_eq!(stub.credentials(), [(USER.to_owned(), PASSWORD.to_owned())]);
}

#[tokio::test]
async fn required_encryption_refuses_a_certificate_that_is_not_right() {
    let (authority, other) = (Authority::new(), Authority::new());
    for (identity, trust, parts) in refusals(&authority, &other) {
        let stub = Stub::encrypted(&identity, refused());
        let config = encrypted(stub.address(), Encryption::Required, trust);
        assert_told(failure(&config).await, FailureKind::Tls, &[parts[0], parts[1], LAST_RESORT]);
    }
}

#[tokio::test]
async fn whoever_trusts_anything_logs_on_with_any_certificate() {
    let (authority, other) = (Authority::new(), Authority::new());
    for (identity, ..) in refusals(&authority, &other) {
        let stub = Stub::encrypted(&identity, refused());
        let config = encrypted(stub.address(), Encryption::Required, Trust::Anything);
        assert_told(failure(&config).await, FailureKind::Authentication, &["error 18456"]);
    }
}

#[tokio::test]
async fn a_server_without_encryption_gets_no_password_where_encryption_is_required() {
    let stub = Stub::open(refused());
    let config = encrypted(stub.address(), Encryption::Required, Trust::Platform);
    assert_told(failure(&config).await, FailureKind::Tls, &["offers no encryption", "encryption: off"]);
    assert_eq!(stub.credentials(), []);
}

#[tokio::test]
async fn strict_encryption_answers_end_to_end() {
    let authority = Authority::new();
    let server = Server::strict(&authority.sign(HERE, Validity::Now));
    server.answer(Question::NewestRecord, &Table::new([int("RecordID")]).row([42.into()]));
    let config = encrypted(server.address(), Encryption::Strict, Trust::CaFile(authority.file()));
    let mut database = database(&config);
    for _ in 0..3 {
        assert_eq!(database.ask(Question::NewestRecord).await, Ok(Answer::NewestRecord(Some(42))));
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn strict_encryption_refuses_a_certificate_that_is_not_right() {
    let (authority, other) = (Authority::new(), Authority::new());
    for (identity, trust, parts) in refusals(&authority, &other) {
        let server = Server::strict(&identity);
        let config = encrypted(server.address(), Encryption::Strict, trust);
        assert_told(failure(&config).await, FailureKind::Tls, &[parts[0], parts[1], LAST_RESORT]);
    }
}

#[tokio::test]
async fn strict_encryption_tells_a_server_that_does_not_know_it() {
    let stub = Stub::open(refused());
    let config = encrypted(stub.address(), Encryption::Strict, Trust::Platform);
    assert_told(failure(&config).await, FailureKind::Tls, &["SQL Server 2022", "encryption: required"]);
}

#[tokio::test]
async fn a_file_of_authorities_that_cannot_be_used_is_named() {
    let authority = Authority::new();
    let stub = Stub::encrypted(&authority.sign(HERE, Validity::Now), refused());
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, content: &str| -> PathBuf {
        let path = folder.path().join(name);
        std::fs::write(&path, content).expect("a file");
        path
    };
    for (path, part) in [
        (folder.path().join("missing.pem"), "missing.pem: "),
        (file("empty.pem", ""), "no certificate is in "),
        (file("text.pem", "trust me"), "no certificate is in "),
    ] {
        let config = encrypted(stub.address(), Encryption::Required, Trust::CaFile(path.clone()));
        let name = path.display().to_string();
        assert_told(failure(&config).await, FailureKind::Tls, &[&name, part, "sites[].database.ca_file"]);
    }
}
