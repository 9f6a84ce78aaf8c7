//! What every query must keep to, whatever it asks; and that its grants are documented.

mod answers;
mod backup_sets;
mod messages;
mod readers;
mod samples;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::site::ClosedSet;
use crate::source::site_database::Topic;

const ALL: [Question; 17] = [
    Question::Server,
    Question::Site,
    Question::SiteStatus,
    Question::Updates,
    Question::Task,
    Question::TaskStatus,
    Question::NewestRecord,
    Question::StatusMessages(Depth::Recent),
    Question::StatusMessages(Depth::All),
    Question::Reasons(Depth::Recent),
    Question::Reasons(Depth::All),
    Question::ChangeTracking,
    Question::OldestCommit,
    Question::BackupSets,
    Question::Replicas,
    Question::Alerts,
    Question::PackageRoots,
];

/// Words that no text may have: they write, run something, or reach other servers.
const FORBIDDEN: &[&str] = &[
    "INSERT",
    "UPDATE",
    "DELETE",
    "MERGE",
    "DROP",
    "ALTER",
    "CREATE",
    "TRUNCATE",
    "EXEC",
    "EXECUTE",
    "INTO",
    "GRANT",
    "REVOKE",
    "DENY",
    "BACKUP",
    "RESTORE",
    "DBCC",
    "KILL",
    "SHUTDOWN",
    "RECONFIGURE",
    "WRITETEXT",
    "UPDATETEXT",
    "BULK",
    "OPENROWSET",
    "OPENQUERY",
    "OPENDATASOURCE",
    "WAITFOR",
    "DECLARE",
    "USE",
    "GO",
    "BEGIN",
    "COMMIT",
    "ROLLBACK",
    "SAVE",
    "DISABLE",
    "ENABLE",
    "ADD",
    "REVERT",
    "CHECKPOINT",
    "XLOCK",
    "TABLOCKX",
];

/// Words that SQL Server 2016, or a site database at an older compatibility level, does not know.
const NEWER: &[&str] = &[
    "STRING_AGG",
    "TRIM",
    "TRANSLATE",
    "CONCAT_WS",
    "DATETRUNC",
    "DATE_BUCKET",
    "GENERATE_SERIES",
    "GREATEST",
    "LEAST",
    "STRING_SPLIT",
    "OPENJSON",
    "JSON_OBJECT",
    "JSON_ARRAY",
    "JSON_PATH_EXISTS",
    "APPROX_COUNT_DISTINCT",
    "APPROX_PERCENTILE_CONT",
    "APPROX_PERCENTILE_DISC",
    "DISTINCT FROM",
    "WINDOW",
    "NULLS",
    "LEFT_SHIFT",
    "RIGHT_SHIFT",
    "BIT_COUNT",
    "GET_BIT",
    "SET_BIT",
    "TRY_CONVERT",
    "DATEDIFF_BIG",
    "UNISTR",
    "REGEXP_LIKE",
];

fn site() -> SiteCode {
    "P01".parse().unwrap()
}

/// Every file with a statement, by the name of what it asks.
fn files() -> Vec<(String, &'static str)> {
    let name = |question: &Question| format!("{question:?}").split('(').next().unwrap().to_owned();
    ALL.iter().map(|question| (name(question), query(*question).file)).collect()
}

/// A statement in upper case, in which nothing is left of its literals.
fn code(statement: &str) -> String {
    // A doubled quote is the end of one literal and the begin of another, which leaves as much.
    let outside: Vec<_> = statement.split('\'').step_by(2).collect();
    outside.join("''").to_uppercase()
}

/// The words of a statement, each with a blank on both sides.
fn words(code: &str) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || "_@#$".contains(c);
    let words: Vec<_> = code.split(|c| !is_word(c)).filter(|word| !word.is_empty()).collect();
    format!(" {} ", words.join(" "))
}

/// What a file needs, each with where.
fn grants(file: &'static str) -> Vec<(&'static str, &'static str)> {
    let granted = granted(file);
    let (permissions, place) = granted
        .split_once(" in ")
        .or_else(|| granted.strip_suffix(" on the server").map(|permissions| (permissions, "the server")))
        .unwrap();
    permissions.split(", ").map(|permission| (permission, place)).collect()
}

#[test]
fn every_question_has_its_file_and_every_file_is_asked() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/source/site_database/sql_server/queries");
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let there: BTreeSet<_> = paths.map(|path| fs::read_to_string(path).unwrap()).collect();
    let asked = files().into_iter().map(|(_, file)| file).chain([SESSION]);
    assert_eq!(there, asked.map(str::to_owned).collect());
}

