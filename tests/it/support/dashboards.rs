//! The dashboards as they are shipped: their panels, and every query that Grafana would send for them.

use std::fs;
use std::path::Path;

use serde_json::Value;

/// The files below `dashboards/`.
pub(crate) const FILES: [&str; 2] = ["fleet.json", "site.json"];

/// What Grafana puts in for the variables, for the one site of a test; durations as short as its scrapes allow.
const VARIABLES: [(&str, &str); 5] = [
    ("$__rate_interval", "30s"),
    ("$__range", "10m"),
    ("$job", "configmgr_backup"),
    ("$instance", ".+"),
    ("$site_code", "P01"),
];

/// One dashboard.
pub(crate) struct Dashboard {
    /// The name of its file.
    pub(crate) file: &'static str,
    /// All of it.
    pub(crate) json: Value,
}

/// A query of a dashboard.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Query {
    /// File and panel, variable or annotation.
    pub(crate) place: String,
    /// The expression, with variables.
    pub(crate) expression: String,
}

/// Both dashboards.
pub(crate) fn all() -> [Dashboard; 2] {
    FILES.map(|file| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboards").join(file);
        let text = fs::read_to_string(path).expect("a dashboard");
        Dashboard { file, json: serde_json::from_str(&text).expect("JSON") }
    })
}

/// Everything that either dashboard asks for.
pub(crate) fn every_query() -> Vec<Query> {
    let of_one = |found: &Dashboard| [found.panel_queries(), found.other_queries()].concat();
    all().iter().flat_map(of_one).collect()
}

/// The elements of an array; none where there is no array.
pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

impl Dashboard {
    /// Rows and panels of the page itself, and those inside each collapsed row: groups that lie in one plane.
    pub(crate) fn planes(&self) -> Vec<&[Value]> {
        let top = list(&self.json["panels"]);
        [top].into_iter().chain(top.iter().map(|row| list(&row["panels"]))).collect()
    }

    /// All panels but rows.
    pub(crate) fn panels(&self) -> Vec<&Value> {
        self.planes().into_iter().flatten().filter(|panel| panel["type"] != "row").collect()
    }

    /// The panel with this title.
    #[track_caller]
    pub(crate) fn panel(&self, title: &str) -> &Value {
        let found = self.panels().into_iter().find(|panel| panel["title"] == title);
        found.unwrap_or_else(|| panic!("{}: no panel {title}", self.file))
    }

    /// One of the queries of a panel, by the letter that it has there.
    #[track_caller]
    pub(crate) fn query(&self, title: &str, letter: &str) -> Query {
        let mut targets = list(&self.panel(title)["targets"]).iter();
        let target = targets.find(|target| target["refId"] == letter);
        let expression = target.and_then(|target| target["expr"].as_str()).expect("an expression");
        Query { place: format!("{}: {title}: {letter}", self.file), expression: expression.to_owned() }
    }

    /// The variables.
    pub(crate) fn variables(&self) -> &[Value] {
        list(&self.json["templating"]["list"])
    }

    /// What is asked for its panels.
    pub(crate) fn panel_queries(&self) -> Vec<Query> {
        let targets = |panel: &Value| -> Vec<Query> {
            let place = format!("{}: {}", self.file, panel["title"].as_str().expect("a title"));
            let expression = |target: &Value| target["expr"].as_str().expect("an expression").to_owned();
            let query = |target| Query { place: place.clone(), expression: expression(target) };
            list(&panel["targets"]).iter().map(query).collect()
        };
        self.panels().into_iter().flat_map(targets).collect()
    }

    /// What is asked for its variables and annotations: of `label_values` the series.
    pub(crate) fn other_queries(&self) -> Vec<Query> {
        let variables = self.variables().iter().filter(|variable| variable["type"] == "query");
        let variables = variables.map(|variable| {
            let query = variable["query"].as_str().and_then(|query| query.strip_prefix("label_values("));
            (&variable["name"], query.and_then(|query| query.rsplit_once(", ")).expect("label_values").0)
        });
        let annotations = list(&self.json["annotations"]["list"]).iter();
        let annotations =
            annotations.map(|found| (&found["name"], found["expr"].as_str().expect("an expression")));
        let query = |(name, expression): (&Value, &str)| Query {
            place: format!("{}: {}", self.file, name.as_str().expect("a name")),
            expression: expression.to_owned(),
        };
        variables.chain(annotations).map(query).collect()
    }
}

impl Query {
    /// The same for all sites that there are.
    pub(crate) fn of_all_sites(mut self) -> Self {
        self.expression = self.expression.replace("$site_code", ".+");
        self
    }

    /// The expression as Grafana sends it.
    #[track_caller]
    pub(crate) fn filled(&self) -> String {
        let put_in = |text: String, (name, value): &(&str, &str)| text.replace(name, value);
        let filled = VARIABLES.iter().fold(self.expression.clone(), put_in);
        assert!(!filled.contains('$'), "{}: a variable that nobody fills: {filled}", self.place);
        filled
    }
}
