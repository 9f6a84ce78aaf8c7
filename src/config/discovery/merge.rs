//! What the file says over what this machine tells: key by key, and the file goes before.

use super::{Discovered, NotDiscovered, mapping};
use crate::config::origin::Origin;
use crate::config::problem::{Fault, Problem};
use crate::config::raw::{Key, Node, Value};

/// The file's tree, with what was discovered of the site of this machine.
///
/// A file that names no site means that one. A site of the file is it by its code, or as the only one, without a code.
pub(in crate::config) fn with_discovered(
    file: Node,
    here: &Result<Discovered, NotDiscovered>,
) -> Result<Node, Problem> {
    let here = match here {
        Ok(here) => here,
        // Who writes a file there has nothing else.
        Err(NotDiscovered::NotWindows) => return Ok(file),
        Err(error) if names_no_site(&file) => {
            return Err(Fault::new("names no site", error.to_string()).at("", None));
        }
        Err(_) => return Ok(file),
    };
    let own = || Node { origin: Origin::SiteServer, value: Value::List(vec![here.site.clone()]) };
    let Node { origin, value } = file;
    let value = match value {
        Value::Nothing => return Ok(mapping(Origin::SiteServer, vec![("sites", own())])),
        Value::Mapping(mut entries) => {
            match entries.iter_mut().find(|(key, _)| key.name == "sites") {
                Some((_, sites)) if sites.value == Value::Nothing => *sites = own(),
                Some((_, Node { value: Value::List(sites), .. })) => {
                    let alone = sites.len() == 1;
                    for site in sites {
                        if is_it(site, here, alone) {
                            complete(site, &here.site);
                        }
                    }
                }
                Some(_) => {}
                None => entries.push((Key { name: "sites".to_owned(), origin: Origin::SiteServer }, own())),
            }
            Value::Mapping(entries)
        }
        other => other,
    };
    Ok(Node { origin, value })
}

fn names_no_site(file: &Node) -> bool {
    match &file.value {
        Value::Nothing => true,
        Value::Mapping(entries) => entries
            .iter()
            .find(|(key, _)| key.name == "sites")
            .is_none_or(|(_, sites)| sites.value == Value::Nothing),
        _ => false,
    }
}

fn is_it(site: &Node, here: &Discovered, alone: bool) -> bool {
    let Value::Mapping(entries) = &site.value else { return false };
    match entries.iter().find(|(key, _)| key.name == "code") {
        Some((_, Node { value: Value::Text(code), .. })) => code.parse() == Ok(here.code),
        Some(_) => false,
        None => alone,
    }
}

