//! What reading all of a snapshot found, so far or in the end.

use super::finding::Finding;
use crate::site::Timestamp;
use crate::sqlfile::PageTally;

/// So many findings are kept; all are counted.
pub const MAX_FINDINGS: usize = 100;

/// The result of one pass over everything below a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// Which folder.
    pub folder: String,
    /// The run whose files these are, by its start.
    pub run: Timestamp,
    /// When the pass began.
    pub started: Timestamp,
    /// When it had read everything; `None` while it goes on.
    pub finished: Option<Timestamp>,
    /// Files read.
    pub files: u64,
    /// Bytes read.
    pub bytes: u64,
    /// The pages of the data files.
    pub pages: PageTally,
    /// The first findings.
    pub findings: Vec<Finding>,
    /// Findings that are damage.
    pub damaged: u64,
    /// The first files that are not as they were recorded; their contents may prove whole all the same.
    pub differences: Vec<Finding>,
    /// Files that are no longer what the first pass recorded.
    pub changed: u64,
    /// Files that the first pass recorded and that are gone.
    pub missing: u64,
    /// Files that came after the first pass.
    pub added: u64,
    /// Files and folders that could not be read.
    pub unread: u64,
    /// The first of them and why.
    pub first_unread: Option<String>,
    /// Whether what an earlier pass over the same files recorded is lost: they were compared with nothing.
    pub record_lost: bool,
}

impl Verification {
    /// A pass that begins.
    pub fn new(folder: impl Into<String>, run: Timestamp, started: Timestamp) -> Self {
        Self {
            folder: folder.into(),
            run,
            started,
            finished: None,
            files: 0,
            bytes: 0,
            pages: PageTally::default(),
            findings: Vec::new(),
            damaged: 0,
            differences: Vec::new(),
            changed: 0,
            missing: 0,
            added: 0,
            unread: 0,
            first_unread: None,
            record_lost: false,
        }
    }

    /// Takes a finding.
    pub fn find(&mut self, finding: Finding) {
        self.damaged += u64::from(finding.is_damage());
        // Damage is what people look for: warnings do not take its place.
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(finding);
        } else if finding.is_damage()
            && let Some(warning) = self.findings.iter_mut().find(|kept| !kept.is_damage())
        {
            *warning = finding;
        }
    }

    /// Takes a file that is no longer what the first pass recorded.
    pub fn changed(&mut self, finding: Finding) {
        self.changed += 1;
        self.differs(finding);
    }

    /// Takes a file that the first pass recorded and that is gone.
    pub fn missing(&mut self, finding: Finding) {
        self.missing += 1;
        self.differs(finding);
    }

    fn differs(&mut self, finding: Finding) {
        if self.differences.len() < MAX_FINDINGS {
            self.differences.push(finding);
        }
    }

    /// Takes note of what could not be read.
    pub fn unread(&mut self, reason: String) {
        self.unread += 1;
        self.first_unread.get_or_insert(reason);
    }

    /// Whether everything that can be proved is undamaged; `None` while that is not known.
    pub fn intact(&self) -> Option<bool> {
        if self.damaged > 0 {
            return Some(false);
        }
        (self.finished.is_some() && self.unread == 0).then_some(true)
    }

    /// Whether everything is as it was recorded; `None` while that is not known. What this pass recorded first, is.
    pub fn unchanged(&self) -> Option<bool> {
        if self.changed + self.missing > 0 {
            return Some(false);
        }
        (self.finished.is_some() && self.unread == 0 && !self.record_lost).then_some(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pass(change: impl Fn(&mut Verification)) -> Verification {
        let mut pass = Verification::new("/backup/P01Backup", Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH);
        change(&mut pass);
        pass
    }

    fn end(pass: &mut Verification) {
        pass.finished = Some(Timestamp::UNIX_EPOCH);
    }

    #[test]
    fn good_news_waits_for_the_end_and_bad_news_does_not() {
        let damage = || Finding::damaged("a.mdf", "x", "y");
        for (pass, intact, unchanged) in [
            (pass(|_| {}), None, None),
            (pass(end), Some(true), Some(true)),
            (pass(|pass| pass.find(damage())), Some(false), None),
            (pass(|pass| pass.find(Finding::warning("a.mdf", "x", "y"))), None, None),
            (pass(|pass| pass.changed = 1), None, Some(false)),
            (pass(|pass| pass.missing = 1), None, Some(false)),
            (
                pass(|pass| {
                    pass.added = 1;
                    end(pass);
                }),
                Some(true),
                Some(true),
            ),
            (
                pass(|pass| {
                    pass.unread("locked".to_owned());
                    end(pass);
                }),
                None,
                None,
            ),
            (
                pass(|pass| {
                    pass.record_lost = true;
                    end(pass);
                }),
                Some(true),
                None,
            ),
            (
                pass(|pass| {
                    pass.unread("locked".to_owned());
                    pass.find(damage());
                    end(pass);
                }),
                Some(false),
                None,
            ),
        ] {
            assert_eq!((pass.intact(), pass.unchanged()), (intact, unchanged), "{pass:?}");
        }
    }

    #[test]
    fn damage_takes_the_place_of_warnings_and_all_of_it_is_counted() {
        let pass = pass(|pass| {
            for page in 0..150 {
                pass.find(Finding::warning("a.mdf", "x", "y").at_page(page));
            }
            for page in 0..150 {
                pass.find(Finding::damaged("a.mdf", "x", "y").at_page(page));
            }
        });
        assert_eq!((pass.findings.len(), pass.damaged), (MAX_FINDINGS, 150));
        assert!(pass.findings.iter().all(Finding::is_damage));
        let first: Vec<_> = pass.findings.iter().map(|finding| finding.page).collect();
        assert_eq!(first, (0..100).map(Some).collect::<Vec<_>>(), "the first of it");
    }
}
