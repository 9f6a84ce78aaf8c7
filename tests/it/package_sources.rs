//! Roots of package sources from the configuration to the metric: counted where they cannot be read, absent until known.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use configmgr_backup_exporter::clock::Clock;
use configmgr_backup_exporter::config::{SiteConfig, SiteSettings};
use configmgr_backup_exporter::metrics::Format;
use configmgr_backup_exporter::site::Timestamp;
use configmgr_backup_exporter::source::{
    BlockingSource, Cursor, FailureKind, Guidance, Poll, PollFailure, PollReport, Surroundings, sources_of,
};

use crate::support::exporter::{WatchedSite, exposition};

/// A site of which these roots are watched, and the sources that look at them.
struct Roots {
    site: WatchedSite,
    sources: Vec<Box<dyn BlockingSource>>,
    now: Timestamp,
}

impl Roots {
    fn new(roots: &[PathBuf]) -> Self {
        let now: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        let mut settings = SiteSettings::new("P01".parse().unwrap());
        settings.package_sources = roots.to_vec();
        let (clock, account) = (Clock::System, r"CORP\CM01$");
        let surroundings = Surroundings { clock, state_path: Path::new(""), account };
        let sources = sources_of(&SiteConfig::of(settings.clone()), &surroundings).unwrap();
        assert_eq!(
            sources.len(),
            roots.len(),
            "each root is a source of its own, and nothing else is looked at"
        );
        let mut site = WatchedSite::new(settings, now);
        for source in &sources {
            site.state.watch(source.id().clone(), source.interval(), source.witness(), now);
        }
        Self { site, sources, now }
    }

    fn poll(&mut self, index: usize) {
        let result = self.sources[index].poll(None, &Guidance::default());
        self.fold(index, result);
    }

    fn hang(&mut self, index: usize) {
        let message = "did not answer within 60 s".to_owned();
        self.fold(index, Err(PollFailure { kind: FailureKind::Timeout, message }));
    }

    fn fold(&mut self, index: usize, result: Result<Poll<Cursor>, PollFailure>) {
        let (site, source) = (self.site.state.settings.code, self.sources[index].id().clone());
        let report =
            PollReport { site, source, started: self.now, duration: Duration::from_millis(1), result };
        self.site.state.fold(&report, self.now);
    }

    /// How many cannot be read, as the metric says.
    fn unreachable(&self) -> Option<u64> {
        let text = exposition(std::slice::from_ref(&self.site), self.now, Format::Text);
        let name = r#"configmgr_backup_package_source_roots_unreachable{site_code="P01"} "#;
        text.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.parse().unwrap())
    }
}

#[test]
fn roots_are_counted_once_all_have_been_looked_at() {
    let place = tempfile::tempdir().unwrap();
    let (there, missing) = (place.path().join("pkg"), place.path().join("missing"));
    fs::create_dir(&there).unwrap();
    let mut roots = Roots::new(&[there, missing]);
    assert_eq!(roots.unreachable(), None);
    roots.poll(1);
    assert_eq!(roots.unreachable(), None, "of the first nobody knows");
    roots.poll(0);
    assert_eq!(roots.unreachable(), Some(1));
    assert!(roots.site.state.sources.values().all(|source| source.failure.is_none()), "that is no failure");
}

#[test]
fn a_root_that_hangs_is_unreachable_at_once_or_after_three_polls_if_it_was_seen_before() {
    let place = tempfile::tempdir().unwrap();
    let mut roots = Roots::new(&[place.path().to_owned()]);
    roots.hang(0);
    assert_eq!(roots.unreachable(), Some(1));
    roots.poll(0);
    assert_eq!(roots.unreachable(), Some(0));
    for unreachable in [0, 0, 1, 1] {
        roots.hang(0);
        assert_eq!(roots.unreachable(), Some(unreachable));
    }
}

#[test]
fn without_configured_roots_nothing_is_counted() {
    assert_eq!(Roots::new(&[]).unreachable(), None);
}
