use std::collections::BTreeSet;
use std::fs::{self, File};

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

fn tree(files: &[&str]) -> TempDir {
    let root = TempDir::new().expect("a temporary folder");
    for file in files {
        write(root.path(), file);
    }
    root
}

fn write(root: &Path, file: &str) {
    let path = root.join(file);
    fs::create_dir_all(path.parent().expect("a folder")).expect("its folder");
    fs::write(path, file).expect("a file is written");
}

fn walk(root: &TempDir) -> Walk {
    Walk::new(root.path().to_owned())
}

fn after(root: &TempDir, path: &str) -> Walk {
    Walk::after(root.path().to_owned(), path)
}

/// Files by their path, folders with a `/` behind, what is unread with its failure in front.
fn shown(step: Step) -> String {
    match step {
        Step::File(entry) => entry.path,
        Step::Folder(path) => format!("{path}/"),
        Step::Unread(unread) => format!("{:?} {}", unread.failure, unread.path),
    }
}

fn steps(walk: Walk) -> Vec<String> {
    walk.map(shown).collect()
}

#[test]
fn files_and_folders_come_in_the_order_of_their_names() {
    let root = tree(&["b/x", "a.txt", "b.txt", "b/a/y", "b-", "c"]);
    fs::create_dir(root.path().join("empty")).expect("a folder");
    let told = ["/", "a.txt", "b/", "b/a/", "b/a/y", "b/x", "b-", "b.txt", "c", "empty/"];
    assert_eq!(steps(walk(&root)), told);
}

#[test]
fn a_file_comes_with_what_is_known_of_it() {
    let root = tree(&["folder/P01.mdf"]);
    let before_epoch = std::time::UNIX_EPOCH - std::time::Duration::from_millis(500);
    let file = File::options().write(true).open(root.path().join("folder/P01.mdf")).expect("the file");
    file.set_modified(before_epoch).expect("its time");
    drop(file);
    let entries: Vec<_> = walk(&root)
        .filter_map(|step| match step {
            Step::File(entry) => Some(entry),
            _ => None,
        })
        .collect();
    let [entry] = entries.as_slice() else { panic!("{entries:?}") };
    assert_eq!((entry.path.as_str(), entry.size), ("folder/P01.mdf", 14));
    assert_eq!(entry.location, root.path().join("folder").join("P01.mdf"));
    assert_eq!(entry.modified, Timestamp::from_timestamp_millis(-500));
    assert_eq!(entry.created.is_some(), fs::metadata(&entry.location).is_ok_and(|it| it.created().is_ok()));
}

#[test]
fn a_root_that_cannot_be_read_is_the_only_thing_told() {
    let root = tree(&["file"]);
    for missing in ["nothing", "nothing/at/all", "file"] {
        for walk in [Walk::new(root.path().join(missing)), Walk::after(root.path().join(missing), "a/b")] {
            assert_eq!(walk.vanished(), 0);
            assert_eq!(steps(walk), ["NotFound "], "{missing}");
        }
    }
}

#[test]
fn what_disappears_is_passed_over_and_counted() {
    let paths = ["a/1", "a/2", "a/3/x", "b/1", "c"];
    // Everything is deleted behind each of the steps, and so is each single thing.
    let all = steps(walk(&tree(&paths)));
    for at in 1..all.len() {
        let root = tree(&paths);
        let mut walk = walk(&root);
        let mut told: Vec<_> = walk.by_ref().take(at).map(shown).collect();
        fs::remove_dir_all(root.path()).expect("the tree is deleted");
        told.extend(walk.by_ref().map(shown));
        assert!(told.iter().all(|path| all.contains(path)), "{told:?}");
        if cfg!(unix) {
            assert_eq!(told, all[..at]);
        }
    }
    for gone in ["a/2", "a/3", "b"] {
        let root = tree(&paths);
        let mut walk = walk(&root);
        // The root and `a` are listed, so all of these are known.
        let mut told: Vec<_> = walk.by_ref().take(3).map(shown).collect();
        let path = root.path().join(gone);
        if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.expect("it goes");
        told.extend(walk.by_ref().map(shown));
        if cfg!(unix) || gone != "a/2" {
            let left: Vec<_> = all.iter().filter(|path| !path.starts_with(gone)).cloned().collect();
            assert_eq!((told, walk.vanished()), (left, 1), "{gone}");
        }
    }
}

