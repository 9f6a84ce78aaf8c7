//! How rows become answers: of the site, its task, its database and its server.
//!
//! What a site cannot do without is refused by its name if it is missing; what it may leave out is `None`.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use chrono::{Datelike, NaiveDateTime};

use super::super::rows::{Malformed, Row, Rows};
use crate::site::{
    ChangeTracking, DatabaseServer, MAINTENANCE_MODE, SiteAlert, SiteCode, SiteDefinition, SiteRole,
    TaskDefinition, TaskStatus, TaskWindow, Timestamp,
};

/// The states of an update from the begin of its installation on, among them [`INSTALLED`].
const INSTALLING: RangeInclusive<i64> = 196_609..=196_629;

/// The states of an update that is installed, or is but for a restart of the server.
const INSTALLED: RangeInclusive<i64> = 196_612..=196_613;

/// The year of the first version of ConfigMgr's ancestor: a task's older times stand for never.
const FIRST_YEAR: i32 = 1994;

/// Nobody keeps changes longer, and a moment this long after any other is still a date.
const LONGEST_RETENTION: Duration = Duration::from_secs(100 * 366 * 86_400);

/// The farthest that a zone is from UTC, in minutes.
const FARTHEST_OFFSET: i32 = 14 * 60;

pub(super) fn server(_: SiteCode, rows: &Rows) -> Result<DatabaseServer, Malformed> {
    let row = rows.iter().next().ok_or_else(|| Malformed("the server said nothing of itself".to_owned()))?;
    Ok(DatabaseServer {
        name: row.text("server_name")?.into(),
        version: row.text("product_version")?.into(),
        in_availability_group: row.flag("in_availability_group")?,
        utc: row.time("utc_time")?.and_utc(),
        offset: offset(row)?,
    })
}

/// Minutes that the server's local time is ahead of UTC now.
pub(super) fn offset(row: Row<'_>) -> Result<i32, Malformed> {
    let minutes = row.int("utc_offset_minutes")?;
    let offset =
        i32::try_from(minutes).ok().filter(|offset| (-FARTHEST_OFFSET..=FARTHEST_OFFSET).contains(offset));
    offset.ok_or_else(|| Malformed(format!("utc_offset_minutes is {minutes}, which is no zone's")))
}

pub(super) fn site(site: SiteCode, rows: &Rows) -> Result<SiteDefinition, Malformed> {
    let row = first(rows, site, "v_Site")?;
    let parent = row.optional_text("ReportingSiteCode")?.unwrap_or_default().trim();
    let has_parent = !parent.is_empty() && !parent.eq_ignore_ascii_case(site.as_str());
    let in_hierarchy = row.flag("HasCas")? || has_parent;
    let role = match row.int("Type")? {
        4 => Some(SiteRole::Cas),
        2 if in_hierarchy => Some(SiteRole::Hierarchy),
        2 => Some(SiteRole::Standalone),
        _ => None,
    };
    Ok(SiteDefinition { role, server: row.text("ServerName")?.into(), version: row.text("Version")?.into() })
}

/// A site can have several rows; in maintenance it is as soon as one says so.
pub(super) fn site_status(site: SiteCode, rows: &Rows) -> Result<Option<i64>, Malformed> {
    let mut statuses = Vec::new();
    for row in rows.of(site)? {
        statuses.extend(row.optional_int("SiteStatus")?);
    }
    Ok(statuses.iter().copied().find(|status| *status == MAINTENANCE_MODE).or(statuses.into_iter().max()))
}

/// Whether an update is being installed at the site, or waits within its installation.
pub(super) fn updates(site: SiteCode, rows: &Rows) -> Result<bool, Malformed> {
    let mut installs = false;
    for row in rows.of(site)? {
        let state = row.optional_int("State")?;
        installs |= state.is_some_and(|state| INSTALLING.contains(&state) && !INSTALLED.contains(&state));
    }
    Ok(installs)
}

pub(super) fn task(site: SiteCode, rows: &Rows) -> Result<TaskDefinition, Malformed> {
    let row = first(rows, site, "vSMS_SC_SQL_Task")?;
    let days = row.int("DaysOfWeek")?;
    let mask = u8::try_from(days).ok().filter(|mask| *mask < 128);
    let mask = mask.ok_or_else(|| Malformed(format!("DaysOfWeek is {days}, which is no set of days")))?;
    let destination = row.optional_text("BackupLocation")?.map(str::trim).filter(|path| !path.is_empty());
    Ok(TaskDefinition {
        enabled: row.flag("IsEnabled")?,
        window: TaskWindow {
            days: mask,
            begin: minutes(row, "BeginTime")?,
            latest_begin: minutes(row, "LatestBeginTime")?,
        },
        destination: destination.map(Into::into),
    })
}

/// A time of day that is a number: 200 is 02:00, 0 is midnight.
fn minutes(row: Row<'_>, column: &str) -> Result<u16, Malformed> {
    let written = row.int(column)?;
    let time = u16::try_from(written).ok().filter(|time| time / 100 < 24 && time % 100 < 60);
    let time = time.ok_or_else(|| Malformed(format!("{column} is {written}, which is no time of day")))?;
    Ok(time / 100 * 60 + time % 100)
}

