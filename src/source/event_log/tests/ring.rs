//! What is new from poll to poll, whatever the service does to its ring of chunks.

use super::*;

/// Fills a log of this many chunks, each with one message, the first at second 0.
fn chunks(count: i64) -> Bench {
    let mut bench = Bench::new(EventLogWriter::new());
    bench.push((0..count).map(|second| huge(message(second))));
    assert_eq!(bench.log.bytes().len(), HEADER_SIZE + usize::try_from(count).unwrap() * CHUNK_SIZE);
    bench
}

/// Polls until nothing is new; what all polls brought.
fn all(bench: &mut Bench) -> (Vec<i64>, EventTotals) {
    let (mut seconds, mut totals) = (Vec::new(), EventTotals::default());
    loop {
        let news = bench.poll_file(BUDGET);
        seconds.extend(news.seconds());
        totals += news.totals;
        if news.totals.records == 0 {
            return (seconds, totals);
        }
    }
}

#[test]
fn each_poll_brings_what_came_since_the_one_before() {
    let mut bench = Bench::new(EventLogWriter::new());
    assert!(bench.poll().seconds().is_empty());
    for second in 0..300 {
        bench.push([noise(second), message(second), noise(second)]);
        bench.log.set_dirty(second % 7 == 0);
        let news = bench.poll();
        assert_eq!((news.seconds(), news.totals.records), (vec![second], 3));
        assert_eq!(bench.poll().totals, EventTotals::default());
    }
    assert!(bench.log.bytes().len() > 3 * CHUNK_SIZE);
}

#[test]
fn a_site_that_does_not_report_there_is_silent_until_its_first_message() {
    let mut bench = Bench::new(EventLogWriter::new());
    bench.push([noise(1), WindowsEvent { provider: "SMS Client".to_owned(), ..message(2) }]);
    assert_eq!(bench.poll().coverage(), None);
    bench.push([noise(3), message(4), message(5)]);
    assert_eq!(bench.poll().coverage(), Some((Some(at(4)), false)));
    assert_eq!(bench.poll().coverage(), Some((None, false)));
    bench.push([noise(6)]);
    assert_eq!(bench.poll().coverage(), Some((None, false)));
}

#[test]
fn a_ring_that_went_round_is_read_from_its_oldest_record() {
    let mut bench = Bench::new(EventLogWriter::new().capacity(3).first_id(u64::MAX / 2));
    bench.push((0..8).map(|second| huge(message(second))));
    assert_eq!(bench.poll().seconds(), [5, 6, 7]);
    bench.push((8..10).map(|second| huge(message(second))));
    let news = bench.poll();
    assert_eq!((news.seconds(), news.totals.records), (vec![8, 9], 2));
}

#[test]
fn what_was_overwritten_unread_leaves_a_gap() {
    let mut bench = Bench::new(EventLogWriter::new().capacity(3));
    bench.push((0..3).map(|second| huge(message(second))));
    bench.poll();
    bench.push((3..8).map(|second| huge(message(second))));
    let news = bench.poll();
    assert_eq!(news.seconds(), [-1, 5, 6, 7]);
    assert_eq!(news.coverage(), Some((Some(at(5)), true)));
    assert_eq!(news.records[0].position, bench.cursor.since());
}

#[test]
fn a_log_that_was_cleared_is_read_anew_behind_a_gap() {
    let mut bench = chunks(3);
    bench.poll();
    bench.log.clear();
    let news = bench.poll();
    assert_eq!((news.seconds(), news.coverage(), news.reach), (vec![], None, Reach::Unsettled));
    bench.push([noise(10)]);
    let news = bench.poll();
    assert_eq!((news.seconds(), news.coverage()), (vec![-1], Some((Some(at(10)), true))));
    bench.push([message(11)]);
    let news = bench.poll();
    assert_eq!((news.seconds(), news.coverage()), (vec![11], Some((Some(at(11)), false))));
}

