//! Which services are not as they should be, in words: for pages and for `check`.
//!
//! That SMS_SITE_BACKUP is stopped is as it should be, and so is that the others are around a snapshot; on a passive site
//! server nothing is expected of any. What it means for the backup is for the checks to say.

use super::{Assessment, Standstill, Verdict};
use crate::site::{ClosedSet, SQL_BACKUP_SERVICES, Service, ServiceState, SiteService, StartMode};
use crate::state::SiteState;

/// What is wrong with a service of this name, if anything, as the rest of a sentence that begins with its name.
pub fn amiss(
    name: &str,
    service: &Service,
    state: &SiteState,
    assessment: &Assessment,
) -> Option<&'static str> {
    let known = SiteService::from_label(name);
    let nobody_expects_it = known.is_none() && !name.starts_with(SQL_BACKUP_SERVICES);
    if nobody_expects_it || assessment.verdict == Verdict::Passive {
        return None;
    }
    if service.state == ServiceState::Missing {
        let must_exist = known.is_some_and(SiteService::is_on_every_site_server);
        return must_exist.then_some("does not exist on this machine");
    }
    if service.start == Some(StartMode::Disabled) {
        return Some("is disabled");
    }
    if known == Some(SiteService::Backup) && service.start == Some(StartMode::Automatic) {
        return Some("starts with the machine, and a backup with it");
    }
    // What writes the database's part runs all the time too.
    if !known.is_none_or(SiteService::always_runs) || Standstill::of(known, state, assessment).is_some() {
        return None;
    }
    match service.state {
        ServiceState::Running | ServiceState::Missing => None,
        ServiceState::Stopped => Some("is stopped"),
        ServiceState::StartPending | ServiceState::ContinuePending => Some("is still starting"),
        ServiceState::StopPending => Some("is stopping"),
        ServiceState::PausePending | ServiceState::Paused => Some("is paused"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assessment::samples::{GOOD, Rig, at};
    use crate::assessment::{Check, CheckState};
    use crate::site::ServicesSeen;

    /// A run that has not taken its snapshot yet.
    const RUN: [(i64, &str); 3] = [(0, "500"), (1, "5055"), (10, "6829")];

    /// A site whose last backup is long over, or that has one at minute 11.
    fn rig(in_run: bool) -> Rig {
        let mut rig = Rig::with(|_| {});
        rig.log(-600, GOOD);
        if in_run {
            rig.log(0, &RUN);
        }
        rig
    }

    fn wrong(rig: &Rig, minute: i64, name: &str, service: &Service) -> Option<&'static str> {
        amiss(name, service, &rig.state, &rig.assess(minute))
    }

    #[test]
    fn what_is_wrong_depends_on_the_service_and_on_whether_a_backup_runs() {
        use ServiceState::{Missing, Paused, Running, StartPending, StopPending, Stopped};
        let missing = Some("does not exist on this machine");
        for (name, state, idle, in_run) in [
            ("SMS_SITE_BACKUP", Stopped, None, None),
            ("SMS_SITE_BACKUP", Running, None, None),
            ("SMS_SITE_BACKUP", Missing, missing, missing),
            ("SMS_SITE_VSS_WRITER", Running, None, None),
            ("SMS_SITE_VSS_WRITER", Stopped, Some("is stopped"), None),
            ("SMS_EXECUTIVE", StartPending, Some("is still starting"), None),
            ("SMS_EXECUTIVE", StopPending, Some("is stopping"), None),
            ("SMS_EXECUTIVE", Missing, missing, missing),
            ("SMS_SITE_COMPONENT_MANAGER", Paused, Some("is paused"), None),
            ("SQLWriter", Stopped, Some("is stopped"), None),
            ("SQLWriter", Missing, None, None),
            ("VSS", Stopped, None, None),
            ("VSS", Missing, None, None),
            ("SMS_SITE_SQL_BACKUP_cm01.corp.example", Stopped, Some("is stopped"), None),
            ("SMS_SITE_SQL_BACKUP_cm01.corp.example", Missing, None, None),
            ("Spooler", Stopped, None, None),
        ] {
            let service = Service::in_state(state);
            assert_eq!(wrong(&rig(false), 11, name, &service), idle, "{name} {state}");
            assert_eq!(wrong(&rig(true), 11, name, &service), in_run, "{name} {state} in a run");
        }
    }

    #[test]
    fn what_smswriter_stops_has_the_same_time_to_come_back_as_in_its_check() {
        let stopped = Service::in_state(ServiceState::Stopped);
        for (log, minute, expected) in [
            (&[][..], 11, None),
            (&[(20, "6833")], 34, None),
            (&[(20, "6833")], 35, Some("is stopped")),
            (&[(20, "-5060"), (21, "501")], 25, None),
            (&[(20, "-5060"), (21, "501")], 26, Some("is stopped")),
        ] {
            for name in SiteService::STOPPED_FOR_SNAPSHOT {
                let mut rig = rig(true);
                rig.log(0, log);
                let services = [(name.label().into(), stopped.clone())].into();
                rig.services(minute, ServicesSeen { services, ..ServicesSeen::default() });
                assert_eq!(wrong(&rig, minute, name.label(), &stopped), expected, "{name} {minute}");
                let (check, _) = rig.check(minute, Check::ServicesRecovered);
                assert_eq!(check == CheckState::Failed, expected.is_some(), "{name} {minute}");
            }
        }
    }

    #[test]
    fn on_a_server_that_has_just_started_nothing_stands_still_for_long() {
        let stopped = Service::in_state(ServiceState::Stopped);
        let mut rig = rig(false);
        rig.services(0, ServicesSeen { booted: Some(at(0)), ..ServicesSeen::default() });
        for name in ["SMS_EXECUTIVE", "SMS_SITE_VSS_WRITER", "SQLWriter"] {
            assert_eq!(wrong(&rig, 14, name, &stopped), None, "{name}");
            assert_eq!(wrong(&rig, 15, name, &stopped), Some("is stopped"), "{name}");
        }
    }

    #[test]
    fn a_disabled_service_is_wrong_at_any_time() {
        for name in ["SMS_SITE_BACKUP", "VSS", "SMS_EXECUTIVE"] {
            let service =
                Service { start: Some(StartMode::Disabled), ..Service::in_state(ServiceState::Running) };
            for in_run in [false, true] {
                assert_eq!(wrong(&rig(in_run), 11, name, &service), Some("is disabled"), "{name}");
            }
        }
    }

    #[test]
    fn a_backup_service_that_starts_with_the_machine_is_wrong() {
        let service =
            Service { start: Some(StartMode::Automatic), ..Service::in_state(ServiceState::Stopped) };
        let backup = wrong(&rig(false), 0, "SMS_SITE_BACKUP", &service);
        assert_eq!(backup, Some("starts with the machine, and a backup with it"));
        assert_eq!(wrong(&rig(false), 0, "VSS", &service), None);
    }

    #[test]
    fn on_a_passive_site_server_nothing_is_wrong() {
        let rig = rig(false);
        let mut assessment = rig.assess(0);
        let service = Service::in_state(ServiceState::Stopped);
        assert!(amiss("SMS_EXECUTIVE", &service, &rig.state, &assessment).is_some());
        assessment.verdict = Verdict::Passive;
        assert_eq!(amiss("SMS_EXECUTIVE", &service, &rig.state, &assessment), None);
    }
}
