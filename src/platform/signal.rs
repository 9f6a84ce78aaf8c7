//! The signals that ask this process to stop.

/// Waits until the process is asked to stop: Ctrl-C, SIGTERM, or the console's end on Windows.
///
/// A signal that cannot be listened for is waited for in vain; the others still work.
pub async fn stop_requested() {
    tokio::select! {
        () = interrupt() => {}
        () = imp::terminate() => {}
    }
}

async fn interrupt() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

#[cfg(unix)]
mod imp {
    use tokio::signal::unix::{SignalKind, signal};

    pub(super) async fn terminate() {
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => {
                terminate.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    }
}

#[cfg(windows)]
mod imp {
    use tokio::signal::windows::{ctrl_break, ctrl_close, ctrl_shutdown};

    pub(super) async fn terminate() {
        let (Ok(mut stop), Ok(mut close), Ok(mut shutdown)) = (ctrl_break(), ctrl_close(), ctrl_shutdown())
        else {
            return std::future::pending().await;
        };
        tokio::select! {
            _ = stop.recv() => {}
            _ = close.recv() => {}
            _ = shutdown.recv() => {}
        }
    }
}
