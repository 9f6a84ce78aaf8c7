//! Expressions taken apart by a parser of PromQL: which series they select, and how they aggregate them.
//!
//! Dashboards and alerts are judged by it without a Prometheus; that one accepts them too is for other tests.

use std::convert::Infallible;

use promql_parser::parser::{AggregateExpr, Expr, VectorSelector, parse};
use promql_parser::util::{ExprVisitor, walk_expr};

/// What an expression is made of.
#[derive(Default)]
pub(crate) struct Parts {
    /// Every selector, also that of a range: metric name, matchers, offset.
    pub(crate) selectors: Vec<VectorSelector>,
    /// Those of them that no aggregation is around.
    pub(crate) bare: Vec<VectorSelector>,
    /// Every aggregation (`max by ...`).
    pub(crate) aggregations: Vec<AggregateExpr>,
    /// The name of every function called.
    pub(crate) functions: Vec<&'static str>,
    /// In how many aggregations the walk is.
    depth: usize,
}

/// Takes an expression apart; fails the test where it is none.
#[track_caller]
pub(crate) fn parts(expression: &str) -> Parts {
    let parsed = parse(expression).unwrap_or_else(|problem| panic!("{expression}: {problem}"));
    let mut parts = Parts::default();
    let Ok(_) = walk_expr(&mut parts, &parsed);
    parts
}

/// Every selector of an expression; fails the test where it is none.
#[track_caller]
pub(crate) fn selectors(expression: &str) -> Vec<VectorSelector> {
    parts(expression).selectors
}

impl ExprVisitor for Parts {
    type Error = Infallible;

    fn pre_visit(&mut self, expression: &Expr) -> Result<bool, Infallible> {
        match expression {
            Expr::VectorSelector(selector) => self.selects(selector),
            Expr::MatrixSelector(range) => self.selects(&range.vs),
            Expr::Aggregate(aggregation) => {
                self.aggregations.push(aggregation.clone());
                self.depth += 1;
            }
            Expr::Call(call) => self.functions.push(call.func.name),
            _ => {}
        }
        Ok(true)
    }

    fn post_visit(&mut self, expression: &Expr) -> Result<bool, Infallible> {
        self.depth -= usize::from(matches!(expression, Expr::Aggregate(_)));
        Ok(true)
    }
}

impl Parts {
    fn selects(&mut self, selector: &VectorSelector) {
        self.selectors.push(selector.clone());
        if self.depth == 0 {
            self.bare.push(selector.clone());
        }
    }
}

#[test]
fn every_selector_is_found() {
    let found = selectors(
        "max by (a) (x offset 1h) > 2 * sum(rate(y_total{a=\"b\",c=~\"d|e\"}[5m])) unless on (a) absent(up)",
    );
    let names: Vec<_> = found.iter().map(|selector| selector.name.as_deref().unwrap()).collect();
    assert_eq!(names, ["x", "y_total", "up"]);
    assert!(found[0].offset.is_some());
    let matchers: Vec<_> = found[1].matchers.matchers.iter().map(ToString::to_string).collect();
    assert_eq!(matchers, ["a=\"b\"", "c=~\"d|e\""]);
    let parts = parts("max by (a) (rate(x[5m])) > y");
    assert_eq!((parts.aggregations.len(), parts.functions), (1, vec!["rate"]));
    let bare: Vec<_> = parts.bare.iter().map(|selector| selector.name.as_deref().unwrap()).collect();
    assert_eq!(bare, ["y"]);
}
