//! `verify`: everything that can be proved of a snapshot folder or one file of a database, without SQL Server.
//!
//! The same reading as the exporter's, at full speed and without a manifest: what a file was before is not known here.
//! Where the database is kept apart from the site's files, each of both folders lacks what is in the other; their
//! subfolders can be named instead.

mod progress;

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use self::progress::Progress;
use super::args::OutputFormat;
use crate::clock::Clock;
use crate::error_chain;
use crate::site::Timestamp;
use crate::snapshot::walk::{Entry, Step, Walk};
use crate::snapshot::{
    Budget, Completeness, DATABASE_FOLDER, DataFile, DataFileKind, DatabasePart, Finding, Pass, SliceEnd,
    SnapshotComponent, Survey, Surveyor, Verification, completeness, read_headers,
};

/// Why nothing can be said of a folder that somebody moves or deletes.
const DISAPPEARED: &str = "it, or something in it, disappeared while it was read";

/// What was found.
#[derive(Debug)]
pub struct Verified {
    verification: Verification,
}

/// What it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Clean,
    Damaged,
    Unknown,
}

/// The result for programs.
#[derive(Debug, Serialize)]
struct Report<'a> {
    result: Outcome,
    findings: &'a [Finding],
    pages: Pages,
}

#[derive(Debug, Serialize)]
struct Pages {
    verified: u64,
    unverifiable: u64,
    never_written: u64,
}

impl Verified {
    /// Reads everything at a path; how far it is goes to `notes`, as a bar if that is a terminal.
    pub fn look(path: &Path, clock: Clock, is_terminal: bool, notes: &mut dyn Write) -> anyhow::Result<Self> {
        let now = clock.now();
        let verification = Verification::new(path.display().to_string(), now, now);
        let kind = DataFileKind::of(&path.to_string_lossy());
        let (mut pass, total, missing) = match fs::metadata(path) {
            Ok(found) if found.is_dir() => {
                let Some((survey, proves)) = survey(path, now) else {
                    return Ok(Self::unknown(verification, DISAPPEARED));
                };
                let missing = missing(&survey);
                if missing.is_empty() && !proves && survey.unreadable == 0 {
                    return Ok(Self::unknown(
                        verification,
                        "no .mdf, .ndf or .ldf in it, so nothing can be proved",
                    ));
                }
                (Pass::of_folder(path.to_owned(), verification), survey.total.bytes, missing)
            }
            Ok(found) if !found.is_file() => {
                return Ok(Self::unknown(verification, "it is neither a file nor a folder"));
            }
            Ok(found) => match (kind, entry(path, &found)) {
                (Some(kind), Some(entry)) => {
                    (Pass::of_file(entry, kind, verification), found.len(), Vec::new())
                }
                _ => return Ok(Self::unknown(verification, "it is no .mdf, .ndf or .ldf, and no folder")),
            },
            Err(error) => return Ok(Self::unknown(verification, &error.to_string())),
        };
        let mut progress = Progress::begin(total, is_terminal);
        let end = loop {
            match pass.slice(&mut Budget::begin(u64::MAX)) {
                Ok(SliceEnd::More) => progress.tell(&pass, notes)?,
                Ok(end) => break end,
                Err(error) => {
                    progress.end();
                    return Ok(Self::unknown(pass.into_verification(), &error_chain(&error)));
                }
            }
        };
        progress.end();
        let mut verification = pass.into_verification();
        if end == SliceEnd::Gone {
            return Ok(Self::unknown(verification, DISAPPEARED));
        }
        missing.into_iter().for_each(|finding| verification.find(finding));
        Ok(Self { verification })
    }

    fn unknown(mut verification: Verification, why: &str) -> Self {
        verification.unread(format!("{}: {why}", verification.folder));
        Self { verification }
    }

    /// Prints what was found; why something could not be judged goes to `notes` in every format.
    pub fn print(&self, format: OutputFormat, out: &mut dyn Write, notes: &mut dyn Write) -> io::Result<()> {
        let Verification { findings, pages, unread, first_unread, .. } = &self.verification;
        if let Some(reason) = first_unread {
            let more = unread.saturating_sub(1);
            let more = if more > 0 { format!(", and {more} more") } else { String::new() };
            writeln!(notes, "cannot be judged: {reason}{more}")?;
        }
        match format {
            OutputFormat::Json => {
                let pages = Pages {
                    verified: pages.verified,
                    unverifiable: pages.unverifiable,
                    never_written: pages.never_written,
                };
                serde_json::to_writer_pretty(&mut *out, &Report { result: self.outcome(), findings, pages })?;
                writeln!(out)?;
            }
            OutputFormat::Text => self.text(out)?,
        }
        out.flush()
    }

    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        let Verification { folder, findings, damaged, pages, files, bytes, .. } = &self.verification;
        let result = match self.outcome() {
            Outcome::Clean => "clean",
            Outcome::Damaged => "DAMAGED",
            Outcome::Unknown => "unknown: not everything could be read",
        };
        writeln!(out, "{folder}: {result}")?;
        for finding in findings {
            writeln!(out, "  {:<8} {finding}", finding.severity)?;
        }
        let kept = findings.iter().filter(|finding| finding.is_damage()).count() as u64;
        if *damaged > kept {
            writeln!(out, "  and {} more", damaged - kept)?;
        }
        writeln!(out, "  {files} files, {bytes} bytes read")?;
        writeln!(
            out,
            "  pages: {} verified, {} unverifiable, {} never written, {} damaged",
            pages.verified, pages.unverifiable, pages.never_written, pages.damaged
        )
    }

    /// 0 clean, 2 damaged, 3 cannot tell.
    pub fn exit_code(&self) -> u8 {
        match self.outcome() {
            Outcome::Clean => 0,
            Outcome::Damaged => 2,
            Outcome::Unknown => 3,
        }
    }

    fn outcome(&self) -> Outcome {
        match &self.verification {
            Verification { damaged: 1.., .. } => Outcome::Damaged,
            Verification { unread: 1.., .. } => Outcome::Unknown,
            _ => Outcome::Clean,
        }
    }
}

