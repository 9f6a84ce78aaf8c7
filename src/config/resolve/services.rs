//! The section `services`: on which machine the site's services are, and who is asked for them.

use std::path::Path;

use super::{MINUTE, SECOND};
use crate::config::origin::Origins;
use crate::config::paths::same_path;
use crate::config::problem::Fault;
use crate::config::section::{Entry, Field, Section};
use crate::config::{
    CommandAnswer, CommandConfig, DEFAULT_COMMAND_TIMEOUT, DEFAULT_SERVICES_INTERVAL, ServiceControl,
    ServicesConfig, SiteConfig, fields,
};
use crate::platform::EXIT_CODES;
use crate::site::same_machine;

/// Reads the section; `windows` is whether this process can ask Windows.
pub(super) fn read(
    entry: &Entry<'_>,
    base: &Path,
    windows: bool,
    others: &[SiteConfig],
    origins: &mut Origins,
) -> Option<ServicesConfig> {
    let mut section = entry.section()?;
    let mut field = Field { section: &mut section, prefix: "services.", origins };
    let machine = field.read("machine", fields::machine);
    let interval = field.duration("interval", SECOND, MINUTE * 10).unwrap_or(DEFAULT_SERVICES_INTERVAL);
    let command_entry = section.take("command");
    let command = command_entry.as_ref().map(|entry| command(entry, base, origins));
    section.close();
    let control = match command {
        Some(command) => ServiceControl::Command(command?),
        None => ServiceControl::Windows,
    };
    if control == ServiceControl::Windows && !windows {
        let what = "services of Windows can only be controlled from Windows";
        entry.reject(Fault::new(what, "write the programs that do it as `command`, or remove the section"));
    }
    let services = ServicesConfig { control, machine, interval };
    let same =
        |site: &&SiteConfig| site.settings.services.as_ref().is_some_and(|other| is_same(other, &services));
    if let Some(other) = others.iter().find(same) {
        // Of two failed sites one would start the other's backup.
        let what = format!("are the services of site {} already", other.settings.code);
        entry.reject(Fault::new(what, "write those of this site's own site server"));
    }
    Some(services)
}

/// Whether they may be the same services: a machine has one site, and a program knows one service.
fn is_same(one: &ServicesConfig, other: &ServicesConfig) -> bool {
    if let (Some(one), Some(other)) = (&one.machine, &other.machine)
        && same_machine(one, other)
    {
        return true;
    }
    match (&one.control, &other.control) {
        (ServiceControl::Windows, ServiceControl::Windows) => one.is_local() && other.is_local(),
        (ServiceControl::Command(one), ServiceControl::Command(other)) => {
            // Also one site's `state` that is the other's `start`.
            one.programs().any(|one| other.programs().any(|other| runs_the_same(one, other)))
        }
        _ => false,
    }
}

fn command(entry: &Entry<'_>, base: &Path, origins: &mut Origins) -> Option<CommandConfig> {
    let mut section = entry.section()?;
    let remedy = "write the program that tells the service's state, as [/usr/local/bin/cm-backup, state]";
    let state_entry = section.require("state", remedy);
    let state = state_entry.and_then(|entry| arguments(&entry, "state", base, origins));
    let running = answer(&mut section, "running", origins);
    let stopped = answer(&mut section, "stopped", origins);
    // What was written and not understood is reported already.
    let [start, stop] = ["start", "stop"]
        .map(|key| section.take(key).and_then(|entry| arguments(&entry, key, base, origins)));
    let mut field = Field { section: &mut section, prefix: "services.command.", origins };
    // A look has a minute.
    let timeout = field.duration("timeout", SECOND, MINUTE).unwrap_or(DEFAULT_COMMAND_TIMEOUT);
    let written = [("state", &state), ("start", &start), ("stop", &stop)];
    if let Some((key, other)) = first_twins(&written) {
        let what = format!("is the same program with the same arguments as `{other}`");
        section.refuse(
            key,
            &what,
            "give each its own: whoever asks for the state must start and stop nothing",
        );
    }
    if let (Some(running), Some(stopped)) = (&running, &stopped)
        && let Some(what) = overlap(running, stopped)
    {
        section.refuse("stopped", what, "write for each an answer that the other never gives");
    }
    section.close();
    Some(CommandConfig { state: state?, running: running?, stopped: stopped?, start, stop, timeout })
}

/// The first key whose program is also that of a key before it.
fn first_twins<'k>(written: &[(&'k str, &Option<Vec<String>>)]) -> Option<(&'k str, &'k str)> {
    written.iter().enumerate().find_map(|(index, (key, list))| {
        let twin = |(_, other): &&(&str, &Option<Vec<String>>)| {
            list.as_ref().zip(other.as_ref()).is_some_and(|(list, other)| runs_the_same(list, other))
        };
        written.iter().take(index).find(twin).map(|(other, _)| (*key, *other))
    })
}

