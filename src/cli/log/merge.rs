//! Logs and event logs together: whose records are whose, and the runs that both tell of.
//!
//! An event names its computer and no site, so the logs say which site a computer belongs to. An event log may be named
//! in several copies that overlap: the same record counts once.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::RangeInclusive;

use super::body_of;
use crate::site::{BackupRun, Remark, SiteCode, StatusMessage, Timestamp, Timings, Witness};
use crate::source::event_log::{EventRecord, Stretch};
use crate::source::{Record, RecordBody};
use crate::state::{Horizon, Timeline, derive_runs};
use crate::trace::LogEntry;

/// The first DNS label of a computer's name, in lower case.
type Computer = Box<str>;

/// Whose records tell of the same runs: a site's; where no log tells of a site, those of one computer.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Origin {
    site: Option<SiteCode>,
    computer: Option<Computer>,
}

/// What was read so far.
#[derive(Debug, Default)]
pub(super) struct Merge {
    /// The site of the last entry of a log.
    pub(super) site: Option<SiteCode>,
    logs: BTreeMap<Option<SiteCode>, Vec<RecordBody>>,
    /// The sites that a log names for a computer.
    computers: BTreeMap<Computer, BTreeSet<Option<SiteCode>>>,
    events: Vec<Told>,
    /// Between which numbers none is missing, and of which computer, where a message of the backup names it.
    stretches: Vec<(Option<Computer>, RangeInclusive<u64>)>,
}

/// A message in an event log.
#[derive(Debug)]
struct Told {
    /// The time that orders it among those of other files.
    order: Timestamp,
    key: Key,
    /// If it is the first message of its stretch: the number with which that begins.
    begins: Option<u64>,
    message: StatusMessage,
}

/// What a record is known by in several files.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key(Computer, u64, Timestamp);

impl Merge {
    /// Takes the next entry of the logs.
    pub(super) fn log_entry(&mut self, entry: LogEntry) {
        let (site, body) = body_of(entry);
        self.site = site;
        if let RecordBody::Status(message) = &body {
            let computer = computer(message.machine_label());
            self.computers.entry(computer).or_default().insert(site);
        }
        // What stands before the first line that names a site is the end of a run of that site.
        if site.is_some()
            && let Some(before) = self.logs.remove(&None)
        {
            self.logs.insert(site, before);
        }
        self.logs.entry(site).or_default().push(body);
    }

    /// Takes all messages of an event log, in its order.
    pub(super) fn event_log(&mut self, stretches: Vec<Stretch>) {
        // A clock may step back: between files time decides, within one only its own order.
        let mut latest = Timestamp::MIN_UTC;
        for Stretch { ids, messages } in stretches {
            let mut begins = Some(*ids.start());
            if messages.is_empty() {
                // Of whichever computer: a backup may say nothing while it copies for hours.
                self.stretches.push((None, ids.clone()));
            }
            for EventRecord { id, message } in messages {
                let computer = computer(message.machine_label());
                if begins.is_some() {
                    self.stretches.push((Some(computer.clone()), ids.clone()));
                }
                latest = latest.max(message.time);
                let key = Key(computer, id, message.time);
                self.events.push(Told { order: latest, key, begins: begins.take(), message });
            }
        }
    }

    /// The runs of all sites, oldest first.
    pub(super) fn finish(mut self) -> Vec<(Option<SiteCode>, BackupRun)> {
        let mut events = std::mem::take(&mut self.events);
        events.sort_by_key(|told| told.order);
        let gaps = self.gaps(&events);
        let mut known = HashSet::new();
        events.retain(|told| known.insert(told.key.clone()));
        let mut told: BTreeMap<Origin, BTreeMap<Witness, Vec<RecordBody>>> = BTreeMap::new();
        for Told { key, message, .. } in events {
            let witnesses = told.entry(self.origin(message.machine_label())).or_default();
            let bodies = witnesses.entry(Witness::EventLog).or_default();
            if gaps.contains(&key) {
                let time = message.time;
                bodies.push(RecordBody::Remark { time, remark: Remark::Gap, text: Box::default() });
            }
            bodies.push(RecordBody::Status(message));
        }
        for (site, bodies) in self.logs {
            told.entry(Origin { site, computer: None }).or_default().insert(Witness::Log, bodies);
        }
        let mut runs = Vec::new();
        for (origin, witnesses) in told {
            let records =
                witnesses.into_iter().map(|(witness, bodies)| (witness, in_order(bodies))).collect();
            let timeline = Timeline::restore(records, Horizon::default());
            let derived = derive_runs(&timeline, &Timings::DEFAULT);
            runs.extend(derived.into_iter().map(|run| (origin.site, run)));
        }
        runs.sort_by_key(|(site, run)| (run.first, *site));
        runs
    }