/// Adds the keys that are not there, at every level of mappings.
fn complete(written: &mut Node, found: &Node) {
    let (Value::Mapping(written), Value::Mapping(found)) = (&mut written.value, &found.value) else { return };
    for (key, value) in found {
        match written.iter_mut().find(|(known, _)| known.name == key.name) {
            Some((_, known)) => complete(known, value),
            None => written.push((key.clone(), value.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::discovery::text;
    use crate::config::{Config, describe};

    fn here() -> Result<Discovered, NotDiscovered> {
        let origin = Origin::SiteServer;
        let path = |path| mapping(origin, vec![("path", text(origin, path))]);
        let site = vec![
            ("code", text(origin, "P01")),
            ("log", path(r"C:\CM\Logs\smsbkup.log")),
            ("snapshot", path("task")),
            (
                "database",
                mapping(origin, vec![("server", text(origin, "sql01")), ("name", text(origin, "CM_P01"))]),
            ),
            ("services", mapping(origin, Vec::new())),
        ];
        let code = "P01".parse().unwrap();
        Ok(Discovered { code, notices: vec!["a notice".to_owned()], site: mapping(origin, site) })
    }

    fn over(yaml: &str) -> Result<String, String> {
        let config = Config::parse_over(yaml, "x.yml", Path::new("/etc"), &here());
        config.map(|config| describe(&config)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_file_that_names_no_site_means_the_one_of_this_machine() {
        for yaml in ["", "# nothing\n", "sites:", "{}", "remediation: { mode: off }"] {
            let text = over(yaml).unwrap();
            assert!(
                text.starts_with("# a notice.\nsites:\n  - code: P01  # this site server\n"),
                "{yaml}: {text}"
            );
            assert_eq!(text.contains("mode: off  # line 1"), yaml.contains("off"), "{text}");
        }
    }

    #[test]
    fn the_file_goes_before_key_by_key() {
        for (yaml, wanted, other) in [
            ("code: P01", r"path: 'C:\CM\Logs\smsbkup.log'  # this site server", "x.yml"),
            ("protection: task", "- code: P01  # this site server", "x.yml"),
            (r"log: { path: 'D:\a.log' }", r"path: 'D:\a.log'  # line 1", r"C:\CM\Logs"),
            ("log: { interval: 9s }", "interval: 9s  # line 1", "interval: 5s"),
            ("log: off", "    log: off  # line 1", r"C:\CM"),
            ("services: off", "    services: off  # line 1", "mode:"),
            ("database: off", "    snapshot: off", "sql01"),
            (r"snapshot: { path: 'E:\B' }", r"      path: 'E:\B'  # line 1", "path: task"),
            ("snapshot: { interval: 1h }", "      path: task  # this site server", "x.yml"),
            ("database: { server: other }", "server: 'other'  # line 1", "sql01"),
            ("database: { server: other }", "name: 'CM_P01'  # this site server", "sql01"),
        ] {
            let text = over(&format!("sites: [{{ {yaml} }}]")).unwrap_or_else(|error| error);
            assert!(text.contains(wanted) && !text.contains(other), "{yaml}: {text}");
        }
    }

    #[test]
    fn another_site_gets_nothing_of_this_one() {
        for yaml in ["sites: [{ code: P02 }]", "sites: [{ code: P02 }, { code: P03 }]"] {
            let text = over(yaml).unwrap();
            assert!(!text.contains("site server") && !text.contains("notice"), "{text}");
        }
        let two = over("sites: [{ code: P02 }, { code: P01 }]").unwrap();
        assert!(two.starts_with("# a notice.\n") && two.contains("this site server"), "{two}");
        // Of two, one without a code may be either.
        let two = over("sites: [{ code: P02 }, { log: { interval: 5s } }]").unwrap_err();
        assert!(
            two.contains("sites[1].code: is missing") && two.contains("sites[1].log.path: is missing"),
            "{two}"
        );
    }

    #[test]
    fn what_was_discovered_is_checked_like_what_was_written() {
        let origin = Origin::SiteServer;
        let site = vec![("code", text(origin, "P01")), ("role", text(origin, "king"))];
        let here = Discovered { site: mapping(origin, site), ..here().unwrap() };
        let error = Config::discovered(here).unwrap_err().to_string();
        let wanted =
            "the registry of this site server: sites[0].role (from this site server): `king` is not one";
        assert!(error.starts_with(wanted), "{error}");
    }

    #[test]
    fn without_a_site_here_a_file_that_names_none_says_why() {
        let secondary = || Err(NotDiscovered::Secondary("P01".parse().unwrap()));
        for yaml in ["", "sites:", "remediation: { mode: off }"] {
            let error = Config::parse_over(yaml, "x.yml", Path::new("/etc"), &secondary()).unwrap_err();
            let error = error.to_string();
            assert!(
                error.starts_with("x.yml: names no site; site P01 is a secondary site, which has no"),
                "{error}"
            );
        }
        let config = Config::parse_over("sites: [{ code: P02 }]", "x.yml", Path::new("/etc"), &secondary());
        assert_eq!(config.unwrap().sites.len(), 1);
    }

    #[test]
    fn a_section_that_somebody_wrote_is_not_dropped_in_silence() {
        let yaml =
            r"sites: [{ database: off, snapshot: { archives: [{ name: nas, path: 'F:\a\P01Backup-*' }] } }]";
        let error = over(yaml).unwrap_err();
        let wanted =
            "x.yml: sites[0].snapshot.path (from this site server): `task` means the folder that the";
        assert!(error.starts_with(wanted), "{error}");
    }

    #[test]
    fn who_writes_task_needs_a_database() {
        let error = over("sites: [{ code: P02, snapshot: { path: task } }]").unwrap_err();
        let wanted = "x.yml:1: sites[0].snapshot.path: `task` means the folder that the site database tells";
        assert!(error.starts_with(wanted), "{error}");
    }
}
