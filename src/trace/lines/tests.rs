use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// What came out: all blocks joined, and the counts.
#[derive(Debug, PartialEq)]
struct Outcome {
    text: Vec<u8>,
    consumed: u64,
    oversized: u64,
    skipping: bool,
    finished: Vec<u8>,
}

fn read<'a>(encoding: Encoding, pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut blocks = LineBlocks::new(encoding);
    let mut text = Vec::new();
    for piece in pieces {
        blocks.push(piece, &mut |block| {
            assert_eq!(block.last(), Some(&b'\n'), "a block ends with a line");
            text.extend_from_slice(block);
        });
        assert!(blocks.lines.cut.capacity() <= LINE_LIMIT + 1);
    }
    let (consumed, oversized, skipping) = (blocks.consumed(), blocks.oversized(), blocks.is_skipping());
    let mut finished = text.clone();
    blocks.finish(&mut |block| finished.extend_from_slice(block));
    Outcome { text, consumed, oversized, skipping, finished }
}

/// Cuts `bytes` at the given places, taken modulo what is left.
fn cut<'a>(mut bytes: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    for at in cuts {
        let (piece, rest) = bytes.split_at(at % (bytes.len() + 1));
        pieces.push(piece);
        bytes = rest;
    }
    pieces.push(bytes);
    pieces
}

fn utf16(text: &str, big_endian: bool) -> Vec<u8> {
    text.encode_utf16()
        .flat_map(|unit| if big_endian { unit.to_be_bytes() } else { unit.to_le_bytes() })
        .collect()
}

#[test]
fn the_byte_order_mark_tells_the_encoding() {
    for (head, expected) in [
        (&b"\xFF\xFEa\0"[..], (Encoding::Utf16Le, 2)),
        (b"\xFE\xFF\0a", (Encoding::Utf16Be, 2)),
        (b"\xEF\xBB\xBFa", (Encoding::SingleByte, 3)),
        (b"\xEF\xBB", (Encoding::SingleByte, 0)),
        (b"a", (Encoding::SingleByte, 0)),
        (b"", (Encoding::SingleByte, 0)),
    ] {
        assert_eq!(Encoding::detect(head), expected, "{head:?}");
    }
}

#[test]
fn whole_lines_are_one_block_of_the_pushed_bytes_themselves() {
    let bytes = b"one\r\ntwo\nthr";
    let mut seen = Vec::new();
    LineBlocks::new(Encoding::SingleByte).push(bytes, &mut |block| seen.push((block.as_ptr(), block.len())));
    assert_eq!(seen, [(bytes.as_ptr(), 9)]);
}

#[test]
fn the_rest_waits_and_is_a_line_at_the_end() {
    let outcome = read(Encoding::SingleByte, [&b"one\ntw"[..], b"o\nthree"]);
    assert_eq!(outcome.text, b"one\ntwo\n");
    assert_eq!(outcome.consumed, 8);
    assert_eq!(outcome.finished, b"one\ntwo\nthree\n");
    assert_eq!(read(Encoding::SingleByte, [&b"one\n"[..]]).finished, b"one\n", "no empty line is invented");
}

#[test]
fn a_line_of_the_limit_is_read_and_one_byte_more_is_not() {
    for (length, oversized) in [(LINE_LIMIT, 0), (LINE_LIMIT + 1, 1)] {
        let mut bytes = b"before\n".to_vec();
        bytes.resize(bytes.len() + length, b'x');
        bytes.extend_from_slice(b"\nafter\n");
        for size in [bytes.len(), 4096, LINE_LIMIT] {
            let outcome = read(Encoding::SingleByte, bytes.chunks(size));
            assert_eq!(outcome.oversized, oversized, "{length} in pieces of {size}");
            assert_eq!(outcome.consumed, bytes.len() as u64);
            let kept = if oversized == 1 { b"before\nafter\n".len() } else { bytes.len() };
            assert_eq!(outcome.text.len(), kept, "{length} in pieces of {size}");
        }
    }
}

#[test]
fn a_resumed_oversized_line_is_not_counted_again() {
    let mut blocks = LineBlocks::inside_oversized(Encoding::SingleByte);
    let mut text = Vec::new();
    blocks.push(b"rest of it", &mut |block| text.extend_from_slice(block));
    assert!(blocks.is_skipping());
    blocks.push(b"\nnext\n", &mut |block| text.extend_from_slice(block));
    assert_eq!((text.as_slice(), blocks.oversized(), blocks.consumed()), (&b"next\n"[..], 0, 16));
}

