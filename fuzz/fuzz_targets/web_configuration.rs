//! Any bytes as a web configuration: nothing may panic, every refusal is lines that can be read, and nothing secret is shown.
//!
//! What it names is opened as well, in a folder without files, so that certificates inside the file itself are taken apart.

#![no_main]

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use configmgr_backup_exporter::config::WebConfig;
use configmgr_backup_exporter::http::Material;
use libfuzzer_sys::fuzz_target;

static FILE: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = PathBuf::from(format!("/dev/shm/web_configuration_fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("there is memory");
    folder.join("web.yml")
});

/// Whether a file that the fuzzer made up is opened, which may be anything of this machine.
fn names_files(config: &WebConfig) -> bool {
    config.tls.as_ref().is_some_and(|tls| tls.files().next().is_some())
}

fn assert_lines(text: &str) {
    assert!(text.lines().all(|line| !line.contains(char::is_control)), "{}", text.escape_debug());
}

fuzz_target!(|data: &[u8]| {
    match WebConfig::parse(data, "web.yml", Path::new("/nowhere")) {
        Err(error) => {
            assert!(!error.problems.is_empty());
            let text = error.to_string();
            assert_eq!(text.lines().count(), error.problems.len(), "{text}");
            assert_lines(&text);
        }
        Ok(config) => {
            assert_lines(&format!("{config:?}"));
            for hash in config.users.values() {
                assert!(!format!("{config:?}").contains(hash.as_str()));
            }
            if !names_files(&config) {
                std::fs::write(&*FILE, data).expect("there is memory");
                if let Err(error) = Material::read(&FILE).and_then(|material| material.check()) {
                    assert_lines(&error.to_string());
                }
            }
        }
    }
});
