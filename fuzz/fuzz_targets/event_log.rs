//! Any change to an event log, between polls too: nothing may panic, and what a poll gives must be what was announced.
//!
//! The input is a list of changes to a sound log of a few chunks, in two parts; a checksum or a template is hard to
//! guess, but a change just behind it is not. The file is read whole, then polled before and after the second part.

#![no_main]

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use configmgr_backup_exporter::clock::Clock;
use configmgr_backup_exporter::config::{EventLogConfig, SiteSettings};
use configmgr_backup_exporter::demo::writer::{
    BinXmlStyle, CHUNK_SIZE, EventLogWriter, HEADER_SIZE, HeaderLanguage, Status, WindowsEvent,
};
use configmgr_backup_exporter::site::{MessageId, Severity, Timestamp};
use configmgr_backup_exporter::source::event_log::{self, EventLog};
use configmgr_backup_exporter::source::{BlockingSource, Cursor, Fact, Guidance, Reach, Surroundings};
use configmgr_backup_exporter::trace::{Phrases, UserPatterns};
use libfuzzer_sys::fuzz_target;

const CHUNKS: usize = 3;

/// One log in each style, dirty, with records of an earlier pass.
static LOGS: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| [BinXmlStyle::Templates, BinXmlStyle::Plain].map(log));

static PHRASES: LazyLock<Phrases> =
    LazyLock::new(|| Phrases::new(UserPatterns::default()).expect("the table compiles"));

thread_local! {
    static SOURCE: RefCell<Option<(PathBuf, EventLog)>> = const { RefCell::new(None) };
}

fn log(style: BinXmlStyle) -> Vec<u8> {
    let mut log = EventLogWriter::new().capacity(CHUNKS).style(style);
    log.set_dirty(true);
    let computer = "CM01.corp.example";
    for number in 0_u32..80 {
        let time = Timestamp::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + u64::from(number));
        let status =
            Status::new(MessageId::FAILED, Severity::Error, &["CopyFileW failed, Win32 Error = 112"]);
        let language = HeaderLanguage::ALL[number as usize % HeaderLanguage::ALL.len()];
        let mut event = match number % 8 {
            0 => WindowsEvent::status(&status, computer, time, language),
            1 => WindowsEvent::sql_server(None, 18264, "CM_P01", computer, time),
            _ => WindowsEvent::other(number as usize, computer, time),
        };
        // Few records fill the ring, so that the fuzzer has many turns.
        event.data.push("x".repeat(1_500));
        log.push(&event);
    }
    log.bytes()
}

/// Writes each four bytes of `changes` over the file: where, and what.
fn change(file: &mut [u8], changes: &[u8]) {
    for change in changes.as_chunks::<4>().0 {
        let at = usize::from(u16::from_le_bytes([change[0], change[1]]));
        let chunk = usize::from(change[2]) % (CHUNKS + 1);
        // The last number stands for the header of the file.
        let at = if chunk == CHUNKS { at % HEADER_SIZE } else { HEADER_SIZE + chunk * CHUNK_SIZE + at };
        if let Some(byte) = file.get_mut(at) {
            *byte = change[3];
        }
    }
}

fn source(path: &Path) -> EventLog {
    let config = EventLogConfig { path: path.to_owned(), interval: Duration::from_secs(30) };
    let surroundings = Surroundings { clock: Clock::System, state_path: Path::new(""), account: "" };
    let phrases = Phrases::new(UserPatterns::default()).expect("the table compiles");
    EventLog::new(&SiteSettings::new("P01".parse().expect("a code")), &config, phrases, &surroundings)
}

/// Polls until everything has been read; how many messages came.
fn poll(source: &EventLog, cursor: &mut Option<Cursor>) -> Option<usize> {
    let mut count = 0;
    for _ in 0..=CHUNKS {
        let poll = source.poll(cursor.as_ref(), &Guidance::default()).ok()?;
        for fact in &poll.facts {
            let Fact::Records(_, records) = fact else { continue };
            assert!(records.is_sorted_by(|a, b| a.position < b.position));
            count += records.len();
        }
        *cursor = Some(poll.cursor);
        if poll.reach == Reach::CaughtUp {
            return Some(count);
        }
    }
    panic!("a few chunks take no more than a few polls");
}

fuzz_target!(|data: &[u8]| {
    let Some((choice, changes)) = data.split_first() else { return };
    let (first, second) = changes.split_at(changes.len() / 2);
    let mut file = LOGS[usize::from(choice & 1)].clone();
    change(&mut file, first);
    SOURCE.with_borrow_mut(|known| {
        let (path, source) = known.get_or_insert_with(|| {
            let path = PathBuf::from(format!("/dev/shm/event_log_fuzz-{}.evtx", std::process::id()));
            (path.clone(), source(&path))
        });
        fs::write(&*path, &file).expect("there is memory");
        let whole = event_log::read(path, &PHRASES);
        let stretches = whole.iter().flat_map(|(stretches, _)| stretches);
        let messages = stretches.map(|stretch| stretch.messages.len()).sum();
        let mut cursor = None;
        let polled = poll(source, &mut cursor);
        assert_eq!(whole.is_ok(), polled.is_some());
        assert!(polled.is_none_or(|polled| polled >= messages), "{polled:?} of {messages}");
        assert!(polled.is_none() || poll(source, &mut cursor) == Some(0), "nothing is new");

        change(&mut file, second);
        fs::write(&*path, &file).expect("there is memory");
        poll(source, &mut cursor);
    });
});
