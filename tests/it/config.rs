//! Configuration files, good and bad: each bad one with its exact message, each good one with what became of it.
//!
//! `UPDATE_GOLDEN=1` writes the expectations anew; read the difference before committing it.

use std::fs;
use std::path::{Path, PathBuf};

use configmgr_backup_exporter::config::{Config, describe};

use crate::support::fixtures::{self, differs};

fn fixtures(ending: &str) -> Vec<PathBuf> {
    fixtures::fixtures("config", ending)
}

fn parse(file: &Path) -> Result<Config, String> {
    let name = file.file_name().unwrap().to_string_lossy();
    Config::parse(fs::read(file).unwrap(), &name, Path::new("/etc/exporter"))
        .map_err(|error| error.to_string())
}

#[test]
fn each_bad_file_is_refused_with_its_message() {
    let files = fixtures(".bad.yml");
    assert!(files.len() >= 20);
    let failures: Vec<_> = files
        .iter()
        .filter_map(|file| {
            let message = parse(file).err().unwrap_or_else(|| "accepted".to_owned());
            let name = file.file_name().unwrap().to_string_lossy();
            assert!(message.lines().all(|line| line.starts_with(&*name) && line.contains("; ")), "{message}");
            differs(file, &message)
        })
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn each_good_file_becomes_what_is_expected() {
    let failures: Vec<_> = fixtures(".good.yml")
        .iter()
        // Relative paths are joined as the system does it.
        .filter_map(|file| {
            differs(file, &describe(&parse(file).unwrap()).replace(r"/etc/exporter\", "/etc/exporter/"))
        })
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn the_description_is_a_configuration_with_the_same_meaning() {
    let values = |text: &str| {
        let lines =
            text.lines().map(|line| line.rsplit_once("  # ").map_or(line, |(value, _)| value).to_owned());
        lines.collect::<Vec<_>>()
    };
    for file in fixtures(".good.yml") {
        let text = describe(&parse(&file).unwrap());
        let again = Config::parse(&text, "described.yml", Path::new("/elsewhere")).unwrap();
        assert_eq!(values(&describe(&again)), values(&text), "{}", file.display());
    }
}

#[test]
fn line_ends_of_windows_and_a_byte_order_mark_change_nothing() {
    for file in fixtures(".good.yml") {
        let text = fs::read_to_string(&file).unwrap();
        let windows = format!("\u{feff}{}", text.replace('\n', "\r\n"));
        let base = Path::new("/etc/exporter");
        let parse = |text: &str| describe(&Config::parse(text, "exporter.yml", base).unwrap());
        assert_eq!(parse(&windows), parse(&text), "{}", file.display());
    }
}
