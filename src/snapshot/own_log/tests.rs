//! Logs of copies, as the demo's task writes them.

use std::io::Cursor;

use super::*;
use crate::demo::writer::{BackupTask, LogWriter, RunScript};
use crate::site::{BackupPhase, FailureCause, Severity};
use crate::trace::UserPatterns;

fn site() -> SiteCode {
    "P01".parse().unwrap()
}

fn at(run: i32) -> Timestamp {
    Timestamp::from_timestamp(1_700_000_000, 0).unwrap() + TimeDelta::days(1) * run
}

fn writer() -> LogWriter {
    LogWriter::new(site(), "CM01")
}

fn text(script: &RunScript, run: i32) -> String {
    script.text(&writer(), at(run))
}

fn newest(log: &[u8]) -> Option<OwnRun> {
    let phrases = Phrases::new(UserPatterns::default()).unwrap();
    let mut opened = 0;
    let mut read = |held| {
        let open = || {
            opened += 1;
            Ok((Cursor::new(log), log.len() as u64))
        };
        newest_run(&read_end(open, held).unwrap(), site(), &phrases)
    };
    // However often it must be opened again.
    let (run, slowly) = (read(Duration::MAX), read(Duration::ZERO));
    assert_eq!(run, slowly);
    let pieces = (log.len() as u64).min(LIMIT).div_ceil(CHUNK);
    assert_eq!(opened, 1 + 1 + pieces, "nothing is held open longer than it may be");
    run
}

/// The run by its number and whether it succeeded.
fn told(log: &str) -> Option<(i64, bool)> {
    newest(log.as_bytes()).map(|run| ((run.started - at(0)).num_days(), run.succeeded.is_some()))
}

#[test]
fn the_newest_run_counts() {
    let task = BackupTask::new(site());
    let (good, bad) = (task.success(), task.failure(FailureCause::DiskFull));
    for (log, expected) in [
        (String::new(), None),
        ("no line of a log\r\n".to_owned(), None),
        (text(&good, 1), Some((1, true))),
        (text(&good, 1) + &text(&good, 2), Some((2, true))),
        (text(&good, 1) + &text(&bad, 2), Some((2, false))),
        (text(&bad, 1) + &text(&good, 2), Some((2, true))),
        (text(&good, 1) + &text(&task.unfinished(BackupPhase::Copy), 2), Some((2, false))),
        (text(&good.clone().without(MessageId::TASK_STARTED), 1), Some((1, true))),
        (text(&good.clone().without(MessageId::COMPLETED), 1), Some((1, false))),
        (text(&task.after_backup_fails(), 1), Some((1, true))),
        (text(&task.warning(), 1), Some((1, true))),
    ] {
        assert_eq!(told(&log), expected, "{log}");
    }
}

#[test]
fn its_start_is_that_of_the_task() {
    let run = newest(text(&BackupTask::new(site()).success(), 1).as_bytes()).unwrap();
    let phrase = |id: u16| format!("ID={id} ");
    let script = BackupTask::new(site()).success();
    let time = |id| {
        let lines = script.lines(&writer(), at(1));
        lines.into_iter().find(|(_, line)| line.contains(&phrase(id))).unwrap().0
    };
    assert_eq!(run, OwnRun { started: time(5055), succeeded: Some(time(5035)) });
}

#[test]
fn another_sites_lines_tell_of_no_run() {
    let other = "P02".parse().unwrap();
    let log = BackupTask::new(other).success().text(&LogWriter::new(other, "CM02"), at(2));
    assert_eq!(told(&log), None);
    assert_eq!(told(&(text(&BackupTask::new(site()).success(), 1) + &log)), Some((1, true)));
}

#[test]
fn words_count_where_there_is_nothing_else() {
    let say = |text: &str, run, minutes| writer().text(at(run) + TimeDelta::minutes(minutes), text);
    let run = |number, end: &str| {
        say("preparing the backup location", number, 0)
            + &say(end, number, 30)
            + &say("SMS site backup service is stopping.", number, 31)
    };
    assert_eq!(told(&run(1, "Backup completed")), Some((1, true)));
    assert_eq!(told(&run(1, "SMS site backup failed. Please see previous errors.")), Some((1, false)));
    assert_eq!(told(&(run(1, "Backup completed") + &run(2, "nothing"))), Some((2, false)));
    let start = writer().status(at(1), MessageId::TASK_STARTED, Severity::Information, &[]);
    assert_eq!(told(&(start + &run(1, "Backup completed"))), Some((1, false)));
}

#[test]
fn of_a_long_log_only_the_end_is_read_from_a_line_on() {
    let old = text(&BackupTask::new(site()).failure(FailureCause::DiskFull), 1);
    let filler = writer().text(at(1), "Copied a file to the destination, and another one, and one more.");
    let filler = filler.repeat(usize::try_from(LIMIT).unwrap() / filler.len() + 9);
    assert_eq!(told(&format!("{old}{filler}")), None);
    let good = text(&BackupTask::new(site()).success(), 2);
    assert_eq!(told(&format!("{old}{filler}{good}")), Some((2, true)));
    let wide = |text: &str| -> Vec<u8> {
        [0xFF, 0xFE].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect()
    };
    let run = newest(&wide(&format!("{old}{filler}{good}"))).unwrap();
    assert!(run.started > at(2) && run.succeeded.is_some());
}

#[test]
fn a_missing_log_tells_of_no_run() {
    let folder = tempfile::tempdir().unwrap();
    let phrases = Phrases::new(UserPatterns::default()).unwrap();
    assert_eq!(own_run(&folder.path().join("smsbkup.log"), site(), &phrases).unwrap(), None);
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_read_to_their_end(bytes: Vec<u8>) {
        newest(&bytes);
    }
}
