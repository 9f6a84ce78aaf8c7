use super::*;
use crate::config::{Config, describe};

fn data(text: &str) -> RegistryData {
    RegistryData::Text(text.to_owned())
}

/// A primary site in a hierarchy, whose database is on another server, changed as a test has it.
fn server(changes: &[(RegistryValue, Option<RegistryData>)]) -> RegistrySnapshot {
    let values = [
        (SITE_CODE, data("P01")),
        (INSTALLATION, data(r"D:\ConfigMgr")),
        (PARENT, data("CAS")),
        (TYPE, RegistryData::Number(1)),
        (SERVER, data("sql01.corp.example")),
        (DATABASE, data("CM_P01")),
        (TRACE_FILE, data(r"E:\Logs\smsbkup.log")),
        (LOGGING_LEVEL, RegistryData::Number(1)),
        (EVENT_LOG, data(r"%SystemRoot%\system32\winevt\logs\Application.evtx")),
    ];
    let changed = values.into_iter().filter_map(|(value, data)| {
        let change = changes.iter().find(|(changed, _)| *changed == value);
        Some((value, Ok(change.map_or(Some(data), |(_, data)| data.clone())?)))
    });
    RegistrySnapshot::from_iter(changed)
}

fn discovered(registry: &RegistrySnapshot) -> Discovered {
    interpret(registry, Some(Path::new(r"C:\WINDOWS"))).unwrap()
}

/// Its values with where they came from, as `--config.check` prints them.
fn described(registry: &RegistrySnapshot) -> String {
    let config = Config::discovered(discovered(registry)).map_err(|error| error.to_string()).unwrap();
    describe(&config)
}

