//! What the numbers of SQL Server's errors mean (`sys.messages`), as far as a reader of a site database meets them.

use super::{Target, foreign};
use crate::config::Authentication;
use crate::source::FailureKind;
use crate::source::site_database::Topic;

/// What kind of trouble an error is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// The server is starting, stopping, or open to few.
    NotOpen,
    /// The login may not log on.
    Refused,
    /// A trigger of the server refused the log-on.
    Triggered,
    /// There is no such database, or the login has no user in it.
    NoDatabase,
    /// The database is there and cannot be read now.
    NotOnline,
    /// A right is missing.
    Denied,
    /// There is no such object or column.
    NoObject,
    /// A value is not of the kind that its column should have.
    NoSuchValue,
    /// The disk or what is on it is broken.
    Damaged,
    /// Somebody else was in the way.
    Busy,
    /// Anything else.
    Other,
}

fn meaning(number: u32) -> Meaning {
    match number {
        // Paused, single user, administrators only, upgrading itself, shutting down, session killed, in transition.
        17142 | 17148 | 18401 | 18451 | 18461 | 596 | 952 | 6001 | 6004..=6006 => Meaning::NotOpen,
        18400..=18499 => Meaning::Refused,
        17892 => Meaning::Triggered,
        911 | 4060 | 4062..=4064 => Meaning::NoDatabase,
        // Suspect, recovering, loading, single user, offline, no AutoClose, and roles in an availability group.
        921..=927 | 942 | 945 | 976..=983 => Meaning::NotOnline,
        229 | 230 | 262 | 297 | 300 | 371 | 916 | 15151 | 15247 | 15562 => Meaning::Denied,
        207 | 208 | 2812 | 4121 => Meaning::NoObject,
        // Conversions: of text to a date or a number, out of range, not allowed.
        241 | 242 | 245 | 529 | 8114 | 8115 => Meaning::NoSuchValue,
        // Input or output failed, a page is not what it should be, a read worked at the second try.
        823..=825 => Meaning::Damaged,
        // A scan that lost its place, no memory, no locks, deadlock, lock timeout, no worker.
        601 | 701 | 1204 | 1205 | 1222 | 8628 | 8645 | 8651 => Meaning::Busy,
        _ => Meaning::Other,
    }
}

/// An error in place of a log-on.
pub(super) fn connecting(number: u32, message: &str, target: &Target) -> (FailureKind, String) {
    let error = error(number, message);
    match meaning(number) {
        Meaning::Refused => {
            let remedy = match target.config.authentication {
                Authentication::Login { .. } if target.is_replica => {
                    "make the login there too, with the same password (docs/sql-permissions.md)"
                }
                Authentication::Login { .. } => {
                    "check user and password, and that the server allows logins of its own beside those of Windows; \
                     it is tried again within the hour, and at once with another password"
                }
                Authentication::Integrated => "make a login for the account of this service",
            };
            let text =
                format!("the log-on was refused ({error}); {remedy}; SQL Server's error log has the reason");
            (FailureKind::Authentication, text)
        }
        Meaning::NoDatabase | Meaning::Denied if target.is_replica => {
            let text = format!(
                "the history of backups cannot be opened ({error}); run parts 1 to 3 of the script in \
                 docs/sql-permissions.md there too"
            );
            (FailureKind::Permission, text)
        }
        meaning => others(meaning, &error),
    }
}

/// An error in place of an answer.
///
/// `grant` is what the account needs for it.
pub(super) fn asking(number: u32, message: &str, topic: Topic, grant: &str) -> (FailureKind, String) {
    let error = error(number, message);
    match meaning(number) {
        Meaning::Denied => {
            let text = format!(
                "{topic} cannot be read because the login lacks a right ({error}); grant {grant} \
                 (docs/sql-permissions.md)"
            );
            (FailureKind::Permission, text)
        }
        Meaning::NoObject => {
            let text = format!(
                "{topic} is not kept there as known ({error}); is that the database of a site? If so, please report \
                 the version of ConfigMgr"
            );
            (FailureKind::Malformed, text)
        }
        Meaning::NoSuchValue => {
            let text = format!(
                "{topic} holds a value that is not as known ({error}); please report the version of ConfigMgr"
            );
            (FailureKind::Malformed, text)
        }
        Meaning::Busy => {
            let text =
                format!("{topic} could not be read beside other work ({error}); the next poll asks again");
            (FailureKind::Timeout, text)
        }
        meaning => others(meaning, &error),
    }
}

/// What means the same at any time.
fn others(meaning: Meaning, error: &str) -> (FailureKind, String) {
    let (kind, what, remedy) = match meaning {
        Meaning::NotOpen => (FailureKind::Unreachable, "nobody is let in now", "the next poll tries again"),
        Meaning::Refused => {
            (FailureKind::Authentication, "the log-on was refused", "SQL Server's error log has the reason")
        }
        Meaning::Triggered => (
            FailureKind::Authentication,
            "a log-on trigger of the server refused the log-on",
            "let the trigger allow this login",
        ),
        Meaning::Damaged => (
            FailureKind::Malformed,
            "SQL Server cannot read its own data; the database or its disk is damaged",
            "run DBCC CHECKDB, and keep the last good backup",
        ),
        Meaning::NoDatabase => (
            FailureKind::NotFound,
            "the database cannot be opened",
            "check sites[].database.name, and that the login has a user in that database",
        ),
        Meaning::NotOnline => (
            FailureKind::Unreachable,
            "the database cannot be read on this server now",
            "in an availability group, write its listener in sites[].database.server",
        ),
        Meaning::Denied => {
            (FailureKind::Permission, "the login lacks a right", "docs/sql-permissions.md has what it needs")
        }
        Meaning::Busy => (FailureKind::Timeout, "the server is busy", "the next poll asks again"),
        Meaning::NoObject | Meaning::NoSuchValue | Meaning::Other => {
            (FailureKind::Protocol, "the server reports an error", "please report this")
        }
    };
    (kind, format!("{what} ({error}); {remedy}"))
}

fn error(number: u32, message: &str) -> String {
    let first_line = message.trim_start().lines().next().unwrap_or_default();
    let shown = foreign(first_line);
    // Who must not log on is nobody's business who reads the page; the other texts name objects alone.
    let names_login = number == 916 || matches!(meaning(number), Meaning::Refused | Meaning::Triggered);
    format!("error {number}: {}", if names_login { without_names(&shown) } else { shown })
}

/// A text without anything from its first quotation mark to its last, which in some languages is an apostrophe.
fn without_names(text: &str) -> String {
    const MARKS: [char; 2] = ['\'', '"'];
    match (text.find(MARKS), text.rfind(MARKS)) {
        (Some(first), Some(last)) if first < last => format!("{}'…'{}", &text[..first], &text[last + 1..]),
        (Some(first), _) => format!("{}'…'", &text[..first]),
        (None, _) => text.to_owned(),
    }
}
