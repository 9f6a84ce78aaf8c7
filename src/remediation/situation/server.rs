//! What the table asks of the machine, of SMS_SITE_BACKUP and of the task.

use super::{Situation, moment};
use crate::config::ServiceControl;
use crate::remediation::inputs::{NodeSeen, ServiceSeen, StartSeen, TaskSeen, Watched};
use crate::site::{
    BackupRun, ClosedSet, Node, Service, ServiceState, ServicesSeen, SiteService, StartMode, same_machine,
};
use crate::source::SourceKind;
use crate::source::site_database::Topic;
use Watched::{Failing, Known, NotWatched};

impl<'a> Situation<'a> {
    pub(in crate::remediation) fn services(&self) -> Watched<&'a ServicesSeen> {
        let Some(source) = self.source(SourceKind::Services) else {
            return if self.state.settings.services.is_some() { Failing } else { NotWatched };
        };
        // One look that failed is enough: an attempt would fail as it did.
        let seen = self.state.services.as_ref().filter(|_| self.is_heard(source));
        seen.map_or(Failing, |seen| Known(&seen.value))
    }

    fn control(&self) -> Option<&'a ServiceControl> {
        self.state.settings.services.as_ref().map(|services| &services.control)
    }

    /// Something of the site server that commands never tell.
    pub(in crate::remediation) fn told_by_windows<T>(
        &self,
        of: impl FnOnce(&'a ServicesSeen) -> Option<T>,
    ) -> Watched<T> {
        match self.services() {
            Failing if matches!(self.control(), Some(ServiceControl::Command(_))) => NotWatched,
            services => services.and_then(of),
        }
    }

    pub(in crate::remediation) fn other(&self, service: SiteService) -> Watched<&'a Service> {
        self.told_by_windows(|seen| seen.of(service))
    }

    fn backup(&self) -> Watched<&'a Service> {
        self.services().and_then(|seen| seen.of(SiteService::Backup))
    }

    pub(in crate::remediation) fn node(&self) -> Watched<NodeSeen> {
        self.told_by_windows(|seen| {
            let other = |(run, own): (&str, &str)| !same_machine(run, own);
            let machines = self.run.and_then(|run| run.machine.as_deref()).zip(seen.machine.as_deref());
            match seen.node() {
                Some(Node::Passive) => Some(NodeSeen::Passive),
                Some(Node::Unclear) => Some(NodeSeen::Unclear),
                _ if machines.is_some_and(other) => Some(NodeSeen::OtherMachine),
                Some(Node::Active) => Some(NodeSeen::Active),
                None => None,
            }
        })
    }

    pub(in crate::remediation) fn node_words(&self) -> String {
        let Known(seen) = self.services() else {
            let why = self.silence_of(SourceKind::Services);
            return format!("Whether this is the active site server cannot be seen: {why}.");
        };
        let own = seen.machine.as_deref().unwrap_or("this machine");
        let names = |active: bool| {
            let servers = seen.site_servers.iter().flatten().filter(|server| server.active || !active);
            servers.map(|server| &*server.name).collect::<Vec<_>>().join(", ")
        };
        match self.node() {
            Known(NodeSeen::Passive) => format!(
                "{own} is the passive site server; {} is the active one, and the exporter there restarts backups.",
                names(true)
            ),
            Known(NodeSeen::OtherMachine) => format!(
                "{} failed on {}, and this is {own}: only the server that ran it tries it again.",
                self.the_run_at_first(),
                self.run.and_then(|run| run.machine.as_deref()).unwrap_or("another machine")
            ),
            _ => format!(
                "The site has the servers {}, and which of them is active cannot be told from the registry of {own} \
                 (SMS\\Identification, Site Servers). Start a backup on the active one by hand.",
                names(false)
            ),
        }
    }

    pub(in crate::remediation) fn service(&self) -> Watched<ServiceSeen> {
        self.backup().map(|service| match service.state {
            ServiceState::Stopped => ServiceSeen::Stopped,
            ServiceState::Running => ServiceSeen::Running,
            ServiceState::Missing => ServiceSeen::Missing,
            ServiceState::StartPending
            | ServiceState::StopPending
            | ServiceState::ContinuePending
            | ServiceState::PausePending
            | ServiceState::Paused => ServiceSeen::Changing,
        })
    }

    pub(in crate::remediation) fn service_label(&self) -> &'static str {
        match self.backup() {
            Known(service) => service.state.label(),
            Failing | NotWatched => "not seen",
        }
    }

    /// Why nothing stops what runs as this run's process, without a full stop; `None` where it can be stopped.
    pub(in crate::remediation) fn unstoppable(&self, run: &BackupRun) -> Option<String> {
        let Known(service) = self.backup() else { return Some("nobody watches the service".to_owned()) };
        if service.state != ServiceState::Running {
            return Some(format!("the service is {}", service.state.label().replace('_', " ")));
        }
        if let Some(started) = service.started.filter(|started| *started > run.last) {
            return Some(format!("what runs was started at {}, after its last message", moment(started)));
        }
        match self.control() {
            Some(ServiceControl::Command(command)) if command.stop.is_none() => {
                Some("no command is configured for it (sites[].services.command.stop)".to_owned())
            }
            _ => None,
        }
    }

    pub(in crate::remediation) fn start(&self) -> Watched<StartSeen> {
        if matches!(self.control(), Some(ServiceControl::Command(command)) if command.start.is_none()) {
            return Known(StartSeen::NoCommand);
        }
        self.backup().and_then(|service| {
            Some(match service.start? {
                StartMode::Disabled => StartSeen::Disabled,
                StartMode::Automatic | StartMode::Manual => StartSeen::Possible,
            })
        })
    }

    pub(in crate::remediation) fn service_words(&self) -> String {
        match (self.service(), self.start()) {
            (_, Known(StartSeen::NoCommand)) => {
                "No command is configured that starts SMS_SITE_BACKUP (sites[].services.command.start).".to_owned()
            }
            (Known(ServiceSeen::Missing), _) => {
                "There is no service SMS_SITE_BACKUP on this machine: it is no site server, or ConfigMgr's setup has \
                 to repair it."
                    .to_owned()
            }
            (_, Known(StartSeen::Disabled)) => {
                "SMS_SITE_BACKUP is disabled. Set its start type to Manual if backups are meant to run.".to_owned()
            }
            (Known(_), _) => format!(
                "SMS_SITE_BACKUP is {}. If it stays so, end its process (smsbkup.exe) or restart the server.",
                self.service_label()
            ),
            (Failing | NotWatched, _) => {
                "Nobody watches SMS_SITE_BACKUP, so nothing can start it: configure sites[].services.".to_owned()
            }
        }
    }

    pub(in crate::remediation) fn task(&self) -> Watched<TaskSeen> {
        let task = self.state.database.task.as_ref();
        let seen = task.map(|task| if task.enabled { TaskSeen::Enabled } else { TaskSeen::Disabled });
        self.told_by_database(Topic::Task, seen)
    }

    pub(in crate::remediation) fn task_words(&self) -> String {
        if self.task() == Failing {
            let why = self.silence_of(SourceKind::Database);
            return format!("Whether the Backup Site Server task is enabled is not known: {why}.");
        }
        "The Backup Site Server task is disabled: somebody does not want backups now. Enable it (Administration, Sites, \
         Site Maintenance), or start a backup by hand."
            .to_owned()
    }
}