#[test]
fn a_site_server_tells_all_of_its_site_and_where_it_says_so() {
    let text = described(&server(&[]));
    for line in [
        r"  - code: P01  # registry: HKLM\SOFTWARE\Microsoft\SMS\Identification, Site Code",
        r"    # role: as the site database says, until then hierarchy  # registry: HKLM\SOFTWARE\Microsoft\SMS\Identification, Parent Site Code",
        r"      path: 'E:\Logs\smsbkup.log'  # registry: HKLM\SOFTWARE\Microsoft\SMS\Tracing\SMS_SITE_BACKUP, TraceFileName",
        r"      path: 'C:\WINDOWS\system32\winevt\logs\Application.evtx'  # registry: HKLM\SYSTEM\CurrentControlSet\Services\EventLog\Application, File",
        "      path: task  # this site server",
        r"      control_file: 'D:\ConfigMgr\inboxes\smsbkup.box\smsbkup.ctl'  # registry: HKLM\SOFTWARE\Microsoft\SMS\Identification, Installation Directory",
        r"      server: 'sql01.corp.example'  # registry: HKLM\SOFTWARE\Microsoft\SMS\SQL Server\Site System SQL Account, Server",
        r"      name: 'CM_P01'  # registry: HKLM\SOFTWARE\Microsoft\SMS\SQL Server\Site System SQL Account, Database Name",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    assert!(text.contains("    services:\n"), "{text}");
    assert!(text.starts_with("sites:\n"), "no notice: {text}");
}

#[test]
fn what_may_be_missing_has_its_usual_place() {
    let missing = [PARENT, TYPE, SERVER, DATABASE, TRACE_FILE, LOGGING_LEVEL, EVENT_LOG];
    let registry = server(&missing.map(|value| (value, None)));
    let text = described(&registry);
    for line in [
        r"      path: 'D:\ConfigMgr\Logs\smsbkup.log'  # registry: HKLM\SOFTWARE\Microsoft\SMS\Identification, Installation Directory",
        r"      path: 'C:\WINDOWS\System32\winevt\Logs\Application.evtx'  # this site server",
        "    # role: unknown, judged as hierarchy  # default",
        // Nobody is there to tell the destination.
        "    snapshot: off  # default",
        "    database: off  # default",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    let none = interpret(&registry, None).unwrap();
    assert!(format!("{none:?}").contains(r"C:\\Windows\\System32\\winevt"), "{none:?}");
}

#[test]
fn the_role_is_told_by_type_and_parent() {
    for (kind, parent, role) in [
        (1, Some("CAS"), Some("hierarchy")),
        (1, Some(""), Some("standalone")),
        (1, None, None),
        (8, Some(""), Some("cas")),
        (8, None, Some("cas")),
        (4, Some(""), None),
    ] {
        let registry = server(&[(TYPE, Some(RegistryData::Number(kind))), (PARENT, parent.map(data))]);
        let config = Config::discovered(discovered(&registry)).unwrap();
        let settings = &config.sites[0].settings;
        assert_eq!(settings.role, None, "the site database is asked");
        assert_eq!(settings.discovered_role.map(ClosedSet::label), role, "{kind} {parent:?}");
    }
    let as_text = server(&[(TYPE, Some(data("8")))]);
    assert!(described(&as_text).contains("until then cas"));
}

#[test]
fn the_database_may_be_in_an_instance_of_its_own() {
    for (name, wanted) in [
        (r"CMSQL\CM_P01", ["server: 'sql01.corp.example\\CMSQL'", "name: 'CM_P01'"]),
        ("ConfigMgr", ["server: 'sql01.corp.example'", "name: 'ConfigMgr'"]),
        ("", ["server: 'sql01.corp.example'", "name: 'CM_P01'"]),
    ] {
        let text = described(&server(&[(DATABASE, Some(data(name)))]));
        for wanted in wanted {
            assert!(text.contains(wanted), "{name}: {text}");
        }
    }
}

#[test]
fn a_level_that_hides_successes_is_told() {
    for (level, told) in [(0, false), (1, false), (2, true), (3, true)] {
        let text = described(&server(&[(LOGGING_LEVEL, Some(RegistryData::Number(level)))]));
        let notice =
            format!(r"# HKLM\SOFTWARE\Microsoft\SMS\Tracing\SMS_SITE_BACKUP, LoggingLevel is {level}: what");
        assert_eq!(text.starts_with(&notice), told, "{text}");
    }
}

#[test]
fn a_strange_value_that_may_be_missing_is_left_out_and_told() {
    for (value, strange, words) in [
        (TYPE, RegistryData::Other, "is no number"),
        (TYPE, data("primary"), "is `primary`, which is no number"),
        (SERVER, RegistryData::Number(5), "is no text"),
        (TRACE_FILE, data("smsbkup.log"), "is `smsbkup.log`, which is no absolute path"),
        (LOGGING_LEVEL, data("\u{1}"), "which is no number"),
    ] {
        let found = discovered(&server(&[(value, Some(strange))]));
        let [notice] = &found.notices[..] else { panic!("{found:?}") };
        assert!(notice.starts_with(&value.to_string()) && notice.contains(words), "{notice}");
        assert!(!notice.contains(char::is_control), "{notice:?}");
        Config::discovered(found).unwrap();
    }
    let denied = || std::io::Error::from(std::io::ErrorKind::PermissionDenied);
    let values = [(SITE_CODE, Ok(data("P01"))), (INSTALLATION, Ok(data(r"C:\CM"))), (SERVER, Err(denied()))];
    let found = discovered(&RegistrySnapshot::from_iter(values));
    assert!(found.notices[0].contains("Server cannot be read and is left out"), "{found:?}");
}

#[test]
fn no_site_server_and_no_backup_task_are_told_with_the_next_step() {
    for (changes, words) in [
        (vec![(SITE_CODE, None)], "this machine is no ConfigMgr site server (the registry has no HKLM"),
        (
            vec![(SITE_CODE, Some(data(" ")))],
            "Identification, Site Code); run the exporter on the site server",
        ),
        (vec![(INSTALLATION, None)], "Identification, Installation Directory); run"),
        (
            vec![(TYPE, Some(RegistryData::Number(2)))],
            "site P01 is a secondary site, which has no backup task",
        ),
        (
            vec![(SITE_CODE, Some(data("P0")))],
            "Site Code in the registry cannot be used: `P0` is not a site code; repair",
        ),
        (vec![(SITE_CODE, Some(RegistryData::Other))], "it holds no text"),
        (vec![(INSTALLATION, Some(data("ConfigMgr")))], "`ConfigMgr` is no absolute path"),
    ] {
        let error = interpret(&server(&changes), None).unwrap_err().to_string();
        assert!(error.contains(words) && !error.contains('\n'), "{error}");
    }
    let denied = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
    let error = interpret(&RegistrySnapshot::from_iter([(SITE_CODE, Err(denied))]), None).unwrap_err();
    let error = crate::error_chain(&error);
    assert!(error.starts_with("cannot read HKLM") && error.contains("permission denied"), "{error}");
    assert!(interpret(&RegistrySnapshot::default(), None).is_err());
}
