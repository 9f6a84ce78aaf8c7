//! The shipped rules, read as what a rule may be: nothing else than what is named here.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use promql_parser::parser::VectorSelector;
use regex::Regex;
use serde::Deserialize;

use super::promql::parts;

/// The file of the rules, in the checkout.
pub(crate) const RULES: &str = "alerts/configmgr_backup.yml";

/// What every name of an alert begins with.
pub(crate) const NAME: &str = "ConfigMgrBackup";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    name: String,
    rules: Vec<Rule>,
}

/// One rule, with nothing but what it may have.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    pub(crate) alert: String,
    pub(crate) expr: String,
    #[serde(rename = "for")]
    pub(crate) waits: Option<String>,
    pub(crate) keep_firing_for: Option<String>,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
}

impl Rule {
    /// The expressions that the templates of its annotations ask.
    pub(crate) fn queries(&self) -> Vec<String> {
        let query = Regex::new(r#"(?:printf\s+)?"([^"]*)"[^|}]*\|\s*query"#).unwrap();
        let asked = |text: &String| -> Vec<_> {
            let queries: Vec<_> =
                query.captures_iter(text).map(|found| found[1].replace("%s", "x")).collect();
            assert_eq!(
                queries.len(),
                text.matches("query").count(),
                "{}: a query in another form",
                self.alert
            );
            queries
        };
        self.annotations.values().flat_map(asked).collect()
    }

    /// The names of all metrics that it reads.
    pub(crate) fn metrics(&self) -> BTreeSet<String> {
        let expressions = self.queries().into_iter().chain([self.expr.clone()]);
        expressions
            .flat_map(|expression| parts(&expression).selectors().map(name).collect::<Vec<_>>())
            .collect()
    }

    /// The checks that its expression asks for.
    pub(crate) fn checks(&self) -> BTreeSet<String> {
        let parts = parts(&self.expr);
        let matchers = parts.selectors().flat_map(|selector| &selector.matchers.matchers);
        matchers.filter(|matcher| matcher.name == "check").map(|matcher| matcher.value.clone()).collect()
    }
}

/// The shipped rules, in order.
pub(crate) fn rules() -> Vec<Rule> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(RULES);
    let text = fs::read_to_string(&path).unwrap_or_else(|problem| panic!("{}: {problem}", path.display()));
    let file: File = serde_saphyr::from_str(&text).unwrap();
    let [group] = <[Group; 1]>::try_from(file.groups).ok().unwrap();
    assert_eq!(group.name, "configmgr_backup");
    group.rules
}

/// The expression of the alert with this name, without the words that all begin with.
pub(crate) fn expression(alert: &str) -> String {
    let rule = rules().into_iter().find(|rule| rule.alert == format!("{NAME}{alert}"));
    rule.unwrap_or_else(|| panic!("no alert {NAME}{alert}")).expr
}

/// The name of the metric that a selector asks for; fails the test where it names none.
#[track_caller]
pub(crate) fn name(selector: &VectorSelector) -> String {
    selector.name.clone().unwrap_or_else(|| panic!("{selector}: no name"))
}
