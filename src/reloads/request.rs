//! Asking for the configuration to be read anew, and the answer: what became of which site, or every problem.
//!
//! Whoever asks waits; those who ask meanwhile are answered together by the next reading, which begins after they asked.

use std::fmt;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::site::SiteCode;

/// Requests that may wait; one reading answers all of them, so more would only wait for the same.
const WAITING: usize = 64;
/// How long somebody waits for an answer. Where shares hang, reading and the end of sites can take longer; they go on
/// without anybody who waits, and the log tells how they ended.
const DEADLINE: Duration = Duration::from_secs(60);

/// What a reload made of the sites.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Watched from now on.
    pub added: Vec<SiteCode>,
    /// Watched no longer; what is known of them is kept in the state directory.
    pub removed: Vec<SiteCode>,
    /// Watched otherwise than before.
    pub changed: Vec<SiteCode>,
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [("added", &self.added), ("removed", &self.removed), ("changed", &self.changed)];
        let mut separator = "";
        for (word, sites) in parts.into_iter().filter(|(_, sites)| !sites.is_empty()) {
            write!(f, "{separator}{word} {}", listed(sites))?;
            separator = "; ";
        }
        if separator.is_empty() { f.write_str("no site has changed") } else { Ok(()) }
    }
}

/// Site codes as one word.
pub(crate) fn listed(sites: &[SiteCode]) -> String {
    sites.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// How a reload went: its problems, if anything was not taken over.
pub type Reloaded = Result<Changes, Vec<String>>;

/// Somebody waits for a reload.
#[derive(Debug)]
pub struct ReloadRequest {
    answer: oneshot::Sender<Reloaded>,
}

impl ReloadRequest {
    /// Says how it went; nobody may wait any more.
    pub fn answer(self, reloaded: Reloaded) {
        let _ = self.answer.send(reloaded);
    }
}

/// Asks for reloads.
#[derive(Debug, Clone)]
pub struct Reloader(mpsc::Sender<ReloadRequest>);

impl Reloader {
    /// Somebody who asks, and where the requests arrive.
    pub fn channel() -> (Self, mpsc::Receiver<ReloadRequest>) {
        let (sender, requests) = mpsc::channel(WAITING);
        (Self(sender), requests)
    }

    /// Has the configuration read anew, and waits until it is in use or refused, but not for ever.
    pub async fn reload(&self) -> Reloaded {
        let asked = async {
            let (answer, answered) = oneshot::channel();
            self.0.send(ReloadRequest { answer }).await.ok()?;
            answered.await.ok()
        };
        match timeout(DEADLINE, asked).await {
            Ok(Some(reloaded)) => reloaded,
            Ok(None) => Err(vec!["the exporter is stopping".to_owned()]),
            Err(_) => {
                let seconds = DEADLINE.as_secs();
                Err(vec![format!(
                    "not done within {seconds} s; the log of the exporter will tell how it ended"
                )])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_changed_is_told_in_words() {
        let sites =
            |codes: &[&str]| codes.iter().map(|code| code.parse().unwrap()).collect::<Vec<SiteCode>>();
        let changes = |added, removed, changed| {
            Changes { added: sites(added), removed: sites(removed), changed: sites(changed) }.to_string()
        };
        assert_eq!(changes(&[], &[], &[]), "no site has changed");
        assert_eq!(changes(&["P01", "P02"], &[], &[]), "added P01,P02");
        assert_eq!(changes(&["P01"], &["P02"], &["P03"]), "added P01; removed P02; changed P03");
    }

    #[tokio::test(start_paused = true)]
    async fn everybody_gets_an_answer_whatever_becomes_of_the_request() {
        let (reloader, mut requests) = Reloader::channel();
        let asking = tokio::spawn({
            let reloader = reloader.clone();
            async move { reloader.reload().await }
        });
        requests.recv().await.unwrap().answer(Ok(Changes::default()));
        assert_eq!(asking.await.unwrap(), Ok(Changes::default()));
        // The clock of this test goes on by itself where everybody waits.
        let problems = reloader.reload().await.unwrap_err();
        assert!(problems[0].contains("not done within 60 s"), "{problems:?}");
        // One who has given up is answered in vain.
        requests.recv().await.unwrap().answer(Ok(Changes::default()));
        drop(requests);
        assert_eq!(reloader.reload().await, Err(vec!["the exporter is stopping".to_owned()]));
    }
}
