//! Guidance of one site: looks at the published state, and says when its sources are to keep quiet.
//!
//! Here the log of this program learns of new runs and verdicts too: both follow time as well as facts.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::assessment::guidance;
use crate::clock::Clock;
use crate::journal::Journal;
use crate::site::SiteCode;
use crate::source::Guidance;
use crate::state::Published;

/// Guidance follows time as well as facts; the shortest of its rules is minutes long.
const GUIDANCE_PACE: Duration = Duration::from_secs(5);

/// Tells the site's sources when to keep quiet, and people what the verdict is.
pub(super) async fn give_guidance(
    site: SiteCode,
    mut published: watch::Receiver<Published>,
    advice: watch::Sender<Guidance>,
    clock: Clock,
    stop: CancellationToken,
) {
    let mut journal = Journal::default();
    loop {
        let state = published.borrow_and_update().sites.get(&site).cloned();
        if let Some(state) = state {
            let now = clock.now();
            journal.note(&state, now);
            let new = guidance(&state, now);
            advice.send_if_modified(|current| {
                let changed = *current != new;
                *current = new;
                changed
            });
        }
        tokio::select! {
            () = stop.cancelled() => return,
            changed = published.changed() => if changed.is_err() { return },
            () = sleep(GUIDANCE_PACE) => {}
        }
    }
}
