//! The signals that ask this process to stop, and the one that asks it to read its configuration anew.

/// Waits until the process is asked to stop: Ctrl-C, SIGTERM, or the console's end on Windows.
///
/// A signal that cannot be listened for is waited for in vain; the others still work.
pub async fn stop_requested() {
    tokio::select! {
        () = interrupt() => {}
        () = imp::terminate() => {}
    }
}

/// The signal that asks a server to read its configuration anew: SIGHUP. Windows has none.
///
/// From when this exists the signal does not end the process any more.
#[derive(Debug)]
pub struct Hangups(imp::Hangups);

impl Hangups {
    /// Listens for it, before any runtime is entered; where that fails, or there is no such signal, it never comes.
    pub fn listen() -> Self {
        Self(imp::Hangups::listen())
    }

    /// Waits for the next one.
    pub async fn next(&mut self) {
        self.0.next().await;
    }
}

async fn interrupt() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

#[cfg(unix)]
mod imp {
    use std::io;

    use tokio::runtime::Builder;
    use tokio::signal::unix::{Signal, SignalKind, signal};

    #[derive(Debug)]
    pub(super) struct Hangups(Option<Signal>);

    impl Hangups {
        pub(super) fn listen() -> Self {
            Self(registered().ok())
        }

        pub(super) async fn next(&mut self) {
            let hangup = match &mut self.0 {
                Some(hangups) => hangups.recv().await,
                None => None,
            };
            if hangup.is_none() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Registering takes a runtime, and the one that serves cannot be built before the configuration is known. What is
    /// registered does not end with it: a signal that comes meanwhile waits for the first runtime that runs.
    fn registered() -> io::Result<Signal> {
        let runtime = Builder::new_current_thread().enable_io().build()?;
        let _entered = runtime.enter();
        signal(SignalKind::hangup())
    }

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

    #[derive(Debug)]
    pub(super) struct Hangups;

    impl Hangups {
        pub(super) fn listen() -> Self {
            Self
        }

        pub(super) async fn next(&mut self) {
            std::future::pending::<()>().await;
        }
    }

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
