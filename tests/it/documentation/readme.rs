//! The tables of the README against the catalogue and the command line.

use std::collections::BTreeSet;

use clap::CommandFactory;
use configmgr_backup_exporter::cli::args::Args;
use configmgr_backup_exporter::metrics::{CATALOGUE, Metric};

use super::{Document, root};

/// What stands as code in the first column of the table below a heading.
fn first_column(heading: &str) -> Vec<String> {
    let document = Document::read(&root().join("README.md"));
    let (_, section) = document.text.split_once(&format!("\n### {heading}\n")).unwrap();
    let rows =
        section.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let cells = rows.skip(2).map(|row| row.split('|').nth(1).unwrap());
    cells.flat_map(|cell| cell.split('`').skip(1).step_by(2).map(str::to_owned)).collect()
}

#[test]
fn the_metrics_to_know_first_are_in_the_catalogue_with_their_labels() {
    let named = first_column("Metrics");
    assert!(named.len() > 20, "{named:?}");
    let unknown = |name: &&String| {
        let (name, labels) = name.split_once('{').unwrap_or((name, "}"));
        let labels: Vec<_> =
            labels.trim_end_matches('}').split(',').filter(|label| !label.is_empty()).collect();
        let is_it =
            |metric: &&Metric| metric.name == name && (name.ends_with("_info") || metric.labels == labels);
        !CATALOGUE.iter().any(|metric| is_it(&metric))
    };
    assert_eq!(named.iter().filter(unknown).collect::<Vec<_>>(), Vec::<&String>::new());
}

#[test]
fn the_table_of_flags_has_all_of_them() {
    let told: BTreeSet<_> = first_column("Flags").into_iter().collect();
    let command = <Args as CommandFactory>::command();
    let flags = command.get_arguments().filter(|flag| !flag.is_hide_set());
    let names = flags.filter_map(|flag| flag.get_long()).filter(|name| name.contains('.'));
    assert_eq!(told, names.map(|name| format!("--{name}")).collect());
}
