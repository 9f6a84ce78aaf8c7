//! The documentation against the program: links lead somewhere, commands can be given, metrics are exported.
//!
//! Whoever reads a runbook is in a hurry, and follows it to the letter.

mod readme;
mod snippets;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use clap::CommandFactory;
use configmgr_backup_exporter::cli::args::{Args, Exit};
use configmgr_backup_exporter::metrics::{CATALOGUE, METRIC_PREFIX, Metric};
use configmgr_backup_exporter::site::{ClosedSet, FailureCause, HoldReason};
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};
use regex::Regex;

use crate::support::rules::{Rule, rules};

const PROGRAM: &str = "configmgr_backup_exporter";
/// What every runbook answers, in this order.
const SECTIONS: [&str; 5] = ["Meaning", "Impact on recovery", "Confirm", "Fix", "When to call whom"];
/// Names that begin as metrics do: packages of this workspace.
const PACKAGES: [&str; 2] = ["configmgr_backup_exporter_tds", "configmgr_backup_exporter_test_service"];

/// What a document is made of, as far as it is looked at here.
#[derive(Default)]
struct Document {
    text: String,
    headings: Vec<String>,
    links: Vec<String>,
    /// Inline code, and the lines of code blocks.
    code: Vec<String>,
}

impl Document {
    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut document = Self::default();
        let (mut heading, mut block) = (None::<String>, None::<String>);
        for event in Parser::new_ext(&text, Options::ENABLE_TABLES) {
            match event {
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => document.headings.extend(heading.take()),
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    document.links.push(dest_url.into_string());
                }
                // What a configuration or a query says is no command.
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(kind)))
                    if kind.is_empty() || *kind == *"powershell" =>
                {
                    block = Some(String::new());
                }
                Event::End(TagEnd::CodeBlock) => {
                    document
                        .code
                        .extend(block.take().iter().flat_map(|block| block.lines()).map(str::to_owned));
                }
                Event::Text(text) | Event::Code(text) if heading.is_some() => {
                    heading.get_or_insert_default().push_str(&text);
                }
                Event::Code(code) => document.code.push(code.into_string()),
                Event::Text(text) => block.iter_mut().for_each(|block| block.push_str(&text)),
                _ => {}
            }
        }
        document.text = text;
        document
    }

    /// The anchors of its headings, as GitHub makes them.
    fn anchors(&self) -> BTreeSet<String> {
        let kept = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_' | ' ');
        let anchor =
            |heading: &String| heading.to_lowercase().replace(|letter| !kept(letter), "").replace(' ', "-");
        self.headings.iter().map(anchor).collect()
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every document for readers of this repository, by its path in it.
fn documents() -> BTreeMap<PathBuf, Document> {
    let folders = ["", "docs", "docs/adr", "docs/runbooks"];
    let files = folders.iter().flat_map(|folder| fs::read_dir(root().join(folder)).unwrap());
    let paths =
        files.map(|file| file.unwrap().path()).filter(|path| path.extension().is_some_and(|end| end == "md"));
    let documents = paths.map(|path| (path.strip_prefix(root()).unwrap().to_owned(), Document::read(&path)));
    let documents: BTreeMap<_, _> = documents.collect();
    assert!(documents.len() > 30, "{:?}", documents.keys());
    documents
}

/// A path with its `..` taken away.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => assert!(plain.pop(), "{} leads out of the repository", path.display()),
            component => plain.push(component),
        }
    }
    plain
}

