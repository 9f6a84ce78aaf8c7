//! Checks of the services that a backup depends on.
//!
//! "Stopped" is the normal state of SMS_SITE_BACKUP, and SMS Writer stops the site's services around the snapshot: what
//! stands still during a run, or soon after it, is no finding.

use super::{Assessment, Finding};
use crate::assessment::Standstill;
use crate::site::{ClosedSet, Node, Service, ServiceState, ServicesSeen, SiteService, StartMode};
use crate::state::SiteState;

const NOT_SEEN: &str = "The services of the site server are not watched, or not known now.";

/// What SMS Writer may run as.
const LOCAL_SYSTEM: [&str; 3] = ["LocalSystem", r".\LocalSystem", r"NT AUTHORITY\SYSTEM"];

/// The services of the machine on which the site runs, as far as is known.
fn seen(state: &SiteState) -> Result<&ServicesSeen, Finding> {
    match state.observed(&state.services) {
        None => Err(Finding::unknown(NOT_SEEN)),
        Some(seen) if seen.node() == Some(Node::Unclear) => Err(Finding::unknown(
            "The site has several servers, and which of them is the active one cannot be told.",
        )),
        Some(seen) => Ok(seen),
    }
}

pub(super) fn sms_writer(state: &SiteState, assessment: &Assessment) -> Finding {
    let seen = match seen(state) {
        Ok(seen) => seen,
        Err(finding) => return finding,
    };
    let Some(writer) = seen.of(SiteService::VssWriter) else { return Finding::unknown(NOT_SEEN) };
    let sql_writer = seen.of(SiteService::SqlWriter).filter(|service| {
        service.state != ServiceState::Missing && !is_up(service) && state.database_is_here() != Some(false)
    });
    let may_stand_still = Standstill::of(Some(SiteService::VssWriter), state, assessment);
    if let Some(why) = may_stand_still.filter(|_| !is_up(writer) || sql_writer.is_some()) {
        return Finding::unknown(why.words());
    }
    if !is_up(writer) {
        return down(SiteService::VssWriter, writer, "no backup can succeed");
    }
    let account = writer.account.as_deref();
    if let Some(account) = account.filter(|own| !LOCAL_SYSTEM.iter().any(|is| own.eq_ignore_ascii_case(is))) {
        return Finding::failed(
            format!("SMS_SITE_VSS_WRITER runs as {account}, and SMS Writer works only as LocalSystem."),
            "Run `sc.exe config SMS_SITE_VSS_WRITER obj= LocalSystem`, then `Restart-Service SMS_SITE_VSS_WRITER`.",
        );
    }
    match sql_writer {
        Some(service) => {
            down(SiteService::SqlWriter, service, "SQL Server's files cannot be in the snapshot")
        }
        None => Finding::passed("SMS_SITE_VSS_WRITER is running."),
    }
}

pub(super) fn backup_service(state: &SiteState, _: &Assessment) -> Finding {
    const MANUAL: &str = "Run `sc.exe config SMS_SITE_BACKUP start= demand`.";
    let seen = match seen(state) {
        Ok(seen) => seen,
        Err(finding) => return finding,
    };
    let Some(service) = seen.of(SiteService::Backup) else { return Finding::unknown(NOT_SEEN) };
    if service.state == ServiceState::Missing {
        return Finding::failed("SMS_SITE_BACKUP is missing: no backup can be made.", REPAIR);
    }
    match service.start {
        Some(StartMode::Disabled) => {
            return Finding::failed("SMS_SITE_BACKUP is disabled: no backup can start.", MANUAL);
        }
        Some(StartMode::Automatic) => {
            let finding = "SMS_SITE_BACKUP is automatic: it runs a backup whenever the server starts.";
            return Finding::failed(finding, MANUAL);
        }
        Some(StartMode::Manual) | None => {}
    }
    if seen.of(SiteService::Vss).is_some_and(|vss| vss.start == Some(StartMode::Disabled)) {
        return Finding::failed(
            "VSS (Volume Shadow Copy) is disabled: no snapshot can be taken.",
            "Run `sc.exe config VSS start= demand`.",
        );
    }
    // It runs until the next snapshot, and does not come back from that.
    let disabled = |name: &SiteService| {
        seen.of(*name).is_some_and(|service| is_up(service) && service.start == Some(StartMode::Disabled))
    };
    if let Some(name) = SiteService::STOPPED_FOR_SNAPSHOT.into_iter().find(disabled) {
        return Finding::failed(
            format!("{name} is running and disabled: it will not come back after the next snapshot."),
            format!("Run `sc.exe config {name} start= auto`."),
        );
    }
    let is = words(service);
    if service.start.is_none() {
        return Finding::unknown(format!("SMS_SITE_BACKUP is {is}; how it is started cannot be told."));
    }
    Finding::passed(format!("SMS_SITE_BACKUP is manual, as it should be, and {is}."))
}

