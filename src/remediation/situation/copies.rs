//! What the table asks of the destination: whether there is room for a backup, and what a run would destroy.

use super::{Situation, moment};
use crate::assessment::{PresentSnapshot, Room, Standing, room};
use crate::remediation::inputs::{LastCopy, Space, Watched};
use Watched::{Failing, Known, NotWatched};

impl Situation<'_> {
    pub(in crate::remediation) fn space(&self) -> Watched<Space> {
        match room(self.state) {
            Room::Enough => Known(Space::Enough),
            Room::Short { .. } => Known(Space::Short),
            Room::NeverMeasured | Room::Unseen if self.state.settings.snapshot.is_some() => Failing,
            Room::NeverMeasured | Room::Unseen => NotWatched,
        }
    }

    pub(in crate::remediation) fn space_words(&self) -> String {
        match room(self.state) {
            Room::Short { path, free, below, needed } => format!(
                "{path} has {} free and {} in the present backup; the next one needs {}. Free space, or move the \
                 destination.",
                mebibytes(free),
                mebibytes(below),
                mebibytes(needed)
            ),
            Room::Enough | Room::NeverMeasured | Room::Unseen => {
                "The destination has too little room.".to_owned()
            }
        }
    }

    /// What another run deletes before it has made anything.
    pub(in crate::remediation) fn last_copy(&self) -> Watched<LastCopy> {
        let Some(present) = &self.assessment.copies.present else {
            // There is one, and nobody knows where.
            return if self.state.destination_lacks().is_some() { Failing } else { NotWatched };
        };
        // In an availability group nobody may restore it anyway.
        if !self.assessment.protection.snapshots_count(self.state) {
            return Known(LastCopy::Safe);
        }
        let copies = self.assessment.copies.valid.unwrap_or(0);
        match present.valid() {
            Some(true) if copies < 2 => Known(LastCopy::AtRisk),
            Some(_) => Known(LastCopy::Safe),
            None if copies > 0 || present.standing == Standing::Moved => Known(LastCopy::Safe),
            None => Failing,
        }
    }

    pub(in crate::remediation) fn last_copy_words(&self) -> String {
        let run = self.assessment.copies.present.as_ref().and_then(|present: &PresentSnapshot| present.run);
        match (self.last_copy(), run) {
            (Known(LastCopy::AtRisk), Some(run)) => format!(
                "The only copy that could be restored is the backup of {} in the destination, and a run deletes it first. \
                 Copy it elsewhere, then start a backup by hand.",
                moment(run)
            ),
            _ => "Whether the backup in the destination is the last that could be restored is not known, and a run \
                  deletes it first. Look at the destination, copy what is there, then start a backup by hand."
                .to_owned(),
        }
    }
}

/// A size as it stands in a sentence.
fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes / (1024 * 1024))
}
