//! A second opinion on the two formats of one exposition, from the parsers of the official Python client.
//!
//! `tests/openmetrics.py` does the comparing, with the module `prometheus_client`.

use std::fs;

use super::python;

/// Fails the test unless both expositions are well-formed and say the same. What comes from two scrapes may
/// differ in the counters of the scrapes themselves: give it two renderings of one state.
#[track_caller]
pub(crate) fn assert_same(openmetrics: &[u8], text: &[u8]) {
    if let Some(Err(report)) = compare(&[(openmetrics, text)]) {
        panic!("{report}\n--- OpenMetrics\n{}--- text\n{}", lossy(openmetrics), lossy(text));
    }
}

/// The same for many pairs (OpenMetrics, text) with one start of the parser; the report has them in order.
#[track_caller]
pub(crate) fn assert_each_same(pairs: &[(&[u8], &[u8])]) {
    match compare(pairs) {
        Some(Ok(report)) => assert_eq!(report.lines().count(), pairs.len(), "{report}"),
        Some(Err(report)) => panic!("{report}"),
        None => {}
    }
}

/// `Err` with what differs or is malformed, `Ok` with a count for each pair, or `None`, after a message, where
/// the parser is missing.
#[track_caller]
fn compare(pairs: &[(&[u8], &[u8])]) -> Option<Result<String, String>> {
    let mut parser = python("openmetrics.py")?;
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut paths = Vec::new();
    for (number, (openmetrics, text)) in pairs.iter().enumerate() {
        for (name, exposition) in [("openmetrics", openmetrics), ("text", text)] {
            let path = directory.path().join(format!("{number}.{name}"));
            fs::write(&path, exposition).expect("the exposition is written");
            paths.push(path);
        }
    }

    let output = parser.args(&paths).output().expect("TESTS_PYTHON starts");
    let report = format!("{}{}", lossy(&output.stdout), lossy(&output.stderr));
    match output.status.code() {
        Some(0) => Some(Ok(report)),
        Some(1) => Some(Err(report)),
        _ => panic!("tests/openmetrics.py: {}\n{report}", output.status),
    }
}

fn lossy(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPENMETRICS: &str = "\
# HELP cm_runs Runs \\\\ \\\"all\\\".
# TYPE cm_runs counter
cm_runs_total{site_code=\"P01\"} 3
# HELP cm_site What it is.
# TYPE cm_site info
cm_site_info{site_code=\"P01\",server=\"a\\\\b\\n\\\"c\\\"\"} 1
# HELP cm_size_bytes Its size.
# TYPE cm_size_bytes gauge
# UNIT cm_size_bytes bytes
cm_size_bytes 1.5e+09
# EOF
";
    const TEXT: &str = "\
# HELP cm_size_bytes Its size.
# TYPE cm_size_bytes gauge
cm_size_bytes 1500000000
# HELP cm_runs_total Runs \\\\ \"all\".
# TYPE cm_runs_total counter
cm_runs_total{site_code=\"P01\"} 3
# HELP cm_site_info What it is.
# TYPE cm_site_info gauge
cm_site_info{server=\"a\\\\b\\n\\\"c\\\"\",site_code=\"P01\"} 1
";

    #[test]
    fn the_prescribed_differences_are_none() {
        assert_same(OPENMETRICS.as_bytes(), TEXT.as_bytes());
        if let Some(result) = compare(&[(OPENMETRICS.as_bytes(), TEXT.as_bytes())]) {
            assert_eq!(result.as_deref(), Ok("equal: 3 samples\n"));
        }
    }

    #[test]
    fn every_other_difference_is_named() {
        let table = [
            ("a value", OPENMETRICS, TEXT.replace("} 3", "} 4"), "cm_runs_total"),
            ("a label", OPENMETRICS, TEXT.replace("a\\\\b", "a/b"), "cm_site_info"),
            ("a sample more", OPENMETRICS, format!("{TEXT}cm_more 1\n"), "cm_more"),
            ("a sample twice", OPENMETRICS, format!("{TEXT}cm_site_info 1\ncm_site_info 1\n"), "2 times"),
            (
                "a type",
                OPENMETRICS,
                TEXT.replace("cm_size_bytes gauge", "cm_size_bytes untyped"),
                "cm_size_bytes",
            ),
            ("a help text", OPENMETRICS, TEXT.replace("Its size", "Size"), "cm_size_bytes"),
            ("no end", OPENMETRICS.trim_end_matches("# EOF\n"), TEXT.to_owned(), "EOF"),
        ];
        for (case, openmetrics, text, named) in table {
            match compare(&[(openmetrics.as_bytes(), text.as_bytes())]) {
                Some(Err(report)) => assert!(report.contains(named), "{case}: {report}"),
                Some(Ok(report)) => panic!("{case}: {report}"),
                None => return,
            }
        }
    }
}
