//! What is sent to SQL Server for each question, and how the rows become an answer.
//!
//! A text is one constant SELECT but for the site's code and the database's name; nothing of it comes from a row. What
//! each one may need stands in its file and nowhere else.

mod backup_sets;
mod messages;
mod read;
#[cfg(test)]
mod tests;

use super::rows::{Malformed, Rows};
use crate::site::SiteCode;
use crate::source::site_database::{Answer, Depth, Question};

pub(super) use messages::{add_reasons, wants_reasons};

/// One batch that a connection runs once after log-on: nobody waits for us, and we wait for no lock longer than 5 s.
///
/// The other options are those that functions of the site database may need, as they are in SQL Server's own tools.
pub(super) const SESSION: &str = include_str!("queries/session.sql");

/// Before the grants in the comment of a query.
const GRANT: &str = "-- Grant: ";

/// One query.
struct Query {
    /// Its comments and its statement.
    file: &'static str,
    read: fn(SiteCode, &Rows) -> Result<Answer, Malformed>,
}

/// The query that asks a question.
fn query(question: Question) -> Query {
    macro_rules! query {
        ($file:literal, $answer:ident, $read:expr) => {
            Query {
                file: include_str!(concat!("queries/", $file, ".sql")),
                read: |site, rows| $read(site, rows).map(Answer::$answer),
            }
        };
    }
    match question {
        Question::Server => query!("server", Server, read::server),
        Question::Site => query!("site", Site, read::site),
        Question::SiteStatus => query!("site_status", SiteStatus, read::site_status),
        Question::Updates => query!("updates", Updates, read::updates),
        Question::Task => query!("task", Task, read::task),
        Question::TaskStatus => query!("task_status", TaskStatus, read::task_status),
        Question::NewestRecord => query!("newest_record", NewestRecord, read::newest_record),
        Question::StatusMessages(_) => query!("status_messages", StatusMessages, messages::status_messages),
        Question::Reasons(_) => query!("reasons", Reasons, messages::reasons),
        Question::ChangeTracking => query!("change_tracking", ChangeTracking, read::change_tracking),
        Question::OldestCommit => query!("oldest_commit", OldestCommit, read::oldest_commit),
        Question::BackupSets => query!("backup_sets", BackupSets, backup_sets::backup_sets),
        Question::Replicas => query!("replicas", Replicas, read::replicas),
        Question::Alerts => query!("alerts", Alerts, read::alerts),
        Question::PackageRoots => query!("package_roots", PackageRoots, read::package_roots),
    }
}

/// The text that asks a question for one site; constant but for the site's code, the configured database's name, and
/// how many days back messages are read.
pub(super) fn text(question: Question, site: SiteCode, database: &str) -> String {
    let days = match question {
        Question::StatusMessages(Depth::All) | Question::Reasons(Depth::All) => "400",
        _ => "2",
    };
    let batch = batch(query(question).file, site).replace("{days}", days);
    // Last, so that nothing is put into the name.
    batch.replace("{database}", &database.replace('\'', "''"))
}

/// What the account needs for a question, for people: `SELECT ON dbo.v_Site in the site database`.
pub(super) fn grant(question: Question) -> &'static str {
    granted(query(question).file)
}

/// The answer that these rows are.
pub(super) fn read(question: Question, site: SiteCode, rows: &Rows) -> Result<Answer, Malformed> {
    (query(question).read)(site, rows)
}

/// The statement of a file, without its comments.
fn batch(file: &str, site: SiteCode) -> String {
    let statement: Vec<_> = file.lines().filter(|line| !line.starts_with("--")).collect();
    statement.join("\n").replace("{site_code}", site.as_str())
}

fn granted(file: &'static str) -> &'static str {
    file.lines().find_map(|line| line.strip_prefix(GRANT)).unwrap_or_default()
}
