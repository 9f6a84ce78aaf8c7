//! One test for each thing that happens to a log.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::run::{POSTPONED_AT_MOST, poll_with};
use super::*;
use crate::platform::IoFailure;
use crate::trace::LINE_LIMIT;

/// What a sink was told.
#[derive(Debug, Default)]
struct Told {
    text: String,
    parts: Vec<(Role, PartStart)>,
    counts: PartCounts,
    discarded: usize,
    open: String,
    /// Called at the start of each part.
    meanwhile: Option<fn(&Path)>,
}

impl LineSink for Told {
    fn begin(&mut self, part: &Part<'_>) {
        self.parts.push((part.role, part.start));
        self.open.clear();
        if let Some(meanwhile) = self.meanwhile {
            meanwhile(part.path.parent().unwrap());
        }
    }

    fn lines(&mut self, block: &[u8]) {
        self.open.push_str(&String::from_utf8_lossy(block));
    }

    fn commit(&mut self, counts: PartCounts) {
        self.text.push_str(&std::mem::take(&mut self.open));
        self.counts.bytes += counts.bytes;
        self.counts.oversized += counts.oversized;
    }

    fn discard(&mut self) {
        self.discarded += 1;
    }
}

/// A log in a directory of its own, and the cursor in it.
struct Site {
    directory: TempDir,
    files: LogFiles,
    cursor: LogCursor,
}

impl Site {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let files = LogFiles::new(directory.path().join("smsbkup.log"));
        Self { directory, files, cursor: LogCursor::default() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).unwrap();
    }

    fn append(&self, bytes: impl AsRef<[u8]>) {
        let mut file = OpenOptions::new().append(true).create(true).open(self.files.log()).unwrap();
        file.write_all(bytes.as_ref()).unwrap();
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    fn poll(&mut self) -> (String, Progress) {
        let (told, progress) = self.poll_into(Told::default(), POLL_BUDGET);
        (told.text, progress)
    }

    fn poll_into(&mut self, mut told: Told, budget: u64) -> (Told, Progress) {
        let progress = poll(&self.files, &self.cursor, budget, &mut told).unwrap();
        self.cursor = progress.cursor.clone();
        assert_eq!(progress.bytes, told.counts.bytes);
        (told, progress)
    }

    fn poll_locked(&mut self, locked: &str) -> (String, Result<Progress, FollowError>) {
        let locked = self.path(locked);
        let mut told = Told::default();
        let mut opener =
            |path: &Path| if path == locked { Err(ErrorKind::WouldBlock.into()) } else { File::open(path) };
        let result = poll_with(&self.files, &self.cursor, POLL_BUDGET, &mut told, &mut opener);
        if let Ok(progress) = &result {
            self.cursor = progress.cursor.clone();
        }
        (told.text, result)
    }

    fn error(&self) -> FollowError {
        let mut told = Told::default();
        let error = poll(&self.files, &self.cursor, POLL_BUDGET, &mut told).unwrap_err();
        assert_eq!(told.text, "", "a failed poll commits nothing");
        error
    }
}

#[test]
fn the_first_start_reads_the_whole_past_in_order() {
    let mut site = Site::new();
    site.write("smsbkup.log", "four\n");
    site.write("smsbkup.lo_", "three\n");
    site.write("smsbkup-20261102-000000.log", "two\n");
    site.write("smsbkup-20261101-000000.log", "one\n");
    site.write("smswriter.log", "another log\n");
    let (told, progress) = site.poll_into(Told::default(), POLL_BUDGET);
    assert_eq!(told.text, "one\ntwo\nthree\nfour\n");
    assert_eq!(told.parts.first(), Some(&(Role::History, PartStart::New)));
    assert_eq!((progress.bytes, progress.rotations), (19, 0));
    assert!(!progress.continuity_lost && progress.reach == Reach::CaughtUp);
}

#[test]
fn only_what_is_new_comes_and_an_open_line_waits() {
    let mut site = Site::new();
    site.append("one\ntw");
    assert_eq!(site.poll().0, "one\n");
    assert_eq!(site.poll().0, "");
    site.append("o\n");
    let (told, progress) = site.poll_into(Told::default(), POLL_BUDGET);
    assert_eq!((told.text.as_str(), &told.parts[..]), ("two\n", &[(Role::Log, PartStart::Resumed)][..]));
    assert_eq!(progress.bytes, 4);
}

#[test]
fn a_roll_by_copy_loses_and_repeats_nothing() {
    let mut site = Site::new();
    site.append("one\n");
    site.poll();
    site.append("two\n");
    fs::copy(site.files.log(), site.files.rolled()).unwrap();
    site.write("smsbkup.log", "three\n");
    let (text, progress) = site.poll();
    assert_eq!((text.as_str(), progress.rotations, progress.continuity_lost), ("two\nthree\n", 1, false));
    assert_eq!(site.poll().1.rotations, 0, "a rotation counts once");
}