/// Whether two lists run one program with the same arguments, however their paths are written.
fn runs_the_same(one: &[String], other: &[String]) -> bool {
    let is_same = |(index, (one, other)): (usize, (&String, &String))| {
        // A name alone is a path too; an argument is one if it could not be an option, as `/S`.
        let are_paths = index == 0 || [one, other].iter().all(|text| text.rfind(['/', '\\']) > Some(0));
        one == other || (are_paths && same_path(Path::new(one), Path::new(other)))
    };
    one.len() == other.len() && one.iter().zip(other).enumerate().all(is_same)
}

/// Why two answers cannot be told from each other.
fn overlap(running: &CommandAnswer, stopped: &CommandAnswer) -> Option<&'static str> {
    match (running, stopped) {
        (CommandAnswer::Exit(running), CommandAnswer::Exit(stopped)) if running == stopped => {
            Some("is the exit code of `running`")
        }
        (CommandAnswer::Text(running), CommandAnswer::Text(stopped)) => {
            let (running, stopped) = (running.to_lowercase(), stopped.to_lowercase());
            (running.contains(&stopped) || stopped.contains(&running))
                .then_some("has a text that is part of the other's, `running`")
        }
        // A text speaks before an exit code.
        _ => None,
    }
}

fn arguments(entry: &Entry<'_>, key: &str, base: &Path, origins: &mut Origins) -> Option<Vec<String>> {
    origins.record(format!("services.command.{key}"), entry.origin());
    let items = entry.list()?;
    if items.is_empty() {
        entry.reject(Fault::new("an empty list", "write a program and its arguments, or remove the key"));
        return None;
    }
    let read = |(index, item): (usize, &Entry<'_>)| {
        item.parse(|text| if index == 0 { fields::program(text, base) } else { fields::argument(text) })
    };
    // All items, so that each problem is reported.
    let arguments: Vec<_> = items.iter().enumerate().map(read).collect();
    arguments.into_iter().collect()
}

