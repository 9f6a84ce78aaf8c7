//! A site whose backup service is three shell scripts: the file `service` has its state, `calls` what was asked of it.

use std::fmt::Write as _;
use std::fs;

use chrono::TimeDelta;
use configmgr_backup_exporter::demo::writer::{BackupTask, RunScript};
use configmgr_backup_exporter::site::FailureCause;
use serde_json::{Value, json};

use crate::support::backups::{begin, successes, task, writer};
use crate::support::process::{DEADLINE, Exporter, Place, Samples};
use crate::support::wait;

/// Starts the service, as ConfigMgr's own does: it runs from then on.
pub(crate) const STARTS: &str = "echo RUNNING > service";

/// Does nothing until the test makes the file `go`, or has gone itself.
pub(crate) const WAITS: &str = "while [ -e service ] && [ ! -e go ]; do sleep 0.1; done";

/// Where the ledger is.
pub(crate) const LEDGER: &str = "state/P01.ledger.json";

/// What the scripts do and what the configuration says of them.
pub(crate) struct Plot<'a> {
    pub(crate) start: &'a str,
    pub(crate) stop: &'a str,
    pub(crate) timeout: &'a str,
    pub(crate) stalled_after: &'a str,
    /// Further keys of `remediation`.
    pub(crate) remediation: &'a str,
    /// Further keys of the site.
    pub(crate) site: &'a str,
}

impl Default for Plot<'_> {
    fn default() -> Self {
        Self {
            start: STARTS,
            stop: "echo STOPPED > service",
            timeout: "60s",
            stalled_after: "4h",
            remediation: "",
            site: "",
        }
    }
}

/// The site with three successes behind it, its service stopped, and a ledger that is an hour old.
pub(crate) struct Stage {
    pub(crate) place: Place,
}

impl Stage {
    pub(crate) fn new(plot: &Plot<'_>) -> Self {
        let place = Place::new("");
        let folder = place.path("");
        let folder = folder.to_str().expect("a temporary folder has a plain name");
        let mut yaml = format!(
            "sites:\n  - code: P01\n    role: hierarchy\n    log: {{ path: logs/smsbkup.log, interval: 1s }}\n    \
             judgement: {{ settle: 0s, stalled_after: {} }}\n    services:\n      machine: cm01\n      interval: 1s\n      command:\n        \
             running: {{ text: RUNNING }}\n        stopped: {{ text: STOPPED }}\n        timeout: {}\n",
            plot.stalled_after, plot.timeout
        );
        for (key, script) in [("state", "cat service"), ("start", plot.start), ("stop", plot.stop)] {
            let log = if key == "state" { String::new() } else { format!("echo {key} >> calls\n") };
            place.write(&format!("{key}.sh"), format!("cd '{folder}' || exit 99\n{log}{script}\n"));
            writeln!(yaml, "        {key}: [/bin/sh, '{folder}{key}.sh']").expect("a text");
        }
        let Plot { remediation, site, .. } = plot;
        writeln!(yaml, "{site}").expect("a text");
        writeln!(
            yaml,
            "remediation: {{ mode: restart, cooldown: 1s, window: \"00:00-24:00\"{remediation} }}"
        )
        .expect("a text");
        place.write("exporter.yml", yaml);
        let stage = Self { place };
        stage.service("STOPPED");
        stage.place.append(&successes("P01", 3));
        let begun = begin(TimeDelta::hours(1)).timestamp_nanos_opt();
        let ledger = json!({
            "schema": 1, "site": "P01", "begun": begun, "attempts_total": 0, "attempts_failed_total": 0, "attempts": []
        });
        fs::create_dir(stage.place.path("state")).expect("the state directory");
        stage.place.write(LEDGER, ledger.to_string());
        stage
    }

    /// What the service is in from now on; in one step, so that nobody reads half of it.
    pub(crate) fn service(&self, state: &str) {
        self.place.write("service.new", format!("{state}\n"));
        fs::rename(self.place.path("service.new"), self.place.path("service")).expect("the service changes");
    }

    /// Lets a script that waits go on.
    pub(crate) fn go(&self) {
        self.place.write("go", "");
    }

    /// What was asked of the scripts so far.
    pub(crate) fn calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.place.path("calls")).unwrap_or_default();
        calls.lines().map(str::to_owned).collect()
    }

    #[track_caller]
    pub(crate) fn until_calls(&self, calls: &[&str]) {
        let what = format!("the calls {calls:?}");
        wait::until(DEADLINE, &what, || (self.calls() == calls).then_some(()));
    }

    /// A run of a second that began so many minutes ago, or in a second.
    pub(crate) fn run(&self, minutes_ago: i64, script: impl FnOnce(BackupTask) -> RunScript) {
        let ago = TimeDelta::minutes(minutes_ago) - TimeDelta::seconds(1);
        let script = script(task("P01").lasting(TimeDelta::seconds(1)));
        self.place.append(&script.text(&writer("P01"), begin(ago)));
    }

    /// A failure that another attempt may mend.
    pub(crate) fn fail(&self, minutes_ago: i64) {
        self.run(minutes_ago, |task| task.failure(FailureCause::CopyFailed));
    }

    /// The ledger of the site on disk.
    pub(crate) fn ledger(&self) -> Value {
        let bytes = fs::read(self.place.path(LEDGER)).expect("a ledger");
        serde_json::from_slice(&bytes).expect("JSON")
    }

    /// The exporter after it has read everything.
    #[track_caller]
    pub(crate) fn start(&self, arguments: &[&str]) -> Exporter {
        let exporter = self.place.launch(arguments);
        exporter.until_ok("/-/ready");
        exporter.until(SERVICES_UP, 1.0);
        exporter
    }
}

const SERVICES_UP: &str = "source_up{site_code=\"P01\",source=\"services\"}";

/// How the site stands with restarts, as the JSON has it.
#[track_caller]
pub(crate) fn standing(exporter: &Exporter) -> Value {
    exporter.get("/api/v1/sites").json()[0]["restart"].take()
}

/// The reasons that hold a restart.
pub(crate) fn reasons(standing: &Value) -> Vec<&str> {
    let reasons = standing["reasons"].as_array().expect("a list");
    reasons.iter().map(|reason| reason["reason"].as_str().expect("a label")).collect()
}

/// The reasons of `restart_held` that are 1.
pub(crate) fn held(samples: &Samples) -> Vec<String> {
    let held = samples.family("restart_held").filter(|(_, value)| *value == 1.0);
    held.map(|(series, _)| {
        series.split("reason=\"").nth(1).unwrap_or_default().trim_end_matches("\"}").to_owned()
    })
    .collect()
}

/// Waits until the services were looked at so often, and it was decided since: nothing more is done then.
#[track_caller]
pub(crate) fn until_decided_again(scrape: impl Fn() -> Samples) {
    let polls =
        || scrape().get("source_polls_total{site_code=\"P01\",source=\"services\"}").unwrap_or_default();
    let before = polls();
    // Each is followed by a decision, and the cooldown is a second.
    wait::until(DEADLINE, "further looks at the services", || (polls() >= before + 4.0).then_some(()));
}