#[test]
fn a_roll_by_rename_loses_and_repeats_nothing() {
    let mut site = Site::new();
    site.append("one\n");
    site.poll();
    site.append("two\n");
    site.rename("smsbkup.log", "smsbkup.lo_");
    let (text, progress) = site.poll();
    assert_eq!((text.as_str(), progress.reach), ("two\n", Reach::Unsettled), "while there is no .log");
    assert_eq!(progress.log_error.map(|error| error.kind), Some(IoFailure::NotFound));
    site.append("three\n");
    let (text, progress) = site.poll();
    assert_eq!((text.as_str(), progress.rotations, progress.continuity_lost), ("three\n", 1, false));
}

#[test]
fn a_roll_into_a_dated_history_is_followed() {
    let mut site = Site::new();
    site.append("one\n");
    site.poll();
    site.append("two\n");
    site.rename("smsbkup.log", "SMSBKUP-20261121-020000.log");
    site.append("three\n");
    let (text, progress) = site.poll();
    assert_eq!((text.as_str(), progress.rotations, progress.continuity_lost), ("two\nthree\n", 1, false));
}

#[test]
fn a_copy_in_progress_is_not_read_as_something_new() {
    for full_length in [false, true] {
        let mut site = Site::new();
        let content: String =
            (0..40).map(|n| format!("line {n}, and some words to make it longer\n")).collect();
        site.append(&content);
        site.poll();
        for copied in [0, 10, 255, 256, 300, content.len() / 2, content.len() - 2, content.len()] {
            let mut copy = content.as_bytes()[..copied].to_vec();
            copy.resize(if full_length { content.len() } else { copied }, 0);
            site.write("smsbkup.lo_", copy);
            let (text, progress) = site.poll();
            assert_eq!((text.as_str(), progress.continuity_lost), ("", false), "{copied} bytes are copied");
        }
    }
}

#[test]
fn another_file_of_the_same_size_is_new() {
    let mut site = Site::new();
    site.append("one\ntwo\n");
    site.poll();
    site.write("smsbkup.log", "six\nten\n");
    let (text, progress) = site.poll();
    assert_eq!((text.as_str(), progress.rotations, progress.continuity_lost), ("six\nten\n", 1, true));
}

#[test]
fn deletion_is_an_error_until_the_log_is_there_again() {
    let mut site = Site::new();
    site.append("one\n");
    site.poll();
    fs::remove_file(site.files.log()).unwrap();
    assert_eq!(site.error().kind, IoFailure::NotFound);
    site.append("two\n");
    let (text, progress) = site.poll();
    assert_eq!((text.as_str(), progress.rotations, progress.continuity_lost), ("two\n", 1, true));
}

#[test]
fn two_rolls_between_polls_lose_continuity() {
    let mut site = Site::new();
    site.append("one\n");
    site.poll();
    site.write("smsbkup.lo_", "three\n");
    site.write("smsbkup.log", "four\n");
    let (text, progress) = site.poll();
    assert_eq!((text.as_str(), progress.rotations, progress.continuity_lost), ("three\nfour\n", 1, true));
    assert!(!site.poll().1.continuity_lost, "it is said once");
}

#[test]
fn after_a_crash_that_lost_the_last_lines_it_goes_on_where_the_log_is_still_the_same() {
    for padding in [0, 300] {
        let mut site = Site::new();
        let start = format!("one {}\ntwo\n", "x".repeat(padding));
        site.append(&start);
        site.poll();
        site.append("three\n");
        site.poll();
        site.write("smsbkup.log", &start);
        assert_eq!(site.poll().0, "", "shorter than what was read: perhaps a copy");
        site.append("four, after the crash\n");
        let (text, progress) = site.poll();
        assert_eq!((text.as_str(), progress.continuity_lost), ("four, after the crash\n", false));
        site.append("five\n");
        assert_eq!(site.poll().0, "five\n");
    }
}

#[test]
fn while_the_log_goes_on_the_older_file_is_left_to_whoever_rolls_into_it() {
    let mut site = Site::new();
    site.write("smsbkup.lo_", "one\n");
    site.append("two\n");
    site.poll();
    site.append("three\n");
    let (text, result) = site.poll_locked("smsbkup.lo_");
    let progress = result.unwrap();
    assert_eq!((text.as_str(), progress.reach), ("three\n", Reach::CaughtUp));
    assert!(progress.older_errors.is_empty(), "it is not opened: {:?}", progress.older_errors);
}

