//! Looking whether the configuration file has changed, where no signal says so: a change of its content asks for a reload.
//!
//! Times and sizes are not trusted, and what is found must be the same at the next look: an editor may be writing. A file that
//! is gone is content too; one that cannot be read says nothing. A reload that failed for another reason than the content is
//! asked for again.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::config::SIZE_LIMIT;
use crate::reloads::{LastReloads, Outcome, Refused, ReloadHandle, Reloaded};

/// One more than a configuration may have: what lies behind that is refused when it is read.
const LIMIT: u64 = SIZE_LIMIT + 1;

/// So many times longer it waits after a reload that is to be asked for again: each says in the log why it failed.
const AGAIN: u32 = 12;

/// The digest of what is in the file; `None` where there is no file.
type Content = Option<blake3::Hash>;

/// Asks for a reload whenever the content is not what is in use, whoever had that loaded, until it is told to stop. What was
/// refused is not asked for again; where the last reading failed, what is in use is, so that this is told no longer.
///
/// How the reload went is told by whoever makes it. A read that hangs is waited for, and nothing is begun beside it.
pub(super) async fn watch_file(
    path: PathBuf,
    last: LastReloads,
    pace: Duration,
    handle: ReloadHandle,
    stop: CancellationToken,
) {
    let follow = async {
        let (mut before, mut refused) = (None, None);
        loop {
            let mut pause = pace;
            let look = {
                let path = path.clone();
                move || content(&path)
            };
            if let Ok(Ok(content)) = spawn_blocking(look).await {
                let Outcome { in_use, config_successful, .. } = last.outcome();
                let is_new = if config_successful { in_use != content } else { refused != Some(content) };
                if before == Some(content) && is_new {
                    match handle.reload().await {
                        Ok(Reloaded { config: Ok(_), .. }) => {}
                        Ok(Reloaded { config: Err(Refused { by_content: true, .. }), .. }) => {
                            refused = Some(content);
                        }
                        _ => pause = pace * AGAIN,
                    }
                }
                before = Some(content);
            }
            sleep(pause).await;
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = follow => {}
    }
}

fn content(path: &Path) -> io::Result<Content> {
    let mut bytes = Vec::new();
    match File::open(path) {
        Ok(file) => file.take(LIMIT).read_to_end(&mut bytes).map(|_| Some(blake3::hash(&bytes))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tokio::sync::mpsc;
    use tokio::task::JoinHandle;
    use tokio::time::Instant;

    use super::*;
    use crate::reloads::{Changes, ReloadRequest};
    use crate::site::Timestamp;

    const PACE: Duration = Duration::from_secs(5);
    const DEADLINE: Duration = Duration::from_secs(600);

    struct Watched {
        folder: tempfile::TempDir,
        requests: mpsc::Receiver<ReloadRequest>,
        last: LastReloads,
        stop: CancellationToken,
        watch: JoinHandle<()>,
    }

    impl Watched {
        /// A file that holds this, while that was loaded at the start.
        fn start(holds: &str, loaded: &str) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("exporter.yml");
            fs::write(&path, holds).unwrap();
            let (handle, requests) = ReloadHandle::channel();
            let last = LastReloads::new(Timestamp::UNIX_EPOCH);
            last.config_taken_over(Timestamp::UNIX_EPOCH, Some(blake3::hash(loaded.as_bytes())));
            let stop = CancellationToken::new();
            let watch = tokio::spawn(watch_file(path, last.clone(), PACE, handle, stop.clone()));
            Self { folder, requests, last, stop, watch }
        }

        fn path(&self) -> PathBuf {
            self.folder.path().join("exporter.yml")
        }

        fn write(&self, text: &str) {
            fs::write(self.path(), text).unwrap();
        }

        /// Somebody has had the file loaded, or that failed.
        fn read(&self, is_taken_over: bool) {
            if is_taken_over {
                self.last.config_taken_over(Timestamp::UNIX_EPOCH, content(&self.path()).unwrap());
            } else {
                self.last.config_refused();
            }
        }

        /// Waits until a reload is asked for, and says how it went.
        async fn asked(&mut self, config: Result<Changes, Refused>) {
            let request = tokio::time::timeout(DEADLINE, self.requests.recv()).await.expect("a request");
            self.read(config.is_ok());
            request.unwrap().answer(Reloaded { config, web_config: Ok(()) });
        }

        async fn not_asked(&mut self) {
            assert!(tokio::time::timeout(DEADLINE, self.requests.recv()).await.is_err(), "nobody asks");
        }

        async fn stop(mut self) {
            self.stop.cancel();
            tokio::time::timeout(DEADLINE, self.watch).await.expect("it ends").unwrap();
            assert!(self.requests.try_recv().is_err(), "nothing is asked for twice");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn each_change_of_the_content_asks_once() {
        let mut watched = Watched::start("one", "one");
        watched.write("two");
        watched.asked(Ok(Changes::default())).await;
        fs::remove_file(watched.path()).unwrap();
        watched.asked(Ok(Changes::default())).await;
        watched.write("four");
        watched.asked(Ok(Changes::default())).await;
        // The same content by another name and time is no change, so the next request is for what comes after it.
        fs::write(watched.folder.path().join("new"), "four").unwrap();
        fs::rename(watched.folder.path().join("new"), watched.path()).unwrap();
        watched.write("five");
        watched.asked(Ok(Changes::default())).await;
        watched.stop().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_before_the_first_look_is_found() {
        let mut watched = Watched::start("two", "one");
        watched.asked(Ok(Changes::default())).await;
        watched.stop().await;
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_not_refused_for_its_content_is_asked_for_again() {
        let mut watched = Watched::start("two", "one");
        watched.asked(Err(Refused::for_now("the share hangs".to_owned()))).await;
        let began = Instant::now();
        watched.asked(Err(Refused::by_content(vec!["a problem".to_owned()]))).await;
        assert!(began.elapsed() >= PACE * AGAIN, "not at the pace of the looks: {:?}", began.elapsed());
        // The same file would be refused again, so the next request is for another one.
        watched.not_asked().await;
        watched.write("three");
        watched.asked(Ok(Changes::default())).await;
        watched.stop().await;
    }

    #[tokio::test(start_paused = true)]
    async fn what_others_had_loaded_is_known() {
        let mut watched = Watched::start("one", "one");
        watched.write("two");
        watched.read(true);
        watched.not_asked().await;
        // Put back before anybody looked, and no longer what is in use.
        watched.write("three");
        watched.read(true);
        watched.write("two");
        watched.asked(Ok(Changes::default())).await;
        // A broken file that was put right: until it is read again, the last reading has failed.
        watched.read(false);
        watched.asked(Ok(Changes::default())).await;
        watched.not_asked().await;
        watched.stop().await;
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_refused_is_asked_for_again_once_another_was_in_use() {
        let mut watched = Watched::start("two", "one");
        watched.asked(Err(Refused::by_content(vec!["a problem".to_owned()]))).await;
        watched.write("three");
        watched.read(true);
        watched.not_asked().await;
        watched.write("two");
        watched.asked(Err(Refused::by_content(vec!["a problem".to_owned()]))).await;
        watched.not_asked().await;
        watched.stop().await;
    }
}
