//! What `packaging/build` makes: names, checksums, contents, and the tables of the MSI.
//!
//! What the MSI does is told by `windows_msi`; here any bytes will do as the program for Windows. The .deb holds the
//! real program, which is started as its unit says.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use crate::support::backups::successes;
use crate::support::process::Place;
use crate::support::tool;

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// What stands for the program for Windows.
const PROGRAM: &[u8] = b"MZ, and no more of a program";
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

/// A folder of this test program, made anew.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("packages").join(name);
    drop(fs::remove_dir_all(&folder));
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Runs `packaging/build` into a folder with these options; `None` where a tool is missing that may be.
fn build(output: &Path, options: &[&str]) -> Option<Output> {
    for name in ["wixl", "msibuild", "msiinfo", "msiextract", "zip", "dpkg-deb", "readelf", "python3", "git"]
    {
        tool(name)?;
    }
    let exe = output.with_extension("exe");
    fs::write(&exe, PROGRAM).unwrap();
    let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/build"));
    command
        .arg(format!("--output={}", output.display()))
        .arg(format!("--windows-exe={}", exe.display()))
        .arg(format!("--linux-binary={}", env!("CARGO_BIN_EXE_configmgr_backup_exporter")))
        .arg("--fast")
        .args(options)
        .stdin(Stdio::null());
    Some(command.output().unwrap())
}

/// The packages of this version, made once.
fn packages() -> Option<&'static Path> {
    static PACKAGES: OnceLock<Option<PathBuf>> = OnceLock::new();
    let made = PACKAGES.get_or_init(|| {
        let output = folder("all");
        let built = build(&output, &[])?;
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        Some(output)
    });
    made.as_deref()
}

/// The output of a tool that succeeds.
#[track_caller]
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn msi(packages: &Path) -> PathBuf {
    packages.join(format!("configmgr_backup_exporter-{VERSION}-x64.msi"))
}

/// The rows of a table of an MSI by their first column.
#[track_caller]
fn table(msi: &Path, name: &str) -> BTreeMap<String, Vec<String>> {
    let exported = run(Command::new("msiinfo").arg("export").arg(msi).arg(name));
    // Names, types and keys come first.
    let rows = exported.lines().skip(3).map(|line| line.split('\t').map(ToOwned::to_owned).collect());
    rows.map(|row: Vec<String>| (row[0].clone(), row)).collect()
}

/// All files below a folder, as paths from there.
fn files(below: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![below.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(below).unwrap().display().to_string());
            }
        }
    }
    found
}

#[test]
fn everything_that_is_built_is_in_the_checksums() {
    let Some(packages) = packages() else { return };
    let checked =
        run(Command::new("sha256sum").args(["--check", "--strict", "SHA256SUMS"]).current_dir(packages));
    let good = checked.lines().map(|line| line.strip_suffix(": OK").expect(line).to_owned());
    let mut names: BTreeSet<String> = good.collect();
    assert_eq!(names.len(), 3, "{names:?}");
    for start in [
        format!("configmgr_backup_exporter-{VERSION}-x64.msi"),
        format!("configmgr_backup_exporter-{VERSION}-x86_64-windows.zip"),
        format!("configmgr-backup-exporter_{VERSION}_"),
    ] {
        assert!(names.iter().any(|name| name.starts_with(&start)), "{start} is not in {names:?}");
    }
    names.insert("SHA256SUMS".to_owned());
    assert_eq!(files(packages), names);
}

#[test]
fn the_zip_has_the_program_and_what_it_comes_with() {
    let Some(packages) = packages() else { return };
    let folder = folder("zip");
    let zip = packages.join(format!("configmgr_backup_exporter-{VERSION}-x86_64-windows.zip"));
    run(Command::new("python3").args(["-m", "zipfile", "-e"]).arg(zip).arg(&folder));
    let within = folder.join(format!("configmgr_backup_exporter-{VERSION}"));
    assert_eq!(fs::read(within.join("configmgr_backup_exporter.exe")).unwrap(), PROGRAM);
    for file in ["LICENSE", "README.md", "CHANGELOG.md", "docs/installing.md"] {
        let original = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
        assert_eq!(fs::read(within.join(file)).unwrap(), original, "{file}");
    }
    let notices = fs::read_to_string(within.join("THIRD-PARTY-NOTICES.txt")).unwrap();
    assert!(notices.contains("\nwindows-service 0."), "a crate of Windows alone is not in it");
    assert!(!notices.contains("\nrustix "), "a crate of Linux alone is in it");
    assert!(notices.contains("Permission is hereby granted"), "it has no text of a licence");
}

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