#[test]
fn a_rolled_log_waits_for_a_locked_older_file_and_comes_after_it() {
    let mut site = Site::new();
    site.append("one\n");
    site.poll();
    site.append("two\n");
    site.rename("smsbkup.log", "smsbkup.lo_");
    site.append("three\n");
    let (text, result) = site.poll_locked("smsbkup.lo_");
    assert_eq!((text.as_str(), result.unwrap().reach), ("", Reach::Unsettled));
    let (text, progress) = site.poll();
    assert_eq!((text.as_str(), progress.continuity_lost), ("two\nthree\n", false));
}

#[test]
fn a_rolled_log_does_not_wait_for_ever() {
    let mut site = Site::new();
    site.append("one\n");
    site.poll();
    site.append("two\n");
    site.rename("smsbkup.log", "smsbkup.lo_");
    site.append("three\n");
    for _ in 0..POSTPONED_AT_MOST {
        assert_eq!(site.poll_locked("smsbkup.lo_").0, "");
    }
    let (text, result) = site.poll_locked("smsbkup.lo_");
    assert_eq!((text.as_str(), result.unwrap().continuity_lost), ("three\n", true));
    assert_eq!(site.poll().0, "two\n", "late, but not lost");
}

#[test]
fn a_locked_log_is_an_error_unless_older_lines_came() {
    let mut site = Site::new();
    site.append("one\n");
    assert_eq!(site.poll_locked("smsbkup.log").1.unwrap_err().kind, IoFailure::Locked);
    site.write("smsbkup.lo_", "zero\n");
    let (text, result) = site.poll_locked("smsbkup.log");
    assert_eq!((text.as_str(), result.unwrap().reach), ("zero\n", Reach::Unsettled));
    assert_eq!(site.poll_locked("smsbkup.log").1.unwrap_err().kind, IoFailure::Locked);
    assert_eq!(site.poll().0, "one\n");
}

#[test]
fn what_is_not_there_or_no_file_is_not_found() {
    let mut site = Site::new();
    assert_eq!(site.error().kind, IoFailure::NotFound);
    fs::create_dir(site.files.log()).unwrap();
    fs::create_dir(site.files.rolled()).unwrap();
    assert_eq!(site.error().kind, IoFailure::NotFound, "a directory");
    site.files = LogFiles::new(site.path("no such directory/smsbkup.log"));
    let error = site.error();
    assert_eq!(error.kind, IoFailure::NotFound);
    assert_eq!(error.to_string(), format!("cannot open {}", site.files.log().display()));
}

#[test]
fn an_unreachable_share_is_asked_only_once() {
    let site = Site::new();
    let mut asked = Vec::new();
    let mut opener = |path: &Path| {
        asked.push(path.to_owned());
        Err(ErrorKind::HostUnreachable.into())
    };
    let error =
        poll_with(&site.files, &site.cursor, POLL_BUDGET, &mut Told::default(), &mut opener).unwrap_err();
    assert_eq!(error.kind, IoFailure::Unreachable);
    assert_eq!(asked, [site.files.log()]);
}

#[test]
fn a_file_that_changes_while_it_is_read_is_read_again() {
    let mut site = Site::new();
    site.append("one\n");
    let told = Told {
        meanwhile: Some(|directory| {
            fs::copy(directory.join("smsbkup.log"), directory.join("smsbkup.lo_")).unwrap();
            fs::write(directory.join("smsbkup.log"), "two\n").unwrap();
        }),
        ..Told::default()
    };
    let (told, progress) = site.poll_into(told, POLL_BUDGET);
    assert_eq!((told.text.as_str(), told.discarded, progress.reach), ("", 1, Reach::Unsettled));
    assert_eq!(site.poll().0, "one\ntwo\n");
}

#[test]
fn the_budget_ends_a_poll_between_lines() {
    let mut site = Site::new();
    site.write("smsbkup.lo_", "one\ntwo\nthree\n");
    site.append("four\n");
    let (told, progress) = site.poll_into(Told::default(), 9);
    assert_eq!((told.text.as_str(), progress.reach), ("one\ntwo\n", Reach::More));
    assert_eq!(site.poll().0, "three\nfour\n");
}

#[test]
fn a_line_longer_than_the_budget_is_passed_and_counts_once() {
    for encode in [(|text: &str| text.as_bytes().to_vec()) as fn(&str) -> Vec<u8>, |text| {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }] {
        let mut site = Site::new();
        let text = format!("one\n{}\ntwo\n", "x".repeat(3 * LINE_LIMIT));
        let mark = if encode("x").len() == 2 { "\u{FEFF}" } else { "" };
        site.append(encode(&format!("{mark}{text}")));
        let (mut all, mut oversized) = (String::new(), 0);
        for _ in 0..12 {
            let (told, _) = site.poll_into(Told::default(), (1 << 20) + 1);
            all += &told.text;
            oversized += told.counts.oversized;
        }
        assert_eq!((all.as_str(), oversized), ("one\ntwo\n", 1));
    }
}