fn answer(section: &mut Section<'_>, key: &'static str, origins: &mut Origins) -> Option<CommandAnswer> {
    let remedy = "write how the answer of `state` says so, as `{ exit: 0 }` or `{ text: STOPPED }`";
    let entry = section.require(key, remedy)?;
    origins.record(format!("services.command.{key}"), entry.origin());
    let mut section = entry.section()?;
    let exit = section.take("exit").map(|entry| entry.parse(|text| fields::exit_code(text, &EXIT_CODES)));
    let text = section.take("text").map(|entry| entry.parse(fields::answer));
    section.close();
    match (exit, text) {
        (None, None) => entry.reject(Fault::new("says neither `exit` nor `text`", remedy)),
        (Some(_), Some(_)) => {
            entry.reject(Fault::new("says both `exit` and `text`", "remove one of the two"));
        }
        (Some(exit), None) => return exit.map(CommandAnswer::Exit),
        (None, Some(text)) => return text.map(CommandAnswer::Text),
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::problem::{ConfigError, Problems};
    use crate::config::{SiteSettings, raw};

    /// What a section becomes beside other sites, or what is wrong with it.
    fn services(yaml: &str, windows: bool, others: &[SiteConfig]) -> Result<ServicesConfig, String> {
        let node = raw::read(yaml).unwrap();
        let (problems, mut origins) = (Problems::default(), Origins::default());
        let read = read(&Entry::root(&node, &problems), Path::new("/etc"), windows, others, &mut origins);
        match problems.into_inner() {
            none if none.is_empty() => Ok(read.unwrap()),
            problems => Err(ConfigError::new("x.yml", problems).to_string()),
        }
    }

    fn command(state: &str, more: &str) -> String {
        format!("command: {{ state: {state}, running: {{ exit: 0 }}, stopped: {{ exit: 1 }}{more} }}")
    }

    fn on_machine(name: &str, state: &str) -> String {
        format!("{{ machine: {name}, {} }}", command(state, ""))
    }

    const COMMAND: &str = "command: { state: [state], running: { exit: 0 }, stopped: { text: STOPPED } }";

    #[test]
    fn windows_is_asked_where_that_is_possible() {
        for (yaml, machine, is_local) in [("{}", None, true), ("{ machine: cm01 }", Some("cm01"), false)] {
            let config = services(yaml, true, &[]).unwrap();
            assert_eq!((config.machine.as_deref(), config.is_local()), (machine, is_local));
            assert_eq!(config.control, ServiceControl::Windows);
            assert_eq!(config.interval, DEFAULT_SERVICES_INTERVAL);
            let message = services(yaml, false, &[]).unwrap_err();
            assert!(message.contains("can only be controlled from Windows; write the programs"), "{message}");
        }
    }

    #[test]
    fn a_command_is_run_on_every_platform() {
        for windows in [false, true] {
            let config = services(&format!("{{ {COMMAND}, interval: 1s }}"), windows, &[]).unwrap();
            assert!(!config.is_local());
            let ServiceControl::Command(command) = config.control else { panic!("{config:?}") };
            assert_eq!(command.stopped, CommandAnswer::Text("STOPPED".to_owned()));
            assert_eq!((command.start, command.stop, command.timeout), (None, None, DEFAULT_COMMAND_TIMEOUT));
        }
    }

    #[test]
    fn no_program_exits_with_what_the_platform_does_not_have() {
        let yaml = |code: &str| {
            format!("{{ command: {{ state: [a], running: {{ exit: {code} }}, stopped: {{ exit: 3 }} }} }}")
        };
        for code in ["-1", "256", "1060"] {
            assert_eq!(services(&yaml(code), true, &[]).is_ok(), cfg!(windows), "{code}");
        }
        assert!(services(&yaml("255"), true, &[]).is_ok());
    }

    #[test]
    fn asking_starting_and_stopping_are_three_things() {
        for (state, start, stop, problem) in [
            ("[a, s]", "[a, s]", "[a, stop]", Some(("start", "state"))),
            ("[a, s]", "[a, start]", "[a, s]", Some(("stop", "state"))),
            ("[a, s]", "[a, start]", "[a, start]", Some(("stop", "start"))),
            ("[a]", "[a]", "[a]", Some(("start", "state"))),
            ("[/bin/a]", "[/bin/../BIN/./a]", "[b]", Some(("start", "state"))),
            ("[bin/a]", "[/etc/bin/a]", "[b]", Some(("start", "state"))),
            ("[sh, /etc/a.sh]", "[sh, /etc/x/../a.sh]", "[b]", Some(("start", "state"))),
            (r"['C:\a.cmd']", "['c:/A.cmd']", "[b]", Some(("start", "state"))),
            ("[a]", "[a, '']", "[a, x]", None),
            ("[a, /s]", "[a, /S]", "[a, -s]", None),
            ("[/bin/a]", "[/bin/b]", "[a]", None),
        ] {
            let yaml = format!(
                "{{ command: {{ state: {state}, running: {{ exit: 0 }}, stopped: {{ exit: 1 }}, \
                 start: {start}, stop: {stop} }} }}"
            );
            let message = services(&yaml, true, &[]).err();
            let wanted = problem.map(|(key, other)| {
                format!("x.yml:1: command.{key}: is the same program with the same arguments as `{other}`; give each its own")
            });
            match (&message, &wanted) {
                (Some(message), Some(wanted)) => {
                    assert!(message.starts_with(wanted) && message.lines().count() == 1, "{yaml}: {message}");
                }
                _ => assert_eq!(message, wanted, "{yaml}"),
            }
        }
    }

    #[test]
    fn two_sites_have_two_site_servers() {
        for (one, other, is_same) in [
            ("{}", "{}", true),
            ("{ machine: cm01 }", "{ machine: CM01.corp.example }", true),
            ("{ machine: cm01 }", "{ machine: cm02 }", false),
            ("{}", "{ machine: cm02 }", false),
            ("{}", COMMAND, false),
            (COMMAND, COMMAND, true),
            (&command("[/bin/a]", ""), &command("[/bin/../bin/A]", ""), true),
            (&command("[sh, /bin/a.sh]", ""), &command("[sh, /bin/./a.sh]", ""), true),
            (&command("[a]", ", start: [x]"), &command("[b]", ", start: [x]"), true),
            (&command("[a]", ", stop: [/etc/x]"), &command("[b]", ", stop: [x]"), false),
            (&command("[a]", ", stop: [/etc/x]"), &command("[b]", ", stop: [y/../x, '']"), false),
            (&command("[a]", ", stop: [/etc/x]"), &command("[b]", ", stop: [./y/../x]"), true),
            (&command("[a]", ", start: [x]"), &command("[x]", ""), true),
            (&command("[a]", ", start: [x, P01]"), &command("[b]", ", start: [x, P02]"), false),
            (&on_machine("cm01", "[a]"), &on_machine("CM01.corp.example", "[b]"), true),
            (&on_machine("cm01", "[a]"), &on_machine("cm02", "[b]"), false),
            (&on_machine("cm01", "[a]"), "{ machine: cm01 }", true),
        ] {
            let mut settings = SiteSettings::new("P01".parse().unwrap());
            settings.services = Some(services(one, true, &[]).unwrap());
            let second = services(other, true, &[SiteConfig::of(settings)]);
            let message = second.err().unwrap_or_default();
            assert_eq!(
                message.contains("are the services of site P01 already"),
                is_same,
                "{other}: {message}"
            );
        }
    }
}
