//! The tables of the MSI: what it installs, in which order, and what it takes back.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use super::{PROGRAM, VERSION, files, folder, msi, packages, run, table};

/// Types of custom actions: to set a property; to run a file that was installed, or a program that a property names,
/// in the script as Local System, with its failure looked at, ignored, when everything is taken back, or when nothing can
/// be taken back any more.
const SET: &str = "51";
const FILE_CHECKED: &str = "3090";
const FILE_IGNORED: &str = "3154";
const FILE_UNDO: &str = "3410";
const PROGRAM_IGNORED: &str = "3186";
const PROGRAM_UNDO: &str = "3442";
const PROGRAM_AT_THE_END: &str = "3698";

/// Where Windows keeps the service, and where to find the texts of its events.
const SERVICE_KEY: &str = r"HKLM\SYSTEM\CurrentControlSet\Services\configmgr_backup_exporter";
const SOURCE_KEY: &str =
    r"HKLM\SYSTEM\CurrentControlSet\Services\EventLog\Application\configmgr_backup_exporter";

#[test]
fn the_msi_installs_the_program_and_owns_no_configuration() {
    let Some(packages) = packages() else { return };
    let (msi, folder) = (msi(packages), folder("msi"));
    run(Command::new("msiextract").arg("-C").arg(&folder).arg(&msi));
    let installed = files(&folder);
    let below = |name: &str| format!("configmgr_backup_exporter/{name}");
    let expected = ["LICENSE.txt", "THIRD-PARTY-NOTICES.txt", "configmgr_backup_exporter.exe"].map(below);
    assert_eq!(installed, BTreeSet::from(expected));
    assert_eq!(fs::read(folder.join(below("configmgr_backup_exporter.exe"))).unwrap(), PROGRAM);

    let directory = &table(&msi, "Directory")["INSTALLDIR"];
    assert_eq!(directory[1..], ["ProgramFiles64Folder", "configmgr_backup_exporter"]);
    // All of it on 64 bits.
    for (component, row) in table(&msi, "Component") {
        let attributes: u32 = row[3].parse().unwrap();
        assert_ne!(attributes & 256, 0, "{component}");
    }
    let property = table(&msi, "Property");
    let value = |name: &str| property.get(name).map(|row| row[1].as_str());
    assert_eq!(value("ProductVersion"), Some(VERSION));
    assert_eq!(value("ALLUSERS"), Some("1"));
    assert_eq!(value("UpgradeCode"), Some("{B1F0F6A4-53C4-4E0B-9B52-6E8C2D1A7F35}"));
    assert_eq!((value("ARPNOMODIFY"), value("ARPNOREPAIR")), (Some("1"), Some("1")));
    let secure: BTreeSet<_> = value("SecureCustomProperties").unwrap().split(';').collect();
    for given in [
        "ACCOUNT",
        "CONFIG_FILE",
        "EXTRA_FLAGS",
        "FIREWALL",
        "LISTEN_ADDRESS",
        "REMEDIATION_MODE",
        "START_SERVICE",
    ] {
        assert!(secure.contains(given), "{given} is lost where the installer raises its rights");
        assert_eq!(value(given), None, "{given} has a default, which would go before what is remembered");
    }
    for found in table(&msi, "AppSearch").keys() {
        assert!(
            secure.contains(found.as_str()),
            "{found} is looked for in vain where the installer raises its rights"
        );
    }
    let summary = run(Command::new("msiinfo").arg("suminfo").arg(&msi));
    assert!(summary.contains("Template: x64;1033"), "{summary}");
}

