//! Another process deletes or renames a tree while this one looks at it: neither must fail.

use std::time::Instant;

use configmgr_backup_exporter::platform::IoFailure;
use configmgr_backup_exporter::site::Timestamp;
use configmgr_backup_exporter::snapshot::walk::{Step, Walk};
use configmgr_backup_exporter::snapshot::{Budget, Pass, SliceEnd, Verification};

use super::support::process::DEADLINE;
use super::support::rogue::{Habit, Rogue};

/// How often the tree goes while it is looked at.
const ROUNDS: usize = 300;

#[test]
fn a_walk_is_not_in_the_way_of_a_process_that_deletes_the_tree() {
    look_while(Habit::Delete, walk);
}

#[test]
fn a_walk_is_not_in_the_way_of_a_process_that_renames_the_tree() {
    look_while(Habit::Rename, walk);
}

#[test]
fn a_verification_is_not_in_the_way_of_a_process_that_deletes_the_tree() {
    look_while(Habit::Delete, verify);
}

#[test]
fn a_verification_is_not_in_the_way_of_a_process_that_renames_the_tree() {
    look_while(Habit::Rename, verify);
}

/// Looks at the tree again and again until it has gone often enough; `look` says how many files it saw.
fn look_while(habit: Habit, look: impl Fn(&Rogue) -> usize) {
    let Some(rogue) = Rogue::start(habit) else { return };
    let begun = Instant::now();
    let (mut looks, mut files) = (0, 0);
    while rogue.rounds() < ROUNDS {
        assert!(begun.elapsed() < DEADLINE, "{} rounds, {looks} looks", rogue.rounds());
        files += look(&rogue);
        looks += 1;
    }
    let deeds = rogue.stop();
    assert!(deeds.rounds >= ROUNDS && deeds.failures.is_empty(), "{deeds:?}");
    assert!(files > 0, "{looks} looks at an empty tree");
}

fn walk(rogue: &Rogue) -> usize {
    let files = |step| match step {
        Step::File(_) => 1,
        Step::Folder(_) => 0,
        Step::Unread(unread) => {
            assert!(unread.path.is_empty() && unread.failure == IoFailure::NotFound, "{unread:?}");
            0
        }
    };
    Walk::new(rogue.tree()).map(files).sum()
}

/// Reads everything; what was just written anew may have changed while it was read, and nothing else may be unread.
fn verify(rogue: &Rogue) -> usize {
    let now = Timestamp::UNIX_EPOCH;
    let mut pass = Pass::of_folder(rogue.tree(), Verification::new("tree", now, now));
    while pass.slice(&mut Budget::begin(u64::MAX)).expect("a tree that goes is no failure") == SliceEnd::More
    {
    }
    let verification = pass.into_verification();
    let reason = verification.first_unread.unwrap_or_default();
    assert!(verification.unread == 0 || reason.ends_with("it changed while it was read"), "{reason}");
    usize::try_from(verification.files).expect("a few files")
}
