use std::fs::{self, File};
use std::path::Path;
use std::sync::LazyLock;

use chrono::NaiveDate;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::demo::writer::Database;
use crate::site::{SiteCode, Timestamp};
use crate::snapshot::{FindingSeverity, MAX_FINDINGS};
use crate::sqlfile::PAGE_SIZE;

/// Two blocks and a half: 16 MiB and then some.
const PAGES: u32 = 2560;
/// In use and not the first of a kind.
const USED: usize = 1500;

static DATA: LazyLock<Vec<u8>> = LazyLock::new(|| database(1).mdf(PAGES, 1));

fn database(binding: u8) -> Database {
    let created = NaiveDate::from_ymd_opt(2024, 3, 1).unwrap().and_time(chrono::NaiveTime::MIN);
    Database { name: "CM_P01".to_owned(), binding_id: [binding; 16], seed: 5, version: 904, created }
}

fn time(seconds: i64) -> Timestamp {
    Timestamp::from_timestamp(seconds, 0).unwrap()
}

/// A snapshot and a state directory.
struct Site(TempDir);

impl Site {
    fn new() -> Self {
        let site = Self(TempDir::new().unwrap());
        for folder in ["SiteServer/SMSServer", "SiteDBServer", "CD.Latest"] {
            fs::create_dir_all(site.root().join(folder)).unwrap();
        }
        site.write("SiteDBServer/CM_P01.mdf", &*DATA);
        site.write("SiteDBServer/CM_P01_log.ldf", database(1).ldf(8, 1));
        site.write("SiteServer/SMSServer/a", "a");
        site.write("SiteServer/SMSServer/empty", "");
        site.write("SiteServer/SMSbkSiteRegSMS.dat", crate::demo::writer::hive(3));
        site.write("CD.Latest/setup.exe", [7; 100_000]);
        site.write("smsbkup.log", "done");
        site
    }

    fn root(&self) -> PathBuf {
        self.0.path().join("P01Backup")
    }

    fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.root().join(path), bytes).unwrap();
    }

    /// Changes bytes and leaves size and time as they were.
    fn change(&self, path: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let path = self.root().join(path);
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        let mut bytes = fs::read(&path).unwrap();
        change(&mut bytes);
        fs::write(&path, bytes).unwrap();
        File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
    }

    fn manifest(&self, run: i64) -> ManifestPlace {
        let site: SiteCode = "P01".parse().unwrap();
        ManifestPlace::new(self.0.path(), site, &self.root().display().to_string(), time(run))
    }

    fn verification(&self, run: i64) -> Verification {
        Verification::new(self.root().display().to_string(), time(run), time(1_000_000))
    }

    fn begin(&self, run: i64) -> Pass {
        Pass::begin(self.root(), &self.manifest(run), self.verification(run)).unwrap()
    }

    /// A whole pass that is not interrupted.
    fn verify(&self, run: i64) -> Verification {
        finish(self.begin(run))
    }

    /// The same without a manifest.
    fn read(&self) -> Verification {
        finish(Pass::of_folder(self.root(), self.verification(1)))
    }

    /// What a pass says that is given up after each slice and taken up again from what it left.
    fn verify_in_pieces(&self, run: i64, slices: &[u64]) -> Verification {
        let mut pass = self.begin(run);
        let mut sizes = slices.iter().copied().cycle();
        loop {
            // No pass may depend on being given the same slices as the one before.
            match pass.slice(&mut Budget::unhurried(sizes.next().unwrap())).unwrap() {
                SliceEnd::More => {}
                end => {
                    assert_eq!(end, SliceEnd::Done);
                    return pass.into_verification();
                }
            }
            let before = pass.position().clone();
            let (comparing, mark) = (pass.compares(), pass.mark());
            let known = pass.verification().clone();
            drop(pass);
            pass = Pass::resume(self.root(), &self.manifest(run), comparing, mark, before, known)
                .unwrap()
                .expect("a block has been read, and the manifest is there");
        }
    }
}

fn finish(mut pass: Pass) -> Verification {
    loop {
        match pass.slice(&mut Budget::unhurried(u64::MAX)).unwrap() {
            SliceEnd::More => {}
            end => {
                assert_eq!(end, SliceEnd::Done);
                return pass.into_verification();
            }
        }
    }
}

fn finished(verification: Verification) -> Verification {
    Verification { finished: Some(time(1_000_001)), ..verification }
}

