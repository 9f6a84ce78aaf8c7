//! Any bytes as a configuration file: nothing may panic, and every refusal is lines that can be read.
//!
//! What is accepted must be described the same each time, on lines without control characters.

#![no_main]

use std::path::Path;

use configmgr_backup_exporter::config::{Config, ConfigError, describe};
use libfuzzer_sys::fuzz_target;

fn read(data: &[u8]) -> Result<String, ConfigError> {
    Config::parse(data, "exporter.yml", Path::new("/etc")).map(|config| describe(&config))
}

fuzz_target!(|data: &[u8]| {
    let text = match read(data) {
        Ok(described) => {
            assert_eq!(read(data).ok().as_ref(), Some(&described));
            described
        }
        Err(error) => {
            let text = error.to_string();
            assert!(!error.problems.is_empty());
            assert_eq!(text.lines().count(), error.problems.len(), "{text}");
            text
        }
    };
    assert!(text.lines().all(|line| !line.contains(char::is_control)), "{}", text.escape_debug());
});