#[test]
fn a_file_that_is_empty_for_a_moment_loses_nothing() {
    let mut bench = chunks(3);
    bench.poll();
    let whole = bench.log.bytes();
    fs::write(&bench.path, EventLogWriter::new().bytes()).unwrap();
    assert_eq!(bench.poll_file(BUDGET).reach, Reach::Unsettled);
    fs::write(&bench.path, whole).unwrap();
    let news = bench.poll_file(BUDGET);
    assert_eq!((news.seconds(), news.coverage()), (vec![], Some((None, false))));
}

#[test]
fn what_lies_behind_the_records_since_a_clear_is_not_taken_for_them() {
    for dirty in [false, true] {
        let mut bench = Bench::new(EventLogWriter::new());
        bench.push((0..10).map(message));
        bench.poll();
        let mut bytes = bench.log.bytes();
        bench.log.clear();
        bench.log.set_dirty(dirty);
        bench.push((0..3).map(|second| message(10_000 + second)));
        let cleared = bench.log.bytes();
        let last = memchr::memmem::rfind(&cleared, b"**\0\0").unwrap();
        let size = u32::from_le_bytes(*cleared[last + 4..].first_chunk().unwrap());
        let end = last + usize::try_from(size).unwrap();
        bytes[..end].copy_from_slice(&cleared[..end]);
        assert!(bytes[end..].starts_with(b"**\0\0"), "one that was cleared, with the id that would be next");
        fs::write(&bench.path, &bytes).unwrap();
        assert_eq!(bench.poll_file(BUDGET).seconds(), [-1, 10_000, 10_001, 10_002]);
    }
}

#[test]
fn a_clock_that_is_set_back_hides_nothing() {
    for dirty in [false, true] {
        let mut bench = Bench::new(EventLogWriter::new());
        bench.log.set_dirty(dirty);
        for seconds in [1000, 1001, 10, 11, 500] {
            bench.push([message(seconds)]);
            assert_eq!(bench.poll().seconds(), [seconds]);
        }
    }
}

#[test]
fn a_log_that_was_archived_goes_on_in_the_next_file_without_a_gap() {
    for (first_id, expected) in [(4, vec![3, 4]), (5, vec![-1, 3, 4])] {
        let mut bench = chunks(3);
        bench.poll();
        bench.log = EventLogWriter::new().first_id(first_id);
        bench.push([message(3), message(4)]);
        assert_eq!(bench.poll().seconds(), expected);
    }
}

#[test]
fn a_copy_with_its_chunks_elsewhere_goes_on_where_the_log_was_read() {
    let mut bench = Bench::new(EventLogWriter::new().capacity(3));
    bench.push((0..4).map(|second| huge(message(second))));
    bench.poll();
    let since = bench.cursor.since();
    bench.push([huge(message(4))]);
    let mut bytes = bench.log.bytes();
    bytes[HEADER_SIZE..].rotate_left(CHUNK_SIZE);
    fs::write(&bench.path, bytes).unwrap();
    assert_eq!(bench.poll_file(BUDGET).seconds(), [4]);
    assert_eq!(bench.cursor.since(), since);
}

#[test]
fn what_a_copy_gives_once_more_is_announced() {
    let mut bench = chunks(2);
    let older = bench.log.clone();
    bench.push([message(2)]);
    bench.poll();
    // The older copy holds nothing new, and the newer one what was read before.
    let newer = std::mem::replace(&mut bench.log, older);
    let since = bench.cursor.since();
    assert_eq!(bench.poll().seconds(), [0, 1]);
    assert!(bench.cursor.since() > since);
    bench.log = newer;
    let since = bench.cursor.since();
    assert_eq!(bench.poll().seconds(), [2]);
    assert!(bench.cursor.since() > since);
}

#[test]
fn a_file_that_was_cut_off_tells_what_is_left() {
    let mut bench = chunks(3);
    let bytes = bench.log.bytes();
    fs::write(&bench.path, &bytes[..bytes.len() - CHUNK_SIZE / 2]).unwrap();
    assert_eq!(bench.poll_file(BUDGET).seconds(), [0, 1]);
    assert_eq!(bench.poll().seconds(), [2]);
}

