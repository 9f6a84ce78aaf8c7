//! From what the user wrote to what the program believes: typed, checked against each other, with every origin.
//!
//! Each section has a function that takes its keys and writes what it understood into the site; what it did not
//! understand is reported and left at its default, so that the rest of the file is read all the same.

mod copies;
mod database;
mod logs;
mod remediation;
mod services;
mod snapshot;

use std::path::Path;
use std::time::Duration;

use super::origin::{Origin, Origins};
use super::problem::{Fault, Problem, Problems, shown};
use super::raw::Node;
use super::section::{Entry, Field, Section};
use super::{SiteConfig, SiteSettings, fields};
use crate::site::{Protection, TaskWindow};
use crate::trace::UserPatterns;
use remediation::Remediation;
use snapshot::Snapshot;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// From begin to latest begin where only the begin is written: what ConfigMgr's own default, 02:00 to 05:00, allows.
const DEFAULT_WINDOW_MINUTES: u16 = 3 * 60;

/// Resolves a file, or returns every problem in it; `windows` is whether this process has what only Windows has.
pub(super) fn sites(root: &Node, base: &Path, windows: bool) -> Result<Vec<SiteConfig>, Vec<Problem>> {
    let problems = Problems::default();
    let sites = read(&Entry::root(root, &problems), base, windows);
    let problems = problems.into_inner();
    match sites {
        Some(sites) if problems.is_empty() => Ok(sites),
        _ => Err(problems),
    }
}

fn read(root: &Entry<'_>, base: &Path, windows: bool) -> Option<Vec<SiteConfig>> {
    let mut section = root.section()?;
    let entry = section.require("sites", "write `sites:` and below it `- code: P01`");
    let remediation_entry = section.take("remediation");
    section.close();
    let entries = entry.as_ref()?.list()?;
    if entries.is_empty() {
        entry?.reject(Fault::new("no site", "add one, as `- code: P01`"));
        return None;
    }
    let mut remediation = Remediation::default();
    if let Some(entry) = remediation_entry {
        remediation.read(&entry, base, entries.iter().any(|entry| entry.watches("services")));
    }
    let mut sites: Vec<SiteConfig> = Vec::new();
    for entry in &entries {
        let Some(mut section) = entry.section() else { continue };
        if let Some(found) = site(&mut section, base, windows, &sites, &remediation) {
            sites.push(found);
        }
        section.close();
    }
    Some(sites)
}

