//! Expressions taken apart by a parser of PromQL: which series they select, what is done with these, and which answers
//! they are put together from.
//!
//! Dashboards and alerts are judged by it without a Prometheus; that one accepts them too is for other tests.

use std::convert::Infallible;
use std::time::Duration;

use promql_parser::parser::{AggregateExpr, BinModifier, Expr, VectorSelector, parse};
use promql_parser::util::{ExprVisitor, walk_expr};

/// A selector as it stands in its expression.
pub(crate) struct Selected {
    /// Metric name, matchers, offset.
    pub(crate) selector: VectorSelector,
    /// How far it looks back, by itself or by the subquery that it stands in.
    pub(crate) range: Option<Duration>,
    /// The functions that it is an argument of, also within other expressions; the innermost first.
    pub(crate) functions: Vec<&'static str>,
    /// Whether an aggregation is around it.
    pub(crate) is_aggregated: bool,
}

/// What an expression is made of.
#[derive(Default)]
pub(crate) struct Parts {
    /// Every selector, also that of a range.
    pub(crate) selected: Vec<Selected>,
    /// Every aggregation (`max by ...`).
    pub(crate) aggregations: Vec<AggregateExpr>,
    /// The name of every function called.
    pub(crate) functions: Vec<&'static str>,
    /// What is around the place of the walk, the innermost last.
    around: Vec<Around>,
}

enum Around {
    Aggregation,
    Call(&'static str),
    Subquery(Duration),
}

#[track_caller]
fn parsed(expression: &str) -> Expr {
    parse(expression).unwrap_or_else(|problem| panic!("{expression}: {problem}"))
}

/// Takes an expression apart; fails the test where it is none.
#[track_caller]
pub(crate) fn parts(expression: &str) -> Parts {
    let mut parts = Parts::default();
    let Ok(_) = walk_expr(&mut parts, &parsed(expression));
    parts
}

impl Parts {
    /// Every selector alone.
    pub(crate) fn selectors(&self) -> impl Iterator<Item = &VectorSelector> {
        self.selected.iter().map(|selected| &selected.selector)
    }

    fn select(&mut self, selector: &VectorSelector, range: Option<Duration>) {
        let mut range = range;
        let mut functions = Vec::new();
        let mut is_aggregated = false;
        for around in self.around.iter().rev() {
            match around {
                Around::Aggregation => is_aggregated = true,
                Around::Call(name) => functions.push(*name),
                Around::Subquery(of_subquery) => range = range.or(Some(*of_subquery)),
            }
        }
        self.selected.push(Selected { selector: selector.clone(), range, functions, is_aggregated });
    }
}

/// What an expression is for those within it.
fn around(expression: &Expr) -> Option<Around> {
    match expression {
        Expr::Aggregate(_) => Some(Around::Aggregation),
        Expr::Call(call) => Some(Around::Call(call.func.name)),
        Expr::Subquery(subquery) => Some(Around::Subquery(subquery.range)),
        _ => None,
    }
}

impl ExprVisitor for Parts {
    type Error = Infallible;

    fn pre_visit(&mut self, expression: &Expr) -> Result<bool, Infallible> {
        match expression {
            Expr::VectorSelector(selector) => self.select(selector, None),
            Expr::MatrixSelector(matrix) => self.select(&matrix.vs, Some(matrix.range)),
            Expr::Aggregate(aggregation) => self.aggregations.push(aggregation.clone()),
            Expr::Call(call) => self.functions.push(call.func.name),
            _ => {}
        }
        self.around.extend(around(expression));
        Ok(true)
    }

    fn post_visit(&mut self, expression: &Expr) -> Result<bool, Infallible> {
        self.around.truncate(self.around.len() - usize::from(around(expression).is_some()));
        Ok(true)
    }
}

/// What a condition is put together from by `and`, `or` and `unless`, each with its comparison turned into an answer of
/// 1 or 0: so each of them has an answer wherever its data is there and matches, whatever the comparison finds. Of
/// `absent` it is what should not be.
#[track_caller]
pub(crate) fn answers(condition: &str) -> Vec<String> {
    let mut found = Vec::new();
    answers_of(parsed(condition), &mut found);
    found.iter().map(ToString::to_string).collect()
}

fn answers_of(expression: Expr, found: &mut Vec<Expr>) {
    match expression {
        Expr::Paren(paren) => answers_of(*paren.expr, found),
        Expr::Binary(binary) if binary.op.is_set_operator() => {
            answers_of(*binary.lhs, found);
            answers_of(*binary.rhs, found);
        }
        Expr::Binary(mut binary) if binary.op.is_comparison_operator() => {
            let modifier = binary.modifier.take().unwrap_or_default();
            binary.modifier = Some(BinModifier { return_bool: true, ..modifier });
            found.push(Expr::Binary(binary));
        }
        Expr::Call(call) if call.func.name == "absent" => {
            call.args.args.into_iter().for_each(|argument| answers_of(*argument, found));
        }
        other => found.push(other),
    }
}

#[test]
fn every_selector_is_found_with_what_is_done_with_it() {
    let found = parts(
        "max by (a) (x offset 1h) > 2 * -sum(rate(y_total{a=\"b\",c=~\"d|e\"}[5m])) unless on (a) absent(up) \
         or (increase((max_over_time(z[1m]) - w)[1h:1m]))",
    );
    let seen: Vec<_> = found
        .selected
        .iter()
        .map(|selected| {
            let minutes = selected.range.map(|range| range.as_secs() / 60);
            let name = selected.selector.name.as_deref().unwrap();
            (name, minutes, selected.functions.as_slice(), selected.is_aggregated)
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("x", None, &[][..], true),
            ("y_total", Some(5), &["rate"], true),
            ("up", None, &["absent"], false),
            ("z", Some(1), &["max_over_time", "increase"], false),
            ("w", Some(60), &["increase"], false),
        ]
    );
    let selectors: Vec<_> = found.selectors().collect();
    assert!(selectors[0].offset.is_some());
    let matchers: Vec<_> = selectors[1].matchers.matchers.iter().map(ToString::to_string).collect();
    assert_eq!(matchers, ["a=\"b\"", "c=~\"d|e\""]);
    assert_eq!(found.aggregations.len(), 2);
    assert_eq!(found.functions, ["rate", "absent", "increase", "max_over_time"]);
}

#[test]
fn a_condition_is_put_together_from_answers() {
    for (condition, expected) in [
        ("up == 0", &["up == bool 0"][..]),
        ("time() > max by (a) (x)", &["time() > bool max by (a) (x)"]),
        ("x > on (a) y", &["x > bool on (a) y"]),
        (
            "max by (a) (x unless on (a) y == 0) == 1 unless on (a) (max by (a) (z) == 1)",
            &["max by (a) (x unless on (a) y == 0) == bool 1", "max by (a) (z) == bool 1"],
        ),
        ("max by (a) (x offset 1h) unless on (a) x", &["max by (a) (x offset 1h)", "x"]),
        ("absent(up{job=\"a\"})", &["up{job=\"a\"}"]),
    ] {
        assert_eq!(answers(condition), expected, "{condition}");
    }
}
