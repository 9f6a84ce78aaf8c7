//! The files of a log in a directory of a test, and everything that happens to them.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// What a history may do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Manners {
    /// Only what ConfigMgr does by itself, one roll between polls: nothing may be lost, repeated or out of order.
    Orderly,
    /// Also deletion, replacement and rolls that come too fast: what is destroyed unread is lost, nothing else.
    Rough,
}

/// A copy under way: the bytes, how many are written, and whether the file got its full length first.
struct Copying {
    bytes: Vec<u8>,
    written: usize,
    full_length: bool,
}

pub(super) struct World {
    pub(super) told: bool,
    pub(super) rng: fastrand::Rng,
    pub(super) manners: Manners,
    directory: PathBuf,
    wide: bool,
    pub(super) next_line: u32,
    next_stamp: u32,
    /// The rest of a line of which the start is in the file.
    pending: Vec<u8>,
    copying: Option<Copying>,
    pub(super) rolls: u32,
    pub(super) locks: u32,
    pub(super) delivered: Vec<u32>,
    pub(super) polling: bool,
    pub(super) disturbed: bool,
    /// A content was destroyed of which the newest line was read, and others not.
    pub(super) must_flag: bool,
    pub(super) flagged: bool,
}

impl World {
    pub(super) fn new(seed: u64, told: bool, directory: &Path) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        Self {
            told,
            manners: if rng.bool() { Manners::Orderly } else { Manners::Rough },
            wide: rng.u8(..6) == 0,
            rng,
            directory: directory.to_owned(),
            next_line: 0,
            next_stamp: 0,
            pending: Vec::new(),
            copying: None,
            rolls: 0,
            locks: 0,
            delivered: Vec::new(),
            polling: false,
            disturbed: false,
            must_flag: false,
            flagged: false,
        }
    }

    pub(super) fn log(&self) -> PathBuf {
        self.directory.join("smsbkup.log")
    }

    pub(super) fn rolled(&self) -> PathBuf {
        self.directory.join("smsbkup.lo_")
    }

    fn new_history(&mut self) -> PathBuf {
        self.next_stamp += 1;
        self.directory.join(format!("smsbkup-20261121-{:06}.log", self.next_stamp))
    }

    pub(super) fn tell(&self, what: &str) {
        if self.told {
            eprintln!("{what}: {:?}", self.on_disk());
        }
    }

    /// The name and the lines of each file.
    fn on_disk(&self) -> Vec<(String, Vec<u32>)> {
        let entries = fs::read_dir(&self.directory).unwrap().map(|entry| entry.unwrap());
        entries
            .map(|entry| (entry.file_name().into_string().unwrap(), self.lines_in(&entry.path())))
            .collect()
    }

    fn encode(&self, text: &str) -> Vec<u8> {
        if self.wide {
            text.encode_utf16().flat_map(u16::to_le_bytes).collect()
        } else {
            text.as_bytes().to_vec()
        }
    }

    fn line(&mut self) -> Vec<u8> {
        let padding = if self.rng.u8(..8) == 0 { 700 } else { 40 };
        let padding = "x".repeat(self.rng.usize(..padding));
        let number = self.next_line;
        self.next_line += 1;
        self.encode(&format!("SMS_SITE_BACKUP {number} {padding} {number}\r\n"))
    }

    fn append(&mut self, bytes: &[u8]) {
        let mut file = OpenOptions::new().append(true).create(true).open(self.log()).unwrap();
        if self.wide && file.metadata().unwrap().len() == 0 {
            file.write_all(b"\xFF\xFE").unwrap();
        }
        file.write_all(bytes).unwrap();
    }

    fn finish_line(&mut self) {
        let rest = std::mem::take(&mut self.pending);
        if !rest.is_empty() {
            self.append(&rest);
        }
    }

    pub(super) fn write_lines(&mut self) {
        self.finish_line();
        for _ in 0..self.rng.u8(1..4) {
            let line = self.line();
            self.append(&line);
        }
    }

    fn write_piece(&mut self) {
        if self.pending.is_empty() {
            self.pending = self.line();
        }
        let length = self.rng.usize(1..=self.pending.len());
        let piece: Vec<u8> = self.pending.drain(..length).collect();
        self.append(&piece);
    }

    /// Every complete line in the files of the log, but that at `except`.
    pub(super) fn lines_on_disk(&self, except: Option<&Path>) -> BTreeSet<u32> {
        let entries = fs::read_dir(&self.directory).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| Some(path.as_path()) != except).flat_map(|path| self.lines_in(&path)).collect()
    }

    fn lines_in(&self, path: &Path) -> Vec<u32> {
        let bytes = fs::read(path).unwrap_or_default();
        let text = if self.wide {
            let units = bytes.chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]])).skip(1);
            String::from_utf16_lossy(&units.collect::<Vec<u16>>())
        } else {
            String::from_utf8(bytes).unwrap()
        };
        text.split_inclusive('\n')
            .filter(|line| line.ends_with('\n'))
            .map(|line| number_of(line).unwrap())
            .collect()
    }

    /// To be called before the content at `path` goes away for good.
    fn destroy(&mut self, path: &Path) {
        let kept = self.lines_on_disk(Some(path));
        let gone: Vec<u32> = self.lines_in(path).into_iter().filter(|line| !kept.contains(line)).collect();
        let newest = self.delivered.last();
        let unread = gone.iter().any(|line| !self.delivered.contains(line));
        if !self.polling && unread && newest.is_some_and(|newest| gone.contains(newest)) {
            self.must_flag = true;
            self.flagged = false;
        }
    }

    /// ConfigMgr rolls between lines; a line that an interrupted process left open stays so in the old file.
    fn before_roll(&mut self) -> bool {
        if !self.log().exists() {
            return false;
        }
        if self.manners == Manners::Orderly {
            // A file that comes and goes without a line in common with the last poll is a gap, even if a true one
            // cannot be told from it.
            let known = self.lines_in(&self.log()).iter().any(|line| self.delivered.contains(line));
            if self.rolls > 0 || !(known || self.delivered.is_empty()) {
                return false;
            }
            self.finish_line();
        }
        true
    }

    fn after_roll(&mut self) {
        self.pending.clear();
        self.rolls += 1;
        if self.rng.bool() {
            self.write_lines();
        }
    }

    /// Whether a rename worked: Windows may refuse to replace a file that is open in a poll.
    fn rename(&self, from: &Path, to: &Path) -> bool {
        let result = fs::rename(from, to);
        assert!(self.polling || result.is_ok(), "{result:?}");
        result.is_ok()
    }

    fn roll_by_copy(&mut self) {
        if self.before_roll() {
            self.destroy(&self.rolled());
            fs::copy(self.log(), self.rolled()).unwrap();
            File::create(self.log()).unwrap();
            self.after_roll();
        }
    }

    fn roll_by_rename(&mut self) {
        if self.before_roll() {
            self.destroy(&self.rolled());
            if self.rename(&self.log(), &self.rolled()) {
                self.after_roll();
            }
        }
    }

    fn roll_into_history(&mut self) {
        if self.before_roll() {
            let history = self.new_history();
            let chain = self.rng.bool() && self.rolled().exists();
            let moved = if chain {
                self.rename(&self.rolled(), &history) && self.rename(&self.log(), &self.rolled())
            } else {
                self.rename(&self.log(), &history)
            };
            if moved {
                self.after_roll();
            }
        }
    }

    fn start_copy(&mut self) {
        if self.before_roll() {
            self.destroy(&self.rolled());
            self.pending.clear();
            let bytes = fs::read(self.log()).unwrap();
            self.copying = Some(Copying { bytes, written: 0, full_length: self.rng.bool() });
            self.go_on_copying();
        }
    }

    fn go_on_copying(&mut self) {
        let Some(copying) = &mut self.copying else { return };
        copying.written = self.rng.usize(copying.written..=copying.bytes.len());
        let mut so_far = copying.bytes[..copying.written].to_vec();
        // A last byte alone that is still NUL could not be told from a line's end in UTF-16.
        if copying.full_length && copying.bytes.len() - copying.written > 1 {
            so_far.resize(copying.bytes.len(), 0);
        }
        fs::write(self.rolled(), so_far).unwrap();
    }

    pub(super) fn end_copy(&mut self) {
        let Some(copying) = self.copying.take() else { return };
        fs::write(self.rolled(), copying.bytes).unwrap();
        File::create(self.log()).unwrap();
        self.after_roll();
    }

    fn replace(&mut self) {
        let Ok(metadata) = fs::metadata(self.log()) else { return };
        let number = self.next_line;
        let frame = self.encode(&format!("SMS_SITE_BACKUP {number}  {number}\r\n")).len()
            + if self.wide { 2 } else { 0 };
        let unit = if self.wide { 2 } else { 1 };
        let Some(room) = usize::try_from(metadata.len()).unwrap().checked_sub(frame) else { return };
        self.next_line += 1;
        let text = format!("SMS_SITE_BACKUP {number} {} {number}\r\n", "y".repeat(room / unit));
        let mut bytes = if self.wide { b"\xFF\xFE".to_vec() } else { Vec::new() };
        bytes.extend(self.encode(&text));
        self.destroy(&self.log());
        if self.rng.bool() {
            let beside = self.directory.join("smsbkup.new");
            fs::write(&beside, bytes).unwrap();
            if !self.rename(&beside, &self.log()) {
                return fs::remove_file(beside).unwrap();
            }
        } else {
            fs::write(self.log(), bytes).unwrap();
        }
        self.pending.clear();
    }

    fn delete(&mut self) {
        let path = if self.rng.bool() { self.log() } else { self.rolled() };
        // As Windows does with the recycle bin; under its own name, an open file would stay until it is closed.
        let bin = self.new_history().with_extension("deleted");
        self.destroy(&path);
        if path.exists() && self.rename(&path, &bin) {
            fs::remove_file(bin).unwrap();
            if path == self.log() {
                self.pending.clear();
            }
        }
    }

    /// One thing that happens to the files.
    pub(super) fn happen(&mut self) {
        let kinds = if self.manners == Manners::Orderly { 9 } else { 12 };
        let (what, happens): (&str, fn(&mut Self)) = match self.rng.u8(..kinds) {
            // The process that copies does nothing else.
            kind if self.copying.is_some() && kind % 2 == 0 => ("copies on", Self::go_on_copying),
            _ if self.copying.is_some() => ("ends a copy", Self::end_copy),
            0..=2 => ("writes lines", Self::write_lines),
            3 | 4 => ("writes a piece", Self::write_piece),
            5 => ("rolls by copy", Self::roll_by_copy),
            6 => ("rolls by rename", Self::roll_by_rename),
            7 => ("rolls into history", Self::roll_into_history),
            8 => ("starts a copy", Self::start_copy),
            9 => ("is replaced", Self::replace),
            _ => ("is deleted", Self::delete),
        };
        happens(self);
        self.tell(what);
    }

    /// Something happens in the middle of a poll, now and then.
    pub(super) fn disturb(&mut self) {
        if self.disturbed && self.rng.u8(..3) == 0 {
            self.happen();
        }
    }
}

/// The number of a line, `None` if it is not whole.
pub(super) fn number_of(line: &str) -> Option<u32> {
    match line.strip_suffix("\r\n")?.split(' ').collect::<Vec<&str>>()[..] {
        ["SMS_SITE_BACKUP", first, _, second] if first == second => first.parse().ok(),
        _ => None,
    }
}
