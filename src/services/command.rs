//! A controller that runs programs of the user's for the state, the start and the stop of SMS_SITE_BACKUP.
//!
//! It knows no other service, and nothing of the machine but the name that the configuration has for it. An answer that
//! is neither of the two configured ones is an error and no state.

use std::collections::BTreeMap;
use std::io;
use std::process::ExitStatus;

use super::program::{Ended, Runner, Trouble};
use super::{ServiceController, ServiceError, ServiceErrorKind, Start};
use crate::config::{CommandAnswer, CommandConfig, format_duration};
use crate::site::{ClosedSet, Service, ServiceState, ServicesSeen, SiteService};

/// The most characters of a program's output that a message repeats.
const SHOWN: usize = 160;

const BY_HAND: &str = "run it by hand as the exporter's account";

/// SMS_SITE_BACKUP, by the user's own programs.
#[derive(Debug)]
pub(super) struct CommandServices {
    config: CommandConfig,
    machine: Option<Box<str>>,
    runner: Runner,
}

/// What a program is run for.
#[derive(Debug, Clone, Copy)]
enum Purpose {
    State,
    Start,
    Stop,
}

impl Purpose {
    fn key(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Start => "start",
            Self::Stop => "stop",
        }
    }
}

impl CommandServices {
    /// Runs these programs, which speak for this machine.
    pub(super) fn new(config: CommandConfig, machine: Option<&str>) -> Self {
        Self { config, machine: machine.map(Into::into), runner: Runner::default() }
    }

    fn error(
        &self,
        purpose: Purpose,
        service: SiteService,
        kind: ServiceErrorKind,
        what: &str,
    ) -> ServiceError {
        let verb = match purpose {
            Purpose::State => "ask for the state of",
            Purpose::Start => "start",
            Purpose::Stop => "stop",
        };
        let machine = self.machine.as_deref().map(|name| format!(" of {name}")).unwrap_or_default();
        ServiceError { kind, message: format!("cannot {verb} {service}{machine}: {what}") }
    }

    /// Refuses a service of which no program knows anything: it must not be another one that is started.
    fn known(&self, purpose: Purpose, service: SiteService) -> Result<(), ServiceError> {
        if service == SiteService::Backup {
            return Ok(());
        }
        let what = format!("`services.command` knows {} only", SiteService::Backup);
        Err(self.error(purpose, service, ServiceErrorKind::Refused, &what))
    }

    fn run(&self, purpose: Purpose, arguments: Option<&[String]>) -> Result<Ended, ServiceError> {
        let error = |kind, what: &str| self.error(purpose, SiteService::Backup, kind, what);
        let key = purpose.key();
        let Some((program, arguments)) = arguments.and_then(<[String]>::split_first) else {
            let what = format!("no program does it; write one as `services.command.{key}`");
            return Err(error(ServiceErrorKind::Refused, &what));
        };
        let timeout = self.config.timeout;
        self.runner.run(program, arguments, timeout).map_err(|trouble| {
            let (kind, remedy) = match &trouble {
                Trouble::NotStarted(cause) => match cause.kind() {
                    io::ErrorKind::NotFound => (
                        ServiceErrorKind::NotFound,
                        format!(
                            "check the path in `services.command.{key}`, and the interpreter of a script"
                        ),
                    ),
                    io::ErrorKind::PermissionDenied => (
                        ServiceErrorKind::AccessDenied,
                        "let the exporter's account run it as a program".to_owned(),
                    ),
                    _ => (ServiceErrorKind::Refused, BY_HAND.to_owned()),
                },
                Trouble::TimedOut => {
                    let timeout = format_duration(timeout);
                    (
                        ServiceErrorKind::Timeout,
                        format!("{BY_HAND}; it has {timeout} (`services.command.timeout`)"),
                    )
                }
                Trouble::TooManyLeft => (
                    ServiceErrorKind::Timeout,
                    "let it leave nothing running, or redirect what that prints".to_owned(),
                ),
                Trouble::Ending => (ServiceErrorKind::Refused, "start the exporter again".to_owned()),
                Trouble::Lost(_) => (ServiceErrorKind::Refused, BY_HAND.to_owned()),
            };
            error(kind, &format!("{} {}; {remedy}", cleaned(program), crate::error_chain(&trouble)))
        })
    }

