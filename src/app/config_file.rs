//! Looking whether the configuration file has changed, where no signal says so: a change of its content asks for a reload.
//!
//! Times and sizes are not trusted, and what is found must be the same at the next look: an editor may be writing. A file that
//! is gone is content too; one that cannot be read says nothing.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::reloads::Reloader;

/// More than a configuration may have; what lies behind that is refused when it is read.
const LIMIT: u64 = (1 << 20) + 1;

/// What is in the file; `None` where there is no file.
type Content = Option<Vec<u8>>;

/// Asks for a reload whenever the content is another one than before, until it is told to stop.
///
/// How the reload went is told by whoever makes it. A read that hangs is waited for, and nothing is begun beside it.
pub(super) async fn watch_file(path: PathBuf, pace: Duration, reloader: Reloader, stop: CancellationToken) {
    let follow = async {
        let (mut used, mut before) = (None, None);
        loop {
            let look = {
                let path = path.clone();
                move || content(&path)
            };
            if let Ok(Ok(content)) = spawn_blocking(look).await {
                let is_settled = before.as_ref() == Some(&content);
                if used.is_none() {
                    used = Some(content.clone());
                } else if is_settled && used.as_ref() != Some(&content) {
                    used = Some(content.clone());
                    let _ = reloader.reload().await;
                }
                before = Some(content);
            }
            sleep(pace).await;
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
        Ok(file) => file.take(LIMIT).read_to_end(&mut bytes).map(|_| Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tokio::sync::mpsc;

    use super::*;
    use crate::reloads::{Changes, ReloadRequest};

    const PACE: Duration = Duration::from_secs(5);
    const DEADLINE: Duration = Duration::from_secs(600);

    async fn asked(requests: &mut mpsc::Receiver<ReloadRequest>) {
        let request = tokio::time::timeout(DEADLINE, requests.recv()).await.expect("a request");
        request.unwrap().answer(Ok(Changes::default()));
    }

    #[tokio::test(start_paused = true)]
    async fn each_change_of_the_content_asks_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("exporter.yml");
        fs::write(&path, "one").unwrap();
        let (reloader, mut requests) = Reloader::channel();
        let stop = CancellationToken::new();
        let watch = tokio::spawn(watch_file(path.clone(), PACE, reloader, stop.clone()));
        // It may have found the first change already when it began; of the next ones it asks for one.
        for number in 0.. {
            assert!(number < 100, "no change is noticed");
            fs::write(&path, format!("two {number}")).unwrap();
            if let Ok(request) = tokio::time::timeout(PACE * 10, requests.recv()).await {
                request.unwrap().answer(Ok(Changes::default()));
                break;
            }
        }
        fs::remove_file(&path).unwrap();
        asked(&mut requests).await;
        fs::write(&path, "four").unwrap();
        asked(&mut requests).await;
        // The same content by another name and time is no change, so the next request is for what comes after it.
        fs::write(folder.path().join("new"), "four").unwrap();
        fs::rename(folder.path().join("new"), &path).unwrap();
        fs::write(&path, "five").unwrap();
        asked(&mut requests).await;
        stop.cancel();
        tokio::time::timeout(DEADLINE, watch).await.expect("it ends").unwrap();
        assert!(requests.try_recv().is_err(), "nothing is asked for twice");
    }
}
