//! Bytes to blocks of whole lines, for a log that is read in pieces.
//!
//! Owns where a line ends, in 8-bit text and in UTF-16, and how long it may be; refuses to know what is in a line. The
//! same bytes give the same lines and counts however they are cut. In UTF-16 a line feed is the code unit: a byte 0x0A
//! is also half of other characters.

use encoding_rs::{CoderResult, Decoder, UTF_16BE, UTF_16LE};
use memchr::{memchr, memrchr};

#[cfg(test)]
mod tests;

/// Longest line that is read, in bytes without its line feed (of UTF-8, where the file is UTF-16).
pub const LINE_LIMIT: usize = 1 << 20;

/// UTF-16 is decoded in pieces of this many bytes, so that memory does not grow with what is pushed.
const DECODED_AT_ONCE: usize = 1 << 14;

/// How the bytes of a log stand for text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, else Windows-1252, which the parser decides line by line.
    SingleByte,
    /// UTF-16, little-endian.
    Utf16Le,
    /// UTF-16, big-endian.
    Utf16Be,
}

impl Encoding {
    /// The encoding of a file with these first bytes, and the length of its byte order mark; three bytes decide.
    pub fn detect(head: &[u8]) -> (Self, usize) {
        match head {
            [0xFF, 0xFE, ..] => (Self::Utf16Le, 2),
            [0xFE, 0xFF, ..] => (Self::Utf16Be, 2),
            [0xEF, 0xBB, 0xBF, ..] => (Self::SingleByte, 3),
            _ => (Self::SingleByte, 0),
        }
    }
}

/// Collects pushed bytes into blocks of complete lines.
pub struct LineBlocks {
    lines: Lines,
    encoding: Encoding,
    wide: Option<Wide>,
    /// Raw bytes pushed.
    seen: u64,
    /// Raw bytes up to the end of the last complete line.
    line_end: u64,
}

impl LineBlocks {
    /// A collector for bytes in `encoding`, which start at the start of a line and after the byte order mark.
    pub fn new(encoding: Encoding) -> Self {
        Self { lines: Lines::default(), encoding, wide: Wide::new(encoding), seen: 0, line_end: 0 }
    }

    /// The same for bytes that start inside a line that was already counted as oversized.
    pub fn inside_oversized(encoding: Encoding) -> Self {
        let mut blocks = Self::new(encoding);
        blocks.lines.skipping = true;
        blocks
    }

    /// Takes the next bytes; `each` gets blocks of one or more complete lines, every line with its line feed, UTF-16
    /// already turned into UTF-8.
    pub fn push(&mut self, bytes: &[u8], each: &mut dyn FnMut(&[u8])) {
        let line_end = match &mut self.wide {
            None => {
                self.lines.push(bytes, each);
                memrchr(b'\n', bytes).map(|at| at + 1)
            }
            Some(wide) => {
                for piece in bytes.chunks(DECODED_AT_ONCE) {
                    wide.decode(piece, false, &mut |text| self.lines.push(text, each));
                }
                wide.last_line_end(bytes, self.seen % 2 == 1)
            }
        };
        if let Some(end) = line_end {
            self.line_end = self.seen + end as u64;
        }
        self.seen += bytes.len() as u64;
    }

    /// Hands over the unterminated rest as a last line, with a line feed, for a file that is read only once.
    pub fn finish(&mut self, each: &mut dyn FnMut(&[u8])) {
        if let Some(wide) = &mut self.wide {
            wide.decode(&[], true, &mut |text| self.lines.push(text, each));
        }
        self.wide = Wide::new(self.encoding);
        self.lines.finish(each);
        self.line_end = self.seen;
    }

    /// Raw bytes up to the end of the last complete line, whether it was handed over or skipped.
    pub fn consumed(&self) -> u64 {
        self.line_end
    }

    /// Lines over [`LINE_LIMIT`], which are skipped; each counts as soon as it is too long.
    pub fn oversized(&self) -> u64 {
        self.lines.oversized
    }

    /// Whether the line that is not complete yet is already known to be oversized.
    pub fn is_skipping(&self) -> bool {
        self.lines.skipping
    }
}