#[test]
fn damage_costs_only_what_it_hit_and_each_chunk_counts_once() {
    let magic = |chunk: &mut [u8]| chunk[..8].fill(0);
    let header = |chunk: &mut [u8]| chunk[..4096].fill(0);
    let nothing = |chunk: &mut [u8]| chunk.fill(0);
    let noise = |chunk: &mut [u8]| chunk.fill(0xA5);
    let checksum = |chunk: &mut [u8]| chunk[54] ^= 1;
    let text = |chunk: &mut [u8]| chunk[20_000] ^= 1;
    let record = |chunk: &mut [u8]| chunk[560..600].fill(0);
    let size = |chunk: &mut [u8]| chunk[516] ^= 0x10;
    type Change = fn(&mut [u8]);
    // The message, if the chunk still has it.
    let changes: [(Change, bool); 8] = [
        (magic, true),
        (header, false),
        (nothing, false),
        (noise, false),
        (checksum, true),
        (text, true),
        (record, false),
        (size, false),
    ];
    for (kind, (change, is_readable)) in changes.into_iter().enumerate() {
        let mut bench = chunks(4);
        bench.write_with(2, change);
        let (seconds, totals) = all(&mut bench);
        let expected = if is_readable { vec![0, 1, 2, 3] } else { vec![0, 1, -1, 3] };
        assert_eq!((seconds, totals.damaged_chunks), (expected, 1), "{kind}");

        // As the newest one it may still be written to; it is known for what it is when the next one goes on.
        let mut bench = chunks(2);
        bench.poll();
        bench.push([huge(message(2))]);
        bench.write_with(2, change);
        let (_, first) = all(&mut bench);
        bench.push([huge(message(3))]);
        bench.write_with(2, change);
        let (seconds, second) = all(&mut bench);
        assert_eq!(*seconds.last().unwrap(), 3, "{kind}");
        assert_eq!(seconds.contains(&-1), !is_readable, "{kind} {seconds:?}");
        assert_eq!(first.damaged_chunks + second.damaged_chunks, 1, "{kind}");
    }
}

#[test]
fn in_a_damaged_chunk_the_records_behind_the_damage_are_found() {
    let mut bench = Bench::new(EventLogWriter::new());
    bench.push((0..20).map(message));
    bench.push([huge(message(20)), huge(message(21))]);
    let bytes = bench.log.bytes();
    let chunk = &bytes[HEADER_SIZE..][..CHUNK_SIZE];
    let records: Vec<_> = memchr::memmem::find_iter(chunk, b"**\0\0").collect();
    // Record 5 loses its header, record 9 its content.
    let (fifth, ninth) = (records[5], records[9] + 24);
    bench.write_with(0, |chunk| {
        chunk[fifth..fifth + 24].fill(0xFF);
        chunk[ninth..ninth + 100].fill(0xFF);
    });
    let (seconds, totals) = all(&mut bench);
    let expected = [0, 1, 2, 3, 4, -1, 6, 7, 8, -1, 10].into_iter().chain(11..=21);
    assert_eq!(seconds, expected.collect::<Vec<_>>());
    assert_eq!((totals.damaged_chunks, totals.records), (1, 21));
}

#[test]
fn a_record_behind_a_few_bytes_of_rubbish_is_found() {
    for rubbish in [8, 16, 24] {
        let mut bench = Bench::new(EventLogWriter::new());
        bench.push((0..3).map(message));
        let bytes = bench.log.bytes();
        let chunk = &bytes[HEADER_SIZE..][..CHUNK_SIZE];
        let records: Vec<_> = memchr::memmem::find_iter(chunk, b"**\0\0").collect();
        // The second record ends that much earlier, which costs its content.
        let (start, end) = (records[1], records[2] - rubbish);
        let size = u32::try_from(end - start).unwrap().to_le_bytes();
        bench.write_with(0, |chunk| {
            chunk[start + 4..start + 8].copy_from_slice(&size);
            chunk[end - 4..end].copy_from_slice(&size);
            chunk[end..end + rubbish].fill(0xEE);
        });
        let seconds = bench.poll_file(BUDGET).seconds();
        assert!(seconds.starts_with(&[0]) && seconds.ends_with(&[2]), "{rubbish}: {seconds:?}");
    }
}