pub(super) fn services_recovered(state: &SiteState, assessment: &Assessment) -> Finding {
    let seen = match seen(state) {
        Ok(seen) => seen,
        Err(finding) => return finding,
    };
    let all = SiteService::STOPPED_FOR_SNAPSHOT.into_iter();
    let known: Vec<_> = all.filter_map(|name| Some((name, seen.of(name)?))).collect();
    if known.is_empty() {
        return Finding::unknown(NOT_SEEN);
    }
    let Some((name, service)) = known.into_iter().find(|(_, service)| !is_up(service)) else {
        return Finding::passed("SMS_EXECUTIVE and SMS_SITE_COMPONENT_MANAGER are running.");
    };
    match Standstill::of(Some(name), state, assessment) {
        Some(why) => Finding::unknown(format!("{name} is {}. {}", words(service), why.words())),
        None => down(name, service, "the site does not work"),
    }
}

pub(super) fn control_file_applied(state: &SiteState, _: &Assessment) -> Finding {
    let seen = match seen(state) {
        Ok(seen) => seen,
        Err(finding) => return finding,
    };
    let files = state.observed(&state.snapshot.task_files);
    let Some(changed) = files.and_then(|files| files.control_file).map(|file| file.modified) else {
        return Finding::unknown("When smsbkup.ctl was changed is not known.");
    };
    let writer = seen.of(SiteService::VssWriter).filter(|writer| is_up(writer));
    let Some(started) = writer.and_then(|writer| writer.started) else {
        return Finding::unknown("SMS_SITE_VSS_WRITER is not running, or since when it is cannot be told.");
    };
    let [changed_at, started_at] = [changed, started].map(|time| time.format("%F %H:%M UTC"));
    if changed > started {
        return Finding::failed(
            format!(
                "smsbkup.ctl was changed at {changed_at}, and SMS_SITE_VSS_WRITER has been running since {started_at}: \
                 the change is not in effect."
            ),
            "Run `Restart-Service SMS_SITE_VSS_WRITER` while no backup runs.",
        );
    }
    Finding::passed(format!("SMS_SITE_VSS_WRITER was started after smsbkup.ctl was changed at {changed_at}."))
}

const REPAIR: &str = "Repair the site on this server: run ConfigMgr's setup and choose a site reset.";

fn is_up(service: &Service) -> bool {
    service.state == ServiceState::Running
}

/// The state of a service, as `stopped and disabled`.
fn words(service: &Service) -> String {
    let state = service.state.label().replace('_', " ");
    if service.start == Some(StartMode::Disabled) { format!("{state} and disabled") } else { state }
}

/// That a service does not run which should.
fn down(name: SiteService, service: &Service, so: &str) -> Finding {
    let advice = match (service.state, service.start) {
        (ServiceState::Missing, _) => REPAIR.to_owned(),
        (_, Some(StartMode::Disabled)) => {
            format!("Run `sc.exe config {name} start= auto`, then `Start-Service {name}`.")
        }
        _ => format!("Run `Start-Service {name}`; if it does not stay up, look at the System event log."),
    };
    Finding::failed(format!("{name} is {}: {so}.", words(service)), advice)
}

#[cfg(test)]
mod tests;