#[test]
fn every_file_tells_what_it_asks_of_what_and_with_which_right() {
    for (name, file) in files() {
        let mut lines = file.lines();
        assert_eq!(lines.next().unwrap(), format!("-- Question: {name}"));
        assert!(lines.next().unwrap().starts_with("-- Source: "), "{name}");
        assert!(lines.next().unwrap().starts_with(GRANT), "{name}");
    }
}

#[test]
fn every_text_is_one_select_without_comments() {
    for (name, file) in files() {
        let statement = batch(file, site());
        let code = code(&statement);
        assert!(code.starts_with("SELECT") && code.ends_with(';'), "{name}: {statement}");
        for (part, times) in [(";", 1), ("--", 0), ("/*", 0), ("\"", 0), ("\r", 0), ("\t", 0)] {
            assert_eq!(code.matches(part).count(), times, "{name}: {part:?}");
        }
        assert_eq!(statement.matches('\'').count() % 2, 0, "{name}");
    }
}

#[test]
fn no_text_writes_or_needs_a_newer_server() {
    for (name, statement) in files().iter().map(|(name, file)| (name.as_str(), batch(file, site()))) {
        let words = words(&code(&statement));
        for word in FORBIDDEN.iter().chain(NEWER).chain(&["SET"]) {
            assert!(!words.contains(&format!(" {word} ")), "{name}: {word}");
        }
        assert!(!words.contains(" SP_") && !words.contains(" XP_"), "{name}");
    }
}

#[test]
fn the_session_is_set_and_nothing_else_is_done() {
    let words = words(&code(SESSION));
    assert!(SESSION.split_terminator(";\n").all(|statement| statement.starts_with("SET ")), "{SESSION}");
    assert!(!SESSION.contains("--"));
    for option in [
        "TRANSACTION ISOLATION LEVEL READ UNCOMMITTED",
        "DEADLOCK_PRIORITY LOW",
        "LOCK_TIMEOUT 5000",
        "NOCOUNT ON",
    ] {
        assert!(words.contains(&format!(" SET {option} ")), "{option}");
    }
    for word in FORBIDDEN.iter().chain(NEWER) {
        assert!(!words.contains(&format!(" {word} ")), "{word}");
    }
}

#[test]
fn only_the_sites_code_and_the_databases_name_are_put_in() {
    for (name, file) in files() {
        let rest = batch(file, site()).replace("{database}", "").replace("{days}", "");
        assert!(!rest.contains(['{', '}']), "{name}: {rest}");
        assert_eq!(file.contains("{database}"), name == "BackupSets", "{name}");
        assert_eq!(file.contains("{days}"), ["StatusMessages", "Reasons"].contains(&name.as_str()), "{name}");
    }
    assert!(text(Question::Task, site(), "CM_P01").contains("t.SiteCode = 'P01'"));
    assert!(text(Question::PackageRoots, site(), "CM_P01").contains("LIKE 'P01%'"));
    assert!(text(Question::BackupSets, site(), "CM_P01").contains("database_name = N'CM_P01'"));
    assert!(text(Question::Reasons(Depth::All), site(), "CM_P01").contains("SiteCode = 'P01'"));
}

#[test]
fn the_depth_of_messages_and_of_their_reasons_is_the_same() {
    for (depth, days) in [(Depth::Recent, "-2"), (Depth::All, "-400")] {
        let limit = format!("Time >= DATEADD(day, {days}, GETUTCDATE())");
        assert!(text(Question::StatusMessages(depth), site(), "").contains(&limit));
        assert!(text(Question::Reasons(depth), site(), "").contains(&limit));
    }
}

#[test]
fn every_object_that_is_read_is_granted_and_no_other() {
    for (name, file) in files() {
        let statement = batch(file, site());
        let named: Vec<_> = statement.split(|c: char| c.is_whitespace() || c == '(').collect();
        let after = |word: &[&str]| matches!(word[0], "FROM" | "JOIN" | "APPLY");
        let objects = named.windows(2).filter(|pair| after(pair)).map(|pair| pair[1]);
        let read: BTreeSet<_> = objects
            .filter_map(|object| object.strip_prefix("msdb.").or(Some(object))?.strip_prefix("dbo."))
            .collect();
        let objects = grants(file).into_iter().filter_map(|(right, _)| right.strip_prefix("SELECT ON dbo."));
        assert_eq!(read, objects.collect(), "{name}");
    }
}

