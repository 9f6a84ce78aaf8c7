//! Whether the files of the database belong together and are whole, as far as their headers tell.
//!
//! Costs one page of each file. The recovery wizard checks none of this.

use std::collections::BTreeMap;

use super::component::DataFileKind;
use super::finding::Finding;
use super::survey::{DataFile, Headers};
use crate::sqlfile::{BindingId, PAGE_SIZE};

/// What the database should be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpectedName<'a> {
    /// The configuration says so: another name is damage.
    Configured(&'a str),
    /// ConfigMgr's default: another name is worth a look.
    Usual(&'a str),
    /// Nothing is expected.
    Any,
}

/// Judges the files of one database, which were found in one place.
pub fn judge_database(files: &[DataFile], name: ExpectedName<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files {
        if let Ok(headers) = &file.headers {
            findings.extend(headers.findings.iter().cloned());
            length(file, headers, &mut findings);
            role(file, headers, &mut findings);
            boot(file, headers, name, &mut findings);
        }
    }
    binding(files, &mut findings);
    twice(files, &mut findings);
    findings
}

/// Judges one file by itself.
pub fn judge_file(file: &DataFile) -> Vec<Finding> {
    judge_database(std::slice::from_ref(file), ExpectedName::Any)
}

/// File 1 is the primary data file, whatever it is called.
fn role(file: &DataFile, headers: &Headers, findings: &mut Vec<Finding>) {
    if file.kind == DataFileKind::Log && headers.file.as_ref().is_some_and(|header| header.file == 1) {
        let found = "file 1: a primary data file under another name";
        findings.push(Finding::damaged(&file.path, "a transaction log", found).at_page(0));
    }
}

/// Two files of one database with one number: one of them is a copy that was left behind.
fn twice(files: &[DataFile], findings: &mut Vec<Finding>) {
    let mut known = BTreeMap::new();
    for file in files {
        let Some(header) = file.headers.as_ref().ok().and_then(|headers| headers.file.as_ref()) else {
            continue;
        };
        if let Some(first) = known.insert((header.binding_id, header.file), &file.path) {
            let found = format!("file {} a second time, as {first}", header.file);
            findings.push(Finding::warning(&file.path, "each file of a database once", found));
        }
    }
}

fn length(file: &DataFile, headers: &Headers, findings: &mut Vec<Finding>) {
    let Some(header) = &headers.file else { return };
    let stated = u64::from(header.pages) * PAGE_SIZE as u64;
    let expected = format!("{stated} bytes ({} pages)", header.pages);
    let found = format!("{} bytes", file.size);
    if file.size < stated {
        findings.push(Finding::damaged(&file.path, expected, format!("{found}: truncated")));
    } else if file.size > stated {
        findings.push(Finding::warning(&file.path, expected, found));
    }
}

fn boot(file: &DataFile, headers: &Headers, name: ExpectedName<'_>, findings: &mut Vec<Finding>) {
    let Some(boot) = &headers.boot else { return };
    let finding = match name {
        ExpectedName::Configured(name) if !name.eq_ignore_ascii_case(&boot.database) => {
            Finding::damaged(&file.path, format!("database {name}"), format!("database {}", boot.database))
        }
        ExpectedName::Usual(name) if !name.eq_ignore_ascii_case(&boot.database) => {
            let found = format!("database {}; if that is right, set sites[].database.name", boot.database);
            Finding::warning(&file.path, format!("database {name}"), found)
        }
        _ => return,
    };
    findings.push(finding.at_page(9));
}

/// Every file of one database carries the same id; the primary file's counts, else that of most files.
fn binding(files: &[DataFile], findings: &mut Vec<Finding>) {
    let ids = || {
        files.iter().filter_map(|file| Some((file, file.headers.as_ref().ok()?.file.as_ref()?.binding_id)))
    };
    let mut counts: BTreeMap<BindingId, usize> = BTreeMap::new();
    for (_, id) in ids() {
        *counts.entry(id).or_default() += 1;
    }
    if counts.len() < 2 {
        return;
    }
    let primary = ids().find(|(file, _)| file.kind == DataFileKind::Primary).map(|(_, id)| id);
    let most = || counts.iter().max_by_key(|(_, count)| **count).map(|(id, _)| *id);
    let Some(expected) = primary.or_else(most) else { return };
    for (file, id) in ids().filter(|(_, id)| *id != expected) {
        let found = format!("binding id {id}: a file of another database");
        findings.push(Finding::damaged(&file.path, format!("binding id {expected}"), found).at_page(0));
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{HALF, LDF, MDF, Sample};
    use super::*;

    /// The severities and pages of what is found.
    fn found(sample: &Sample, name: ExpectedName<'_>) -> Vec<(String, bool, Option<u32>)> {
        let findings = judge_database(&sample.data_files(), name);
        findings
            .into_iter()
            .map(|finding| (finding.file.clone(), finding.is_damage(), finding.page))
            .collect()
    }

    #[test]
    fn files_belong_together_and_are_as_long_as_they_say() {
        let good = || Sample::good(1);
        let file = |path: &str, is_damage, page| vec![(path.to_owned(), is_damage, page)];
        let second = "SiteDBServer/CM_P01_2.ndf";
        for (sample, expected) in [
            (good(), vec![]),
            (good().foreign(LDF), file(LDF, true, Some(0))),
            // The primary file says whose database it is, whatever most say.
            (
                good().with(second, 8192).foreign(MDF),
                [file(LDF, true, Some(0)), file(second, true, Some(0))].concat(),
            ),
            (good().resized(MDF, HALF), file(MDF, true, None)),
            (good().resized(MDF, HALF * 4), file(MDF, false, None)),
            (good().resized(LDF, 0), file(LDF, true, None)),
            (good().damaged(LDF), file(LDF, true, Some(0))),
            // With the primary file's header gone the others still tell.
            (
                good().with(second, 8192).foreign(second).damaged(MDF).without("SiteServer"),
                vec![(MDF.to_owned(), true, Some(0)), (LDF.to_owned(), true, Some(0))],
            ),
        ] {
            assert_eq!(found(&sample, ExpectedName::Any), expected);
        }
        assert_eq!(judge_file(&good().foreign(MDF).data_files()[0]), []);
    }

    #[test]
    fn a_primary_file_is_no_log_and_a_file_is_there_once() {
        let mut files = Sample::good(1).data_files();
        let primary = files.iter().find(|file| file.kind == DataFileKind::Primary).unwrap().clone();
        let log = files.iter_mut().find(|file| file.kind == DataFileKind::Log).unwrap();
        log.headers = Ok(primary.headers.unwrap());
        log.size = primary.size;
        let findings = judge_database(&files, ExpectedName::Any);
        let told: Vec<_> = findings.iter().map(|finding| (finding.is_damage(), finding.page)).collect();
        assert_eq!(told, [(true, Some(0)), (false, None)], "{findings:?}");
    }

    #[test]
    fn another_name_is_damage_only_where_it_was_configured() {
        for (name, expected) in [
            (ExpectedName::Configured("cm_p01"), None),
            (ExpectedName::Configured("CM_P02"), Some(true)),
            (ExpectedName::Usual("CM_P01"), None),
            (ExpectedName::Usual("CM_P02"), Some(false)),
            (ExpectedName::Any, None),
        ] {
            let findings = found(&Sample::good(1), name);
            assert_eq!(findings.first().map(|(_, is_damage, _)| *is_damage), expected, "{name:?}");
        }
    }
}
