//! The sections `remediation`, one for all sites and one of each, and the flag that goes before both.
//!
//! Who asks for a restart must get one: what cannot be done with the services that are configured is a problem.

use std::path::Path;

use super::{DAY, MINUTE, SECOND};
use crate::config::origin::{Origin, Origins};
use crate::config::paths::file_path;
use crate::config::problem::{ConfigError, Fault};
use crate::config::section::{Entry, Field};
use crate::config::{Config, RemediationConfig, ServiceControl, ServicesConfig, fields};
use crate::site::RestartMode;

/// What needs services to have any effect.
const KEYS: [&str; 8] = [
    "mode",
    "max_attempts_per_day",
    "cooldown",
    "max_failure_age",
    "window",
    "stop_stalled",
    "hung_after",
    "pause_file",
];

const ADD_SERVICES: &str = "add them to a site, or remove it: nothing can be restarted without";

/// What the sections that were read so far say, with the origins of their values.
#[derive(Debug, Clone)]
pub(super) struct Remediation {
    mode: Option<RestartMode>,
    limits: RemediationConfig,
    pub(super) origins: Origins,
}

impl Default for Remediation {
    fn default() -> Self {
        Self { mode: None, limits: RemediationConfig::for_services(None), origins: Origins::default() }
    }
}

impl Remediation {
    /// Reads a section over what was said before it; without services only `mode: off` has an effect.
    pub(super) fn read(&mut self, entry: &Entry<'_>, base: &Path, has_services: bool) {
        let Some(mut section) = entry.section() else { return };
        let mut field = Field { section: &mut section, prefix: "remediation.", origins: &mut self.origins };
        let limits = &mut self.limits;
        let mode = field.read("mode", fields::label);
        self.mode = mode.or(self.mode);
        if let Some(count) = field.read("max_attempts_per_day", |text| fields::count(text, 1..=24)) {
            limits.max_attempts_per_day = count;
        }
        for (key, limit, least, most) in [
            ("cooldown", &mut limits.cooldown, SECOND, DAY * 7),
            ("max_failure_age", &mut limits.max_failure_age, MINUTE * 10, DAY * 14),
            // A shorter one could take for hung what only copies a large file.
            ("hung_after", &mut limits.hung_after, MINUTE * 5, DAY * 7),
        ] {
            *limit = field.duration(key, least, most).unwrap_or(*limit);
        }
        limits.window = field.read("window", fields::day_window).or(limits.window);
        limits.stop_stalled = field.read("stop_stalled", fields::boolean).unwrap_or(limits.stop_stalled);
        let pause_file = field.read("pause_file", |text| file_path(text, base));
        limits.pause_file = pause_file.or_else(|| limits.pause_file.take());
        let acts = mode.is_some_and(|mode| mode != RestartMode::Off);
        for key in KEYS.into_iter().filter(|key| !has_services && (*key != "mode" || acts)) {
            section.refuse(key, "has no effect without `services`", ADD_SERVICES);
        }
        section.close();
    }

    /// What holds for a site with these services.
    pub(super) fn of(&self, services: Option<&ServicesConfig>) -> RemediationConfig {
        let default = RemediationConfig::for_services(services).mode;
        let mode = if services.is_none() { RestartMode::Off } else { self.mode.unwrap_or(default) };
        RemediationConfig { mode, ..self.limits.clone() }
    }
}

/// What the services of a site cannot do that its remediation needs, whose mode came from there.
pub(super) fn lacking(
    services: &ServicesConfig,
    remediation: &RemediationConfig,
    mode_from: Origin,
) -> Vec<Fault> {
    let ServiceControl::Command(command) = &services.control else { return Vec::new() };
    let mut faults = Vec::new();
    if remediation.mode == RestartMode::Restart {
        if command.start.is_none() {
            let other = match mode_from {
                Origin::Flag => "give `--remediation.mode=observe`",
                _ => "write `remediation: { mode: observe }`",
            };
            let remedy = format!("add the program that starts the service, or {other}");
            faults.push(Fault::new("has no `start`, which the mode restart needs", remedy));
        }
        if remediation.stop_stalled && command.stop.is_none() {
            let remedy = "add the program that stops the service, or remove `stop_stalled`";
            faults.push(Fault::new("has no `stop`, which `stop_stalled: true` needs", remedy));
        }
    }
    faults
}