/// One file, called by its name.
fn entry(path: &Path, metadata: &fs::Metadata) -> Option<Entry> {
    let name = path.file_name()?.to_string_lossy().into_owned();
    Some(Entry { path: name, location: path.to_owned(), size: metadata.len(), modified: None, created: None })
}

/// What there is, and whether a file of a database is among it, without reading it; `None` if something disappeared.
///
/// What cannot be read shows when everything is.
fn survey(folder: &Path, now: Timestamp) -> Option<(Survey, bool)> {
    let mut proves = false;
    let mut surveyor = Surveyor::new(now, None);
    let mut walk = Walk::new(folder.to_owned());
    for step in walk.by_ref() {
        let entry = match step {
            Step::File(entry) => entry,
            Step::Folder(_) => continue,
            // The pass tells of it; here it only must not count as missing.
            Step::Unread(unread) => {
                surveyor.unreadable(unread.path);
                continue;
            }
        };
        proves |= DataFileKind::of(&entry.path).is_some();
        let Some(kind) = surveyor.file(&entry) else { continue };
        let Entry { path, location, size, modified, .. } = entry;
        let headers = read_headers(&location, &path, kind, size).map_err(|error| error.to_string());
        surveyor.data_file(DataFile { path, kind, size, modified, headers });
    }
    (walk.vanished() == 0).then(|| (surveyor.finish(), proves))
}

/// What a folder lacks, if it is a snapshot.
fn missing(survey: &Survey) -> Vec<Finding> {
    use SnapshotComponent::{Database, SiteServer};
    if [SiteServer, Database].iter().all(|part| survey.component(*part).files == 0) {
        return Vec::new();
    }
    let Completeness::Missing(missing) = completeness(survey, DatabasePart::Together, None) else {
        return Vec::new();
    };
    let finding = |what: String| {
        let part = if what.contains(DATABASE_FOLDER) { DATABASE_FOLDER.to_owned() } else { what.clone() };
        Finding::damaged(&part, what, "nothing")
    };
    missing.into_iter().map(finding).collect()
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::path::PathBuf;

    use super::*;
    use crate::demo::writer::Database;

    /// Removes something as soon as it is told that reading has begun.
    struct Remover(PathBuf);

    impl Write for Remover {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let removed =
                if self.0.is_dir() { fs::remove_dir_all(&self.0) } else { fs::remove_file(&self.0) };
            // Only the first note finds it there.
            let _ = removed;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn where_nothing_can_be_proved_nothing_is_clean() {
        for files in [&[][..], &["CD.Latest/setup.exe"], &["notes.txt"]] {
            let place = tempfile::tempdir().unwrap();
            for file in files {
                let path = place.path().join(file);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, "x").unwrap();
            }
            let found = Verified::look(place.path(), Clock::System, false, &mut Vec::new()).unwrap();
            assert_eq!(found.exit_code(), 3, "{files:?}");
        }
    }

    #[test]
    fn what_disappears_while_it_is_read_cannot_be_judged() {
        let database = Database {
            name: "CM_P01".to_owned(),
            binding_id: [1; 16],
            seed: 1,
            version: 904,
            created: chrono::NaiveDateTime::default(),
        };
        for removed in ["", "large", "next", "sub"] {
            let place = tempfile::tempdir().unwrap();
            let folder = place.path().join("folder");
            fs::create_dir_all(folder.join("sub")).unwrap();
            // More than a slice reads.
            File::create(folder.join("large")).unwrap().set_len(80 << 20).unwrap();
            fs::write(folder.join("next"), "x").unwrap();
            fs::write(folder.join("proves.ldf"), database.ldf(2, 1)).unwrap();
            let mut notes = Remover(folder.join(removed));
            let found = Verified::look(&folder, Clock::System, false, &mut notes).unwrap();
            assert!(!notes.0.exists());
            assert_eq!(found.exit_code(), 3, "{removed}");
            let mut notes = Vec::new();
            found.print(OutputFormat::Text, &mut Vec::new(), &mut notes).unwrap();
            let notes = String::from_utf8(notes).unwrap();
            assert!(notes.contains(&folder.display().to_string()) && notes.contains(DISAPPEARED), "{notes}");
        }
    }
}
