//! What `packaging/build` makes: names, checksums, contents, and in `msi` the tables of the MSI.
//!
//! What the MSI does is told by `windows_msi`; here any bytes will do as the program for Windows. The .deb holds the
//! real program, which is started as its unit says.

mod msi;

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