    /// The messages before which records are missing in every file that could have them.
    fn gaps(&self, events: &[Told]) -> HashSet<Key> {
        let mut begins: HashMap<&Key, Option<u64>> = HashMap::new();
        for told in events {
            let known = begins.entry(&told.key).or_insert(told.begins);
            *known = known.zip(told.begins).map(|(one, other)| one.min(other));
        }
        let is_told = |computer: &Computer, id: u64| {
            let is_of = |known: &Option<Computer>| known.as_ref().is_none_or(|known| known == computer);
            self.stretches.iter().any(|(known, ids)| is_of(known) && ids.contains(&id))
        };
        let is_gap = |(key, begins): (&Key, Option<u64>)| {
            let before = begins?.checked_sub(1)?;
            (!is_told(&key.0, before)).then(|| key.clone())
        };
        begins.into_iter().filter_map(is_gap).collect()
    }

    /// The site to which logs say that a computer belongs.
    fn origin(&self, label: &str) -> Origin {
        let computer = computer(label);
        let mut sites = self.computers.get(&computer).into_iter().flatten();
        match (sites.next(), sites.next()) {
            (Some(site), None) => Origin { site: *site, computer: None },
            _ => Origin { site: None, computer: Some(computer) },
        }
    }
}

fn computer(label: &str) -> Computer {
    label.to_ascii_lowercase().into()
}