#[test]
fn the_service_is_installed_by_the_program_and_survives_an_upgrade() {
    let Some(packages) = packages() else { return };
    let msi = msi(packages);
    let (actions, sequence) = (table(&msi, "CustomAction"), table(&msi, "InstallExecuteSequence"));
    let place = |action: &str| -> u32 { sequence[action][2].parse().unwrap() };
    let condition = |action: &str| sequence[action][1].as_str();
    let only_uninstall = "REMOVE = \"ALL\" AND NOT UPGRADINGPRODUCTCODE";
    for (action, kind, target) in [
        ("ServiceInstall", FILE_CHECKED, "service install[Flags]"),
        ("ServiceInstallUndo", FILE_UNDO, "service uninstall"),
        ("ServiceStart", FILE_IGNORED, "service start"),
        ("ServiceStartUndo", FILE_UNDO, "service stop"),
        ("ServiceUninstall", FILE_IGNORED, "service uninstall"),
    ] {
        assert_eq!(actions[action][1..4], [kind, "Program", target], "{action}");
    }
    for (property, flag) in [
        ("ACCOUNT", r#"[Flags] "--account=[ACCOUNT]""#),
        ("CONFIG_FILE", r#"[Flags] "--config.file=[CONFIG_FILE]""#),
        ("EXTRA_FLAGS", "[Flags] [EXTRA_FLAGS]"),
        ("LISTEN_ADDRESS", r#"[Flags] "--web.listen-address=[LISTEN_ADDRESS]""#),
        ("REMEDIATION_MODE", "[Flags] --remediation.mode=[REMEDIATION_MODE]"),
    ] {
        let (action, row) = actions.iter().find(|(_, row)| row[3] == flag).expect(flag);
        assert_eq!(row[1..3], [SET, "Flags"], "{action}");
        assert_eq!(condition(action), property, "{action}: what is not given is no flag");
        assert!(place(action) > place("AppSearch") && place(action) < place("InstallInitialize"), "{action}");
    }
    // The old version goes within the transaction, and the service stays; what is installed is there when it is run.
    assert_eq!(place("RemoveExistingProducts"), place("InstallInitialize") + 1);
    let order = [
        "InstallInitialize",
        "StopServices",
        "ServiceUninstall",
        "ServiceDelete",
        "SourceDelete",
        "RemoveFiles",
        "InstallFiles",
        "ServiceInstallUndoByReg",
        "ServiceInstallUndoBySc",
        "ServiceInstallUndo",
        "ServiceInstall",
        "ServiceStartUndo",
        "ServiceStart",
        "InstallFinalize",
    ];
    assert!(order.map(place).is_sorted(), "{sequence:?}");
    for action in ["ServiceUninstall", "ServiceDelete", "SourceDelete"] {
        assert_eq!(condition(action), only_uninstall, "{action}");
    }
    assert_eq!(condition("ServiceInstall"), "NOT REMOVE");
    for action in ["ServiceInstallUndo", "ServiceInstallUndoBySc", "ServiceInstallUndoByReg"] {
        assert_eq!(condition(action), "NOT REMOVE AND NOT SERVICE_BEFORE", "{action}");
    }
    let start = r##"NOT REMOVE AND (START_SERVICE = "1" OR (NOT START_SERVICE AND (NOT START_BEFORE OR START_BEFORE = "#2")))"##;
    assert_eq!((condition("ServiceStart"), condition("ServiceStartUndo")), (start, start));
    let search = &table(&msi, "RegLocator")["StartBefore"];
    assert_eq!(search[1..], ["2", SERVICE_KEY.strip_prefix(r"HKLM\").unwrap(), "Start", "18"]);
    let (delete, forget) = ("delete configmgr_backup_exporter", format!("delete {SOURCE_KEY} /f"));
    for (action, row) in [
        ("ServiceDelete", [PROGRAM_IGNORED, "Sc", delete]),
        ("SourceDelete", [PROGRAM_IGNORED, "Reg", &forget]),
        ("ServiceInstallUndoBySc", [PROGRAM_UNDO, "Sc", delete]),
        ("ServiceInstallUndoByReg", [PROGRAM_UNDO, "Reg", &forget]),
    ] {
        assert_eq!(actions[action][1..4], row, "{action}");
    }
    // Stopped before files are replaced and before they are removed.
    let service = &table(&msi, "ServiceControl")["Service"];
    assert_eq!(service[1..], ["configmgr_backup_exporter", "34", "", "1", "Program"]);
    assert_eq!(table(&msi, "ServiceInstall"), BTreeMap::new());

    let upgrade = run(Command::new("msiinfo").arg("export").arg(&msi).arg("Upgrade"));
    let mut upgrade: Vec<Vec<_>> = upgrade.lines().skip(3).map(|line| line.split('\t').collect()).collect();
    upgrade.sort_by_key(|row| row[6]);
    let code = "{B1F0F6A4-53C4-4E0B-9B52-6E8C2D1A7F35}";
    assert_eq!(
        upgrade,
        [
            // Only looked for, and without this version.
            [code, VERSION, "", "", "2", "", "NEWER_VERSION"],
            // Replaced, with this version.
            [code, "0.0.0", VERSION, "", "768", "", "OLDER_VERSION"],
        ]
    );
    // What stands between quotation marks in the flags cannot get out of them.
    let conditions = table(&msi, "LaunchCondition");
    assert!(conditions.contains_key("NOT NEWER_VERSION"));
    let quoted = conditions.keys().find(|condition| condition.contains("QuotationMark")).unwrap();
    for property in ["ACCOUNT", "CONFIG_FILE", "LISTEN_ADDRESS"] {
        assert!(quoted.contains(&format!("{property} >< QuotationMark")), "{conditions:?}");
        assert!(quoted.contains(&format!(r#"{property} >> "\""#)), "{conditions:?}");
    }
}

#[test]
fn a_service_that_was_there_comes_back_where_the_installation_fails() {
    let Some(packages) = packages() else { return };
    let msi = msi(packages);
    let (actions, sequence) = (table(&msi, "CustomAction"), table(&msi, "InstallExecuteSequence"));
    let (service, source) = (SERVICE_KEY, SOURCE_KEY);
    let before = r"HKLM\SOFTWARE\configmgr_backup_exporter.before";
    // Taken back from the last one to the first.
    let steps = [
        ("ServiceSaveUndo", PROGRAM_UNDO, format!("delete {before} /f")),
        ("ServiceSave", PROGRAM_IGNORED, format!(r"copy {service} {before}\service /f")),
        ("SourceSave", PROGRAM_IGNORED, format!(r"copy {source} {before}\source /f")),
        ("ServiceRestore", PROGRAM_UNDO, format!(r"copy {before}\service {service} /f")),
        ("SourceRestore", PROGRAM_UNDO, format!(r"copy {before}\source {source} /f")),
        ("ServiceForget", PROGRAM_AT_THE_END, format!("delete {before} /f")),
    ];
    for (action, kind, command) in &steps {
        assert_eq!(actions[*action][1..4], [kind, "Reg", command], "{action}");
        assert_eq!(sequence[*action][1], "NOT REMOVE AND SERVICE_BEFORE", "{action}");
    }
    let place = |action: &str| -> u32 { sequence[action][2].parse().unwrap() };
    assert!(steps.iter().map(|(action, ..)| place(action)).is_sorted(), "{sequence:?}");
    assert!(
        place("SourceRestore") < place("ServiceInstall") && place("ServiceStart") < place("ServiceForget")
    );
}

#[test]
fn the_firewall_is_opened_only_where_that_is_asked_for() {
    let Some(packages) = packages() else { return };
    let msi = msi(packages);
    let (actions, sequence) = (table(&msi, "CustomAction"), table(&msi, "InstallExecuteSequence"));
    let delete = r#"advfirewall firewall delete rule name="ConfigMgr Backup Exporter""#;
    let add = r#"advfirewall firewall add rule name="ConfigMgr Backup Exporter" dir=in action=allow protocol=TCP program="[#Program]" profile=domain,private"#;
    assert_eq!(actions["Netsh"][1..4], [SET, "Netsh", "[System64Folder]netsh.exe"]);
    let touched = r#"FIREWALL AND (NOT REMOVE OR (REMOVE = "ALL" AND NOT UPGRADINGPRODUCTCODE))"#;
    let was_open = format!(r#"{touched} AND FIREWALL_BEFORE = "1""#);
    let add_again = add.replace("[#Program]", "[INSTALLDIR]configmgr_backup_exporter.exe");
    for (action, kind, command, condition) in [
        ("FirewallDeleteUndo", PROGRAM_UNDO, add_again.as_str(), was_open.as_str()),
        ("FirewallAddUndo", PROGRAM_UNDO, delete, touched),
        ("FirewallDelete", PROGRAM_IGNORED, delete, touched),
        ("FirewallAdd", PROGRAM_IGNORED, add, r#"NOT REMOVE AND FIREWALL = "1""#),
    ] {
        assert_eq!(actions[action][1..4], [kind, "Netsh", command], "{action}");
        assert_eq!(sequence[action][1], condition, "{action}");
    }
    // An upgrade finds what was asked for.
    let place = |action: &str| -> u32 { sequence[action][2].parse().unwrap() };
    assert_eq!(actions["FirewallAsBefore"][1..4], [SET, "FIREWALL", "[FIREWALL_BEFORE]"]);
    assert_eq!(sequence["FirewallAsBefore"][1], "NOT FIREWALL AND FIREWALL_BEFORE");
    assert!(
        ["AppSearch", "FirewallAsBefore", "LaunchConditions", "FirewallDeleteUndo", "FirewallAddUndo"]
            .into_iter()
            .chain(["FirewallDelete", "FirewallAdd"])
            .map(place)
            .is_sorted()
    );
    let memory = table(&msi, "Registry");
    let (_, row) = memory.first_key_value().unwrap();
    assert_eq!(row[1..], ["2", r"SOFTWARE\configmgr_backup_exporter", "Firewall", "[FIREWALL]", "Memory"]);
    let search = &table(&msi, "RegLocator")["FirewallBefore"];
    assert_eq!(search[1..], ["2", r"SOFTWARE\configmgr_backup_exporter", "Firewall", "18"]);
}
