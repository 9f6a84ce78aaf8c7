//! Everything in a snapshot is read: by `verify`, and by an exporter that is killed meanwhile or has to keep quiet.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use chrono::TimeDelta;
use configmgr_backup_exporter::demo::writer::{Flaw, SnapshotWriter};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::backups::{begin, run, successes, task};
use crate::support::process::{DEADLINE, Place, binary};
use crate::support::wait;

/// Read in the middle of the snapshot; zeros that are nowhere on the disk.
const LARGE: u64 = 300 << 20;
const MIB: u64 = 1 << 20;

/// A snapshot of a generation in a folder.
fn snapshot(folder: &Path, flaw: Option<Flaw>) {
    let writer = SnapshotWriter::new("P01".parse().expect("a site code"));
    writer.write(folder, 1, begin(TimeDelta::hours(4)), flaw).expect("a snapshot is written");
}

fn verify(path: &Path, format: &str) -> Output {
    let mut command = binary();
    command.arg("verify").arg(path).arg(format!("--format={format}")).stdin(Stdio::null());
    command.output().expect("the program starts")
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[test]
fn verify_says_what_is_damaged_and_where() {
    type Spoil = fn(&Path);
    let remove = |folder: &Path, path: &str| fs::remove_dir_all(folder.join(path)).expect("it is removed");
    let table: [(&str, Option<Flaw>, Spoil, i32, &str, Value); 5] = [
        ("a good snapshot", None, |_| {}, 0, "clean", Value::Null),
        ("a flipped bit", Some(Flaw::FlippedBit), |_| {}, 2, "damaged", 21.into()),
        ("half of a data file", Some(Flaw::Truncated), |_| {}, 2, "damaged", Value::Null),
        (
            "without CD.Latest",
            None,
            |folder| fs::remove_dir_all(folder.join("CD.Latest")).expect("it is removed"),
            2,
            "damaged",
            Value::Null,
        ),
        (
            "a registry dump that cannot be a hive",
            None,
            |folder| {
                fs::write(folder.join("SiteServer/SMSServer/BackupTemp/SMSbkSiteRegSMS.dat"), "no hive")
                    .expect("it is written");
            },
            0,
            "clean",
            Value::Null,
        ),
    ];
    for (case, flaw, spoil, code, result, page) in table {
        let folder = TempDir::new().expect("a folder");
        snapshot(folder.path(), flaw);
        spoil(folder.path());
        let output = verify(folder.path(), "json");
        let report = json(&output);
        assert_eq!(output.status.code(), Some(code), "{case}: {report}");
        assert_eq!(report["result"], result, "{case}");
        let damaged = report["findings"]
            .as_array()
            .expect("findings")
            .iter()
            .filter(|one| one["severity"] == "damaged");
        let pages: Vec<_> = damaged.map(|one| one["page"].clone()).collect();
        assert_eq!(pages, if code == 2 { vec![page] } else { Vec::new() }, "{case}: {report}");
        let keys = |value: &Value| value.as_object().map(|object| object.keys().cloned().collect::<Vec<_>>());
        assert_eq!(keys(&report).expect("an object"), ["result", "findings", "pages"], "{case}");
        let names = ["verified", "unverifiable", "never_written"];
        assert_eq!(keys(&report["pages"]).expect("an object"), names, "{case}");
        for finding in report["findings"].as_array().expect("findings") {
            let names = ["file", "page", "severity", "expected", "found"];
            assert_eq!(keys(finding).expect("an object"), names, "{case}");
        }
        let words = verify(folder.path(), "text");
        assert_eq!(words.status.code(), Some(code), "{case}");
        let words = String::from_utf8(words.stdout).expect("text");
        assert!(words.to_lowercase().contains(result), "{case}: {words}");
    }
    let folder = TempDir::new().expect("a folder");
    snapshot(folder.path(), None);
    remove(folder.path(), "SiteServer");
    assert_eq!(verify(folder.path(), "json").status.code(), Some(2));
    assert_eq!(verify(&folder.path().join("SiteDBServer"), "json").status.code(), Some(0));
}

#[test]
fn verify_cannot_tell_of_what_is_no_database() {
    let folder = TempDir::new().expect("a folder");
    let text = folder.path().join("note.txt");
    fs::write(&text, "a note").expect("it is written");
    for path in [text, folder.path().join("missing")] {
        let output = verify(&path, "json");
        assert_eq!(output.status.code(), Some(3));
        assert_eq!(json(&output)["result"], "unknown");
        let complaint = String::from_utf8(output.stderr).expect("text");
        assert!(complaint.contains(&path.display().to_string()), "{complaint}");
    }
    let usage = binary().arg("verify").stdin(Stdio::null()).output().expect("the program starts");
    assert_eq!(usage.status.code(), Some(64));
}

#[test]
fn verify_proves_a_real_pair() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/samples");
    if !samples.is_dir() {
        eprintln!("skipped: there are no samples in {}", samples.display());
        return;
    }
    for (file, verified) in [("", 269), ("real-sqlserver2012.mdf", 269), ("real-sqlserver2012_log.ldf", 0)] {
        let output = verify(&samples.join(file), "json");
        let report = json(&output);
        assert_eq!(output.status.code(), Some(0), "{report}");
        assert_eq!(report["pages"]["verified"], verified, "{file}");
        if verified > 0 {
            assert_eq!(report["pages"]["unverifiable"], 2, "{file}");
            assert_eq!(report["pages"]["never_written"], 120, "{file}");
        }
    }
    let folder = TempDir::new().expect("a folder");
    let copy = folder.path().join("copy.mdf");
    let mut bytes = fs::read(samples.join("real-sqlserver2012.mdf")).expect("the sample");
    bytes[100 * 8192 + 5000] ^= 1;
    fs::write(&copy, bytes).expect("it is written");
    let output = verify(&copy, "json");
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(json(&output)["findings"][0]["page"], 100);

    let mut bytes = fs::read(samples.join("real-sqlserver2012.mdf")).expect("the sample");
    bytes.truncate(bytes.len() - 8192);
    fs::write(&copy, bytes).expect("it is written");
    let output = verify(&copy, "json");
    let report = json(&output);
    assert_eq!(output.status.code(), Some(2), "{report}");
    assert!(report["findings"][0]["found"].to_string().contains("truncated"), "{report}");

    fs::copy(samples.join("real-sqlserver2012.mdf"), &copy).expect("the sample");
    let other = TempDir::new().expect("a folder");
    snapshot(other.path(), None);
    let log = other.path().join("SiteDBServer/CM_P01_log.ldf");
    fs::copy(log, folder.path().join("copy_log.ldf")).expect("another database's log");
    let output = verify(folder.path(), "json");
    let report = json(&output);
    assert_eq!(output.status.code(), Some(2), "{report}");
    assert_eq!(report["findings"][0]["file"], "copy_log.ldf", "{report}");
    assert!(report["findings"][0]["expected"].to_string().contains("binding id"), "{report}");
}

