//! What holds for any bytes: the reader never panics, and pieces tell the same as the whole.

use std::sync::LazyLock;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;
use crate::site::{FailureCause, Timestamp};

static PHRASES: LazyLock<Phrases> = LazyLock::new(|| Phrases::new(UserPatterns::default()).unwrap());
/// With patterns of a user every line is looked at, which is another way through the reader.
static USER_PHRASES: LazyLock<Phrases> = LazyLock::new(|| {
    let failure = vec![(regex::Regex::new("(?i)gener").unwrap(), FailureCause::Sql)];
    Phrases::new(UserPatterns { success: Vec::new(), failure }).unwrap()
});

/// Everything that reading a log tells.
#[derive(Debug, PartialEq)]
struct Outcome {
    entries: Vec<LogEntry>,
    lines: u64,
    malformed: u64,
    oversized: u64,
    state: ReaderState,
    oldest: Option<Timestamp>,
}

/// Reads pieces as polls do: each with a reader of its own that goes on with what the last one left.
fn read<'a>(
    phrases: &Phrases,
    encoding: Encoding,
    pieces: impl IntoIterator<Item = &'a [u8]>,
    one_reader: bool,
) -> Outcome {
    let mut blocks = LineBlocks::new(encoding);
    let mut entries = Vec::new();
    let mut reader = TraceReader::new(phrases, ReaderState::default());
    let mut counts = LineCounts::default();
    let mut oldest = None;
    for piece in pieces {
        blocks.push(piece, &mut |block| reader.read(block, &mut |entry| entries.push(entry)));
        if !one_reader {
            let next = TraceReader::new(phrases, reader.state.clone());
            let done = std::mem::replace(&mut reader, next);
            counts.lines += done.counts.lines;
            counts.malformed += done.counts.malformed;
            counts.oversized += done.counts.oversized;
            oldest = oldest.or(done.oldest);
        }
    }
    blocks.finish(&mut |block| reader.read(block, &mut |entry| entries.push(entry)));
    Outcome {
        entries,
        lines: counts.lines + reader.counts.lines,
        malformed: counts.malformed + reader.counts.malformed,
        oversized: counts.oversized + reader.counts.oversized + blocks.oversized(),
        oldest: oldest.or(reader.oldest),
        state: reader.state,
    }
}

/// Cuts `bytes` at the given places.
fn cut<'a>(bytes: &'a [u8], cuts: &[Index]) -> Vec<&'a [u8]> {
    let mut places: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    places.sort_unstable();
    let starts = std::iter::once(0).chain(places.iter().copied());
    starts.zip(places.iter().copied().chain([bytes.len()])).map(|(from, to)| &bytes[from..to]).collect()
}

const WORDS: [&str; 10] = [
    "SMS site backup service is stopping.",
    "Backup completed",
    "Starts cleaning and preparing the backup location.",
    "SMS site backup failed. Please see previous errors.",
    r"Deleting E:\Backup\x, FAILED, Win32 Error = 145",
    "Error: BackupComplete returned 0x80042306",
    "SMS site backup service 4.00 gets started.",
    "Löschen <b> \"c\" $$<D>",
    "]LOG]!><time=\"x\">",
    "",
];
const COMPONENTS: [&str; 3] = ["SMS_SITE_BACKUP", "SMS_SITE_VSS_WRITER", "SMS_EXECUTIVE"];
const BIASES: [&str; 7] = ["+420", "-60", "+000", "", "+-240", "-765", "+9999"];
const DATES: [&str; 4] =
    ["Wed Aug 22 09:16:19.253 2012", "Fri Feb 29 00:00:00.000 2024", "Wed Dec 31 23:59:59.999 9999", "Wed"];

fn status() -> impl Strategy<Value = String> {
    let ids = select(&[500_u32, 501, 5035, 5040, 5055, 5060, 6829, 70_000][..]);
    (ids, select(&["I", "W", "E", "X"][..]), select(&COMPONENTS[..]), select(&DATES[..]), select(&WORDS[..]))
        .prop_map(|(id, severity, component, date, words)| {
            format!(
                "STATMSG: ID={id} SEV={severity} LEV=M SOURCE=\"SMS Server\" COMP=\"{component}\" \
                 SYS=cm01.corp.example SITE=P01 PID=4804 TID=5172 GMTDATE={date} ISTR0=\"{words}\" ISTR1=\"\" NUMATTRS=0"
            )
        })
}