#[test]
fn the_deb_installs_a_service_whose_program_runs_as_its_unit_says() {
    let Some(packages) = packages() else { return };
    let name = files(packages).into_iter().find(|name| name.ends_with(".deb")).unwrap();
    let (deb, root) = (packages.join(name), folder("deb"));
    run(Command::new("dpkg-deb").arg("-x").arg(&deb).arg(&root));
    let field =
        |name: &str| run(Command::new("dpkg-deb").arg("-f").arg(&deb).arg(name)).trim_end().to_owned();
    assert_eq!((field("Package"), field("Version")), ("configmgr-backup-exporter".into(), VERSION.into()));
    assert!(field("Depends").starts_with("libc6 (>= 2."), "{}", field("Depends"));
    let control = run(Command::new("dpkg-deb").arg("-I").arg(&deb).arg("conffiles"));
    let owned = "configmgr_backup_exporter";
    assert_eq!(control, format!("/etc/{owned}/{owned}.yml\n/etc/default/{owned}\n"));

    let unit = fs::read_to_string(root.join(format!("usr/lib/systemd/system/{owned}.service"))).unwrap();
    let line = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
    let sections = run(Command::new("readelf").args(["-S", "-W"]).arg(root.join("usr/bin").join(owned)));
    assert!(sections.contains(" .text ") && !sections.contains(" .symtab "), "{sections}");
    let within = |path: &str| root.join(path.trim_start_matches('/')).display().to_string();
    let mut words = line.split(' ').map(|word| match word.split_once("=/") {
        Some((flag, path)) => format!("{flag}={}", within(path)),
        None if word.starts_with('/') => within(word),
        None => word.to_owned(),
    });
    let program = words.next().unwrap();
    let (arguments, flags): (Vec<_>, Vec<_>) = words.partition(|word| word != "$ARGS");
    assert_eq!((arguments.len(), flags), (1, vec!["$ARGS".to_owned()]), "{line}");

    // As it comes it names no site, which the service would not be started again for.
    let check = Command::new(&program).args(&arguments).arg("--config.check").output().unwrap();
    assert_eq!(check.status.code(), Some(64));
    assert!(unit.lines().any(|line| line == "RestartPreventExitStatus=64"));
    // With the number signs taken away it is a configuration.
    let path = root.join(format!("etc/{owned}/{owned}.yml"));
    let example = fs::read_to_string(&path).unwrap();
    let (_, example) = example.split_once("\n#sites:\n").unwrap();
    let uncommented: String =
        example.lines().map(|line| format!("{}\n", line.strip_prefix('#').unwrap())).collect();
    let place = Place::new("");
    let example = format!("sites:\n{uncommented}");
    fs::write(&path, &example).unwrap();
    let checked = run(Command::new(&program).args(&arguments).arg("--config.check"));
    assert!(checked.contains("sql01.corp.example"), "{checked}");
    // And serves, where the shares are; there is no SQL Server here.
    let share = place.path("share").display().to_string();
    fs::create_dir_all(place.path("share/sms/Logs")).unwrap();
    fs::create_dir_all(place.path("share/backup")).unwrap();
    fs::write(place.path("share/sms/Logs/smsbkup.log"), successes("P01", 3)).unwrap();
    let (before, rest) = example.split_once("    database:\n").unwrap();
    assert!(rest.contains("    schedule: { time_zone: "), "{rest}");
    let schedule =
        "    schedule: { days: daily, begin: \"02:00\", latest_begin: \"05:00\", time_zone: utc }\n";
    let adapted = format!("{before}{schedule}").replace("/mnt/cm01", &share);
    fs::write(&path, adapted).unwrap();
    let mut command = Command::new(&program);
    command
        .args(&arguments)
        .arg("--web.listen-address=127.0.0.1:0")
        .env("STATE_DIRECTORY", place.path("state"));
    let exporter = place.spawn(command);
    exporter.until("runs_total{site_code=\"P01\"}", 3.0);
    assert!(place.checkpoint("P01").exists(), "the state is not where systemd has made a folder for it");
}