    fn ask(&self) -> Result<ServiceState, ServiceError> {
        let ended = self.run(Purpose::State, Some(&self.config.state))?;
        let refused = |what: &str| {
            let line = first_line(&ended.stdout).or_else(|| first_line(&ended.stderr));
            let (ending, line) = (ending(ended.status), printed(line));
            let what = format!(
                "{} {what}: it {ending} and {line}; {BY_HAND}, and correct the answers",
                self.location()
            );
            self.error(Purpose::State, SiteService::Backup, ServiceErrorKind::Refused, &what)
        };
        // A text is the more specific answer: beside it, an exit code of 0 would always be given too.
        for answers in [by_text, by_exit_code] {
            match (answers(&ended, &self.config.running), answers(&ended, &self.config.stopped)) {
                (true, false) => return Ok(ServiceState::Running),
                (false, true) => return Ok(ServiceState::Stopped),
                (true, true) => return Err(refused("says both `running` and `stopped`")),
                (false, false) => {}
            }
        }
        Err(refused("says neither `running` nor `stopped`"))
    }

    /// Runs a program that does something, which its exit code tells.
    fn act(&self, purpose: Purpose, arguments: Option<&[String]>) -> Result<(), ServiceError> {
        let ended = self.run(purpose, arguments)?;
        if ended.status.success() {
            return Ok(());
        }
        let program =
            arguments.and_then(<[String]>::first).map(|program| cleaned(program)).unwrap_or_default();
        let line = first_line(&ended.stderr).or_else(|| first_line(&ended.stdout));
        let what = format!("{program} {} and {}; {BY_HAND}", ending(ended.status), printed(line));
        Err(self.error(purpose, SiteService::Backup, ServiceErrorKind::Refused, &what))
    }
}

impl ServiceController for CommandServices {
    /// The program that tells the state, without its arguments: they may hold a password.
    fn location(&self) -> String {
        self.config.state.first().map(|program| cleaned(program)).unwrap_or_default()
    }

    fn look(&self) -> Result<ServicesSeen, ServiceError> {
        let backup = Service::in_state(self.ask()?);
        let services = BTreeMap::from([(SiteService::Backup.label().into(), backup)]);
        Ok(ServicesSeen { machine: self.machine.clone(), services, ..ServicesSeen::default() })
    }

    fn state(&self, service: SiteService) -> Result<ServiceState, ServiceError> {
        self.known(Purpose::State, service)?;
        self.ask()
    }

    fn start(&self, service: SiteService) -> Result<Start, ServiceError> {
        self.known(Purpose::Start, service)?;
        // Whoever starts has asked just before. A refusal of a service that then runs may be this start's own doing.
        self.act(Purpose::Start, self.config.start.as_deref()).map(|()| Start::Accepted)
    }

    fn stop(&self, service: SiteService) -> Result<(), ServiceError> {
        self.known(Purpose::Stop, service)?;
        if self.ask()? == ServiceState::Stopped {
            return Ok(());
        }
        self.act(Purpose::Stop, self.config.stop.as_deref())
    }

    fn end(&self) {
        self.runner.end();
    }
}

fn by_text(ended: &Ended, answer: &CommandAnswer) -> bool {
    match answer {
        CommandAnswer::Text(text) => {
            ended.status.success() && ended.stdout.to_lowercase().contains(&text.to_lowercase())
        }
        CommandAnswer::Exit(_) => false,
    }
}

fn by_exit_code(ended: &Ended, answer: &CommandAnswer) -> bool {
    match answer {
        CommandAnswer::Text(_) => false,
        CommandAnswer::Exit(code) => ended.status.code() == Some(*code),
    }
}

fn ending(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("exited with {code}"),
        None => format!("was ended by {status}"),
    }
}

fn printed(line: Option<String>) -> String {
    line.map_or_else(|| "printed nothing".to_owned(), |line| format!("printed \"{line}\""))
}

/// The first line with anything in it.
fn first_line(output: &str) -> Option<String> {
    output.lines().map(cleaned).find(|line| !line.is_empty())
}

/// A text of somebody else's on one line of a message.
fn cleaned(text: &str) -> String {
    let text = text.trim();
    let visible = |c: char| if c.is_control() || matches!(c, '\u{2028}'..='\u{202e}') { '?' } else { c };
    let mut shown: String = text.chars().take(SHOWN).map(visible).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push_str("...");
    }
    shown
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
