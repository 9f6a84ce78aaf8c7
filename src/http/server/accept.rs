//! The accept loop: at most so many connections at once, and no error that ends it or makes it spin.
//!
//! Everybody is accepted, because who comes may be the scraper and who is here already may be nobody; for a newcomer too
//! many, the connection that has waited longest has to go. Where all are busy, the newcomer waits, and the rest of the
//! surplus in the system's queue, which costs nothing here.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::connection::{self, Accepted};
use super::connections::Connections;
use super::guard::Guard;
use super::{Answer, Limits, Listeners, Request};
use crate::http::WebSettings;

/// How long nothing is accepted after an error such as "too many open files", which ends only when others close.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

impl Listeners {
    /// Serves until `shutdown`, then lets running requests end for [`Limits::drain_timeout`] and drops the rest.
    ///
    /// `handler` runs on the threads of the runtime, between other connections: it may read published state and
    /// format it, but never block. A panic in it answers 500 to that request and is logged.
    ///
    /// A connection is made by the `settings` of its beginning, a request is answered by those of its own. With
    /// `open_health`, `/-/healthy` and `/-/ready` answer everybody.
    pub async fn serve<H>(
        mut self,
        handler: Arc<H>,
        limits: Limits,
        settings: watch::Receiver<Arc<WebSettings>>,
        open_health: bool,
        shutdown: CancellationToken,
    ) where
        H: Fn(&Request) -> Answer + Send + Sync + 'static,
    {
        let guard = Arc::new(Guard::new(handler, settings, open_health));
        let mut connections = JoinSet::new();
        accept_all(|context| self.poll_accept(context), &mut connections, &guard, limits, &shutdown).await;
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
    guard: &Arc<Guard<H>>,
    limits: Limits,
    shutdown: &CancellationToken,
) where
    A: FnMut(&mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>>,
    H: Fn(&Request) -> Answer + Send + Sync + 'static,
{
    let places = Connections::new(limits);
    let mut failing = false;
    loop {
        while let Some(ended) = connections.try_join_next() {
            report(ended);
        }
        let next = async {
            let (stream, peer) = std::future::poll_fn(&mut accept).await?;
            Ok(Accepted { stream, peer, place: places.place().await })
        };
        let accepted = tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            accepted = next => accepted,
        };
        match accepted {
            Ok(accepted) => {
                failing = false;
                connections.spawn(connection::serve(accepted, Arc::clone(guard), limits, shutdown.clone()));
            }
            Err(error) if concerns_one_connection(&error) => {
                tracing::debug!(%error, "An HTTP client was gone before it was accepted");
            }
            Err(error) => {
                // Once for a streak, which has ten a second.
                if !std::mem::replace(&mut failing, true) {
                    tracing::warn!(%error, "Cannot accept HTTP connections for the moment");
                }
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
        let guard = Arc::new(Guard::new(handler, watch::channel(Arc::default()).1, false));
        let mut script = errors.iter();
        let accept = |_: &mut Context<'_>| match script.next() {
            Some(error) => Poll::Ready(Err(error())),
            None => {
                shutdown.cancel();
                Poll::Pending
            }
        };
        let began = Instant::now();
        accept_all(accept, &mut JoinSet::new(), &guard, Limits::default(), &shutdown).await;
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
