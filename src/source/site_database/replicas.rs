//! The other servers of an availability group: each records the backups that it made itself, so each is asked for them.
//!
//! One in a poll, because one that does not answer takes as long as it may.

use std::collections::{BTreeMap, VecDeque};

use super::{Answer, Question, SiteDatabase, Topic, Unanswered};
use crate::source::{DatabaseFact, Fact, PollFailure, Unread};

/// Who is to be asked, and who did not answer.
#[derive(Debug, Default)]
pub(super) struct Replicas {
    waiting: VecDeque<String>,
    /// Those that did not answer when they were last asked.
    mute: BTreeMap<String, PollFailure>,
}

impl Replicas {
    /// These are the other servers now, and all of them are to be asked: those first who still wait for their turn.
    pub(super) fn are(&mut self, servers: Vec<String>) {
        self.mute.retain(|server, _| servers.contains(server));
        self.waiting.retain(|server| servers.contains(server));
        let new: Vec<_> = servers.into_iter().filter(|server| !self.waiting.contains(server)).collect();
        self.waiting.extend(new);
    }

    /// Whether any is still to be asked.
    pub(super) fn are_left(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Asks the next one, and tells what it recorded.
    pub(super) async fn ask_next(&mut self, database: &mut dyn SiteDatabase) -> Option<Fact> {
        let server = self.waiting.pop_front()?;
        self.mute.remove(&server);
        let mut replica = database.replica(&server);
        match replica.ask(Question::BackupSets).await {
            Ok(Answer::BackupSets(sets)) => Some(Fact::Database(DatabaseFact::BackupSets(server, sets))),
            Ok(_) => None,
            Err(Unanswered { failure, .. }) => {
                self.mute.insert(server, failure);
                None
            }
        }
    }

    /// What the mute ones leave unknown.
    pub(super) fn unread(&self) -> impl Iterator<Item = Unread> {
        self.mute.values().map(|failure| Unread { topic: Topic::BackupSets, failure: failure.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_still_waits_is_asked_before_the_others_come_again() {
        let servers = || ["SQL02", "SQL03", "SQL04"].map(str::to_owned).to_vec();
        let mut replicas = Replicas::default();
        let mut asked = Vec::new();
        for _ in 0..6 {
            // The list comes again before one poll has reached everybody.
            replicas.are(servers());
            asked.extend(replicas.waiting.pop_front());
        }
        assert_eq!(asked, ["SQL02", "SQL03", "SQL04", "SQL02", "SQL03", "SQL04"]);
        replicas.are(vec!["SQL04".to_owned()]);
        assert_eq!(replicas.waiting, ["SQL04"]);
        replicas.are(Vec::new());
        assert!(!replicas.are_left());
    }
}