#[test]
fn a_huge_file_without_records_costs_its_heads_and_the_budget() {
    let mut bench = Bench::new(EventLogWriter::new());
    bench.write();
    let chunks = 3_000;
    let length = HEADER_SIZE as u64 + chunks * CHUNK_SIZE as u64;
    fs::OpenOptions::new().write(true).open(&bench.path).unwrap().set_len(length).unwrap();
    let budget = 1 << 20;
    let read = bench.poll_file(budget).bytes;
    assert!(read <= budget + (chunks + 64) * 1024 + CHUNK_SIZE as u64, "{read} bytes");
}

#[test]
fn the_newest_record_waits_while_it_is_being_written() {
    for torn in [24, 40, 200] {
        let mut bench = Bench::new(EventLogWriter::new());
        bench.push([noise(0), message(1)]);
        let bytes = bench.log.bytes();
        let last = memchr::memmem::rfind(&bytes, b"**\0\0").unwrap() - HEADER_SIZE;
        bench.write_with(0, |chunk| chunk[last + torn..].fill(0));
        assert!(bench.poll_file(BUDGET).seconds().is_empty());
        assert_eq!(bench.poll().seconds(), [1]);
    }
}

#[test]
fn a_budget_ends_a_poll_after_a_chunk_and_nothing_is_lost() {
    let mut bench = chunks(5);
    bench.write();
    let mut seconds = Vec::new();
    for _ in 0..4 {
        let news = bench.poll_file(1);
        assert_eq!(news.reach, Reach::More);
        seconds.extend(news.seconds());
    }
    let news = bench.poll_file(1);
    assert_eq!(news.reach, Reach::CaughtUp);
    seconds.extend(news.seconds());
    assert_eq!(seconds, [0, 1, 2, 3, 4]);
}

/// The same chunk with another id for its only record.
fn with_id(chunk: &[u8], id: u64) -> Vec<u8> {
    let mut chunk = chunk.to_vec();
    let mut put = |at: usize, value: &[u8]| chunk[at..at + value.len()].copy_from_slice(value);
    for at in [8, 16, 24, 32, 520] {
        put(at, &id.to_le_bytes());
    }
    let free = usize::try_from(u32::from_le_bytes(*chunk[48..].first_chunk().unwrap())).unwrap();
    let records = crc32fast::hash(&chunk[512..free]);
    chunk[52..56].copy_from_slice(&records.to_le_bytes());
    let header = crc32fast::hash(&[&chunk[..120], &chunk[128..512]].concat());
    chunk[124..128].copy_from_slice(&header.to_le_bytes());
    chunk
}

#[test]
fn one_new_record_in_a_large_log_costs_a_few_chunks() {
    const CHUNKS: u64 = 1024;
    // A ring that begins its second pass in the chunks of `log`; those of the first pass are behind them.
    let mut bench = Bench::new(EventLogWriter::new().first_id(CHUNKS));
    let mut one = EventLogWriter::new();
    one.push(&huge(noise(0)));
    let one = &one.bytes()[HEADER_SIZE..];
    let first_pass = (0..CHUNKS).map(|id| with_id(one, id)).collect::<Vec<_>>().concat();
    let write = |bench: &Bench| {
        let mut bytes = bench.log.bytes();
        bytes.extend(&first_pass[bytes.len() - HEADER_SIZE..]);
        fs::write(&bench.path, bytes).unwrap();
    };
    bench.push([noise(0)]);
    write(&bench);
    let (first, second) = (bench.poll_file(BUDGET), bench.poll_file(BUDGET));
    assert_eq!((first.reach, second.reach), (Reach::More, Reach::CaughtUp));
    let totals = [first.totals, second.totals];
    assert_eq!(totals.map(|totals| totals.damaged_chunks), [0, 0]);
    assert_eq!(totals.map(|totals| totals.records).iter().sum::<u64>(), CHUNKS);
    // In the newest chunk, and in the one behind it.
    for event in [message(1), huge(message(2))] {
        bench.push([event]);
        write(&bench);
        let news = bench.poll_file(BUDGET);
        assert_eq!((news.seconds().len(), news.totals.records), (1, 1));
        assert!(news.bytes <= 3 * CHUNK_SIZE as u64, "{} bytes", news.bytes);
    }
}
