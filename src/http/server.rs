//! The accept loop: at most so many connections at once, and no error that ends it or makes it spin.
//!
//! A permit is taken before a connection is accepted, so the surplus waits in the system's queue and costs nothing
//! here. Idle keep-alive connections hold a permit too, but no longer than the header timeout.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Answer, Listeners, Request, WebSettings, connection};

/// How long nothing is accepted after an error such as "too many open files", which ends only when others close.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What one client, and all of them together, may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections served at once; at least one is.
    pub max_connections: usize,
    /// From the first moment that a request is waited for until its headers are read; so also for idle connections.
    pub header_read_timeout: Duration,
    /// How long a client may take nothing of a response before it is dropped.
    pub write_timeout: Duration,
    /// The start line and headers of a request in bytes; less than 8192 counts as 8192.
    pub max_header_bytes: usize,
    /// The number of headers of a request.
    pub max_headers: usize,
    /// The body of a request in bytes; a longer one is answered 413, a shorter one ignored.
    pub max_body_bytes: u64,
    /// How long running requests may take after the shutdown began.
    pub drain_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 256,
            header_read_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(30),
            max_header_bytes: 16 * 1024,
            max_headers: 100,
            max_body_bytes: 64 * 1024,
            drain_timeout: Duration::from_secs(5),
        }
    }
}

impl Listeners {
    /// Serves until `shutdown`, then lets running requests end for [`Limits::drain_timeout`] and drops the rest.
    ///
    /// `handler` runs on the threads of the runtime, between other connections: it may read published state and
    /// format it, but never block. A panic in it answers 500 to that request and is logged.
    ///
    /// A connection is made by the `settings` of its beginning, a request is answered by those of its own.
    pub async fn serve<H>(
        mut self,
        handler: Arc<H>,
        limits: Limits,
        settings: watch::Receiver<Arc<WebSettings>>,
        shutdown: CancellationToken,
    ) where
        H: Fn(&Request) -> Answer + Send + Sync + 'static,
    {
        let mut connections = JoinSet::new();
        accept_all(
            |context| self.poll_accept(context),
            &mut connections,
            &handler,
            limits,
            &settings,
            &shutdown,
        )
        .await;
        // From here on clients are refused instead of left waiting.
        drop(self);
        let drained = tokio::time::timeout(limits.drain_timeout, async {
            while let Some(ended) = connections.join_next().await {
                report(ended);
            }
        });
        if drained.await.is_err() {
            tracing::warn!(
                connections = connections.len(),
                "Dropping HTTP connections that did not end in time"
            );
            connections.shutdown().await;
        }
    }
}

async fn accept_all<A, H>(
    mut accept: A,
    connections: &mut JoinSet<()>,
    handler: &Arc<H>,
    limits: Limits,
    settings: &watch::Receiver<Arc<WebSettings>>,
    shutdown: &CancellationToken,
) where
    A: FnMut(&mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>>,
    H: Fn(&Request) -> Answer + Send + Sync + 'static,
{
    let permits = Arc::new(Semaphore::new(limits.max_connections.clamp(1, Semaphore::MAX_PERMITS)));
    let mut failing = false;
    loop {
        while let Some(ended) = connections.try_join_next() {
            report(ended);
        }
        let next = async {
            let permit = Arc::clone(&permits).acquire_owned().await;
            (permit, std::future::poll_fn(&mut accept).await)
        };
        let (permit, accepted) = tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            next = next => next,
        };
        match accepted {
            Ok((stream, peer)) => {
                failing = false;
                let served = connection::serve(
                    stream,
                    peer,
                    settings.borrow().tls.clone(),
                    Arc::clone(handler),
                    limits,
                    shutdown.clone(),
                );
                connections.spawn(async move {
                    served.await;
                    drop(permit);
                });
            }
            Err(error) if concerns_one_connection(&error) => {
                tracing::debug!(%error, "An HTTP client was gone before it was accepted");
            }
            Err(error) => {
                // Once for a streak, which has ten a second.
                if !std::mem::replace(&mut failing, true) {
                    tracing::warn!(%error, "Cannot accept HTTP connections for the moment");
                }
                drop(permit);
                tokio::select! {
                    () = shutdown.cancelled() => return,
                    () = tokio::time::sleep(ACCEPT_PAUSE) => {}
                }
            }
        }
    }
}

fn concerns_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "An HTTP connection ended by a panic");
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::super::Response;
    use super::*;

    /// Accepts according to a script, then stops the loop.
    async fn accept_scripted(errors: &[fn() -> io::Error]) -> Duration {
        let shutdown = CancellationToken::new();
        let handler = Arc::new(|_: &Request| Response::text(hyper::StatusCode::OK, "").into());
        let mut script = errors.iter();
        let accept = |_: &mut Context<'_>| match script.next() {
            Some(error) => Poll::Ready(Err(error())),
            None => {
                shutdown.cancel();
                Poll::Pending
            }
        };
        let began = Instant::now();
        // One permit: an error that kept it would stop the script.
        let limits = Limits { max_connections: 1, ..Limits::default() };
        let (_, settings) = watch::channel(Arc::default());
        accept_all(accept, &mut JoinSet::new(), &handler, limits, &settings, &shutdown).await;
        began.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn too_many_open_files_neither_ends_the_loop_nor_makes_it_spin() {
        let full = || io::Error::from_raw_os_error(24);
        let took = accept_scripted(&[full, full, full]).await;
        assert!(took >= 3 * ACCEPT_PAUSE && took < 4 * ACCEPT_PAUSE, "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_left_the_queue_delays_nobody() {
        let gone = || io::Error::from(io::ErrorKind::ConnectionAborted);
        assert!(accept_scripted(&[gone, gone, gone]).await < ACCEPT_PAUSE);
    }
}
