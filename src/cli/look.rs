//! One look at sources now, for commands that run no tasks: each is polled until it has said what there is.

use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::runtime::Builder;
use tokio::time::timeout;

use crate::assessment::guidance;
use crate::clock::Clock;
use crate::config::Config;
use crate::environment::Environment;
use crate::source::site_database::{DatabaseSource, Databases, SqlServers};
use crate::source::{
    BlockingSource, FailureKind, PollFailure, PollReport, Reach, Source, SourceId, database_of,
};
use crate::state::{SiteState, checkpoint};
use crate::trace::UserPatterns;

/// How often a file that is locked or being copied is looked at again, and after how long.
const PATIENCE: u32 = 4;
const PAUSE: Duration = Duration::from_millis(250);

/// An availability group has at most nine servers.
const MOST_SERVERS: usize = 9;

/// Sources that are polled one after the other.
pub(super) type Sources = Vec<Box<dyn BlockingSource>>;

/// Whether the site databases are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    /// What was not told to an earlier process is asked now.
    Now,
    /// Only what an earlier process was told counts.
    Never,
}

/// Fills in the destinations that are for the site databases to tell; says in words which are not known.
pub(super) fn settle_destinations(
    config: &mut Config,
    state_path: &Path,
    environment: &Environment,
    ask: Ask,
) -> Vec<String> {
    let clock = Clock::System;
    let mut lacking = Vec::new();
    for site in config.sites.iter_mut().filter(|site| site.settings.snapshot_of_task.is_some()) {
        let settings = Arc::new(site.settings.clone());
        let mut state = match checkpoint::peek(state_path, &settings, clock.now()) {
            Ok(loaded) => loaded.state,
            Err(_) => SiteState::new(settings, clock.now()),
        };
        let is_known = state.settings.snapshot.is_some();
        let asked = (!is_known && ask == Ask::Now)
            .then(|| ask_database(&mut state, &site.patterns, &SqlServers::new(environment), clock));
        if let Some(why) = state.destination_lacks() {
            let failures = state.sources.values().filter_map(|source| source.failure.as_ref());
            let failure = asked.and_then(Result::err).map(|error| error.to_string());
            let behind: Vec<_> = failures.map(|failure| failure.message.clone()).chain(failure).collect();
            let behind = if behind.is_empty() { String::new() } else { format!(" ({})", behind.join("; ")) };
            lacking
                .push(format!("the destination of site {} is not known: {why}{behind}", state.settings.code));
        }
        site.settings.snapshot = state.settings.snapshot.clone();
    }
    lacking
}

/// Polls all of these, of which each knows the others.
pub(super) fn poll_each(state: &mut SiteState, sources: Sources, clock: Clock) {
    for source in &sources {
        state.watch(source.id().clone(), source.interval(), source.witness(), clock.now());
    }
    for source in sources {
        poll_once(state, source, clock);
    }
}

/// Asks the site database, if there is one: once, and again as long as servers of its availability group are left.
pub(super) fn ask_database(
    state: &mut SiteState,
    patterns: &UserPatterns,
    databases: &dyn Databases,
    clock: Clock,
) -> anyhow::Result<()> {
    let settings = Arc::clone(&state.settings);
    let Some(config) = &settings.database else { return Ok(()) };
    let id = DatabaseSource::id_of(config);
    state.watch(id.clone(), config.interval, id.kind.witness(), clock.now());
    let Some(mut source) = database_of(&settings, patterns, clock, databases, state.cursor_for(&id))? else {
        return Ok(());
    };
    let runtime = Builder::new_current_thread().enable_all().build().context("cannot start the runtime")?;
    let deadline = source.deadline().unwrap_or(settings.timings.poll_deadline);
    let begun = Instant::now();
    for _ in 0..MOST_SERVERS {
        let started = clock.now();
        let guidance = guidance(state, started);
        let result = runtime.block_on(async { timeout(deadline, source.poll(&guidance)).await });
        let result = result.unwrap_or_else(|_| Err(timed_out(&id, deadline)));
        let is_over = result.is_err() || !source.has_replicas_left() || begun.elapsed() > deadline;
        let duration = (clock.now() - started).to_std().unwrap_or_default();
        let report = PollReport { site: settings.code, source: id.clone(), started, duration, result };
        state.fold(&report, clock.now());
        if is_over {
            break;
        }
    }
    // A password file on a hung share keeps its thread; the process ends without it.
    runtime.shutdown_background();
    Ok(())
}

fn timed_out(source: &SourceId, deadline: Duration) -> PollFailure {
    let message = format!("{} did not answer within {} s", source.location, deadline.as_secs());
    PollFailure { kind: FailureKind::Timeout, message }
}

/// Polls a source until it has read what there is, and gives up after its deadline.
fn poll_once(state: &mut SiteState, source: Box<dyn BlockingSource>, clock: Clock) {
    let deadline = source.deadline().unwrap_or(state.settings.timings.poll_deadline);
    let source: Arc<dyn BlockingSource> = source.into();
    let id = source.id().clone();
    let mut patience = PATIENCE;
    loop {
        let started = clock.now();
        let (sender, receiver) = mpsc::channel();
        let (polled, cursor) = (Arc::clone(&source), state.cursor_for(&id));
        let guidance = guidance(state, started);
        // A source that hangs keeps its thread; the process ends without it.
        thread::spawn(move || {
            // Nobody waits any more once the deadline has passed.
            let _ = sender.send(polled.poll(cursor.as_ref(), &guidance));
        });
        let result = receiver.recv_timeout(deadline).unwrap_or_else(|_| Err(timed_out(&id, deadline)));
        let reach = result.as_ref().map_or(Reach::CaughtUp, |poll| poll.reach);
        let duration = (clock.now() - started).to_std().unwrap_or_default();
        let report = PollReport { site: state.settings.code, source: id.clone(), started, duration, result };
        state.fold(&report, clock.now());
        match reach {
            Reach::More | Reach::MoreAfter(_) => {}
            Reach::Unsettled if patience > 0 && id.kind.witness().is_some() => {
                patience -= 1;
                pause();
            }
            Reach::CaughtUp | Reach::Unsettled => return,
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a command line tool that waits for a file to be free")]
fn pause() {
    thread::sleep(PAUSE);
}
