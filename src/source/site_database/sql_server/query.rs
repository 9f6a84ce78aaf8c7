//! The text of each query, and how its rows become an answer.

use super::rows::{Malformed, Rows};
use crate::site::SiteCode;
use crate::source::site_database::{Answer, Question};

/// The text that asks a question for one site; constant but for the site's code and the configured database's name.
pub(super) fn text(question: Question, site: SiteCode, database: &str) -> String {
    format!("SELECT N'{question:?} {site} {database}'")
}

/// The answer that these rows are.
pub(super) fn read(question: Question, _site: SiteCode, rows: &Rows) -> Result<Answer, Malformed> {
    Err(Malformed(format!("{question:?} {rows:?}")))
}
