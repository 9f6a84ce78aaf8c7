//! Configurations in the documentation are taken by the programs that they are for: what is copied works.
//!
//! What a snippet is told by its first key, so none is left out.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use configmgr_backup_exporter::config::WebConfig;
use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{assert_none, documents, root};
use crate::support::process::Place;
use crate::support::rules::RULES;
use crate::support::tool;

/// What is put before a part of a site's section, so that it is whole.
const SITE: &str = "sites:\n  - code: P01\n    log: { path: smsbkup.log }\n";

/// What an exporter on Linux says of a file for the exporter on a site server, which finds the rest by itself.
const ONLY_ON_A_SITE_SERVER: [&str; 3] = [
    "sites[0].code: is missing",
    "sites[0].snapshot.path: is missing",
    "sites[0].services: services of Windows can only be controlled from Windows",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Alertmanager,
    Prometheus,
    /// A file of targets, for the service discovery of Prometheus.
    Targets,
    Exporter,
    /// How the exporter treats its clients.
    Web,
}

/// All YAML of a document.
fn snippets(text: &str) -> Vec<String> {
    let (mut snippets, mut snippet) = (Vec::new(), None::<String>);
    for event in Parser::new(text) {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(kind))) if *kind == *"yaml" => {
                snippet = Some(String::new());
            }
            Event::End(TagEnd::CodeBlock) => snippets.extend(snippet.take()),
            Event::Text(text) => snippet.iter_mut().for_each(|snippet| snippet.push_str(&text)),
            _ => {}
        }
    }
    snippets
}

fn kind(snippet: &str) -> Option<Kind> {
    let first = snippet.lines().find(|line| !line.starts_with('#'))?;
    Some(match first.split(':').next()? {
        "route" => Kind::Alertmanager,
        "scrape_configs" | "rule_files" => Kind::Prometheus,
        "- targets" => Kind::Targets,
        "sites" => Kind::Exporter,
        "tls_server_config" | "basic_auth_users" => Kind::Web,
        part if part.starts_with("    ") => Kind::Exporter,
        _ => return None,
    })
}

/// Every snippet by its kind, each with the document that has it.
fn all() -> BTreeMap<Kind, Vec<(String, String)>> {
    let mut all: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (path, document) in documents() {
        for snippet in snippets(&document.text) {
            let path = path.display().to_string();
            let kind = kind(&snippet).unwrap_or_else(|| panic!("{path}: what is this?\n{snippet}"));
            all.entry(kind).or_default().push((path, snippet));
        }
    }
    all
}

/// What `promtool` or `amtool` has against a configuration; `None`, after a message, where the tool may be missing.
fn refusal(program: &str, arguments: &[&str], content: &str) -> Option<Option<String>> {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("configuration.yml");
    fs::write(&file, content).unwrap();
    let output = Command::new(tool(program)?).args(arguments).arg(&file).output().unwrap();
    let said = || String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    Some((!output.status.success()).then(said))
}

#[test]
fn alertmanager_takes_its_configurations() {
    let mut problems = Vec::new();
    for (path, snippet) in &all()[&Kind::Alertmanager] {
        let Some(refusal) = refusal("amtool", &["check-config"], snippet) else { return };
        problems.extend(refusal.map(|said| format!("{path}: {said}")));
    }
    assert_none(&problems);
}

/// Makes the certificates, keys and passwords that a configuration names: promtool asks whether they are there.
fn give_files(value: &mut Value, folder: &Path) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                match (key.as_str(), &*value) {
                    ("ca_file" | "cert_file" | "key_file" | "password_file", Value::String(path)) => {
                        let file = folder.join(Path::new(path).file_name().unwrap());
                        fs::write(&file, "").unwrap();
                        *value = json!(file);
                    }
                    _ => give_files(value, folder),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| give_files(item, folder)),
        _ => {}
    }
}

#[test]
fn prometheus_takes_its_configurations_with_the_shipped_rules() {
    let mut problems = Vec::new();
    let folder = TempDir::new().unwrap();
    let all = all();
    let of_targets = all[&Kind::Targets].iter().map(|(path, snippet)| {
        let file = folder.path().join(format!("{}.yml", path.replace('/', "-")));
        fs::write(&file, snippet).unwrap();
        let file = json!([{ "files": [file] }]);
        (path, json!({ "scrape_configs": [{ "job_name": "configmgr_backup", "file_sd_configs": file }] }))
    });
    let whole = all[&Kind::Prometheus].iter().map(|(path, snippet)| {
        let mut configuration: Value = serde_saphyr::from_str(snippet).unwrap();
        if let Some(files) = configuration.get_mut("rule_files").and_then(Value::as_array_mut) {
            for file in files {
                let name = Path::new(file.as_str().unwrap()).file_name();
                assert_eq!(name, Path::new(RULES).file_name(), "{path}: {file}");
                *file = json!(root().join(RULES));
            }
        }
        give_files(&mut configuration, folder.path());
        (path, configuration)
    });
    for (path, configuration) in of_targets.chain(whole) {
        // JSON is YAML.
        let Some(refusal) = refusal("promtool", &["check", "config"], &configuration.to_string()) else {
            return;
        };
        problems.extend(refusal.map(|said| format!("{path}: {said}")));
    }
    assert_none(&problems);
}

#[test]
fn the_exporter_takes_its_web_configurations() {
    let all = all();
    let refusals = all[&Kind::Web].iter().filter_map(|(path, snippet)| {
        let refusal = WebConfig::parse(snippet, path, Path::new("/")).err()?;
        Some(refusal.to_string())
    });
    assert_none(&refusals.collect::<Vec<_>>());
}

#[test]
fn the_exporter_takes_its_configurations() {
    let mut problems = Vec::new();
    for (path, snippet) in &all()[&Kind::Exporter] {
        let whole = if snippet.starts_with(' ') { format!("{SITE}{snippet}") } else { snippet.clone() };
        let output = Place::new(&whole).output(&["--config.check"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let faults = said.lines().filter(|line| {
            !line.is_empty() && !ONLY_ON_A_SITE_SERVER.iter().any(|fault| line.contains(fault))
        });
        problems.extend(faults.map(|fault| format!("{path}: {fault}")));
        if !output.status.success() && said.trim().is_empty() {
            problems.push(format!("{path}: it is refused without a word: {snippet}"));
        }
    }
    assert_none(&problems);
}
