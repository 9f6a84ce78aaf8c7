//! Files that cannot be read, that are none of ours, and those read at once.

use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::source::event_log::chunk::Chunk;
use crate::source::event_log::{event, selection};

fn failure(path: &Path) -> PollFailure {
    source(path.to_owned()).poll(None, &Guidance::default()).unwrap_err()
}

#[test]
fn what_cannot_be_read_is_named_with_its_remedy() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("Application.evtx");
    let missing = failure(&path);
    assert_eq!(missing.kind, FailureKind::NotFound);
    assert!(missing.message.starts_with(&format!("cannot open {}: ", path.display())), "{missing:?}");
    assert!(missing.message.ends_with("; watched for; check sites[].event_log.path"), "{missing:?}");

    for content in ["", "ElfFil", "Simple text, not an event log"] {
        fs::write(&path, content).unwrap();
        let malformed = failure(&path);
        assert_eq!(malformed.kind, FailureKind::Malformed);
        let expected = "is no event log: it does not begin with ElfFile; name an .evtx file; check";
        assert!(malformed.message.contains(expected), "{malformed:?}");
        assert!(!malformed.message.contains('\n'));
    }
    let denied = ReadError::Io {
        kind: IoFailure::AccessDenied,
        operation: "open",
        path: path.clone(),
        source: std::io::ErrorKind::PermissionDenied.into(),
    };
    let denied = source(path).failure(&denied).message;
    assert!(denied.ends_with(r"; give CORP\svc read access to the file; Event Log Readers do not have it"));
}

#[test]
fn a_log_without_records_is_empty_and_no_failure() {
    let mut bench = Bench::new(EventLogWriter::new());
    for length in [HEADER_SIZE, HEADER_SIZE - 100, HEADER_SIZE + 100, HEADER_SIZE + CHUNK_SIZE] {
        fs::write(&bench.path, &bench.log.bytes()[..length]).unwrap();
        let news = bench.poll_file(BUDGET);
        assert_eq!(
            (news.totals, news.reach, news.coverage()),
            (EventTotals::default(), Reach::CaughtUp, None)
        );
    }
    bench.push([message(1)]);
    assert_eq!(bench.poll().seconds(), [1]);
}

#[test]
fn a_whole_file_gives_its_messages_oldest_first() {
    let mut bench = Bench::new(EventLogWriter::new().capacity(3).first_id(10));
    bench.push((0..5).map(|second| huge(message(second))));
    bench.push([noise(5), WindowsEvent { data: vec![], ..message(6) }, message(7)]);
    bench.log.set_dirty(true);
    bench.push([message(8)]);
    bench.write();
    let phrases = Phrases::new(UserPatterns::default()).unwrap();
    let (stretches, totals) = read(&bench.path, &phrases).unwrap();
    let told: Vec<_> = stretches.into_iter().flat_map(|stretch| stretch.messages).collect();
    let second = |record: &EventRecord| (record.id, (record.message.time - at(0)).num_seconds());
    let told: Vec<_> = told.iter().map(second).collect();
    assert_eq!(told, [(12, 2), (13, 3), (14, 4), (17, 7), (18, 8)]);
    assert_eq!(totals, EventTotals { records: 7, damaged_chunks: 0, unattributed: 1 });
    assert!(is_event_log(&bench.log.bytes()) && !is_event_log(b"ElfFil"));
}

#[test]
fn logs_of_other_machines_hold_no_messages() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/samples");
    if !samples.is_dir() {
        eprintln!("skipped: there are no samples in {}", samples.display());
        return;
    }
    for (name, records, damaged_chunks) in
        [("application_no_crc32.evtx", 17, 0), ("bad_chunk_magic.evtx", 380, 14)]
    {
        let path = samples.join(name);
        let phrases = Phrases::new(UserPatterns::default()).unwrap();
        let (stretches, totals) = read(&path, &phrases).unwrap();
        assert!(stretches.iter().all(|stretch| stretch.messages.is_empty()), "{name}");
        assert_eq!(totals, EventTotals { records, damaged_chunks, unattributed: 0 }, "{name}");
        let poll = source(path).poll(None, &Guidance::default()).unwrap();
        assert!(poll.facts.contains(&Fact::Events(totals)) && poll.reach == Reach::CaughtUp, "{name}");
    }
}

proptest! {
    #[test]
    fn any_damage_is_borne(
        changes in prop::collection::vec((0..CHUNK_SIZE, prop::collection::vec(any::<u8>(), 1..40)), 0..20),
    ) {
        let mut bench = Bench::new(EventLogWriter::new());
        bench.push((0..40).flat_map(|second| [noise(second), message(second)]));
        let mut bytes = bench.log.bytes()[HEADER_SIZE..][..CHUNK_SIZE].to_vec();
        for (at, change) in changes {
            let end = (at + change.len()).min(CHUNK_SIZE);
            bytes[at..end].copy_from_slice(&change[..end - at]);
        }
        let chunk = Chunk::new(bytes);
        let ids: Vec<_> = chunk.spans().iter().map(|span| span.id).collect();
        prop_assert!(ids.is_sorted());
        let candidates = selection::candidates(&chunk, 0);
        let built = event::build(&chunk, &candidates);
        prop_assert_eq!(built.iter().map(|(index, _)| *index).collect::<Vec<_>>(), candidates);
    }
}
