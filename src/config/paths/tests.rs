use proptest::prelude::*;

use super::*;

#[test]
fn paths_of_every_platform_keep_their_text() {
    let base = Path::new("/etc/exporter");
    for text in [
        r"C:\Program Files\Microsoft Configuration Manager\Logs\smsbkup.log",
        "D:/Logs/smsbkup.log",
        r"\\CM01\SMS_P01\Logs\smsbkup.log",
        "//cm01/logs/smsbkup.log",
        r"\\?\C:\Logs\smsbkup.log",
        "/mnt/cm01/smsbkup.log",
    ] {
        assert_eq!(file_path(text, base), Ok(PathBuf::from(text)), "{text}");
        assert_eq!(folder_path(text, base), Ok(PathBuf::from(text)), "{text}");
    }
    for text in ["smsbkup.log", "logs/smsbkup.log", "../smsbkup.log", "ä.log"] {
        assert_eq!(file_path(text, base), Ok(base.join(text)), "{text}");
        assert_eq!(folder_path(text, base), Ok(base.join(text)), "{text}");
    }
}

#[test]
fn paths_that_cannot_be_meant_are_refused() {
    for text in ["", "  ", r"C:\Logs\", "logs/", "C:smsbkup.log", "C:\u{2029}rogram", "a\tb", "a\0b"] {
        assert!(file_path(text, Path::new("/")).is_err(), "{text:?}");
    }
    let fault = file_path("C:smsbkup.log", Path::new("/")).unwrap_err();
    assert_eq!(fault.remedy, r"write `C:\smsbkup.log`");
    for text in ["", "E:", "E:backup", r"\\NAS01", r"\\NAS01\", r"\\", "//", r"\\\cm", "a\tb"] {
        assert!(folder_path(text, Path::new("/")).is_err(), "{text:?}");
        assert!(path_pattern(text, Path::new("/")).is_err(), "{text:?}");
    }
    assert_eq!(folder_path("E:", Path::new("/")).unwrap_err().remedy, r"write `E:\`");
}