#[test]
fn a_column_that_no_document_tells_of_may_be_missing() {
    for depth in [Depth::Recent, Depth::All] {
        let asked = text(Question::StatusMessages(depth), site(), "");
        let (absent, view) = asked.split_once("CROSS APPLY").unwrap();
        for column in ["ProcessID", "ThreadID", "Win32Error"] {
            assert!(absent.contains(&format!("CAST(NULL AS bigint) AS {column}")), "{column}");
            // With a table's name before it, it would mean that table's alone.
            assert!(
                view.contains(&format!(" {column}")) && !view.contains(&format!(".{column}")),
                "{column}"
            );
        }
    }
}

#[test]
fn the_newest_backups_are_chosen_apart_by_what_makes_them_native() {
    let asked = text(Question::BackupSets, site(), "CM_P01");
    assert!(asked.contains("PARTITION BY b.is_snapshot, v.is_virtual ORDER BY"));
    assert!(asked.contains("device_type IN (7, 107)"));
}

proptest! {
    #[test]
    fn no_name_of_a_database_leaves_its_literal(name: String) {
        let asked = text(Question::BackupSets, site(), &name);
        let template = batch(query(Question::BackupSets).file, site());
        let (before, after) = template.split_once("{database}").unwrap();
        let inside = asked.strip_prefix(before).unwrap().strip_suffix(after).unwrap();
        prop_assert!(before.ends_with("N'") && after.starts_with('\''));
        prop_assert_eq!(inside.replace("''", ""), name.replace('\'', ""));
        prop_assert_eq!(inside.replace("''", "'"), name);
    }
}

/// The grants of the document's script that begin so, each with where it is made.
fn script(begin: &str) -> Vec<(&'static str, &'static str)> {
    let document = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/sql-permissions.md"));
    let script = document.split("```sql\n").nth(1).unwrap().split("```").next().unwrap();
    let mut place = "";
    let mut grants = Vec::new();
    for line in script.lines() {
        match line {
            "USE [master];" => place = "the server",
            "USE [msdb];" => place = "msdb",
            "USE [CM_P01];" => place = "the site database",
            _ => grants
                .extend(line.strip_prefix(begin).map(|grant| (grant.split_once(" TO [").unwrap().0, place))),
        }
    }
    grants
}

#[test]
fn the_documented_script_grants_what_is_needed_and_no_more() {
    let needed: BTreeSet<_> = files().iter().flat_map(|(_, file)| grants(file)).collect();
    // What only some sites need is a comment, so that nobody grants it without a thought.
    let optional = script("-- GRANT ");
    let expected =
        [("VIEW ANY DEFINITION", "the server"), ("SELECT ON dbo.fnListAlerts", "the site database")];
    assert_eq!(optional, expected);
    let granted = [script("GRANT "), optional].concat();
    assert_eq!(granted.len(), needed.len());
    assert_eq!(granted.into_iter().collect::<BTreeSet<_>>(), needed);
}

/// A database that was restored or moved has users whose logins are gone.
#[test]
fn the_documented_script_maps_a_user_that_is_there_to_its_login() {
    let document = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/sql-permissions.md"));
    let user = "    CREATE USER [cm_backup_monitor] FOR LOGIN [cm_backup_monitor]\nELSE\n    \
                ALTER USER [cm_backup_monitor] WITH LOGIN = [cm_backup_monitor];\n";
    assert_eq!((document.matches("CREATE USER").count(), document.matches(user).count()), (2, 2));
}

#[test]
fn the_document_tells_of_every_question_what_it_needs() {
    let document = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/sql-permissions.md"));
    for topic in Topic::ALL {
        let rows: Vec<_> =
            document.lines().filter(|line| line.starts_with(&format!("| `{topic}` | "))).collect();
        let [row] = rows.as_slice() else { panic!("{topic}: {rows:?}") };
        let right = row.split(" | ").nth(1).unwrap().replace('`', "");
        let files =
            ALL.iter().filter(|question| question.topic() == *topic).map(|question| query(*question).file);
        let needed: BTreeSet<_> = files.flat_map(grants).collect();
        assert!(!needed.is_empty(), "{topic}");
        for (permission, place) in needed {
            assert!(
                right.contains(permission) && right.ends_with(place),
                "{topic}: {permission} {place}: {right}"
            );
        }
    }
}

#[test]
fn a_grant_reads_as_people_write_it() {
    assert_eq!(grant(Question::Task), "SELECT ON dbo.vSMS_SC_SQL_Task in the site database");
    assert_eq!(grant(Question::ChangeTracking), "VIEW ANY DATABASE on the server");
    assert!(grant(Question::Reasons(Depth::All)).starts_with("SELECT ON dbo.v_StatMsgInsStrings"));
}
