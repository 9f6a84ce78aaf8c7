//! What must not fire in the normal life of a site, and what must where something fails: recorded series, and what
//! the shipped rules made of them at any time.
//!
//! `UPDATE_GOLDEN=1` records them anew; read the difference, because a metric that dips is what this is for.

mod backups;
mod surroundings;
mod watch;

use std::fmt::Write;

use super::path;
use super::rules::NAME;
use super::story::Story;
use crate::support::golden;

const HOUR: i64 = 60;
const DAY: i64 = 24 * HOUR;

/// A story that is recorded.
struct Life {
    /// The name of its file.
    name: &'static str,
    /// What happens.
    about: &'static str,
    story: Story,
    /// What fires at some time, and is over in the end.
    fires: &'static [&'static str],
}

/// One in which nothing fires.
fn quiet(name: &'static str, about: &'static str, story: Story) -> Life {
    Life { name, about, story, fires: &[] }
}

impl Life {
    /// The file for promtool.
    fn file(&self) -> String {
        let Story { start, length, step, .. } = self.story;
        let mut file = format!(
            "# {}\n# Recorded from {start} on, as tests/it/alerts/normal_life.rs says; UPDATE_GOLDEN=1 writes it anew.\n\
             rule_files: [../configmgr_backup.yml]\nevaluation_interval: {step}m\ntests:\n- name: {}\n{}",
            self.about,
            self.name,
            self.story.record().input()
        );
        let _ = writeln!(
            file,
            "  promql_expr_test:\n  # Every alert that fired at any time.\n  - expr: group by (alertname) \
             (count_over_time(ALERTS{{alertstate=\"firing\"}}[{length}m]))\n    eval_time: {length}m"
        );
        if self.fires.is_empty() {
            file.push_str("    exp_samples: []\n");
        } else {
            file.push_str("    exp_samples:\n");
            for alert in self.fires {
                let _ = writeln!(file, "    - {{labels: '{{alertname=\"{NAME}{alert}\"}}', value: 1}}");
            }
        }
        let _ = writeln!(
            file,
            "  # Nothing fires in the end.\n  - expr: ALERTS{{alertstate=\"firing\"}}\n    eval_time: {length}m\n    exp_samples: []"
        );
        file
    }
}

#[test]
fn nothing_fires_in_the_normal_life_of_a_site() {
    let lives: Vec<_> =
        [backups::lives(), surroundings::lives(), watch::lives()].into_iter().flatten().collect();
    let file = |life: &Life| path("alerts/tests").join(format!("life_{}.yml", life.name));
    let record = |lives: &[Life]| -> Vec<_> {
        lives.iter().filter_map(|life| golden::differs(&file(life), &life.file())).collect()
    };
    // Each of them is one thread's work.
    let (first, second) = lives.split_at(lives.len() / 2);
    let differences = std::thread::scope(|scope| {
        let second = scope.spawn(|| record(second));
        [record(first), second.join().unwrap()].concat().concat()
    });
    assert!(differences.is_empty(), "{differences}");
    let mut recorded = super::files("alerts/tests", ".yml");
    recorded.retain(|file| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("life_")));
    let mut files: Vec<_> = lives.iter().map(file).collect();
    files.sort();
    assert_eq!(recorded, files, "a recording without its story");
}
