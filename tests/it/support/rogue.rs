//! A process that deletes and makes again, or renames, a tree for as long as somebody looks at it.
//!
//! It is a shell, also beside a Windows program under Wine. There, a Windows process cannot delete what is open
//! anywhere: Wine removes an open file only when its last handle is closed, which fails the removal of its folder
//! with 145, and lists folders without sharing the right to delete them, which fails removals and renames with 32.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::process::DEADLINE;
use super::wait;

/// What it does over and over.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Habit {
    /// Makes the tree, then deletes it.
    Delete,
    /// Renames the tree, then gives it its name back.
    Rename,
}

/// The other process; it ends with its value.
pub(crate) struct Rogue {
    place: TempDir,
    child: Child,
}

/// What it did.
#[derive(Debug)]
pub(crate) struct Deeds {
    /// How often it deleted or renamed the tree.
    pub(crate) rounds: usize,
    /// What its commands complained of.
    pub(crate) failures: Vec<String>,
}

/// Needs the place and the habit; `rounds` in the place grows by a byte with each round. It ends with its own file too,
/// for a test that failed takes the place away.
const SCRIPT: &str = r#"
cd "$1" || exit
fill() {
    for folder in tree tree/SiteDBServer tree/SiteServer tree/SiteServer/inboxes; do
        mkdir "$folder"
        for file in 1 2 3 4 5; do echo "a file that is read" >"$folder/$file"; done
    done
    head -c 400000 /dev/zero >tree/SiteDBServer/CM_P01.mdf
}
fill 2>>failures
while [ -e script ] && [ ! -e stop ]; do
    case $2 in
        delete) rm -r tree 2>>failures; fill 2>>failures ;;
        rename) mv tree renamed 2>>failures; mv renamed tree 2>>failures ;;
    esac
    printf . >>rounds
done
: >stopped
"#;

impl Rogue {
    /// Starts it; `None` on a system without a shell.
    pub(crate) fn start(habit: Habit) -> Option<Self> {
        let shell = "/bin/sh";
        if !Path::new(shell).exists() {
            super::skip_without(shell);
            return None;
        }
        // Not the usual folder for temporary things: under Wine a shell would know it by another path.
        let place = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
        let path = place.path().to_str().expect("a path in Unicode").replace('\\', "/");
        let path = path.strip_prefix("Z:").unwrap_or(&path);
        let mut command = if cfg!(windows) { Command::new("start") } else { Command::new(shell) };
        if cfg!(windows) {
            command.args(["/unix", shell]);
        }
        // A script in a file: `start` does not hand on quotes.
        fs::write(place.path().join("script"), SCRIPT).expect("the script is written");
        let habit = match habit {
            Habit::Delete => "delete",
            Habit::Rename => "rename",
        };
        command.args([&format!("{path}/script"), path, habit]).stdin(Stdio::null());
        let child = command.spawn().expect("a shell starts");
        let rogue = Self { place, child };
        wait::until(DEADLINE, "the other process to begin", || (rogue.rounds() > 0).then_some(()));
        Some(rogue)
    }

    /// The tree, which is there most of the time.
    pub(crate) fn tree(&self) -> PathBuf {
        self.place.path().join("tree")
    }

    /// How often it has deleted or renamed the tree so far.
    pub(crate) fn rounds(&self) -> usize {
        fs::read(self.place.path().join("rounds")).map_or(0, |rounds| rounds.len())
    }

    /// Ends it and tells what it did.
    pub(crate) fn stop(mut self) -> Deeds {
        fs::write(self.place.path().join("stop"), "").expect("it is asked to stop");
        let stopped = self.place.path().join("stopped");
        wait::until(DEADLINE, "the other process to stop", || stopped.exists().then_some(()));
        self.child.wait().expect("the shell ends");
        let failures = fs::read_to_string(self.place.path().join("failures")).expect("its complaints");
        Deeds { rounds: self.rounds(), failures: failures.lines().map(str::to_owned).collect() }
    }
}

impl Drop for Rogue {
    fn drop(&mut self) {
        // After a failed test; otherwise it has stopped already.
        let _ = fs::write(self.place.path().join("stop"), "");
    }
}