fn site(
    section: &mut Section<'_>,
    base: &Path,
    windows: bool,
    others: &[SiteConfig],
    common: &Remediation,
) -> Option<SiteConfig> {
    let mut origins = Origins::default();
    let code_entry = section.require("code", "write the site's three-character code, as `code: P01`");
    let code = code_entry.as_ref().and_then(|entry| {
        entry.parse(|text| {
            let code = fields::site_code(text)?;
            if others.iter().any(|other| other.settings.code == code) {
                return Err(Fault::new(
                    format!("site {code} is configured twice"),
                    "keep one entry for each site",
                ));
            }
            Ok(code)
        })
    });
    // A site without a usable code is read on under another name: its other problems count too.
    let stand_in = fields::site_code("000").ok()?;
    let mut settings = SiteSettings::new(code.unwrap_or(stand_in));
    if let Some(entry) = &code_entry {
        origins.record("code", entry.origin());
    }

    let mut field = Field { section, prefix: "", origins: &mut origins };
    let role = field.read("role", fields::label);
    match field.origins.of("role") {
        // The registry is not told when the site joins a hierarchy.
        Origin::Registry(_) => settings.discovered_role = role,
        _ => settings.role = role,
    }
    settings.protection = field.read("protection", fields::label);
    let log_entry = field.watched("log");
    let event_log_entry = field.watched("event_log");
    let snapshot_entry = field.watched("snapshot");
    let supplemental_entry = field.section.take("supplemental");
    let drill_entry = field.section.take("recovery_drill");
    let database_entry = field.watched("database");
    let packages_entry = field.section.take("package_sources");
    let schedule_entry = field.section.take("schedule");
    if let Some(retention) = field.duration("retention", HOUR, DAY * 3650) {
        settings.retention = Some(retention);
    }
    let services_entry = field.watched("services");
    let judgement_entry = field.section.take("judgement");
    let patterns_entry = field.section.take("patterns");
    let remediation_entry = field.section.take("remediation");

    let taken = logs::Taken::by(others);
    let log = log_entry.as_ref().and_then(|entry| logs::log(entry, base, &taken, &mut origins));
    let taken = taken.and(log.as_ref());
    let event_log =
        event_log_entry.as_ref().and_then(|entry| logs::event_log(entry, base, &taken, &mut origins));
    let mut watched = copies::Watched::default();
    let log_path = log.as_ref().map(|log| log.path.as_path());
    let snapshot = snapshot_entry
        .as_ref()
        .and_then(|entry| snapshot::read(entry, base, settings.code, log_path, &mut watched, &mut origins));
    match snapshot {
        Some(Snapshot::At(config)) => settings.snapshot = Some(config),
        Some(Snapshot::OfTask(config)) => settings.snapshot_of_task = Some(config),
        None => {}
    }
    if let Some(config) = &settings.snapshot {
        let log = log.as_ref().map(|log| (log.path.as_path(), snapshot::OTHER_LOG));
        let event_log = event_log.as_ref().map(|log| (log.path.as_path(), snapshot::OTHER_EVENT_LOG));
        for (entry, log) in [(&log_entry, log), (&event_log_entry, event_log)] {
            if let (Some(entry), Some((path, remedy))) = (entry, log) {
                snapshot::refuse_as_log(config, settings.code, entry, path, remedy);
            }
        }
    }
    settings.supplemental = supplemental_entry
        .map(|entry| copies::supplemental(&entry, base, &mut watched, &mut origins))
        .unwrap_or_default();
    settings.recovery_drill = drill_entry.and_then(|entry| copies::recovery_drill(&entry, &mut origins));
    if let Some(entry) = packages_entry {
        settings.package_sources = copies::package_sources(&entry, base, &settings, &watched, &mut origins);
    }
    if let Some(entry) = database_entry {
        database::read(&entry, base, windows, &mut settings, &mut origins);
    }
    if settings.snapshot_of_task.is_some() && origins.of("database.server") == Origin::Default {
        settings.snapshot_of_task = None;
        // What was only found may be without it; what somebody wrote is not dropped in silence.
        if let Some(entry) =
            snapshot_entry.as_ref().filter(|entry| matches!(entry.origin(), Origin::File { .. }))
            && let Some(path) = entry.section().and_then(|mut section| section.take("path"))
        {
            let what = "`task` means the folder that the site database tells, and none is asked";
            let remedy = "write the folder itself, or the site's SQL Server as `database.server`";
            path.reject(Fault::new(what, remedy));
        }
    }
    if let Some(entry) = &services_entry {
        settings.services = services::read(entry, base, windows, others, &mut origins);
    }
    let mut remediation = common.clone();
    if let Some(entry) = remediation_entry {
        remediation.read(&entry, base, services_entry.is_some());
    }
    settings.remediation = remediation.of(settings.services.as_ref());
    origins.extend(remediation.origins);
    if let (Some(entry), Some(services)) = (&services_entry, &settings.services)
        && let Some(command) = entry.section().and_then(|mut section| section.take("command"))
    {
        let mode_from = origins.of("remediation.mode");
        let lacking = remediation::lacking(services, &settings.remediation, mode_from);
        lacking.into_iter().for_each(|fault| command.reject(fault));
    }
    if let Some(entry) = schedule_entry {
        schedule(&entry, &mut settings, &mut origins);
    }
    if let Some(entry) = judgement_entry {
        judgement(&entry, &mut settings, &mut origins);
    }
    let patterns = patterns_entry.and_then(|entry| patterns(&entry, &mut origins)).unwrap_or_default();
    if settings.protection.is_some_and(Protection::needs_native)
        && origins.of("database.server") == Origin::Default
        && let Some(entry) = section.take("protection")
    {
        let what = "nobody tells of SQL Server's own backups without `database.server`";
        entry.reject(Fault::new(what, "write the site's SQL Server there, or `protection: task`"));
    }
    code?;
    Some(SiteConfig { settings, log, event_log, patterns, origins })
}