#[test]
fn the_unit_is_understood_and_leaves_the_service_few_rights() {
    let (Some(packages), Some(_)) = (packages(), tool("systemd-analyze")) else { return };
    let name = files(packages).into_iter().find(|name| name.ends_with(".deb")).unwrap();
    let root = folder("unit");
    run(Command::new("dpkg-deb").arg("-x").arg(packages.join(name)).arg(&root));
    let path = root.join("usr/lib/systemd/system/configmgr_backup_exporter.service");
    let unit = fs::read_to_string(&path).unwrap();
    fs::write(&path, unit.replace("/usr/bin", &root.join("usr/bin").display().to_string())).unwrap();
    let analyze = |arguments: &[&str]| {
        let output = Command::new("systemd-analyze").args(arguments).arg(&path).output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let understood = analyze(&["verify", "--man=no", "--recursive-errors=no"]);
    assert_eq!(understood, (true, String::new()));
    // In tenths of its scale, on which 100 is everything.
    let (hardened, stderr) = analyze(&["security", "--offline=true", "--no-pager", "--threshold=15"]);
    assert!(hardened, "systemd-analyze security finds more open than before; {stderr}");
}

#[test]
fn the_scripts_of_the_deb_do_nothing_where_systemd_does_not_run() {
    if Path::new("/run/systemd/system").exists() {
        eprintln!("skipped: systemd runs here");
        return;
    }
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/linux");
    for (script, arguments) in [
        ("postinst", ["configure", ""]),
        ("postinst", ["configure", "0.1.0"]),
        ("prerm", ["remove", ""]),
        ("prerm", ["upgrade", "0.2.0"]),
        ("postrm", ["remove", ""]),
    ] {
        run(Command::new("/bin/sh")
            .arg("-eu")
            .arg(scripts.join(script))
            .args(arguments)
            .env("PATH", "/nowhere"));
    }
}

#[test]
fn the_same_programs_give_the_same_packages() {
    let Some(packages) = packages() else { return };
    let again = folder("again");
    let built = build(&again, &["--only=msi,zip"]).unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    for name in files(&again) {
        if name != "SHA256SUMS" {
            assert!(
                fs::read(again.join(&name)).unwrap() == fs::read(packages.join(&name)).unwrap(),
                "{name}"
            );
        }
    }
}

#[test]
fn a_version_that_precedes_a_release_is_its_release_to_windows_and_older_to_debian() {
    let output = folder("version");
    let Some(built) = build(&output, &["--version=1.2.3-rc.1"]) else { return };
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let msi = output.join("configmgr_backup_exporter-1.2.3-rc.1-x64.msi");
    assert_eq!(table(&msi, "Property")["ProductVersion"][1], "1.2.3");
    let deb = files(&output).into_iter().find(|name| name.ends_with(".deb")).unwrap();
    assert!(deb.starts_with("configmgr-backup-exporter_1.2.3~rc.1_"), "{deb}");
    assert_eq!(run(Command::new("dpkg-deb").arg("-f").arg(output.join(deb)).arg("Version")), "1.2.3~rc.1\n");
}

#[test]
fn what_cannot_be_built_is_refused() {
    let output = folder("refused");
    for (option, part) in [
        ("--version=1.2", "1.2 is no version such as 1.2.3"),
        ("--version=256.0.0", "the largest is 255.255.65535"),
        ("--only=rpm", "rpm is none of msi, zip, deb"),
        ("--windows-exe=/nowhere/at.all", "there is no file /nowhere/at.all"),
        ("--verison=1.2.3", "no such option: --verison=1.2.3"),
    ] {
        let Some(built) = build(&output, &[option]) else { return };
        let stderr = String::from_utf8_lossy(&built.stderr);
        assert_eq!(built.status.code(), Some(64), "{option}: {stderr}");
        assert!(stderr.contains(part), "{option}: {stderr}");
        assert_eq!(files(&output), BTreeSet::new(), "{option}");
    }
}