/// One line in either layout, or none; a message may go over several lines.
fn line() -> impl Strategy<Value = String> {
    let message = prop_oneof![
        select(&WORDS[..]).prop_map(str::to_owned),
        status(),
        (select(&WORDS[..]), select(&WORDS[..])).prop_map(|(one, other)| format!("{one}\r\n {other}")),
    ];
    let parts =
        (message, select(&COMPONENTS[..]), select(&BIASES[..]), 0_u8..24, select(&["\r\n", "\n"][..]));
    prop_oneof![
        4 => parts.clone().prop_map(|(message, component, bias, hour, end)| format!(
            "{message}~  $$<{component}><08-22-2012 {hour:02}:16:19.253{bias}><thread=5172 (0x1434)>{end}"
        )),
        4 => parts.prop_map(|(message, component, bias, hour, end)| format!(
            "<![LOG[{message}]LOG]!><time=\"{hour:02}:16:19.253{bias}\" date=\"08-22-2012\" \
             component=\"{component}\" context=\"\" type=\"3\" thread=\"5172\" file=\"\">{end}"
        )),
        1 => select(&["\r\n", "no line\r\n", "<![LOG[never closed\r\n", "$$<><><thread=>\n"][..])
            .prop_map(str::to_owned),
    ]
}

fn log() -> impl Strategy<Value = String> {
    vec(line(), 0..12).prop_map(|lines| lines.concat())
}

fn encoded(text: &str, encoding: Encoding) -> Vec<u8> {
    let units = text.encode_utf16();
    match encoding {
        Encoding::SingleByte => text.as_bytes().to_vec(),
        Encoding::Utf16Le => units.flat_map(u16::to_le_bytes).collect(),
        Encoding::Utf16Be => units.flat_map(u16::to_be_bytes).collect(),
    }
}

/// A log in an encoding, into which garbage was written over, inserted or from which bytes were taken.
fn damaged() -> impl Strategy<Value = (Encoding, Vec<u8>)> {
    let encodings = select(&[Encoding::SingleByte, Encoding::Utf16Le, Encoding::Utf16Be][..]);
    let damage = (any::<Index>(), 0_u8..3, vec(any::<u8>(), 1..6));
    (log(), encodings, vec(damage, 0..6)).prop_map(|(text, encoding, damages)| {
        let mut bytes = encoded(&text, encoding);
        for (place, kind, garbage) in damages {
            let at = place.index(bytes.len() + 1);
            let end = if kind == 0 { at } else { bytes.len().min(at + garbage.len()) };
            bytes.splice(at..end, if kind == 2 { Vec::new() } else { garbage });
        }
        (encoding, bytes)
    })
}

proptest! {
    #[test]
    fn pieces_of_a_log_tell_the_same_as_the_whole(
        (encoding, bytes) in damaged(),
        cuts in vec(any::<Index>(), 0..8),
        user in any::<bool>(),
    ) {
        let phrases: &Phrases = if user { &USER_PHRASES } else { &PHRASES };
        let whole = read(phrases, encoding, [bytes.as_slice()], true);
        prop_assert_eq!(&read(phrases, encoding, cut(&bytes, &cuts), true), &whole);
        prop_assert_eq!(&read(phrases, encoding, cut(&bytes, &cuts), false), &whole);
        prop_assert_eq!(&read(phrases, encoding, bytes.chunks(1), false), &whole);
    }

    #[test]
    fn an_undamaged_log_says_the_same_in_every_encoding(text in log()) {
        let outcome = |encoding| read(&PHRASES, encoding, [encoded(&text, encoding).as_slice()], true);
        let plain = outcome(Encoding::SingleByte);
        prop_assert_eq!(&outcome(Encoding::Utf16Le), &plain);
        prop_assert_eq!(&outcome(Encoding::Utf16Be), &plain);
    }

    #[test]
    fn the_patterns_of_a_user_change_only_what_they_match(text in log()) {
        let bytes = text.as_bytes();
        let (plain, user) =
            (read(&PHRASES, Encoding::SingleByte, [bytes], true), read(&USER_PHRASES, Encoding::SingleByte, [bytes], true));
        prop_assert_eq!((plain.lines, plain.malformed, plain.oldest), (user.lines, user.malformed, user.oldest));
        let told = |entry: &&LogEntry| matches!(entry, LogEntry::Status(..));
        prop_assert_eq!(plain.entries.iter().filter(told).count(), user.entries.iter().filter(told).count());
    }

    #[test]
    fn no_bytes_make_the_parsers_panic(bytes in vec(any::<u8>(), 0..600), choice in 0_usize..3) {
        let encoding = [Encoding::SingleByte, Encoding::Utf16Le, Encoding::Utf16Be][choice];
        read(&PHRASES, encoding, [bytes.as_slice()], true);
        StatusLine::parse(&bytes);
        if let Some(line) = TraceLine::parse(&bytes) {
            line.stamp.utc();
        }
    }

    #[test]
    fn no_damage_to_a_line_makes_the_parsers_panic((_, bytes) in damaged()) {
        for line in bytes.split(|byte| *byte == b'\n') {
            let message = TraceLine::parse(line).map_or(line, |line| {
                line.stamp.utc();
                line.message
            });
            StatusLine::parse(message);
            PHRASES.remark(&String::from_utf8_lossy(message));
        }
    }
}