#[test]
fn an_oversized_line_without_an_end_counts_when_it_ends() {
    let mut site = Site::new();
    site.append(vec![b'x'; LINE_LIMIT + 1]);
    for _ in 0..3 {
        assert_eq!(site.poll_into(Told::default(), POLL_BUDGET).0.counts, PartCounts::default());
    }
    site.append("\none\n");
    let told = site.poll_into(Told::default(), POLL_BUDGET).0;
    assert_eq!((told.text.as_str(), told.counts.oversized), ("one\n", 1));
}

#[test]
fn utf16_is_followed_too() {
    let mut site = Site::new();
    site.append(b"\xFF\xFEa\0\n\0b");
    assert_eq!(site.poll().0, "a\n");
    site.append(b"\0\n\0");
    assert_eq!(site.poll().0, "b\n");
}

#[test]
fn a_file_that_was_away_is_known_when_it_comes_back() {
    let mut site = Site::new();
    site.append("one\n");
    site.poll();
    site.rename("smsbkup.log", "elsewhere");
    for n in 0..10 {
        site.write("smsbkup.log", format!("another {n}\n"));
        site.poll();
    }
    site.rename("elsewhere", "smsbkup.log");
    assert_eq!(site.poll().0, "");
}

#[test]
fn a_cursor_stays_small_however_often_the_log_is_rolled() {
    let mut site = Site::new();
    for n in 0..100 {
        site.write("smsbkup.log", format!("{n} {}\n", "x".repeat(300)));
        site.poll();
    }
    let checkpoint = serde_json::to_string(&site.cursor).unwrap();
    assert!(checkpoint.len() < 16 << 10, "{} bytes", checkpoint.len());
}

#[test]
fn a_checkpoint_says_what_was_read_in_readable_form() {
    let mut site = Site::new();
    site.append(b"caf\xE9 \"1\"\r\n");
    site.poll();
    let checkpoint = serde_json::to_string(&site.cursor).unwrap();
    assert_eq!(
        checkpoint,
        r#"{"contents":[{"head":"café \"1\"\r\n","positions":[{"offset":10,"tail":12212624758678557818}],"in_log":true}],"postponed":0}"#
    );
    assert_eq!(serde_json::from_str::<LogCursor>(&checkpoint).unwrap(), site.cursor);
    assert!(serde_json::from_str::<LogCursor>("{}").unwrap().is_empty());
    assert!(serde_json::from_str::<LogCursor>(&checkpoint.replace('é', "€")).is_err());
}

/// Has another process move a file, or delete it where it has no other name; fails where that process is held up.
fn elsewhere(from: &Path, to: Option<&Path>) {
    let shell = if cfg!(windows) { ["cmd", "/c"].as_slice() } else { &["env", "--"] };
    let verb = match (cfg!(windows), to) {
        (true, Some(_)) => "move",
        (true, None) => "del",
        (false, Some(_)) => "mv",
        (false, None) => "rm",
    };
    let mut command = Command::new(shell[0]);
    let output = command.args(&shell[1..]).arg(verb).arg(from).args(to).output().unwrap();
    // `del` of Windows says what it could not do, and succeeds.
    assert!(output.status.success() && output.stderr.is_empty(), "{verb}: {output:?}");
}

#[test]
fn another_process_rolls_and_deletes_the_log_while_it_is_being_read() {
    let mut site = Site::new();
    site.append("one\n");
    let rolls = |folder: &Path| elsewhere(&folder.join("smsbkup.log"), Some(&folder.join("smsbkup.lo_")));
    let (told, _) = site.poll_into(Told { meanwhile: Some(rolls), ..Told::default() }, POLL_BUDGET);
    assert_eq!(told.text, "one\n");
    assert!(site.path("smsbkup.lo_").exists() && !site.path("smsbkup.log").exists());
    site.append("two\n");
    assert_eq!(site.poll().0, "two\n");

    site.append("three\n");
    let deletes = |folder: &Path| elsewhere(&folder.join("smsbkup.log"), None);
    let (told, _) = site.poll_into(Told { meanwhile: Some(deletes), ..Told::default() }, POLL_BUDGET);
    assert_eq!(told.text, "three\n");
    assert!(!site.path("smsbkup.log").exists(), "nobody has it open any more");
    site.append("four\n");
    assert_eq!(site.poll().0, "four\n");
}
