//! Wakes the poll of a log early when its file changes.
//!
//! A hint only: a lost notification costs one interval, so errors are retried quietly and nothing depends on it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// A watch is made anew this often: a folder that was deleted and made again is no longer watched by the old one.
const RENEW: Duration = Duration::from_secs(600);
/// After a watch could not be made.
const RETRY: Duration = Duration::from_secs(60);

/// Notifies `wake` whenever a file with the log's stem changes, until `stop`.
pub async fn wake_on_change(log: PathBuf, wake: Arc<Notify>, stop: CancellationToken) {
    loop {
        let (path, notified) = (log.clone(), Arc::clone(&wake));
        // Making a watch asks the file system, which may hang on a share.
        let watching = tokio::task::spawn_blocking(move || watch(&path, notified));
        let pause = async {
            let watcher = watching.await.ok().and_then(Result::ok);
            tokio::time::sleep(if watcher.is_some() { RENEW } else { RETRY }).await;
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = pause => {}
        }
    }
}

fn watch(log: &Path, wake: Arc<Notify>) -> notify::Result<RecommendedWatcher> {
    let stem = log.file_stem().map(OsString::from).unwrap_or_default();
    // The folder of a site server's logs is busy: only this log's files matter.
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        let ours = |path: &PathBuf| path.file_stem().is_some_and(|name| name.eq_ignore_ascii_case(&stem));
        if event.is_ok_and(|event| !event.kind.is_access() && event.paths.iter().any(ours)) {
            wake.notify_one();
        }
    })?;
    let folder = log.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    watcher.watch(folder, RecursiveMode::NonRecursive)?;
    Ok(watcher)
}
