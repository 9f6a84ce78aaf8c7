//! The sections `supplemental`, `package_sources` and `recovery_drill`: what else a recovery needs.

use std::path::{Path, PathBuf};

use super::{DAY, HOUR};
use crate::config::origin::Origins;
use crate::config::paths::{file_path, folder_path, is_within, same_path};
use crate::config::problem::{Fault, shown};
use crate::config::section::{Entry, Field, Section};
use crate::config::{
    DEFAULT_DRILL_MAX_AGE, Freshness, RecoveryDrill, SiteSettings, SupplementalConfig, fields,
};

/// The places that are watched, each by a source that is known by its path.
#[derive(Debug, Default)]
pub(super) struct Watched(Vec<(String, PathBuf, &'static str)>);

impl Watched {
    /// A place of the snapshot's own.
    pub(super) fn add_own(&mut self, what: &str, path: PathBuf) {
        self.0.push((what.to_owned(), path, "write where copies of it are put, or remove this entry"));
    }

    /// A copy, by its name.
    pub(super) fn add_copy(&mut self, name: &str, path: PathBuf) {
        self.0.push((format!("`{name}`"), path, "remove one of the two"));
    }

    /// Refuses a path that is watched already.
    pub(super) fn once(&self, text: &str, path: PathBuf) -> Result<PathBuf, Fault> {
        match self.0.iter().find(|(_, known, _)| same_path(known, &path)) {
            None => Ok(path),
            Some((what, _, remedy)) => {
                Err(Fault::new(format!("{} is already the path of {what}", shown(text)), *remedy))
            }
        }
    }
}

pub(super) fn supplemental(
    entry: &Entry<'_>,
    base: &Path,
    watched: &mut Watched,
    origins: &mut Origins,
) -> Vec<SupplementalConfig> {
    let (mut copies, mut names): (Vec<SupplementalConfig>, _) = (Vec::new(), Vec::new());
    for (index, item) in entry.list().unwrap_or_default().iter().enumerate() {
        let Some(mut section) = item.section() else { continue };
        let prefix = format!("supplemental[{index}].");
        let mut field = Field { section: &mut section, prefix: &prefix, origins };
        let remedy = "write how the metrics call the copy, as `name: scup`";
        let name = field.require("name", remedy, |text| fields::name(text, &names));
        names.extend(name.clone());
        let remedy = "write the file or the folder of the copy";
        let path = field.require("path", remedy, |text| watched.once(text, folder_path(text, base)?));
        if let (Some(name), Some(path)) = (&name, &path) {
            watched.add_copy(name, path.clone());
        }
        let source = field.read("source", |text| folder_path(text, base));
        let marker = field.read("marker", |text| file_path(text, base));
        let remedy = "write how old the copy may become, as 7d";
        let max_age = field.require("max_age", remedy, |text| fields::duration(text, HOUR, DAY * 3650));
        contradictions(&mut section, path.is_some() && path == source);
        section.close();
        let freshness = match (source, marker) {
            (Some(source), _) => Freshness::Source(source),
            (None, Some(marker)) => Freshness::Marker(marker),
            (None, None) => Freshness::Newest,
        };
        if let (Some(name), Some(path), Some(max_age)) = (name, path, max_age) {
            copies.push(SupplementalConfig { name, path, freshness, max_age });
        }
    }
    copies
}

fn contradictions(section: &mut Section<'_>, of_itself: bool) {
    let source = section.take("source");
    if let Some(source) = source.as_ref().filter(|_| of_itself) {
        source.reject(Fault::new("is the copy itself", "write what it is a copy of, or remove the key"));
    }
    if let Some(marker) = section.take("marker").filter(|_| source.is_some()) {
        let remedy = "keep the one that tells how fresh the copy is";
        marker.reject(Fault::new("stands beside `source`, and only one of them can count", remedy));
    }
}

/// The roots of package sources that are looked at, each once and each a source of its own.
pub(super) fn package_sources(
    entry: &Entry<'_>,
    base: &Path,
    settings: &SiteSettings,
    watched: &Watched,
    origins: &mut Origins,
) -> Vec<PathBuf> {
    let folders = settings.snapshot.iter().flat_map(|config| config.folders(settings.code));
    let folders: Vec<_> = folders.map(|(_, folder)| PathBuf::from(folder)).collect();
    let mut roots: Vec<PathBuf> = Vec::new();
    for item in entry.list().unwrap_or_default() {
        let root = item.parse(|text| {
            let root = watched
                .once(text, folder_path(text, base)?)
                .map_err(|fault| Fault { remedy: "remove it here".to_owned(), ..fault })?;
            if roots.iter().any(|known| same_path(known, &root)) {
                return Err(Fault::new(
                    format!("{} is listed already", shown(text)),
                    "list each folder once",
                ));
            }
            if folders.iter().any(|folder| is_within(&root, folder)) {
                let what = format!("{} lies in the snapshot, which each run deletes", shown(text));
                return Err(Fault::new(
                    what,
                    "write the folder that the packages name, or remove this entry",
                ));
            }
            Ok(root)
        });
        if let Some(root) = root {
            origins.record(format!("package_sources[{}]", roots.len()), item.origin());
            roots.push(root);
        }
    }
    roots
}

pub(super) fn recovery_drill(entry: &Entry<'_>, origins: &mut Origins) -> Option<RecoveryDrill> {
    let mut section = entry.section()?;
    let mut field = Field { section: &mut section, prefix: "recovery_drill.", origins };
    let remedy = "write the day on which a recovery was last tried, as 2026-06-01";
    let last = field.require("last", remedy, fields::date);
    let max_age = field.duration("max_age", DAY, DAY * 3650).unwrap_or(DEFAULT_DRILL_MAX_AGE);
    section.close();
    Some(RecoveryDrill { last: last?, max_age })
}
