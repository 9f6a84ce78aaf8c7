//! Where two witnesses tell the opposite of the same run, in words.
//!
//! Silence is no contradiction: a log rolls away, and a database may be down.

use super::Timeline;
use super::runs::derive_runs;
use crate::site::{Timings, Witness};

/// The runs of which one witness reports success and another failure.
pub(super) fn contradictions(timeline: &Timeline, timings: &Timings) -> Vec<String> {
    if timeline.records().len() < 2 {
        return Vec::new();
    }
    let outcomes = |witness: &Witness| {
        let mut runs = derive_runs(&timeline.only(*witness), timings);
        runs.retain(|run| run.succeeded.is_some() || run.error.is_some());
        (*witness, runs)
    };
    let all: Vec<_> = timeline.records().keys().map(outcomes).collect();
    let mut found = Vec::new();
    for (index, (a, a_runs)) in all.iter().enumerate() {
        for (b, b_runs) in &all[index + 1..] {
            for (a_run, b_run) in
                a_runs.iter().flat_map(|a_run| b_runs.iter().map(move |b_run| (a_run, b_run)))
            {
                let same = a_run.first <= b_run.last && b_run.first <= a_run.last;
                if same && a_run.succeeded.is_some() != b_run.succeeded.is_some() {
                    let (good, bad) = if a_run.succeeded.is_some() { (a, b) } else { (b, a) };
                    found.push(format!(
                        "Of the run at {}, {good} reports success and {bad} failure.",
                        a_run.first.format("%F %H:%M UTC")
                    ));
                }
            }
        }
    }
    found
}