fn told(verification: &Verification) -> Vec<(String, Option<u32>, FindingSeverity)> {
    let told = |finding: &Finding| (finding.file.clone(), finding.page, finding.severity);
    verification.findings.iter().map(told).collect()
}

const MDF: &str = "SiteDBServer/CM_P01.mdf";
const LDF: &str = "SiteDBServer/CM_P01_log.ldf";

#[test]
fn a_sound_snapshot_is_clean() {
    let found = finished(Site::new().read());
    assert_eq!(told(&found), []);
    assert_eq!((found.files, found.unread, found.pages.damaged), (7, 0, 0));
    assert!(found.pages.verified > 2000 && found.pages.unverifiable > 0 && found.pages.never_written > 0);
    assert_eq!(found.bytes, PAGES as u64 * 8192 + 8 * 8192 + 1 + 4096 * 4 + 100_000 + 4);
    assert_eq!((found.intact(), found.unchanged()), (Some(true), Some(true)));
}

#[test]
fn each_damage_is_named_once() {
    use FindingSeverity::{Damaged, Warning};
    type Case = (&'static str, fn(&Site), &'static [(&'static str, Option<u32>, FindingSeverity)]);
    fn page(number: usize) -> std::ops::Range<usize> {
        number * PAGE_SIZE..(number + 1) * PAGE_SIZE
    }
    let table: [Case; 11] = [
        (
            "a flipped bit",
            |site| site.change(MDF, |mdf| mdf[USED * PAGE_SIZE + 77] ^= 4),
            &[(MDF, Some(USED as u32), Damaged)],
        ),
        (
            "truncated by a page",
            |site| site.change(MDF, |mdf| mdf.truncate(mdf.len() - PAGE_SIZE)),
            &[(MDF, None, Damaged)],
        ),
        (
            "a page too many",
            |site| site.change(MDF, |mdf| mdf.extend([1; PAGE_SIZE])),
            &[(MDF, None, Warning)],
        ),
        (
            "the log of another database",
            |site| site.write(LDF, database(2).ldf(8, 1)),
            &[(LDF, Some(0), Damaged)],
        ),
        (
            "two pages swapped",
            |site| {
                site.change(MDF, |mdf| {
                    let first = mdf[page(20)].to_vec();
                    mdf.copy_within(page(USED), page(20).start);
                    mdf[page(USED)].copy_from_slice(&first);
                });
            },
            &[(MDF, Some(20), Damaged), (MDF, Some(USED as u32), Damaged)],
        ),
        (
            "zeros over a page in use",
            |site| site.change(MDF, |mdf| mdf[page(USED)].fill(0)),
            &[(MDF, Some(USED as u32), Damaged)],
        ),
        ("rubbish in a free page", |site| site.change(MDF, |mdf| mdf[page(64 * 9 + 50)].fill(0xA5)), &[]),
        (
            "the file header, whose page is not told twice",
            |site| site.change(MDF, |mdf| mdf[200] ^= 1),
            &[(MDF, Some(0), Damaged)],
        ),
        (
            "the boot page",
            |site| site.change(MDF, |mdf| mdf[9 * PAGE_SIZE + 200] ^= 1),
            &[(MDF, Some(9), Damaged)],
        ),
        (
            "a registry dump is not known well enough to be called damaged",
            |site| site.change("SiteServer/SMSbkSiteRegSMS.dat", |hive| hive[8192] = 0),
            &[("SiteServer/SMSbkSiteRegSMS.dat", None, Warning)],
        ),
        (
            "what setup brings along is no file of this database",
            |site| site.write("CD.Latest/setup.mdf", "nothing"),
            &[],
        ),
    ];
    for (name, damage, findings) in table {
        let site = Site::new();
        damage(&site);
        let found = finished(site.read());
        let expected: Vec<_> =
            findings.iter().map(|(file, page, severity)| ((*file).to_owned(), *page, *severity)).collect();
        assert_eq!(told(&found), expected, "{name}");
        let damaged = findings.iter().filter(|(.., severity)| *severity == Damaged).count() as u64;
        assert_eq!((found.damaged, found.intact()), (damaged, Some(damaged == 0)), "{name}");
    }
}

#[test]
fn headers_anywhere_are_judged_in_slices() {
    let site = Site::new();
    let copies = site.0.path().join("copies");
    for (folder, log) in [("a", 1), ("b/c", 2), ("d", 3)] {
        fs::create_dir_all(copies.join(folder)).unwrap();
        fs::write(copies.join(folder).join("x.mdf"), database(1).mdf(16, 1)).unwrap();
        fs::write(copies.join(folder).join("x_log.ldf"), database(log).ldf(8, 1)).unwrap();
    }
    let mut pass = Pass::of_folder(copies, site.verification(1));
    let mut slices = 0;
    while pass.verification().damaged == 0 {
        slices += 1;
        assert!(slices < 20, "it does not come to its end");
        assert_eq!(pass.slice(&mut Budget::unhurried(0)).unwrap(), SliceEnd::More);
        assert_eq!((pass.position(), pass.current()), (&Position::default(), None));
    }
    assert!(slices > 5, "{slices} slices for as many files");
    let files: Vec<_> = finish(pass).findings.into_iter().map(|finding| finding.file).collect();
    assert_eq!(files, ["b/c/x_log.ldf", "d/x_log.ldf"]);
}

#[test]
fn what_is_wholly_damaged_is_counted_and_told_in_part() {
    let site = Site::new();
    site.change(MDF, |mdf| mdf[10 * PAGE_SIZE..].fill(0xEE));
    let found = finished(site.read());
    assert_eq!(found.findings.len(), MAX_FINDINGS);
    assert!(found.damaged > 1000 && found.pages.damaged == found.damaged, "{}", found.damaged);
}

#[test]
fn a_file_is_judged_by_itself() {
    let site = Site::new();
    site.write(LDF, database(2).ldf(8, 1));
    for (path, kind) in [(MDF, DataFileKind::Primary), (LDF, DataFileKind::Log)] {
        let location = site.root().join(path);
        let size = fs::metadata(&location).unwrap().len();
        let entry = Entry { path: path.to_owned(), location, size, modified: None, created: None };
        let found = finished(finish(Pass::of_file(entry, kind, site.verification(1))));
        assert_eq!((found.intact(), told(&found)), (Some(true), Vec::new()), "{path}");
        assert_eq!(found.bytes, size);
    }
}

#[test]
fn a_real_pair_is_clean() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/samples");
    if !samples.is_dir() {
        eprintln!("skipped: there are no samples in {}", samples.display());
        return;
    }
    let found = finished(finish(Pass::of_folder(samples, Site::new().verification(1))));
    assert_eq!((told(&found), found.intact()), (Vec::new(), Some(true)));
    let pages = found.pages;
    assert_eq!((pages.verified, pages.unverifiable, pages.never_written), (269, 2, 120));
}

#[test]
fn a_later_pass_tells_what_is_no_longer_the_same() {
    /// Changed, missing, added; how much of it is damage as well; and what is told.
    type Case = (&'static str, fn(&Site), (u64, u64, u64), u64, &'static [(&'static str, &'static str)]);
    let table: [Case; 9] = [
        ("nothing", |_| {}, (0, 0, 0), 0, &[]),
        (
            "one byte, with the same size and time",
            |site| site.change("CD.Latest/setup.exe", |bytes| bytes[99_999] ^= 1),
            (1, 0, 0),
            0,
            &[("CD.Latest/setup.exe", "other contents at bytes 0 to 99999")],
        ),
        (
            "a byte of the last block, in a page that proves nothing",
            |site| site.change(MDF, |mdf| mdf[(64 * 39 + 50) * PAGE_SIZE] ^= 1),
            (1, 0, 0),
            0,
            &[(MDF, "other contents at bytes 16777216 to 20971519")],
        ),
        (
            "a page that proves itself",
            |site| site.change(MDF, |mdf| mdf[USED * PAGE_SIZE + 9] ^= 1),
            (1, 0, 0),
            1,
            &[(MDF, "other contents at bytes 8388608 to 16777215")],
        ),
        (
            "another size",
            |site| site.write("SiteServer/SMSServer/a", "ab"),
            (1, 0, 0),
            0,
            &[("SiteServer/SMSServer/a", "2 bytes, written ")],
        ),
        (
            "gone",
            |site| {
                fs::remove_file(site.root().join("CD.Latest/setup.exe")).unwrap();
                fs::remove_file(site.root().join("SiteServer/SMSServer/empty")).unwrap();
            },
            (0, 2, 0),
            0,
            &[("CD.Latest/setup.exe", "nothing"), ("SiteServer/SMSServer/empty", "nothing")],
        ),
        (
            "the last one gone",
            |site| fs::remove_file(site.root().join("SiteServer/SMSbkSiteRegSMS.dat")).unwrap(),
            (0, 1, 0),
            0,
            &[("SiteServer/SMSbkSiteRegSMS.dat", "nothing")],
        ),
        ("what AfterBackup.bat adds", |site| site.write("copied.txt", "yes"), (0, 0, 1), 0, &[]),
        ("the task's own log goes on", |site| site.write("smsbkup.log", "done and more"), (0, 0, 0), 0, &[]),
    ];
    for (name, change, counts, damaged, differences) in table {
        let site = Site::new();
        assert_eq!(finished(site.verify(1)).unchanged(), Some(true));
        change(&site);
        let found = finished(site.verify(1));
        assert_eq!((found.changed, found.missing, found.added), counts, "{name}");
        assert_eq!(found.damaged, damaged, "{name}: {:?}", found.findings);
        assert_eq!(found.intact(), Some(damaged == 0), "{name}");
        assert_eq!(found.unchanged(), Some(counts.0 + counts.1 == 0), "{name}");
        let told: Vec<_> = found.differences.iter().map(|finding| finding.file.as_str()).collect();
        assert_eq!(told, differences.iter().map(|(file, _)| *file).collect::<Vec<_>>(), "{name}");
        for (finding, (_, words)) in found.differences.iter().zip(differences) {
            assert_eq!(finding.expected, "the contents recorded on 1970-01-12", "{name}");
            assert!(finding.found.starts_with(words), "{name}: {}", finding.found);
        }
        // What was recorded stays recorded.
        assert_eq!(finished(site.verify(1)).unchanged(), Some(counts.0 + counts.1 == 0), "{name}");
    }
}

#[test]
fn a_touched_file_is_a_changed_one() {
    let site = Site::new();
    site.verify(1);
    let path = site.root().join("SiteServer/SMSServer/a");
    let times = File::options().write(true).open(path).unwrap();
    times.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(86_400)).unwrap();
    let found = site.verify(1);
    assert_eq!(found.changed, 1);
    assert_eq!(found.differences[0].found, "1 bytes, written 1970-01-02T00:00:00Z");
}

#[test]
fn another_run_is_recorded_anew() {
    let site = Site::new();
    site.verify(1);
    site.write("SiteServer/SMSServer/a", "of the next run");
    let found = finished(site.verify(2));
    assert_eq!(found.unchanged(), Some(true));
    site.write("SiteServer/SMSServer/a", "by somebody else");
    assert_eq!(finished(site.verify(2)).unchanged(), Some(false));
}

#[test]
fn a_folder_that_went_away_is_not_clean() {
    let site = Site::new();
    let mut pass = site.begin(1);
    assert_eq!(pass.slice(&mut Budget::unhurried(CHUNK as u64)).unwrap(), SliceEnd::More);
    fs::rename(site.root(), site.0.path().join("moved")).unwrap();
    assert_eq!(end(pass), SliceEnd::Gone);
    let mut pass = site.begin(1);
    assert_eq!(pass.slice(&mut Budget::unhurried(u64::MAX)).unwrap(), SliceEnd::Gone);
}

/// A pass that has read a block of the data file, and not all of it.
fn in_the_data_file(site: &Site) -> Pass {
    let mut pass = site.begin(1);
    while pass.position().begun.is_none() {
        assert_eq!(pass.slice(&mut Budget::unhurried(BLOCK)).unwrap(), SliceEnd::More);
    }
    pass
}

fn end(mut pass: Pass) -> SliceEnd {
    loop {
        match pass.slice(&mut Budget::unhurried(u64::MAX)).unwrap() {
            SliceEnd::More => {}
            end => return end,
        }
    }
}

#[test]
fn a_file_that_went_away_meanwhile_is_not_clean() {
    type Spoil = fn(&Path);
    let table: [(&str, Spoil); 4] = [
        ("the one that is read", |root| fs::remove_file(root.join(MDF)).unwrap()),
        ("the next one", |root| fs::remove_file(root.join(LDF)).unwrap()),
        ("one in a folder that has not been listed", |root| {
            fs::remove_dir_all(root.join("SiteServer")).unwrap();
        }),
        ("the last one", |root| fs::remove_file(root.join("smsbkup.log")).unwrap()),
    ];
    for comparing in [false, true] {
        for (name, spoil) in table {
            let site = Site::new();
            if comparing {
                site.verify(1);
            }
            let pass = in_the_data_file(&site);
            assert_eq!(pass.compares(), comparing);
            spoil(&site.root());
            assert_eq!(end(pass), SliceEnd::Gone, "{name}");
            let manifests = fs::read_dir(site.0.path().join("manifests")).unwrap().count();
            assert_eq!(manifests, usize::from(comparing), "{name}");
        }
    }
}

#[test]
fn a_file_that_went_away_between_two_processes_is_not_clean() {
    type Spoil = fn(&Path);
    let table: [(&str, Spoil); 3] = [
        ("it alone", |root| fs::remove_file(root.join(MDF)).unwrap()),
        ("with all that comes after it", |root| {
            fs::remove_dir_all(root.join("SiteDBServer")).unwrap();
            fs::remove_dir_all(root.join("SiteServer")).unwrap();
            fs::remove_file(root.join("smsbkup.log")).unwrap();
        }),
        ("not it: another one came before it", |root| {
            fs::write(root.join("SiteDBServer/A.txt"), "new").unwrap();
        }),
    ];
    for (name, spoil) in table {
        let site = Site::new();
        let pass = in_the_data_file(&site);
        let (position, mark, known) = (pass.position().clone(), pass.mark(), pass.verification().clone());
        drop(pass);
        spoil(&site.root());
        let resumed = Pass::resume(site.root(), &site.manifest(1), false, mark, position, known).unwrap();
        assert_eq!(end(resumed.expect("the manifest is there")), SliceEnd::Gone, "{name}");
        assert!(!site.begin(1).compares(), "{name}");
    }
}

#[test]
fn what_headers_tell_is_not_told_again_by_a_pass_that_had_hardly_begun() {
    let site = Site::new();
    site.write(LDF, database(2).ldf(8, 1));
    site.write("CD.Latest/a", vec![0; 2 * CHUNK]);
    let mut pass = site.begin(1);
    assert_eq!(pass.slice(&mut Budget::unhurried(CHUNK as u64)).unwrap(), SliceEnd::More);
    assert_eq!((pass.position(), pass.verification().damaged), (&Position::default(), 1));
    let (position, mark, known) = (pass.position().clone(), pass.mark(), pass.verification().clone());
    let resumed = Pass::resume(site.root(), &site.manifest(1), false, mark, position, known);
    assert!(resumed.unwrap().is_none());
    assert_eq!(finish(pass).damaged, 1);
}

#[cfg(unix)]
#[test]
fn what_cannot_be_read_is_neither_clean_nor_missing() {
    use std::os::unix::fs::PermissionsExt;

    let site = Site::new();
    site.verify(1);
    let folder = site.root().join("SiteServer/SMSServer");
    let mode = |mode| fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).unwrap();
    mode(0);
    if fs::read_dir(&folder).is_ok() {
        mode(0o755);
        eprintln!("skipped: this account reads everything");
        return;
    }
    let found = finished(site.verify(1));
    mode(0o755);
    assert_eq!((found.unread, found.missing), (1, 0));
    assert_eq!((found.intact(), found.unchanged()), (None, None));
}