#[test]
fn a_folder_loses_the_separators_at_its_end_but_not_its_root() {
    for (text, path) in [
        (r"E:\SCCMBackup\", r"E:\SCCMBackup"),
        (r"E:\SCCMBackup\\", r"E:\SCCMBackup"),
        ("/mnt/backup//", "/mnt/backup"),
        (r"\\SQL01\E$\", r"\\SQL01\E$"),
        (r"E:\", r"E:\"),
        ("e:/", "e:/"),
        (r"E:\\", r"E:\"),
        ("/", "/"),
        (r"\", r"\"),
        (r"\\?\E:\", r"\\?\E:\"),
        ("backup/", "/etc/backup"),
    ] {
        assert_eq!(folder_path(text, Path::new("/etc")), Ok(PathBuf::from(path)), "{text}");
    }
}

#[test]
fn patterns_are_absolute_and_have_plain_roots() {
    for (text, pattern) in [
        (r"\\NAS01\cm\P01Backup-*", r"\\NAS01\cm\P01Backup-*"),
        (r"\\NAS01\cm\P01Backup-*\", r"\\NAS01\cm\P01Backup-*"),
        ("E:/[a-c]?/P01Backup", "E:/[a-c]?/P01Backup"),
        (r"E:\*", r"E:\*"),
        ("/mnt/*/P01Backup", "/mnt/*/P01Backup"),
        ("copies/*", "/etc/[[]x[]]/copies/*"),
        ("*", "/etc/[[]x[]]/*"),
    ] {
        assert_eq!(path_pattern(text, Path::new("/etc/[x]")), Ok(PathBuf::from(pattern)), "{text}");
    }
}

#[test]
fn patterns_that_cannot_be_followed_are_refused_with_the_reason() {
    for (text, reason) in [
        (r"E:\**\P01Backup", "whole tree"),
        (r"E:\a**", "whole tree"),
        (r"E:\[a-", "is not a pattern"),
        (r"E:\[a\b]", "is not a pattern"),
        (r"?:\P01Backup", "drive open"),
        (r"[CD]:\P01Backup", "drive open"),
        (r"\\NAS*\cm\P01Backup", "share open"),
        (r"\\NAS01\c?\P01Backup", "share open"),
        ("//NAS0[12]/cm/P01Backup", "share open"),
        (r"\\?\E:\P01Backup-*", "share open"),
        (r"\\NAS01\", "no share"),
        (r"E:P01Backup-*", "current folder"),
    ] {
        let fault = path_pattern(text, Path::new("/")).unwrap_err();
        assert!(fault.what.contains(reason), "{text}: {}", fault.what);
    }
}

#[test]
fn the_control_file_is_found_from_the_log() {
    for (log, control_file) in [
        (
            r"C:\Program Files\Microsoft Configuration Manager\Logs\smsbkup.log",
            Some(r"C:\Program Files\Microsoft Configuration Manager\inboxes\smsbkup.box\smsbkup.ctl"),
        ),
        (r"\\CM01\SMS_P01\logs\smsbkup.log", Some(r"\\CM01\SMS_P01\inboxes\smsbkup.box\smsbkup.ctl")),
        ("/mnt/cm01/LOGS/smsbkup.log", Some("/mnt/cm01/inboxes/smsbkup.box/smsbkup.ctl")),
        ("D:/cm/Logs/smsbkup.log", Some("D:/cm/inboxes/smsbkup.box/smsbkup.ctl")),
        (r"D:/cm\Logs/smsbkup.log", Some(r"D:/cm\inboxes\smsbkup.box\smsbkup.ctl")),
        ("/Logs/smsbkup.log", Some("/inboxes/smsbkup.box/smsbkup.ctl")),
        (r"\\CM01\Logs\smsbkup.log", None),
        (r"C:\OldLogs\smsbkup.log", None),
        (r"C:\Logs\old\smsbkup.log", None),
        ("/smsbkup.log", None),
        ("smsbkup.log", None),
    ] {
        assert_eq!(control_file_beside(Path::new(log)), control_file.map(PathBuf::from), "{log}");
    }
}

#[test]
fn one_place_can_be_written_in_many_ways() {
    for (one, other, same) in [
        (r"E:\SCCMBackup", r"e:/sccmbackup\", true),
        (r"E:\SCCMBackup", r"E:\.\\SCCMBackup\.", true),
        (r"E:\SCCMBackup", r"\\?\E:\SCCMBackup", true),
        (r"\\NAS01\cm\x", r"\\?\UNC\nas01\CM\x", true),
        ("/bin/../bin/a", "/bin/a", true),
        (r"E:\x\y\..\..\..\SCCMBackup", r"E:\SCCMBackup", true),
        (r"\\NAS01\cm\..\..\x", r"\\NAS01\cm\x", true),
        ("/../cm", "/cm", true),
        ("a/../../../b", "../../b", true),
        ("../b", "b", false),
        ("../../b", "b", false),
        (r"E:\SCCMBackup", r"E:\SCCMBackup2", false),
        (r"E:\SCCMBackup", r"E:\SCCM\Backup", false),
        (r"\\NAS01\cm", r"\NAS01\cm", false),
        ("/cm", "cm", false),
        ("", "", true),
    ] {
        assert_eq!(same_path(Path::new(one), Path::new(other)), same, "{one} and {other}");
    }
    let is_in = |path, folder| is_within(Path::new(path), Path::new(folder));
    assert!(is_in(r"E:\SCCMBackup\P01Backup\smsbkup.log", r"e:\sccmbackup\P01Backup\"));
    assert!(!is_in(r"E:\SCCMBackup\P01Backup\..\smsbkup.log", r"E:\SCCMBackup\P01Backup"));
    assert!(!is_in(r"E:\SCCMBackup\P01Backup2\smsbkup.log", r"E:\SCCMBackup\P01Backup"));
}

proptest! {
    #[test]
    fn what_was_accepted_is_accepted_again(text in r"(\\|/|C:|[*?\[\]!ä. a-c:-]){0,16}|\PC{0,16}") {
        let (base, elsewhere) = (Path::new("/etc/[x]"), Path::new("/elsewhere"));
        for read in [file_path, folder_path, path_pattern] {
            if let Ok(path) = read(&text, base) {
                prop_assert_eq!(read(path.to_str().unwrap(), elsewhere), Ok(path.clone()));
                let _ = control_file_beside(&path);
            }
        }
    }
}