#[test]
fn an_oversized_line_of_utf16_is_measured_in_utf8() {
    let long = "\u{20AC}".repeat(LINE_LIMIT / 3 + 1);
    let bytes = utf16(&format!("a\n{long}\nb\n{long}"), false);
    let outcome = read(Encoding::Utf16Le, bytes.chunks(999));
    assert_eq!((outcome.text.as_slice(), outcome.oversized, outcome.skipping), (&b"a\nb\n"[..], 2, true));
    assert_eq!(outcome, read(Encoding::Utf16Le, [bytes.as_slice()]));
}

#[test]
fn a_byte_0x0a_inside_a_wide_character_is_no_line_feed() {
    // U+0A0A, and U+010A followed by U+0A00, whose neighbouring bytes look like a line feed.
    for big_endian in [false, true] {
        let encoding = if big_endian { Encoding::Utf16Be } else { Encoding::Utf16Le };
        let bytes = utf16("\u{A0A}\u{10A}\u{A00}\u{A}x", big_endian);
        let outcome = read(encoding, bytes.chunks(1));
        assert_eq!(outcome.text, "\u{A0A}\u{10A}\u{A00}\n".as_bytes());
        assert_eq!(outcome.consumed, 8);
    }
}

#[test]
fn half_a_character_at_the_end_becomes_a_replacement_only_when_finished() {
    let outcome = read(Encoding::Utf16Le, [&b"a\0\n\0\x3D\xD8"[..]]);
    assert_eq!((outcome.text.as_slice(), outcome.consumed), (&b"a\n"[..], 4));
    assert_eq!(outcome.finished, "a\n\u{FFFD}\n".as_bytes());
}

/// Pieces of text of which every interesting case is likely: empty lines, CRLF, lone surrogates, long lines.
fn units() -> impl Strategy<Value = Vec<u16>> {
    let unit = prop_oneof![
        4 => Just(0x0A_u16),
        2 => Just(0x0D),
        2 => Just(0x0A0A),
        1 => Just(0x0A00),
        2 => 0xD800_u16..0xE000,
        4 => 0x20_u16..0x7F,
        1 => any::<u16>(),
    ];
    vec(unit, 0..200)
}

proptest! {
    #[test]
    fn any_split_of_bytes_gives_the_same(
        bytes in vec(prop_oneof![Just(b'\n'), Just(b'\r'), any::<u8>()], 0..300),
        cuts in vec(any::<usize>(), 0..20),
    ) {
        let whole = read(Encoding::SingleByte, [bytes.as_slice()]);
        let end = memrchr(b'\n', &bytes).map_or(0, |at| at + 1);
        prop_assert_eq!(&whole.text, &bytes[..end]);
        prop_assert_eq!(whole.consumed, end as u64);
        prop_assert_eq!(read(Encoding::SingleByte, cut(&bytes, &cuts)), whole);
    }

    #[test]
    fn any_split_of_utf16_gives_the_same(
        units in units(),
        odd in any::<bool>(),
        big_endian in any::<bool>(),
        cuts in vec(any::<usize>(), 0..20),
    ) {
        let encoding = if big_endian { Encoding::Utf16Be } else { Encoding::Utf16Le };
        let swap = |unit: &u16| if big_endian { unit.to_be_bytes() } else { unit.to_le_bytes() };
        let mut bytes: Vec<u8> = units.iter().flat_map(swap).collect();
        let end = units.iter().rposition(|&unit| unit == 0x0A).map_or(0, |at| at + 1);
        if odd {
            bytes.push(b'\n');
        }
        let whole = read(encoding, [bytes.as_slice()]);
        let text = String::from_utf16_lossy(&units[..end]);
        prop_assert_eq!(&whole.text, text.as_bytes());
        prop_assert_eq!(whole.consumed, 2 * end as u64);
        prop_assert_eq!(read(encoding, cut(&bytes, &cuts)), whole);
    }

    #[test]
    fn any_split_around_the_limit_gives_the_same(
        lengths in vec(prop_oneof![0_usize..3, LINE_LIMIT - 2..LINE_LIMIT + 3], 1..5),
        terminated in any::<bool>(),
        cuts in vec(any::<usize>(), 0..8),
    ) {
        let mut bytes = Vec::new();
        for length in &lengths {
            bytes.resize(bytes.len() + length, b'x');
            bytes.push(b'\n');
        }
        if !terminated {
            bytes.pop();
        }
        let whole = read(Encoding::SingleByte, [bytes.as_slice()]);
        let oversized = lengths.iter().filter(|&&length| length > LINE_LIMIT).count();
        prop_assert_eq!(whole.oversized, oversized as u64);
        prop_assert!(read(Encoding::SingleByte, cut(&bytes, &cuts)) == whole, "the split changes the outcome");
    }
}