/// A site with a settled snapshot, of which so many bytes a second are read.
fn place(rate: &str) -> Place {
    let place = Place::new("");
    configure(&place, rate);
    place.append(&successes("P01", 3));
    let folder = place.path("destination/P01Backup");
    snapshot(&folder, None);
    let large = File::create(folder.join("SiteServer/SMSServer/large")).expect("a large file");
    large.set_len(LARGE).expect("it is large");
    place
}

fn configure(place: &Place, rate: &str) {
    place.write(
        "exporter.yml",
        format!(
            "sites:
  - code: P01
    role: hierarchy
    log: {{ path: logs/smsbkup.log, interval: 1s }}
    judgement: {{ settle: 0s }}
    snapshot:
      path: destination
      interval: 10s
      verify: {{ settle: 0s, rate_limit: {rate} }}
"
        ),
    );
}

/// Where the verification is, by the checkpoint: when it began and how many bytes it has read; `None` before and after.
fn progress(place: &Place) -> Option<(String, u64)> {
    let text = fs::read_to_string(place.checkpoint("P01")).ok()?;
    let checkpoint: Value = serde_json::from_str(&text).ok()?;
    let cursors = checkpoint["cursors"].as_array()?;
    let cursor = cursors.iter().find(|cursor| cursor["source"] == "verification")?;
    let progress = &cursor["cursor"]["verification"]["progress"];
    Some((progress["started"].as_str()?.to_owned(), progress["bytes"].as_u64()?))
}

#[test]
fn killed_in_the_middle_it_goes_on_where_it_was() {
    let place = place("32MiB");
    let exporter = place.start();
    wait::until(DEADLINE, "a third to be verified", || {
        progress(&place).filter(|(_, read)| *read > LARGE / 3)
    });
    exporter.kill();
    let (began, read) = progress(&place).expect("a position");
    assert!(read < LARGE, "{read}: it was too fast to be killed in the middle");

    configure(&place, "1GiB");
    let exporter = place.start();
    let (began_again, going_on) =
        wait::until(DEADLINE, "it to go on", || progress(&place).filter(|(_, now)| *now > read));
    assert_eq!(began_again, began, "it began anew");
    assert!(going_on > read);
    exporter.until(r#"snapshot_intact{site_code="P01"}"#, 1.0);
    // What this process has read, whatever for, as the kernel counts it.
    if let Ok(io) = fs::read_to_string(format!("/proc/{}/io", exporter.id())) {
        let count = io.lines().find_map(|line| line.strip_prefix("rchar: ")).expect("a count");
        let count: u64 = count.parse().expect("a number");
        let left = LARGE + 8 * MIB - read;
        assert!(count < left + 64 * MIB, "{count} bytes were read to verify {left} bytes");
    }
    let manifests: Vec<_> = fs::read_dir(place.path("state/manifests")).expect("manifests").collect();
    assert_eq!(manifests.len(), 1);
}

/// What a process has open below a folder.
fn open_below(process: u32, folder: &Path) -> Vec<PathBuf> {
    let open = fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten();
    let targets = open.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    targets.filter(|target| target.starts_with(folder)).collect()
}

#[test]
fn a_backup_that_begins_finds_nothing_open() {
    let place = place("8MiB");
    let exporter = place.start();
    wait::until(DEADLINE, "the verification to begin", || progress(&place).filter(|(_, read)| *read > 0));
    let begun = task("P01").success().until(TimeDelta::seconds(50));
    place.append(&run("P01", &begun, TimeDelta::minutes(1)));
    exporter.until(r#"run_in_progress{site_code="P01"}"#, 1.0);
    // A slice that had begun may end; it takes a second at most.
    let folder = place.path("destination").canonicalize().expect("the destination");
    wait::until(DEADLINE, "everything to be closed", || {
        open_below(exporter.id(), &folder).is_empty().then_some(())
    });
    let (_, stopped) = progress(&place).expect("a position");
    for _ in 0..100 {
        exporter.scrape();
        assert_eq!(open_below(exporter.id(), &folder), Vec::<PathBuf>::new());
    }
    let (_, now) = progress(&place).expect("a position");
    assert!(now <= stopped + 8 * MIB, "{now} after {stopped}");
}
