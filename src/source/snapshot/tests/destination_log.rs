//! Two worlds with the same installation's log, of which one reads the destination's log too: they must count the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::assessment::guidance;
use crate::config::SiteSettings;
use crate::demo::writer::RunScript;
use crate::metrics::{Format, encode};
use crate::site::{BackupPhase, FailureCause, MessageId};
use crate::source::PollReport;
use crate::source::backup_log::BackupLog;
use crate::state::{Published, SiteState};

const INTERVAL: Duration = Duration::from_secs(5);

struct World {
    state: SiteState,
    log: BackupLog,
    root: Option<RootSource>,
}

impl World {
    fn new(log: &Path, destination: Option<&Path>) -> Self {
        let settings = Arc::new(SiteSettings::new(site()));
        let mut state = SiteState::new(settings, start(0));
        let log = BackupLog::new(site(), log.to_owned(), INTERVAL, phrases());
        let root = destination.map(|path| root(&config(path)));
        state.watch(log.id().clone(), INTERVAL, log.witness(), start(0));
        if let Some(root) = &root {
            state.watch(root.id().clone(), INTERVAL, root.witness(), start(0));
        }
        Self { state, log, root }
    }

    fn poll(&mut self, now: Timestamp) {
        fold(&mut self.state, &self.log, now);
        if let Some(root) = &self.root {
            fold(&mut self.state, root, now);
        }
    }

    /// What is shown of the runs, without what the sources themselves have to say.
    fn shown(&self, now: Timestamp) -> Vec<String> {
        let sites = BTreeMap::from([(site(), Arc::new(self.state.clone()))]);
        let text = encode(&Published { sites, ..Published::default() }, None, now, Format::Text);
        let of_runs = |line: &&str| {
            let told = ["runs", "run_", "messages", "last_", "failures", "success", "verdict"];
            let of_sources = line.contains("source") || line.contains("destination_log");
            !line.starts_with('#') && !of_sources && told.iter().any(|word| line.contains(word))
        };
        text.lines().filter(of_runs).map(str::to_owned).collect()
    }
}

fn fold(state: &mut SiteState, source: &dyn BlockingSource, now: Timestamp) {
    loop {
        let result = source.poll(state.cursors.get(source.id()), &Guidance::default());
        let more = result.as_ref().is_ok_and(|poll| matches!(poll.reach, Reach::More | Reach::MoreAfter(_)));
        let (site, source, duration) = (site(), source.id().clone(), Duration::ZERO);
        state.fold(&PollReport { site, source, started: now, duration, result }, now);
        if !more {
            return;
        }
    }
}

fn text(script: &RunScript, run: i32) -> String {
    script.text(&LogWriter::new(site(), "CM01.corp.example"), start(run))
}

/// How the destination's log differs from the installation's of the same run.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Copied {
    Whole,
    BeforeItsSuccess,
    Never,
    OnlyOfTheFirstRun,
}

/// Plays runs, each with what the installation's log holds after it, in both worlds.
fn compare(runs: &[(String, String)], copied: Copied) -> World {
    let place = tempfile::tempdir().unwrap();
    let (log, destination) = (place.path().join("smsbkup.log"), place.path().join("SCCMBackup"));
    fs::create_dir_all(destination.join("P01Backup")).unwrap();
    let mut alone = World::new(&log, None);
    let mut both = World::new(&log, Some(&destination));
    for (number, (own, all)) in (1..).zip(runs) {
        fs::write(&log, all).unwrap();
        let own_log = destination.join("P01Backup/smsbkup.log");
        match copied {
            Copied::Whole => fs::write(own_log, own).unwrap(),
            Copied::BeforeItsSuccess => {
                let cut = own.find("Backup completed").or(own.find("ID=5060")).unwrap_or(own.len());
                let line = own[..cut].rfind('\n').map_or(0, |at| at + 1);
                fs::write(own_log, &own[..line]).unwrap();
            }
            Copied::OnlyOfTheFirstRun if number == 1 => fs::write(own_log, own).unwrap(),
            Copied::Never | Copied::OnlyOfTheFirstRun => {}
        }
        for hours in [2, 3] {
            let now = start(number) + TimeDelta::hours(hours);
            alone.poll(now);
            both.poll(now);
            assert_eq!(alone.state.totals, both.state.totals, "{copied:?}, run {number}");
            assert_eq!(alone.state.runs, both.state.runs, "{copied:?}, run {number}");
            assert_eq!(alone.state.contradictions, both.state.contradictions);
            let (shown, known) = (both.shown(now), alone.shown(now));
            let other: Vec<_> = shown.iter().filter(|line| !known.contains(line)).collect();
            assert!(other.is_empty() && shown.len() == known.len(), "{copied:?}, run {number}: {other:?}");
        }
    }
    assert!(!both.shown(start(9)).is_empty());
    both
}

