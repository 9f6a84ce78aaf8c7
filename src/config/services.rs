//! How the services of a site are asked, and when its backup service may be restarted.

use std::path::PathBuf;
use std::time::Duration;

use crate::site::RestartMode;

/// How often services are asked unless the configuration says otherwise.
pub const DEFAULT_SERVICES_INTERVAL: Duration = Duration::from_secs(30);

/// How long one command may take unless the configuration says otherwise.
pub const DEFAULT_COMMAND_TIMEOUT: Duration = Duration::from_secs(60);

/// Where the services of a site are, and how often they are asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServicesConfig {
    /// Who is asked.
    pub control: ServiceControl,
    /// The machine: another than this one where Windows is asked, the one that a command speaks for.
    pub machine: Option<String>,
    /// From one look to the next.
    pub interval: Duration,
}

/// Who is asked about services.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceControl {
    /// Windows: the service control manager of this or another machine.
    Windows,
    /// A program of the user's, which knows only SMS_SITE_BACKUP.
    Command(CommandConfig),
}

/// What a command takes beyond its timeout: it is killed, and the rest of its output is read.
const AFTER_TIMEOUT: Duration = Duration::from_secs(5);

impl ServicesConfig {
    /// How long a look may take; `None` for the time that every source has.
    ///
    /// A command ends within it even where it times out: its own words tell more than that nobody answered.
    pub fn look_deadline(&self) -> Option<Duration> {
        match &self.control {
            ServiceControl::Windows => None,
            ServiceControl::Command(command) => {
                Some(command.timeout.max(DEFAULT_COMMAND_TIMEOUT) + AFTER_TIMEOUT)
            }
        }
    }

    /// How long one call of whoever is asked may take: a command is preceded by another one that tells the state.
    pub fn call_deadline(&self, of_windows: Duration) -> Duration {
        match &self.control {
            ServiceControl::Windows => of_windows,
            ServiceControl::Command(command) => of_windows.max(command.timeout * 2 + AFTER_TIMEOUT),
        }
    }

    /// Whether they are the services of the machine on which this process runs.
    pub fn is_local(&self) -> bool {
        self.control == ServiceControl::Windows && self.machine.is_none()
    }
}

/// Programs that ask for the state of SMS_SITE_BACKUP, start and stop it; each is run as it is, without a shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandConfig {
    /// Tells the state.
    pub state: Vec<String>,
    /// How its answer says that the service runs.
    pub running: CommandAnswer,
    /// How its answer says that the service is stopped.
    pub stopped: CommandAnswer,
    /// Starts the service; `None` where it is not to be started.
    pub start: Option<Vec<String>>,
    /// Stops the service; `None` where it is not to be stopped.
    pub stop: Option<Vec<String>>,
    /// How long each of them may take.
    pub timeout: Duration,
}

impl CommandConfig {
    /// All that is run, each with its arguments.
    pub(super) fn programs(&self) -> impl Iterator<Item = &[String]> {
        [Some(&self.state), self.start.as_ref(), self.stop.as_ref()].into_iter().flatten().map(Vec::as_slice)
    }
}

/// How a state is recognised; where one answer is a text and the other the exit code 0, the text counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandAnswer {
    /// By the exit code.
    Exit(i32),
    /// By a text in the output, of a command that exits with 0; case does not matter.
    Text(String),
}

/// When the backup service of a site is restarted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemediationConfig {
    /// What may be done.
    pub mode: RestartMode,
    /// Attempts within 24 hours.
    pub max_attempts_per_day: u32,
    /// Between two attempts.
    pub cooldown: Duration,
    /// How old a failure may be.
    pub max_failure_age: Duration,
    /// At which time of day, in the site's local time; `None` for the task's own window and three hours more.
    pub window: Option<DayWindow>,
    /// Whether a stalled run may be stopped.
    pub stop_stalled: bool,
    /// After how long without a line a failed run that has not ended may be stopped.
    pub hung_after: Duration,
    /// Nothing is restarted while this file exists.
    pub pause_file: Option<PathBuf>,
}

/// A part of each day, in minutes after midnight; one that ends before it begins crosses midnight, and one that ends
/// when it begins is the whole day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayWindow {
    /// Its first minute.
    pub begin: u16,
    /// The minute after its last.
    pub end: u16,
}

impl RemediationConfig {
    /// What holds unless the configuration says otherwise; nothing is restarted where no services are known.
    pub fn for_services(services: Option<&ServicesConfig>) -> Self {
        let mode = match services {
            None => RestartMode::Off,
            Some(services) if services.is_local() => RestartMode::Restart,
            Some(_) => RestartMode::Observe,
        };
        Self {
            mode,
            max_attempts_per_day: 2,
            cooldown: Duration::from_secs(30 * 60),
            max_failure_age: Duration::from_secs(24 * 3600),
            window: None,
            stop_stalled: false,
            hung_after: Duration::from_secs(3600),
            pause_file: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(seconds: u64) -> ServiceControl {
        ServiceControl::Command(CommandConfig {
            state: Vec::new(),
            running: CommandAnswer::Exit(0),
            stopped: CommandAnswer::Exit(1),
            start: None,
            stop: None,
            timeout: Duration::from_secs(seconds),
        })
    }

    #[test]
    fn a_look_waits_until_a_command_has_timed_out() {
        for seconds in [1, 60, 100] {
            let command = command(seconds);
            let services =
                ServicesConfig { control: command, machine: None, interval: Duration::from_secs(30) };
            let deadline = services.look_deadline().unwrap().as_secs();
            assert!(deadline > seconds + 1 && deadline > 60, "{seconds}: {deadline}");
        }
    }

    #[test]
    fn a_call_of_a_command_may_take_as_long_as_both_its_programs() {
        let services = |control| ServicesConfig { control, machine: None, interval: Duration::from_secs(30) };
        let usual = Duration::from_secs(60);
        for (control, seconds) in [(ServiceControl::Windows, 60), (command(1), 60), (command(60), 125)] {
            assert_eq!(services(control).call_deadline(usual).as_secs(), seconds);
        }
    }
}
