//! Asking for the configuration to be read anew, and the answer: what became of which site, or every problem.
//!
//! Whoever asks waits; those who ask meanwhile are answered together by the next reading, which begins after they asked.
//! The web configuration is read with it, and each of the two files is taken over or refused by itself.

use std::fmt;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::site::SiteCode;

/// Requests that may wait; one reading answers all of them, so more would only wait for the same.
const WAITING: usize = 64;
/// How long somebody waits for an answer: no longer than clients do. A reload in which a share or a site hangs may take
/// longer, and goes on.
const DEADLINE: Duration = Duration::from_secs(25);

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

/// Why a configuration was not taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// One problem a line.
    pub problems: Vec<String>,
    /// Whether the same file would be refused again; else it was what surrounds it.
    pub by_content: bool,
}

impl Refused {
    /// The file has these problems.
    pub fn by_content(problems: Vec<String>) -> Self {
        Self { problems, by_content: true }
    }

    /// It was not to be had, or there was no place for it, which may be otherwise the next time.
    pub fn for_now(problem: String) -> Self {
        Self { problems: vec![problem], by_content: false }
    }
}

/// How a reload went, for each of the two files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reloaded {
    /// What became of the sites, or why nothing of the configuration was taken over.
    pub config: Result<Changes, Refused>,
    /// Why the web configuration was not taken over; good where there is none.
    pub web_config: Result<(), Vec<String>>,
}

impl Reloaded {
    /// Whether everything that was read is in use.
    pub fn is_whole(&self) -> bool {
        self.config.is_ok() && self.web_config.is_ok()
    }
}

impl fmt::Display for Reloaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.config {
            Ok(changes) => write!(f, "configuration reloaded: {changes}")?,
            Err(Refused { problems, .. }) => {
                write!(
                    f,
                    "configuration not reloaded; the one before stays in use\n{}",
                    problems.join("\n")
                )?;
            }
        }
        match &self.web_config {
            Ok(()) => Ok(()),
            Err(problems) => write!(
                f,
                "\nweb configuration not reloaded; the one before stays in use\n{}",
                problems.join("\n")
            ),
        }
    }
}

/// Nobody can say how a reload went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// It will not be made.
    #[error("not reloaded: the exporter is stopping")]
    Stopping,
    /// It goes on.
    #[error("not done within {} s; the log of the exporter will tell how it ended", DEADLINE.as_secs())]
    Late,
}

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
pub struct ReloadHandle(mpsc::Sender<ReloadRequest>);

impl ReloadHandle {
    /// Somebody who asks, and where the requests arrive.
    pub fn channel() -> (Self, mpsc::Receiver<ReloadRequest>) {
        let (sender, requests) = mpsc::channel(WAITING);
        (Self(sender), requests)
    }

    /// Has the configuration read anew, and waits until it is in use or refused, but not for ever.
    pub async fn reload(&self) -> Result<Reloaded, Unanswered> {
        let asked = async {
            let (answer, answered) = oneshot::channel();
            self.0.send(ReloadRequest { answer }).await.ok()?;
            answered.await.ok()
        };
        timeout(DEADLINE, asked).await.map_err(|_| Unanswered::Late)?.ok_or(Unanswered::Stopping)
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

    #[test]
    fn each_file_is_told_of_by_itself() {
        let changes = Changes { changed: vec!["P01".parse().unwrap()], ..Changes::default() };
        let refused = Refused::by_content(vec!["one".to_owned(), "two".to_owned()]);
        let web = Err(vec!["three".to_owned()]);
        let kept = "not reloaded; the one before stays in use";
        for (config, web_config, words) in [
            (Ok(changes.clone()), Ok(()), "configuration reloaded: changed P01".to_owned()),
            (
                Ok(changes),
                web.clone(),
                format!("configuration reloaded: changed P01\nweb configuration {kept}\nthree"),
            ),
            (Err(refused.clone()), Ok(()), format!("configuration {kept}\none\ntwo")),
            (Err(refused), web, format!("configuration {kept}\none\ntwo\nweb configuration {kept}\nthree")),
        ] {
            let reloaded = Reloaded { config, web_config };
            assert_eq!(reloaded.is_whole(), !words.contains("stays"));
            assert_eq!(reloaded.to_string(), words);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn everybody_gets_an_answer_whatever_becomes_of_the_request() {
        let (handle, mut requests) = ReloadHandle::channel();
        let asking = tokio::spawn({
            let handle = handle.clone();
            async move { handle.reload().await }
        });
        let reloaded = Reloaded { config: Ok(Changes::default()), web_config: Ok(()) };
        requests.recv().await.unwrap().answer(reloaded.clone());
        assert_eq!(asking.await.unwrap(), Ok(reloaded.clone()));
        // The clock of this test goes on by itself where everybody waits.
        let late = handle.reload().await.unwrap_err();
        assert!(late.to_string().contains("not done within 25 s"), "{late}");
        // One who has given up is answered in vain.
        requests.recv().await.unwrap().answer(reloaded);
        drop(requests);
        assert_eq!(handle.reload().await, Err(Unanswered::Stopping));
    }
}
