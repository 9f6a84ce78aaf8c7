//! Which services are not as they should be, in words: for pages and for `check`.
//!
//! That SMS_SITE_BACKUP is stopped is as it should be, and so is that the others are while a backup runs; on a passive
//! site server nothing is expected of any. What it means for the backup is for the checks to say.

use super::{Assessment, Verdict};
use crate::site::{ClosedSet, SQL_BACKUP_SERVICES, Service, ServiceState, SiteService, StartMode};

/// When a service runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Runs {
    /// All the time.
    Always,
    /// While it is needed.
    WhenNeeded,
}

/// What is wrong with a service of this name, if anything, as the rest of a sentence that begins with its name.
pub fn amiss(name: &str, service: &Service, assessment: &Assessment) -> Option<&'static str> {
    if assessment.verdict == Verdict::Passive {
        return None;
    }
    let (runs, may_be_missing) = expected(name)?;
    if service.state == ServiceState::Missing {
        return (!may_be_missing).then_some("does not exist on this machine");
    }
    if service.start == Some(StartMode::Disabled) {
        return Some("is disabled");
    }
    if name == SiteService::Backup.label() && service.start == Some(StartMode::Automatic) {
        return Some("starts with the machine, and a backup with it");
    }
    if runs == Runs::WhenNeeded || assessment.runs.in_progress == Some(true) {
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

/// When a service should run, and whether a site server may lack it; `None` for one that nobody expects anything of.
fn expected(name: &str) -> Option<(Runs, bool)> {
    use SiteService::{Backup, ComponentManager, Executive, SqlWriter, Vss, VssWriter};
    let service = ClosedSet::from_label(name);
    Some(match service {
        Some(Backup) => (Runs::WhenNeeded, false),
        Some(Vss) => (Runs::WhenNeeded, true),
        Some(VssWriter | Executive | ComponentManager) => (Runs::Always, false),
        // The database may be on another machine.
        Some(SqlWriter) => (Runs::Always, true),
        None if name.starts_with(SQL_BACKUP_SERVICES) => (Runs::Always, true),
        None => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::assessment::assess;
    use crate::config::SiteSettings;
    use crate::site::Timestamp;
    use crate::state::SiteState;

    fn assessment(in_progress: bool) -> Assessment {
        let state =
            SiteState::new(Arc::new(SiteSettings::new("P01".parse().unwrap())), Timestamp::UNIX_EPOCH);
        let mut assessment = assess(&state, Timestamp::UNIX_EPOCH);
        assessment.runs.in_progress = Some(in_progress);
        assessment
    }

    #[test]
    fn what_is_wrong_depends_on_the_service_and_on_whether_a_backup_runs() {
        use ServiceState::{Missing, Paused, Running, StartPending, StopPending, Stopped};
        for (name, state, idle, in_run) in [
            ("SMS_SITE_BACKUP", Stopped, None, None),
            ("SMS_SITE_BACKUP", Running, None, None),
            (
                "SMS_SITE_BACKUP",
                Missing,
                Some("does not exist on this machine"),
                Some("does not exist on this machine"),
            ),
            ("SMS_SITE_VSS_WRITER", Running, None, None),
            ("SMS_SITE_VSS_WRITER", Stopped, Some("is stopped"), None),
            ("SMS_EXECUTIVE", StartPending, Some("is still starting"), None),
            ("SMS_EXECUTIVE", StopPending, Some("is stopping"), None),
            ("SMS_SITE_COMPONENT_MANAGER", Paused, Some("is paused"), None),
            ("SQLWriter", Stopped, Some("is stopped"), None),
            ("SQLWriter", Missing, None, None),
            ("VSS", Stopped, None, None),
            ("SMS_SITE_SQL_BACKUP_cm01.corp.example", Stopped, Some("is stopped"), None),
            ("Spooler", Stopped, None, None),
        ] {
            let service = Service::in_state(state);
            assert_eq!(amiss(name, &service, &assessment(false)), idle, "{name} {state}");
            assert_eq!(amiss(name, &service, &assessment(true)), in_run, "{name} {state} in a run");
        }
    }

    #[test]
    fn a_disabled_service_is_wrong_at_any_time() {
        for name in ["SMS_SITE_BACKUP", "VSS", "SMS_EXECUTIVE"] {
            let service =
                Service { start: Some(StartMode::Disabled), ..Service::in_state(ServiceState::Running) };
            for in_progress in [false, true] {
                assert_eq!(amiss(name, &service, &assessment(in_progress)), Some("is disabled"), "{name}");
            }
        }
    }

    #[test]
    fn a_backup_service_that_starts_with_the_machine_is_wrong() {
        let service =
            Service { start: Some(StartMode::Automatic), ..Service::in_state(ServiceState::Stopped) };
        let wrong = amiss("SMS_SITE_BACKUP", &service, &assessment(false));
        assert_eq!(wrong, Some("starts with the machine, and a backup with it"));
        assert_eq!(amiss("VSS", &service, &assessment(false)), None);
    }

    #[test]
    fn on_a_passive_site_server_nothing_is_wrong() {
        let mut assessment = assessment(false);
        let service = Service::in_state(ServiceState::Stopped);
        assert!(amiss("SMS_EXECUTIVE", &service, &assessment).is_some());
        assessment.verdict = Verdict::Passive;
        assert_eq!(amiss("SMS_EXECUTIVE", &service, &assessment), None);
    }
}