#[test]
fn what_becomes_something_else_is_passed_over() {
    let root = tree(&["a", "b/x", "c/x", "d"]);
    let mut walk = walk(&root);
    assert_eq!(walk.next().map(shown).as_deref(), Some("/"));
    let path = |name: &str| root.path().join(name);
    fs::remove_dir_all(path("b")).expect("the folder goes");
    fs::write(path("b"), "").expect("a file in its place");
    let told: Vec<_> = walk.by_ref().map(shown).collect();
    assert_eq!(told, ["a", "c/", "c/x", "d"]);
    assert_eq!(walk.vanished(), 1);
}

#[test]
fn after_goes_on_behind_a_path_that_is_gone_or_something_else_now() {
    let root = tree(&["a", "b/1", "b/3", "b/4/x", "d"]);
    for (path, told) in [
        ("", &["a", "b/", "b/1", "b/3", "b/4/", "b/4/x", "d"][..]),
        ("a", &["b/", "b/1", "b/3", "b/4/", "b/4/x", "d"]),
        ("a/was/a/folder", &["b/", "b/1", "b/3", "b/4/", "b/4/x", "d"]),
        ("b", &["b/1", "b/3", "b/4/", "b/4/x", "d"]),
        ("b/2", &["b/3", "b/4/", "b/4/x", "d"]),
        ("b/4/x", &["d"]),
        ("b/4/x/y", &["d"]),
        ("b/9/x", &["d"]),
        ("c/x", &["d"]),
        ("d", &[]),
        ("../../x", &["a", "b/", "b/1", "b/3", "b/4/", "b/4/x", "d"]),
        ("//", &["a", "b/", "b/1", "b/3", "b/4/", "b/4/x", "d"]),
    ] {
        assert_eq!(steps(after(&root, path)), told, "after {path:?}");
    }
}

#[test]
fn the_order_puts_a_folder_before_its_longer_neighbours() {
    for (one, other) in
        [("", "a"), ("a", "a/b"), ("a/b", "a-"), ("a/b", "a.b"), ("a/b/c", "a/b-"), ("A", "a")]
    {
        assert_eq!(compare(one, other), Ordering::Less, "{one} {other}");
        assert_eq!(compare(other, one), Ordering::Greater, "{one} {other}");
    }
    assert_eq!(compare("a/b", "a/b"), Ordering::Equal);
}

#[test]
fn paths_of_any_length_and_depth_are_walked() {
    let root = TempDir::new().expect("a temporary folder");
    // Windows takes more than 259 characters only for absolute paths.
    let place = std::path::absolute(root.path()).expect("its drive");
    let folders = vec!["a folder with a long name"; 20];
    write(&place, &format!("{}/P01.mdf", folders.join("/")));
    let told = steps(Walk::new(place));
    assert_eq!(told.last(), Some(&format!("{}/P01.mdf", folders.join("/"))));
    assert_eq!(told.len(), 22);

    let root = TempDir::new().expect("a temporary folder");
    let depth = if cfg!(windows) { 100 } else { 1000 };
    write(root.path(), &format!("{}x", "d/".repeat(depth)));
    let last = walk(&root).last().map(shown);
    assert_eq!(last, Some(format!("{}x", "d/".repeat(depth))));
}

#[cfg(unix)]
mod unix {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn links_are_neither_followed_nor_told() {
        let root = tree(&["a/file"]);
        for (target, link) in [("..", "a/loop"), ("a/file", "link"), ("a", "z"), ("nothing", "dead")] {
            symlink(target, root.path().join(link)).expect("a link");
        }
        assert_eq!(steps(walk(&root)), ["/", "a/", "a/file"]);
        // Other than those within the tree, the root may be a link.
        assert_eq!(steps(Walk::new(root.path().join("z"))), ["/", "file"]);
    }