const WAYS: [Copied; 4] = [Copied::Whole, Copied::BeforeItsSuccess, Copied::Never, Copied::OnlyOfTheFirstRun];

#[test]
fn a_log_that_repeats_the_installations_changes_no_count() {
    let task = BackupTask::new(site());
    let scripts = [
        task.success(),
        task.failure(FailureCause::DiskFull),
        task.stopped(),
        task.warning(),
        task.failure(FailureCause::CleanupFailed),
    ];
    let mut all = String::new();
    let runs: Vec<_> = (1..)
        .zip(&scripts)
        .map(|(number, script)| {
            let own = text(script, number);
            all.push_str(&own);
            (own, all.clone())
        })
        .collect();
    for copied in WAYS {
        let both = compare(&runs, copied);
        // The last failure is final, although the destination has no log or none of this run.
        assert_eq!((both.state.totals.runs, both.state.totals.runs_failed), (5, 3), "{copied:?}");
    }
}

#[test]
fn a_gap_in_the_installations_log_stays_one() {
    let task = BackupTask::new(site());
    let begun = text(&task.unfinished(BackupPhase::Copy), 2);
    let runs = [
        (success(1), success(1)),
        (begun.clone(), success(1) + &begun),
        // How the second run ended was lost.
        (success(3), success(3)),
    ];
    for copied in [Copied::Never, Copied::OnlyOfTheFirstRun] {
        assert_eq!(compare(&runs, copied).state.totals.runs_failed, 0, "{copied:?}");
    }
}

#[test]
fn what_only_the_destinations_log_tells_counts() {
    let place = tempfile::tempdir().unwrap();
    let destination = place.path().join("SCCMBackup");
    let log = place.path().join("smsbkup.log");
    let mut world = World::new(&log, Some(&destination));
    let own = BackupTask::new(site()).success();
    fs::write(&log, text(&own.clone().without(MessageId::COMPLETED).until(TimeDelta::minutes(80)), 1))
        .unwrap();
    write_snapshot(&destination.join("P01Backup"), 1, &text(&own, 1));
    world.poll(start(1) + TimeDelta::hours(2));
    assert_eq!((world.state.totals.runs, world.state.totals.runs_failed), (1, 0));
    assert!(world.state.runs[0].succeeded.is_some());
}

#[test]
fn a_success_that_the_log_tells_of_has_its_files_recorded_with_it() {
    let place = tempfile::tempdir().unwrap();
    let settings = SiteSettings { snapshot: Some(config(place.path())), ..SiteSettings::new(site()) };
    let mut state = SiteState::new(Arc::new(settings), start(0));
    write_snapshot(&place.path().join("P01Backup"), 1, &success(1));
    let source = root(&config(place.path()));
    state.watch(source.id().clone(), INTERVAL, source.witness(), start(0));
    fold(&mut state, &source, start(1) + TimeDelta::hours(2));
    assert_eq!((state.totals.runs, state.snapshot.records.len()), (1, 1));
}

/// A destination whose log was read in the middle of a run, and nothing else that could tell of its end.
#[test]
fn a_run_that_only_the_destination_tells_of_is_not_quiet_for_ever() {
    let place = tempfile::tempdir().unwrap();
    let (log, destination) = (place.path().join("smsbkup.log"), place.path().join("SCCMBackup"));
    let own = text(&BackupTask::new(site()).unfinished(BackupPhase::Copy), 1);
    write_snapshot(&destination.join("P01Backup"), 1, &own);
    let mut world = World::new(&log, Some(&destination));
    world.state.sources.remove(world.log.id());
    fold(&mut world.state, world.root.as_ref().unwrap(), start(1) + TimeDelta::hours(1));
    let quiet = |world: &World, hours| guidance(&world.state, start(1) + TimeDelta::hours(hours)).quiet;
    assert_eq!(quiet(&world, 1), Some(Quiet::RunInProgress));
    assert_eq!(quiet(&world, 9), None, "as long as a run is expected to take, and not longer");
    let mut told = World::new(&log, Some(&destination));
    fs::write(&log, own).unwrap();
    told.poll(start(1) + TimeDelta::hours(1));
    assert_eq!(quiet(&told, 9), Some(Quiet::RunInProgress));
}
