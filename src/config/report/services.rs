//! Who is asked about services, and when the backup service is restarted, as text.

use super::{Report, quoted, quoted_path};
use crate::config::duration::format_duration;
use crate::config::{
    CommandAnswer, CommandConfig, DayWindow, RemediationConfig, ServiceControl, ServicesConfig,
};

impl Report<'_> {
    pub(super) fn services(&mut self, services: Option<&ServicesConfig>) {
        let Some(services) = services else { return self.off("services") };
        self.heading("    services:");
        match (&services.machine, &services.control) {
            (Some(machine), _) => self.line("      machine: ", quoted(machine), "services.machine"),
            (None, ServiceControl::Windows) => self.unset("      # machine: this one"),
            (None, ServiceControl::Command(_)) => self.unset("      # machine: unknown"),
        }
        self.line("      interval: ", format_duration(services.interval), "services.interval");
        match &services.control {
            ServiceControl::Windows => self.unset("      # command: none, Windows is asked"),
            ServiceControl::Command(command) => self.command(command),
        }
    }

    fn command(&mut self, command: &CommandConfig) {
        self.heading("      command:");
        self.arguments("state", Some(&command.state));
        for (key, answer) in [("running", &command.running), ("stopped", &command.stopped)] {
            let value = match answer {
                CommandAnswer::Exit(code) => format!("{{ exit: {code} }}"),
                CommandAnswer::Text(text) => format!("{{ text: {} }}", quoted(text)),
            };
            self.line(&format!("        {key}: "), value, &format!("services.command.{key}"));
        }
        self.arguments("start", command.start.as_deref());
        self.arguments("stop", command.stop.as_deref());
        self.line("        timeout: ", format_duration(command.timeout), "services.command.timeout");
    }

    fn arguments(&mut self, key: &str, arguments: Option<&[String]>) {
        let Some(arguments) = arguments else {
            return self.unset(&format!("        # {key}: cannot be done"));
        };
        let items: Vec<_> = arguments.iter().map(|argument| quoted(argument)).collect();
        let value = format!("[{}]", items.join(", "));
        self.line(&format!("        {key}: "), value, &format!("services.command.{key}"));
    }

    pub(super) fn remediation(&mut self, config: &RemediationConfig, has_services: bool) {
        if !has_services {
            return self.unset("    # remediation: off, as no services are watched");
        }
        self.heading("    remediation:");
        self.line("      mode: ", config.mode, "remediation.mode");
        let count = config.max_attempts_per_day;
        self.line("      max_attempts_per_day: ", count, "remediation.max_attempts_per_day");
        self.line("      cooldown: ", format_duration(config.cooldown), "remediation.cooldown");
        let max_age = format_duration(config.max_failure_age);
        self.line("      max_failure_age: ", max_age, "remediation.max_failure_age");
        match config.window {
            Some(window) => self.line("      window: ", window_text(window), "remediation.window"),
            None => self.unset("      # window: that of the task, and three hours more"),
        }
        self.line("      stop_stalled: ", config.stop_stalled, "remediation.stop_stalled");
        self.line("      hung_after: ", format_duration(config.hung_after), "remediation.hung_after");
        match &config.pause_file {
            Some(path) => self.line("      pause_file: ", quoted_path(path), "remediation.pause_file"),
            None => self.unset("      # pause_file: none"),
        }
    }
}

fn window_text(window: DayWindow) -> String {
    let time = |minutes: u16| format!("{:02}:{:02}", minutes / 60, minutes % 60);
    let end = if window.end == 0 { "24:00".to_owned() } else { time(window.end) };
    quoted(&format!("{}-{end}", time(window.begin)))
}