fn in_order(bodies: Vec<RecordBody>) -> Vec<Record> {
    (0..).zip(bodies).map(|(position, body)| Record { position, body }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::{BackupOutcome, Component, MessageId, Severity, StatusMessage};

    fn message(id: MessageId, machine: &str, second: i64) -> StatusMessage {
        let severity = if id.is_failure() { Severity::Error } else { Severity::Information };
        StatusMessage {
            id,
            severity: Some(severity),
            component: Component::SiteBackup,
            machine: machine.into(),
            pid: None,
            tid: None,
            time: Timestamp::UNIX_EPOCH + chrono::TimeDelta::seconds(second),
            hint: None,
        }
    }

    /// Start, outcome and end of a run, a minute apart, as records of an event log.
    fn run(machine: &str, first_id: u64, start: i64, outcome: MessageId) -> Vec<EventRecord> {
        let ids = [MessageId::SERVICE_STARTED, outcome, MessageId::SERVICE_STOPPED];
        let message = |(number, id): (i64, _)| message(id, machine, start + 60 * number);
        let messages = (0..).zip(ids).map(message);
        (first_id..).zip(messages).map(|(id, message)| EventRecord { id, message }).collect()
    }

    /// A file in which these are all the records, and none is missing.
    fn whole(records: &[EventRecord]) -> Vec<Stretch> {
        let (Some(first), Some(last)) = (records.first(), records.last()) else { return Vec::new() };
        vec![Stretch { ids: first.id..=last.id, messages: records.to_vec() }]
    }

    fn site(code: &str) -> Option<SiteCode> {
        Some(code.parse().unwrap())
    }

    fn named(merge: &mut Merge, machine: &str, code: Option<SiteCode>) {
        merge.log_entry(LogEntry::Status(message(MessageId::WRITER_THAWED, machine, 0), code));
    }

    fn outcomes(merge: Merge) -> Vec<BackupOutcome> {
        merge.finish().into_iter().filter_map(|(_, run)| run.outcome()).collect()
    }

    #[test]
    fn a_computer_is_of_the_site_that_a_log_names_for_it_else_of_none() {
        let mut merge = Merge::default();
        let own = |merge: &Merge, label: &str| merge.origin(label);
        let nobody = |label: &str| Origin { site: None, computer: Some(label.into()) };
        let of = |code: &str| Origin { site: site(code), computer: None };
        assert_eq!(own(&merge, "CM01"), nobody("cm01"));
        named(&mut merge, "CM01.corp.example", site("P01"));
        assert_eq!([own(&merge, "cm01"), own(&merge, "CM09")], [of("P01"), nobody("cm09")]);
        named(&mut merge, "CM02", site("P02"));
        assert_eq!(
            [own(&merge, "CM01"), own(&merge, "CM02"), own(&merge, "CM09")],
            [of("P01"), of("P02"), nobody("cm09")]
        );
        // Installed anew for another site: which one an event is of, nobody knows.
        named(&mut merge, "CM01", site("P02"));
        assert_eq!(own(&merge, "CM01"), nobody("cm01"));
    }

    #[test]
    fn a_log_without_any_site_and_the_events_of_its_computer_are_one() {
        let mut merge = Merge::default();
        for record in run("CM01.corp.example", 1, 0, MessageId::COMPLETED) {
            merge.log_entry(LogEntry::Status(record.message, None));
        }
        merge.event_log(whole(&run("cm01", 7, 5, MessageId::COMPLETED)));
        let runs = merge.finish();
        assert_eq!(runs.len(), 1, "{runs:?}");
        assert_eq!((runs[0].0, runs[0].1.messages.len()), (None, 3));
    }

    #[test]
    fn a_record_in_two_files_counts_once_and_those_of_two_computers_twice() {
        let mut merge = Merge::default();
        let copy =
            [run("CM01", 1, 0, MessageId::FAILED), run("CM01", 4, 3600, MessageId::COMPLETED)].concat();
        merge.event_log(whole(&copy[2..]));
        merge.event_log(whole(&copy[..5]));
        merge.event_log(whole(&run("CM02", 4, 3600, MessageId::COMPLETED)));
        let runs = merge.finish();
        let messages: Vec<_> = runs.iter().map(|(_, run)| run.messages.len()).collect();
        assert_eq!(messages, [3, 3, 3], "{runs:?}");
    }

    #[test]
    fn within_a_file_its_own_order_holds_although_a_clock_steps() {
        let mut merge = Merge::default();
        // The clock was an hour ahead while the first run failed.
        let runs = [run("CM01", 1, 3600, MessageId::FAILED), run("CM01", 4, 1800, MessageId::COMPLETED)];
        merge.event_log(whole(&runs.concat()));
        let runs = merge.finish();
        let ends: Vec<_> =
            runs.iter().map(|(_, run)| (run.succeeded.is_some(), run.messages.len())).collect();
        assert_eq!(ends, [(true, 3), (false, 3)], "{runs:?}");
    }

    #[test]
    fn both_servers_of_a_site_tell_in_the_order_of_time() {
        let mut merge = Merge::default();
        named(&mut merge, "CM01", site("P01"));
        let of = |machine, start| run(machine, 1, start, MessageId::COMPLETED);
        named(&mut merge, "CM02", site("P01"));
        merge.event_log(whole(&[of("CM01", 0), of("CM01", 7200)].concat()));
        merge.event_log(whole(&[of("CM02", 3600), of("CM02", 10_800)].concat()));
        assert_eq!(outcomes(merge), [const { BackupOutcome::Succeeded }; 4]);
    }

    #[test]
    fn a_run_is_cut_where_no_file_has_the_records() {
        let runs = [run("CM01", 1, 0, MessageId::COMPLETED), run("CM01", 4, 86_400, MessageId::COMPLETED)];
        let all = runs.concat();
        // The end of the first run and the start of the second were in a chunk, or an archive, that is lost.
        let torn = [whole(&all[..1]), whole(&all[4..])];
        for files in [vec![torn.concat()], torn.to_vec()] {
            let mut merge = Merge::default();
            files.into_iter().for_each(|file| merge.event_log(file));
            assert_eq!(outcomes(merge), [BackupOutcome::Succeeded], "the first one proves nothing");
        }
        let mut merge = Merge::default();
        merge.event_log(torn.concat());
        merge.event_log(whole(&all));
        assert_eq!(outcomes(merge), [BackupOutcome::Succeeded; 2]);
        // Between two archives, one in which the backup said nothing.
        let mut merge = Merge::default();
        let silent = Stretch { ids: 2..=9, messages: Vec::new() };
        let rest: Vec<_> =
            all[1..].iter().map(|told| EventRecord { id: told.id + 8, ..told.clone() }).collect();
        [whole(&all[..1]), vec![silent], whole(&rest)].into_iter().for_each(|file| merge.event_log(file));
        assert_eq!(outcomes(merge), [BackupOutcome::Succeeded; 2]);
        // An archive, and the log that goes on with the next number.
        let mut merge = Merge::default();
        merge.event_log(whole(&all[2..]));
        merge.event_log(whole(&all[..2]));
        assert_eq!(outcomes(merge), [BackupOutcome::Succeeded; 2]);
    }
}