    #[test]
    fn odd_names_are_told_apart_and_can_be_opened() {
        let root = TempDir::new().expect("a temporary folder");
        let names: [&[u8]; 8] = [
            b"\xff",
            b"\xfe",
            b"a\nb",
            b"back\\slash",
            b" ",
            b"-rf",
            "\u{fffd}".as_bytes(),
            "ü\u{301}".as_bytes(),
        ];
        for name in names {
            fs::write(root.path().join(OsStr::from_bytes(name)), name).expect("a file is written");
        }
        let mut contents = BTreeSet::new();
        let mut paths = Vec::new();
        for step in walk(&root) {
            if let Step::File(entry) = step {
                contents.insert(fs::read(&entry.location).expect("it can be opened"));
                paths.push(entry.path);
            }
        }
        assert_eq!(contents, names.iter().map(|name| name.to_vec()).collect());
        assert!(paths.is_sorted_by(|one, other| compare(one, other).is_lt()), "{paths:?}");
        for (at, path) in paths.iter().enumerate() {
            assert_eq!(steps(after(&root, path)), paths[at + 1..]);
        }
    }

    #[test]
    fn a_folder_that_is_closed_to_us_is_told_and_the_rest_is_walked() {
        let root = tree(&["a/x", "b/x", "c"]);
        let closed = root.path().join("a");
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).expect("its mode");
        if fs::read_dir(&closed).is_ok() {
            eprintln!("skipped: nothing is closed to root");
            return;
        }
        assert_eq!(steps(walk(&root)), ["/", "AccessDenied a", "b/", "b/x", "c"]);
        assert_eq!(steps(after(&root, "b")), ["b/x", "c"]);
        assert_eq!(steps(after(&root, "a/x")), ["/", "AccessDenied a", "b/", "b/x", "c"][1..]);
    }

    #[test]
    fn a_path_too_long_is_told_instead_of_taken_for_gone() {
        let root = TempDir::new().expect("a temporary folder");
        // More than the 4096 bytes of a path: the outer half is put around the inner one afterwards.
        let part = format!("{}/", "d".repeat(250)).repeat(9);
        let inner = root.path().join("inner").join(&part);
        fs::create_dir_all(&inner).expect("the inner folders");
        let outer = root.path().join("outer").join(&part);
        fs::create_dir_all(&outer).expect("the outer folders");
        fs::rename(root.path().join("inner"), outer.join("inner")).expect("one goes into the other");
        let told: Vec<_> = walk(&root).collect();
        assert!(matches!(told.last(), Some(Step::Unread(_))), "{told:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if cfg!(windows) { 20 } else { 100 }, ..Default::default() })]

    #[test]
    fn a_walk_goes_in_its_order_and_can_be_taken_up_anywhere(
        paths in proptest::collection::btree_set("[ab.-]?[a-c](/[ab-]?[a-d]){0,3}", 0..30),
        others in proptest::collection::vec("[a-d./-]{0,6}", 0..10),
    ) {
        // A path whose parent is a file already is left out.
        let root = TempDir::new().expect("a temporary folder");
        let mut files = BTreeSet::new();
        for path in paths {
            let full = root.path().join(&path);
            if full.parent().is_some_and(|folder| fs::create_dir_all(folder).is_ok()) && !full.is_dir() {
                fs::write(full, "").expect("a file is written");
                files.insert(path);
            }
        }
        let only_files = |walk: Walk| -> Vec<String> {
            walk.filter_map(|step| match step { Step::File(entry) => Some(entry.path), _ => None }).collect()
        };
        let mut sorted: Vec<_> = files.into_iter().collect();
        sorted.sort_by(|one, other| compare(one, other));
        prop_assert_eq!(&only_files(walk(&root)), &sorted);
        for path in sorted.iter().chain(&others) {
            let behind: Vec<_> =
                sorted.iter().filter(|file| compare(file, path).is_gt()).cloned().collect();
            prop_assert_eq!(only_files(after(&root, path)), behind, "after {:?}", path);
        }
    }
}