/// `None` if no row tells of a start or an end; several rows tell of their newest.
pub(super) fn task_status(site: SiteCode, rows: &Rows) -> Result<Option<TaskStatus>, Malformed> {
    let mut status = TaskStatus { last_start: None, last_completion: None };
    for row in rows.of(site)? {
        status.last_start = status.last_start.max(ever(row, "LastStartTime")?);
        status.last_completion = status.last_completion.max(ever(row, "LastCompletionTime")?);
    }
    Ok((status.last_start.is_some() || status.last_completion.is_some()).then_some(status))
}

/// A time that happened.
fn ever(row: Row<'_>, column: &str) -> Result<Option<NaiveDateTime>, Malformed> {
    Ok(row.optional_time(column)?.filter(|time| time.year() >= FIRST_YEAR))
}

pub(super) fn newest_record(_: SiteCode, rows: &Rows) -> Result<Option<i64>, Malformed> {
    rows.iter().next().map_or(Ok(None), |row| row.optional_int("RecordID"))
}

/// A row of NULLs, for an account that sees all databases, says that it is off.
pub(super) fn change_tracking(_: SiteCode, rows: &Rows) -> Result<Option<ChangeTracking>, Malformed> {
    let none = || Malformed("the server said nothing of change tracking".to_owned());
    let row = rows.iter().next().ok_or_else(none)?;
    let sees_everything = row.flag("permitted")?;
    let Some(period) = row.optional_int("retention_period")? else {
        let message = "retention_period is NULL, perhaps for want of VIEW ANY DATABASE";
        return if sees_everything { Ok(None) } else { Err(Malformed(message.to_owned())) };
    };
    let seconds = match row.int("retention_period_units")? {
        1 => 60,
        2 => 3600,
        3 => 86_400,
        unit => return Err(Malformed(format!("retention_period_units is {unit}, which is no known unit"))),
    };
    let seconds = u64::try_from(period).ok().and_then(|period| period.checked_mul(seconds));
    let retention = seconds.map(Duration::from_secs).filter(|retention| *retention <= LONGEST_RETENTION);
    let retention =
        retention.ok_or_else(|| Malformed(format!("retention_period is {period}, which is no retention")))?;
    Ok(Some(ChangeTracking { auto_cleanup: row.flag("is_auto_cleanup_on")?, retention }))
}

pub(super) fn oldest_commit(_: SiteCode, rows: &Rows) -> Result<Option<Timestamp>, Malformed> {
    let oldest = rows.iter().next().map(|row| row.time("commit_time"));
    Ok(oldest.transpose()?.map(|time| time.and_utc()))
}

/// Asked only where there is a group, so nothing is not an answer.
pub(super) fn replicas(_: SiteCode, rows: &Rows) -> Result<Vec<String>, Malformed> {
    let name = |row: Row<'_>| Ok(row.text("replica_server_name")?.trim().to_owned());
    let names: Vec<_> = rows.iter().map(name).collect::<Result<_, _>>()?;
    if names.is_empty() {
        let message = "sys.availability_replicas shows no server, perhaps for want of VIEW ANY DEFINITION";
        return Err(Malformed(message.to_owned()));
    }
    Ok(names)
}

/// An alert without a name can still be recognised by its type.
pub(super) fn alerts(_: SiteCode, rows: &Rows) -> Result<Vec<SiteAlert>, Malformed> {
    let alert = |row: Row<'_>| {
        Ok(SiteAlert {
            id: row.int("ID")?,
            type_id: row.optional_int("TypeID")?,
            name: row.optional_text("Name")?.unwrap_or_default().trim().into(),
            active: row.int("AlertState")? == 0,
            bad: match row.optional_int("RuleState")? {
                Some(0) => Some(true),
                Some(1) => Some(false),
                _ => None,
            },
        })
    };
    rows.iter().map(alert).collect()
}

/// Each root once, whatever its case, in alphabetical order; NULL and what is no root are left out.
pub(super) fn package_roots(_: SiteCode, rows: &Rows) -> Result<Vec<String>, Malformed> {
    let mut roots: BTreeMap<String, String> = BTreeMap::new();
    for row in rows.iter() {
        if let Some(root) = row.optional_text("root")?.and_then(root) {
            let known = roots.entry(root.to_lowercase()).or_insert_with(|| root.clone());
            // The same one whichever the server sends first.
            if root < *known {
                *known = root;
            }
        }
    }
    Ok(roots.into_values().collect())
}

/// `\\server\share` or `E:\` of a path.
fn root(path: &str) -> Option<String> {
    let path = path.trim();
    if let [letter, b':', ..] = path.as_bytes() {
        let letter = char::from(letter.to_ascii_uppercase());
        return letter.is_ascii_alphabetic().then(|| format!(r"{letter}:\"));
    }
    let mut names = path.strip_prefix(r"\\")?.split('\\');
    let (server, share) = (names.next()?, names.next()?);
    // \\?\ and \\.\ stand before paths of another kind.
    let is_name = |name: &str| !matches!(name, "" | "?" | ".");
    (is_name(server) && is_name(share)).then(|| format!(r"\\{server}\{share}"))
}

/// The site's first row of a view in which it must have one.
fn first<'a>(rows: &'a Rows, site: SiteCode, view: &str) -> Result<Row<'a>, Malformed> {
    let found = rows.of(site)?.into_iter().next();
    found.ok_or_else(|| Malformed(format!("{view} has no row for site {site}")))
}
