//! Roots of package sources: whether each can be listed, which is all that is asked of it.
//!
//! A root that cannot be read is something found out and no failure of the poll: the backup's own places are watched all
//! the same. Only what hangs fails. Nothing is contacted that the configuration does not list, whatever packages name.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;

use super::reader::Reader;
use crate::clock::Clock;
use crate::config::{DEFAULT_SNAPSHOT_INTERVAL, SiteSettings};
use crate::site::{SiteCode, Timestamp};
use crate::source::{
    BlockingSource, Cursor, Fact, FailureKind, Guidance, Poll, PollFailure, Reach, SourceId, SourceKind,
    Surroundings,
};

/// From one look at a root to the next: packages are not needed sooner, and a server that is gone costs each look a minute.
const PAUSE: TimeDelta = TimeDelta::hours(1);

/// One root of a site's package sources.
#[derive(Debug)]
pub(in crate::source) struct PackageSource {
    id: SourceId,
    site: SiteCode,
    root: PathBuf,
    /// As long as that of the other sources of its kind: the longest of them is the one that metrics show.
    interval: Duration,
    clock: Clock,
    reader: Reader,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// When the root was last looked at.
    looked: Option<Timestamp>,
    /// Why it could not be read then, as the log of this program was told.
    trouble: Option<FailureKind>,
}

impl PackageSource {
    /// This root of this site's.
    pub(in crate::source) fn new(
        root: &Path,
        settings: &SiteSettings,
        surroundings: &Surroundings<'_>,
    ) -> Self {
        let setting = "sites[].package_sources".to_owned();
        Self {
            id: SourceId { kind: SourceKind::Snapshot, location: root.display().to_string() },
            site: settings.code,
            root: root.to_owned(),
            interval: settings.snapshot.as_ref().map_or(DEFAULT_SNAPSHOT_INTERVAL, |config| config.interval),
            clock: surroundings.clock,
            reader: Reader { account: surroundings.account.to_owned(), setting },
            known: Mutex::default(),
        }
    }

    /// Logs a change for better or worse, once.
    fn tell(&self, known: Option<FailureKind>, failure: Option<&PollFailure>) {
        let (site, path) = (self.site, &self.id.location);
        match failure {
            Some(PollFailure { kind, message: reason }) if known != Some(*kind) => {
                tracing::warn!(%site, path, %kind, reason, "package sources cannot be read");
            }
            None if known.is_some() => tracing::info!(%site, path, "package sources can be read again"),
            _ => {}
        }
    }
}

impl BlockingSource for PackageSource {
    fn id(&self) -> &SourceId {
        &self.id
    }

    fn interval(&self) -> Duration {
        self.interval
    }

    fn poll(&self, _: Option<&Cursor>, _: &Guidance) -> Result<Poll<Cursor>, PollFailure> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        // A clock that was ahead must not put it off.
        let is_due = known.looked.is_none_or(|looked| now < looked || now - looked >= PAUSE);
        let mut facts = Vec::new();
        if is_due {
            let failure = list(&self.root).err().map(|error| self.reader.failure("list", &self.root, &error));
            let trouble = failure.as_ref().map(|failure| failure.kind);
            self.tell(known.trouble, failure.as_ref());
            *known = Known { looked: Some(now), trouble };
            facts.push(Fact::PackageSource(self.id.location.clone(), failure.is_none()));
        }
        Ok(Poll { facts, cursor: Cursor::Anew, reach: Reach::CaughtUp })
    }
}

/// Reads the beginning of a listing: a folder can be opened that cannot be read.
fn list(folder: &Path) -> io::Result<()> {
    fs::read_dir(folder)?.next().transpose().map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::walk::timestamp;

    fn source(root: &Path) -> PackageSource {
        let now = timestamp(std::time::UNIX_EPOCH + Duration::from_secs(1_795_226_400)).unwrap();
        let clock = Clock::anchored(now);
        let surroundings = Surroundings { clock, state_path: Path::new(""), account: r"CORP\CM01$" };
        PackageSource::new(root, &SiteSettings::new("P01".parse().unwrap()), &surroundings)
    }

    /// Whether the root can be read; `None` where it was not looked at.
    fn poll(source: &PackageSource) -> Option<bool> {
        let poll = source.poll(None, &Guidance::default()).unwrap();
        assert_eq!((poll.cursor, poll.reach), (Cursor::Anew, Reach::CaughtUp));
        match &poll.facts[..] {
            [] => None,
            [Fact::PackageSource(root, readable)] if *root == source.id.location => Some(*readable),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn only_a_folder_can_be_read() {
        let place = tempfile::tempdir().unwrap();
        for folder in ["empty", "pkg/7-Zip"] {
            fs::create_dir_all(place.path().join(folder)).unwrap();
        }
        fs::write(place.path().join("file"), "no folder").unwrap();
        for (root, readable) in
            [("empty", true), ("pkg", true), ("file", false), ("missing", false), ("missing/pkg", false)]
        {
            assert_eq!(poll(&source(&place.path().join(root))), Some(readable), "{root}");
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_closed_folder_cannot_be_read() {
        use std::os::unix::fs::PermissionsExt;

        let place = tempfile::tempdir().unwrap();
        let chmod = |mode| fs::set_permissions(place.path(), fs::Permissions::from_mode(mode)).unwrap();
        chmod(0o311);
        if fs::read_dir(place.path()).is_ok() {
            eprintln!("skipped: this user reads every folder");
            return;
        }
        let source = source(place.path());
        assert_eq!(poll(&source), Some(false));
        assert_eq!(source.known.lock().unwrap().trouble, Some(FailureKind::AccessDenied));
        chmod(0o755);
    }

    #[tokio::test(start_paused = true)]
    async fn it_looks_again_only_after_a_while() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("pkg");
        let source = source(&root);
        assert_eq!((poll(&source), poll(&source)), (Some(false), None));
        assert_eq!(source.known.lock().unwrap().trouble, Some(FailureKind::NotFound));
        fs::create_dir(&root).unwrap();
        let pause = PAUSE.to_std().unwrap();
        tokio::time::advance(pause - Duration::from_secs(1)).await;
        assert_eq!(poll(&source), None);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!((poll(&source), poll(&source)), (Some(true), None));
        assert_eq!(source.known.lock().unwrap().trouble, None);
        source.known.lock().unwrap().looked = Some(source.clock.now() + TimeDelta::days(400));
        assert_eq!(poll(&source), Some(true), "a clock was ahead");
    }
}