#[track_caller]
fn assert_none(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn links_lead_to_files_and_headings_that_are_there() {
    let documents = documents();
    let mut problems = Vec::new();
    for (path, document) in &documents {
        for link in document.links.iter().filter(|link| !link.contains("://")) {
            let (file, anchor) =
                link.split_once('#').map_or((&**link, None), |(file, anchor)| (file, Some(anchor)));
            let target = match file {
                "" => path.clone(),
                file => plain(&path.with_file_name("").join(file)),
            };
            let found = match (documents.get(&target), anchor) {
                (Some(document), Some(anchor)) => document.anchors().contains(anchor),
                (None, Some(_)) => false,
                (_, None) => root().join(&target).exists(),
            };
            if !found {
                problems.push(format!("{}: {link}", path.display()));
            }
        }
    }
    assert_none(&problems);
}

#[test]
fn commands_of_the_program_can_be_given() {
    let documents = documents();
    // Alone, or in one of the folders in which it lies; what comes behind a sign of the shell is no argument.
    let folder = r#"\.\\|"?C:\\Program Files\\configmgr_backup_exporter\\|/usr/bin/"#;
    let command = Regex::new(&format!(r#"^(?:{folder})?{PROGRAM}(?:\.exe)?"?\s+([^#|&>]+)"#)).unwrap();
    let mut problems = Vec::new();
    let mut count = 0;
    for (path, document) in &documents {
        for code in document.code.iter().filter(|code| !code.contains('[')) {
            let Some(arguments) = command.captures(code.trim()).map(|found| found[1].trim().to_owned())
            else {
                continue;
            };
            count += 1;
            let arguments =
                arguments.split_whitespace().map(|argument| argument.trim_matches('"').to_owned());
            let given = [PROGRAM.to_owned()].into_iter().chain(arguments);
            // In a sentence a command may stand without the file that it would read.
            let is_short = |exit: &Exit| exit.text.contains("required arguments were not provided");
            if let Err(exit) = Args::parse_from(given)
                && exit.code != 0
                && !is_short(&exit)
            {
                problems.push(format!("{}: {code}\n  {}", path.display(), exit.text.trim()));
            }
        }
    }
    assert_none(&problems);
    assert!(count > 40, "{count} commands were found");
}

#[test]
fn flags_with_a_dot_are_flags_of_the_program() {
    let flags: BTreeSet<_> = <Args as CommandFactory>::command()
        .get_arguments()
        .filter_map(|arg| arg.get_long())
        .map(str::to_owned)
        .collect();
    let flag = Regex::new(r"--(?:no-)?([a-z]+(?:\.[a-z][a-z-]*)+)").unwrap();
    let mut problems = Vec::new();
    for (path, document) in &documents() {
        let lines =
            document.code.iter().filter(|code| !code.contains("amtool") && !code.contains("prometheus"));
        for name in lines.flat_map(|code| flag.captures_iter(code)).map(|found| found[1].to_owned()) {
            if !flags.contains(&name) {
                problems.push(format!("{}: --{name}", path.display()));
            }
        }
    }
    assert_none(&problems);
}

#[test]
fn metrics_that_are_named_are_exported() {
    let known: BTreeSet<_> = CATALOGUE.iter().map(Metric::full_name).collect();
    let name = Regex::new(&format!(r"\b{METRIC_PREFIX}[a-z0-9_]+\b")).unwrap();
    let mut problems = Vec::new();
    for (path, document) in &documents() {
        for named in name.find_iter(&document.text).map(|found| found.as_str()) {
            let is_no_metric = named == PROGRAM || PACKAGES.contains(&named);
            if !is_no_metric && !known.contains(named) {
                problems.push(format!("{}: {named}", path.display()));
            }
        }
    }
    assert_none(&problems);
}

#[test]
fn every_runbook_answers_the_same_questions() {
    let mut problems = Vec::new();
    for (path, document) in documents().iter().filter(|(path, _)| path.starts_with("docs/runbooks")) {
        let name = path.file_stem().unwrap().to_string_lossy();
        if document.headings.first().map(String::as_str) != Some(&*name) {
            problems.push(format!("{}: its title is not its name", path.display()));
        }
        let answers: Vec<_> =
            document.headings.iter().filter(|heading| SECTIONS.contains(&heading.as_str())).collect();
        if answers != SECTIONS.iter().collect::<Vec<_>>() {
            problems.push(format!("{}: {answers:?}", path.display()));
        }
    }
    assert_none(&problems);
}

#[test]
fn the_table_of_alerts_says_what_the_rules_say() {
    let row = |Rule { alert, labels, waits, .. }: Rule| {
        let waits = waits.as_deref().unwrap_or("-");
        format!("| [{alert}](runbooks/{alert}.md) | {} | {waits} |", labels["severity"])
    };
    let alerts: BTreeSet<_> = rules().into_iter().map(row).collect();
    assert!(alerts.len() > 20, "{alerts:?}");
    let document = Document::read(&root().join("docs/prometheus.md"));
    let rows = document.text.lines().filter(|line| line.starts_with("| [ConfigMgr"));
    let told: BTreeSet<_> = rows.map(|row| row.split_inclusive('|').take(4).collect::<String>()).collect();
    assert_eq!(told, alerts);
}

#[test]
fn every_cause_of_a_failure_has_its_section() {
    let document = Document::read(&root().join("docs/runbooks/ConfigMgrBackupFailed.md"));
    let lacks = |cause: &&FailureCause| !document.headings.iter().any(|heading| heading == cause.label());
    assert_eq!(FailureCause::ALL.iter().filter(lacks).collect::<Vec<_>>(), Vec::<&FailureCause>::new());
}

#[test]
fn every_reason_to_hold_a_restart_is_explained() {
    let document = Document::read(&root().join("docs/runbooks/ConfigMgrBackupRestartHeld.md"));
    let lacks = |reason: &&HoldReason| {
        let label = reason.label();
        !document.headings.iter().any(|heading| heading == label)
            && !document.code.iter().any(|code| code == label)
    };
    assert_eq!(HoldReason::ALL.iter().filter(lacks).collect::<Vec<_>>(), Vec::<&HoldReason>::new());
}