/// Lines of 8-bit text: only the cut line is copied.
#[derive(Default)]
struct Lines {
    cut: Vec<u8>,
    skipping: bool,
    oversized: u64,
}

impl Lines {
    fn push(&mut self, mut bytes: &[u8], each: &mut dyn FnMut(&[u8])) {
        if self.skipping || !self.cut.is_empty() {
            let Some(end) = memchr(b'\n', bytes) else { return self.keep(bytes) };
            self.keep(&bytes[..end]);
            self.finish(each);
            bytes = &bytes[end + 1..];
        }
        let (whole, rest) = bytes.split_at(memrchr(b'\n', bytes).map_or(0, |at| at + 1));
        self.hand_over(whole, each);
        self.keep(rest);
    }

    /// Ends the cut line, if there is one.
    fn finish(&mut self, each: &mut dyn FnMut(&[u8])) {
        if !self.skipping && !self.cut.is_empty() {
            self.cut.push(b'\n');
            each(&self.cut);
        }
        self.cut.clear();
        self.skipping = false;
    }

    /// Adds to the cut line, or gives it up once it is too long.
    fn keep(&mut self, bytes: &[u8]) {
        if self.skipping {
            return;
        }
        let length = self.cut.len() + bytes.len();
        if length > LINE_LIMIT {
            self.cut = Vec::new();
            self.skipping = true;
            self.oversized += 1;
            return;
        }
        if length >= self.cut.capacity() {
            // Doubling as a vector does, but never beyond the limit and the line feed.
            let capacity = (2 * length).min(LINE_LIMIT + 1);
            self.cut.reserve_exact(capacity - self.cut.len());
        }
        self.cut.extend_from_slice(bytes);
    }

    /// Hands over complete lines, in one block unless an oversized one is among them.
    fn hand_over(&mut self, whole: &[u8], each: &mut dyn FnMut(&[u8])) {
        let (mut block, mut line) = (0, 0);
        // A block of this size has no room for an oversized line.
        while whole.len() - line > LINE_LIMIT + 1 {
            let Some(length) = memchr(b'\n', &whole[line..]) else { break };
            if length > LINE_LIMIT {
                if line > block {
                    each(&whole[block..line]);
                }
                self.oversized += 1;
                block = line + length + 1;
            }
            line += length + 1;
        }
        if block < whole.len() {
            each(&whole[block..]);
        }
    }
}

/// UTF-16 on its way to UTF-8.
struct Wide {
    decoder: Decoder,
    line_feed: [u8; 2],
    last: u8,
    text: Vec<u8>,
}

impl Wide {
    fn new(encoding: Encoding) -> Option<Self> {
        let (decoder, line_feed) = match encoding {
            Encoding::SingleByte => return None,
            Encoding::Utf16Le => (UTF_16LE.new_decoder_without_bom_handling(), [b'\n', 0]),
            Encoding::Utf16Be => (UTF_16BE.new_decoder_without_bom_handling(), [0, b'\n']),
        };
        // A code unit becomes at most three bytes; some room for what the decoder kept from before.
        Some(Self { decoder, line_feed, last: 0, text: vec![0; DECODED_AT_ONCE / 2 * 3 + 16] })
    }

    fn decode(&mut self, mut bytes: &[u8], last: bool, each: &mut dyn FnMut(&[u8])) {
        loop {
            let (result, read, written, _) = self.decoder.decode_to_utf8(bytes, &mut self.text, last);
            each(&self.text[..written]);
            bytes = &bytes[read..];
            if result == CoderResult::InputEmpty {
                return;
            }
        }
    }

    /// The index after the last line feed that ends in `bytes`; `odd` if its first byte completes a code unit.
    fn last_line_end(&mut self, bytes: &[u8], odd: bool) -> Option<usize> {
        let before = self.last;
        self.last = bytes.last().copied().unwrap_or(before);
        let line_feed = self.line_feed;
        let mut ends = (usize::from(!odd)..bytes.len()).step_by(2).rev();
        let end = ends.find(|&at| line_feed == [if at == 0 { before } else { bytes[at - 1] }, bytes[at]]);
        end.map(|at| at + 1)
    }
}