#[test]
fn a_file_that_changed_between_two_slices_is_not_clean() {
    let site = Site::new();
    let pass = in_the_data_file(&site);
    site.change(MDF, |mdf| mdf.push(0));
    let (position, mark, known) = (pass.position().clone(), pass.mark(), pass.verification().clone());
    let found = finished(finish(pass));
    assert_eq!((found.unread, found.intact()), (1, None));
    let resumed = Pass::resume(site.root(), &site.manifest(1), false, mark, position, known);
    assert!(resumed.unwrap().is_none(), "the manifest has taken its place");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn a_pass_that_is_killed_and_goes_on_says_the_same(
        slices in prop::collection::vec(prop::sample::select(vec![BLOCK, BLOCK + 70_000, 2 * BLOCK, 3 * BLOCK]), 1..5),
        flips in prop::collection::vec(0..PAGES as usize * PAGE_SIZE, 0..4),
        second in any::<bool>(),
    ) {
        let (whole, pieces) = (Site::new(), Site::new());
        let change = |site: &Site| {
            site.change(MDF, |mdf| flips.iter().for_each(|at| mdf[*at] ^= 1));
            fs::remove_file(site.root().join("SiteServer/SMSServer/empty")).unwrap();
            site.write("CD.Latest/later", "x");
        };
        if second {
            whole.verify(1);
            pieces.verify_in_pieces(1, &slices);
        }
        change(&whole);
        change(&pieces);
        let one = Verification { folder: String::new(), ..whole.verify(1) };
        let other = Verification { folder: String::new(), ..pieces.verify_in_pieces(1, &slices) };
        prop_assert_eq!(one, other);
        // Both recorded the same.
        let later = pieces.verify(1);
        prop_assert_eq!((later.changed, later.missing), if second { (u64::from(!flips.is_empty()), 1) } else { (0, 0) });
    }
}