impl Config {
    /// Puts a mode from the command line in the place of what the file says, for every site that has services.
    pub fn override_mode(&mut self, mode: RestartMode) -> Result<(), ConfigError> {
        let mut problems = Vec::new();
        for (index, site) in self.sites.iter_mut().enumerate() {
            let Some(services) = &site.settings.services else { continue };
            site.settings.remediation.mode = mode;
            site.origins.record("remediation.mode", Origin::Flag);
            let path = format!("sites[{index}].services.command");
            let lacking = lacking(services, &site.settings.remediation, Origin::Flag);
            problems.extend(lacking.into_iter().map(|fault| fault.at(&path, None)));
        }
        if mode != RestartMode::Off && self.sites.iter().all(|site| site.settings.services.is_none()) {
            let what = "has no effect: no site has `services`";
            problems.push(Fault::new(what, ADD_SERVICES).at("", None));
        }
        let flag = format!("--remediation.mode={mode}");
        if problems.is_empty() { Ok(()) } else { Err(ConfigError::new(&flag, problems)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMAND: &str = "services: { command: { state: [state], running: { exit: 0 }, stopped: { exit: 1 }";

    /// The modes of the sites of a file with this flag, each with its origin; or why not.
    fn modes(yaml: &str, flag: RestartMode) -> Result<Vec<(RestartMode, Origin)>, String> {
        let mut config = Config::parse(yaml, "x.yml", Path::new("/etc")).unwrap();
        config.override_mode(flag).map_err(|error| error.to_string())?;
        let mode = |site: &crate::config::SiteConfig| {
            (site.settings.remediation.mode, site.origins.of("remediation.mode"))
        };
        Ok(config.sites.iter().map(mode).collect())
    }

    #[test]
    fn the_flag_goes_before_the_file_for_every_site_with_services() {
        let file = format!(
            "{{ remediation: {{ mode: restart }}, sites: [{{ code: P01, {COMMAND}, start: [a] }} }} }}, \
             {{ code: P02, {COMMAND}, start: [b] }} }}, remediation: {{ mode: observe }} }}, {{ code: P03 }}] }}"
        );
        let file = file.replace("start: [b]", "start: [b], timeout: 5s").replacen("[state]", "[other]", 1);
        for flag in [RestartMode::Off, RestartMode::Observe, RestartMode::Restart] {
            let (set, none) = ((flag, Origin::Flag), (RestartMode::Off, Origin::File { line: 1 }));
            assert_eq!(modes(&file, flag), Ok(vec![set, set, none]));
        }
    }

    #[test]
    fn a_flag_that_nobody_can_follow_is_refused() {
        let bare = "sites: [{ code: P01 }]";
        assert!(modes(bare, RestartMode::Off).is_ok());
        let message = modes(bare, RestartMode::Observe).unwrap_err();
        assert!(message.starts_with("--remediation.mode=observe: has no effect: no site"), "{message}");
        let startless = format!("sites: [{{ code: P01, {COMMAND} }} }} }}]");
        assert!(modes(&startless, RestartMode::Observe).is_ok());
        let message = modes(&startless, RestartMode::Restart).unwrap_err();
        let told = "--remediation.mode=restart: sites[0].services.command: has no `start`, which the mode restart needs; \
                    add the program that starts the service, or give `--remediation.mode=observe`";
        assert_eq!(message, told);
        // What a file says is mended in the file.
        let file = startless.replace("{ code: P01,", "{ code: P01, remediation: { mode: restart },");
        let message = Config::parse(&file, "x.yml", Path::new("/etc")).unwrap_err().to_string();
        assert!(message.ends_with("or write `remediation: { mode: observe }`"), "{message}");
    }

    #[test]
    fn what_a_site_says_goes_before_what_is_said_for_all() {
        let yaml = format!(
            "remediation: {{ mode: observe, cooldown: 1h, max_attempts_per_day: 5 }}\n\
             sites: [{{ code: P01, {COMMAND}, start: [a] }} }}, remediation: {{ mode: restart, cooldown: 2h }} }}]"
        );
        let config = Config::parse(&yaml, "x.yml", Path::new("/etc")).unwrap();
        let site = &config.sites[0];
        let RemediationConfig { mode, cooldown, max_attempts_per_day, .. } = site.settings.remediation;
        assert_eq!((mode, cooldown.as_secs(), max_attempts_per_day), (RestartMode::Restart, 7200, 5));
        assert_eq!(site.origins.of("remediation.cooldown"), Origin::File { line: 2 });
        assert_eq!(site.origins.of("remediation.max_attempts_per_day"), Origin::File { line: 1 });
    }

    #[test]
    fn without_a_word_of_it_a_command_is_only_observed() {
        let config =
            Config::parse(format!("sites: [{{ code: P01, {COMMAND} }} }} }}]"), "x.yml", Path::new("/"));
        let remediation = config.unwrap().sites.remove(0).settings.remediation;
        assert_eq!(remediation.mode, RestartMode::Observe);
        assert_eq!((remediation.max_attempts_per_day, remediation.window), (2, None));
    }
}