fn schedule(entry: &Entry<'_>, settings: &mut SiteSettings, origins: &mut Origins) {
    let Some(mut section) = entry.section() else { return };
    let window = ["days", "begin", "latest_begin"].map(|key| section.take(key).is_some());
    if !window.contains(&true) && section.take("time_zone").is_some() {
        return zone_alone(section, settings, origins);
    }
    let days_entry =
        section.require("days", "write the days on which the task runs, as [sunday, wednesday] or daily");
    let days = days_entry.as_ref().and_then(days);
    if let Some(entry) = &days_entry {
        origins.record("schedule.days", entry.origin());
    }
    let mut field = Field { section: &mut section, prefix: "schedule.", origins };
    let begin = field.require("begin", "write the task's \"Start after\", as 02:00", fields::time_of_day);
    let latest_begin = field.read("latest_begin", fields::time_of_day);
    settings.time_zone = field.read("time_zone", fields::zone);
    section.close();
    if let (Some(days), Some(begin)) = (days, begin) {
        let latest_begin = latest_begin.unwrap_or((begin + DEFAULT_WINDOW_MINUTES) % (24 * 60));
        settings.schedule = Some(TaskWindow { days, begin, latest_begin });
    }
}

/// The zone in which the schedule of the site database is meant.
fn zone_alone(mut section: Section<'_>, settings: &mut SiteSettings, origins: &mut Origins) {
    let mut field = Field { section: &mut section, prefix: "schedule.", origins };
    settings.time_zone = field.read("time_zone", fields::zone);
    // Also where a server was written that cannot be meant.
    if origins.of("database.server") == Origin::Default {
        let what = "stands alone, and no `database.server` is there to tell the rest";
        section.refuse(
            "time_zone",
            what,
            "add `days` and `begin` as in the task's settings, or the database",
        );
    }
    section.close();
}

fn days(entry: &Entry<'_>) -> Option<u8> {
    let items = entry.list_or_text()?;
    if items.is_empty() {
        entry.reject(Fault::new("no day", "name at least one, or remove the schedule"));
        return None;
    }
    items.iter().try_fold(0u8, |mask, item| {
        item.parse(|text| match fields::days(text)? {
            named if mask & named == 0 => Ok(mask | named),
            _ => Err(Fault::new(format!("{} is named already", shown(text)), "name each day once")),
        })
    })
}

fn judgement(entry: &Entry<'_>, settings: &mut SiteSettings, origins: &mut Origins) {
    let Some(mut section) = entry.section() else { return };
    let mut field = Field { section: &mut section, prefix: "judgement.", origins };
    if let Some(grace) = field.duration("grace", Duration::ZERO, DAY * 7) {
        settings.timings.grace = grace;
    }
    if let Some(settle) = field.duration("settle", Duration::ZERO, HOUR) {
        settings.timings.settle = settle;
    }
    settings.stalled_after = field.duration("stalled_after", MINUTE, DAY * 30);
    settings.expected_duration = field.duration("expected_duration", MINUTE, DAY * 7);
    let (stalled_after, expected_duration) = (settings.stalled_after, settings.expected_duration);
    if stalled_after.zip(expected_duration).is_some_and(|(stalled, expected)| stalled <= expected)
        && let Some(entry) = section.take("stalled_after")
    {
        entry.reject(Fault::new(
            "is not longer than expected_duration, so a normal run would count as stalled",
            "write at least twice the expected duration, or remove the key",
        ));
    }
    section.close();
}

fn patterns(entry: &Entry<'_>, origins: &mut Origins) -> Option<UserPatterns> {
    let mut section = entry.section()?;
    let mut patterns = UserPatterns::default();
    for item in section.take("success").and_then(|entry| entry.list()).unwrap_or_default() {
        if let Some(regex) = item.parse(fields::pattern) {
            origins.record(format!("patterns.success[{}]", patterns.success.len()), item.origin());
            patterns.success.push(regex);
        }
    }
    for item in section.take("failure").and_then(|entry| entry.list()).unwrap_or_default() {
        let Some(mut failure) = item.section() else { continue };
        let regex = failure
            .require("match", "write a regular expression for the line")
            .and_then(|entry| entry.parse(fields::pattern));
        let cause = failure
            .require("cause", "write the cause that the line speaks for, as `cause: copy_failed`")
            .and_then(|entry| entry.parse(fields::label));
        failure.close();
        if let Some(failure) = regex.zip(cause) {
            origins.record(format!("patterns.failure[{}]", patterns.failure.len()), item.origin());
            patterns.failure.push(failure);
        }
    }
    section.close();
    Some(patterns)
}
