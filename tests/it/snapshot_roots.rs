//! A destination and its archives, watched by the real program; one archive hangs as a dead share does.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use chrono::TimeDelta;
use configmgr_backup_exporter::demo::writer::SnapshotWriter;

use crate::support::backups::{begin, run, successes, task};
use crate::support::process::{DEADLINE, Place};
use crate::support::wait;

const SITE: &str = "\
sites:
  - code: P01
    role: hierarchy
    log: { path: logs/smsbkup.log, interval: 1s }
    judgement: { settle: 0s }
    snapshot:
      path: SCCMBackup
      interval: 10s
      verify: { pages: false }
      archives:
        - { name: nas, path: 'Archive/P01Backup-*' }
        - { name: dead, path: 'Dead/P01Backup-*' }
";

/// Three successes in the log, the last one's snapshot in the destination and in an archive, and another archive.
fn place() -> Place {
    let place = Place::new(SITE);
    place.append(&successes("P01", 3));
    // Beside the logs lies the task's inbox, which is watched too.
    fs::create_dir_all(place.path("inboxes/smsbkup.box")).expect("the inbox");
    let last = run("P01", &task("P01").success(), TimeDelta::hours(3));
    let writer = SnapshotWriter::new("P01".parse().expect("a site code"));
    for folder in ["SCCMBackup/P01Backup", "Archive/P01Backup-1", "Dead/P01Backup-1"] {
        let (folder, time) = (place.path(folder), begin(TimeDelta::hours(1)));
        writer.write(&folder, 3, time, None).expect("a snapshot");
        writer.write_log(&folder, &last, time).expect("its log");
    }
    place
}

/// A file that hangs whoever opens it.
fn hang(path: &PathBuf) {
    drop(fs::remove_file(path));
    let made = Command::new("mkfifo").arg(path).status();
    assert!(made.expect("mkfifo starts").success(), "{}", path.display());
}

const PRESENT: &str = "snapshot_present{site_code=\"P01\"}";
const SERVER: &str = "snapshot_component_present{site_code=\"P01\",component=\"site_server\"}";
const COPIES: &str = "archives{site_code=\"P01\",name=\"nas\"}";
const DEAD: &str = "archives{site_code=\"P01\",name=\"dead\"}";
const POLLS: &str = "source_polls_total{site_code=\"P01\",source=\"snapshot\"}";

#[test]
fn an_archive_that_hangs_leaves_the_destination_and_the_others_fresh() {
    let place = place();
    hang(&place.path("Dead/P01Backup-1/smsbkup.log"));
    let exporter = place.start();
    exporter.until(PRESENT, 1.0);
    exporter.until(COPIES, 1.0);
    let before = exporter.until(SERVER, 1.0);
    assert_eq!(before.get(DEAD), None, "nothing is known of the archive that hangs");
    assert_eq!(before.get("snapshot_unreadable_entries{site_code=\"P01\"}"), Some(0.0));
    assert_eq!(
        before.get("runs_total{site_code=\"P01\"}"),
        Some(3.0),
        "the destination's log counts no run again"
    );

    // What changes is seen, and the polls go on.
    fs::remove_dir_all(place.path("SCCMBackup/P01Backup/SiteServer")).expect("a part is deleted");
    fs::rename(place.path("Archive/P01Backup-1"), place.path("Archive/old")).expect("a copy is renamed");
    exporter.until(SERVER, 0.0);
    let after = exporter.until(COPIES, 0.0);
    assert!(after.get(POLLS) > before.get(POLLS), "{:?}", after.get(POLLS));
    let failures =
        after.family("source_poll_failures_total").filter(|(series, _)| series.contains("snapshot"));
    assert_eq!(failures.map(|(_, count)| count).sum::<f64>(), 0.0);
    fs::remove_dir_all(place.path("SCCMBackup/P01Backup")).expect("the snapshot is deleted");
    exporter.until(PRESENT, 0.0);
    assert_eq!(exporter.scrape().get(DEAD), None);
    assert_eq!(exporter.get("/-/healthy").status, 200);
}

#[test]
fn a_destination_that_goes_away_and_comes_back_is_no_failure() {
    let place = place();
    let exporter = place.start();
    exporter.until(PRESENT, 1.0);
    exporter.until(DEAD, 1.0);
    fs::rename(place.path("SCCMBackup"), place.path("unmounted")).expect("the disk goes");
    let gone = wait::until(DEADLINE, "the destination to be seen as missing", || {
        Some(exporter.scrape()).filter(|samples| samples.get(FREE).is_none())
    });
    assert_eq!(gone.get("check_passed{site_code=\"P01\",check=\"destination\"}"), Some(0.0), "{gone:?}");
    assert_eq!(gone.get(PRESENT), Some(0.0), "nothing that was there before is shown as if it still were");
    assert_eq!(gone.get("snapshot_size_bytes{site_code=\"P01\"}"), Some(0.0));
    assert_eq!(gone.get("source_up{site_code=\"P01\",source=\"snapshot\"}"), Some(1.0));
    fs::rename(place.path("unmounted"), place.path("SCCMBackup")).expect("the disk comes back");
    wait::until(Duration::from_secs(60), "the destination to be seen again", || {
        exporter.scrape().get(FREE).map(|_| ())
    });
    assert_eq!(exporter.scrape().get("runs_total{site_code=\"P01\"}"), Some(3.0));
}

const FREE: &str = "destination_free_bytes{site_code=\"P01\",location=\"site\"}";
