//! Web configurations, good and bad, one for each rule: each bad one with its exact message, each good one with what it
//! means. The files that they name are not there, because only the text is judged here.
//!
//! `UPDATE_GOLDEN=1` writes the expectations anew; read the difference before committing it.

mod process;

use std::fs;
use std::path::{Path, PathBuf};

use configmgr_backup_exporter::config::{WebConfig, describe_web};

use crate::support::fixtures;

/// What stands in the fixtures for keys and passwords, and the salt of their hashes.
const SECRETS: [&str; 3] = ["SECRET", "X0h1gDsPszWURQaxFh", "MHcCAQEEIFake"];

fn fixtures(ending: &str) -> Vec<PathBuf> {
    let files = fixtures::fixtures("web_config", ending);
    assert!(files.len() > 20, "{files:?}");
    files
}

fn name(file: &Path) -> String {
    file.file_name().unwrap().to_string_lossy().into_owned()
}

fn parse(file: &Path, text: &[u8]) -> Result<WebConfig, String> {
    WebConfig::parse(text, &name(file), Path::new("/etc/exporter")).map_err(|error| error.to_string())
}

/// Compares with the text beside the fixture, in which nothing secret may be.
fn differs(file: &Path, actual: &str) -> Option<String> {
    assert!(!SECRETS.iter().any(|secret| actual.contains(secret)), "{actual}");
    fixtures::differs(file, actual)
}

#[test]
fn each_bad_file_is_refused_with_its_message() {
    let failures: Vec<_> = fixtures(".bad.yml")
        .iter()
        .filter_map(|file| {
            let message =
                parse(file, &fs::read(file).unwrap()).err().unwrap_or_else(|| "accepted".to_owned());
            let is_told = |line: &str| line.starts_with(&name(file)) && line.contains("; ");
            assert!(message.lines().all(is_told), "{message}");
            differs(file, &message)
        })
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn each_good_file_becomes_what_is_expected() {
    let failures: Vec<_> = fixtures(".good.yml")
        .iter()
        .filter_map(|file| {
            let config = parse(file, &fs::read(file).unwrap()).unwrap();
            let text = describe_web(&config, Path::new(&name(file)));
            // It follows the resolved configuration, which must stay valid.
            assert!(text.lines().all(|line| line.starts_with("# ")), "{text}");
            // Relative paths are joined as the system does it.
            differs(file, &text.replace(r"/etc/exporter\", "/etc/exporter/"))
        })
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn line_ends_of_windows_and_a_byte_order_mark_change_nothing() {
    for file in fixtures(".good.yml") {
        let text = fs::read_to_string(&file).unwrap();
        let windows = format!("\u{feff}{}", text.replace('\n', "\r\n"));
        let meant = |text: &str| describe_web(&parse(&file, text.as_bytes()).unwrap(), &file);
        assert_eq!(meant(&windows), meant(&text), "{}", file.display());
    }
}

#[test]
fn nothing_secret_is_in_what_is_printed_for_debugging() {
    for file in fixtures(".good.yml") {
        let config = parse(&file, &fs::read(&file).unwrap()).unwrap();
        let text = format!("{config:?}");
        assert!(!SECRETS.iter().any(|secret| text.contains(secret)), "{text}");
    }
}
