//! Ledgers of every schema stay readable, and no damage or crash makes one forget.

use std::fs;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use tempfile::{TempDir, tempdir};

use super::*;
use crate::site::{Attempt, AttemptOutcome, ClosedSet, FailureCause, RestartPlan};

const V1: &str = include_str!("../../../tests/fixtures/ledger/v1.json");

fn site() -> SiteCode {
    "P01".parse().unwrap()
}

fn file() -> (TempDir, LedgerFile) {
    let folder = tempdir().unwrap();
    let file = LedgerFile::new(folder.path(), site());
    (folder, file)
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn the_first_schema_is_still_read_and_written_as_it_was() {
    let (_folder, file) = file();
    fs::write(&file.path, V1).unwrap();
    let ledger = file.read().unwrap().unwrap();
    assert_eq!(ledger.begun, at("2026-10-01T06:30:00.5Z"));
    assert_eq!((ledger.attempts_total, ledger.attempts_failed_total), (12, 4));
    let [first, second, third] = &ledger.attempts[..] else { panic!("{ledger:?}") };
    assert_eq!((first.run, first.cause), (at("2026-11-20T02:00:05.25Z"), FailureCause::Vss));
    assert_eq!((first.decided, first.plan), (at("2026-11-20T02:15:00Z"), RestartPlan::Start));
    assert_eq!(first.outcome, Some((AttemptOutcome::Started, at("2026-11-20T02:15:03Z"))));
    assert_eq!(first.followed_by, Some((at("2026-11-20T02:15:02.125Z"), Some(true))));
    assert_eq!(second.plan, RestartPlan::StopFirst);
    assert_eq!(second.outcome.unwrap().0, AttemptOutcome::StopFailed);
    assert!(second.error.as_ref().unwrap().ends_with("access is denied"));
    assert_eq!((third.outcome, third.cause), (None, FailureCause::Interrupted));

    file.write(&ledger).unwrap();
    assert_eq!(fs::read_to_string(&file.path).unwrap(), V1.trim_end());
}

#[test]
fn a_missing_one_is_as_if_it_were_begun_now_and_a_look_makes_none() {
    let (folder, file) = file();
    let now = at("2026-11-21T08:00:00Z");
    assert_eq!(file.read().unwrap(), None);
    assert_eq!(file.peek(now).unwrap(), Ledger::new(now));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn what_cannot_be_used_says_why_and_stays_as_it_is() {
    let two_open = V1.replace(
        r#""outcome": {
        "outcome": "stop_failed",
        "time": 1795230060000000000
      }"#,
        r#""outcome": null"#,
    );
    for (text, reason) in [
        ("", "EOF"),
        ("{}", "schema"),
        (r#"{ "schema": 1 }"#, "site"),
        (&V1.replace("P01", "XYZ"), "it belongs to site \"XYZ\""),
        (&V1.replace("\"vss\"", "\"gremlins\""), "\"gremlins\" is not known"),
        (&V1.replace("\"started\"", "\"hoped\""), "\"hoped\" is not known"),
        (&V1.replace("\"stop_first\"", "\"kill\""), "kill"),
        (&two_open, "an attempt before the newest one has no outcome"),
        (&V1[..V1.len() / 2], "EOF"),
    ] {
        let (folder, file) = file();
        fs::write(&file.path, text).unwrap();
        let error = file.read().unwrap_err().to_string();
        let told = ["cannot use the ledger", "P01.ledger.json", reason, "rename it to begin anew"];
        assert!(told.iter().all(|part| error.contains(part)), "{error}");
        assert!(file.peek(at("2026-11-21T08:00:00Z")).is_err());
        assert_eq!(fs::read_to_string(&file.path).unwrap(), text);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

#[test]
fn a_newer_one_is_not_given_up_for_an_old_program() {
    let (_folder, file) = file();
    fs::write(&file.path, r#"{ "schema": 2 }"#).unwrap();
    let error = file.read().unwrap_err().to_string();
    let told =
        "its schema 2 is newer than 1, the newest that this version knows; update this program, or rename";
    assert!(error.contains(told), "{error}");
}

#[test]
fn what_is_no_regular_file_is_refused_in_words() {
    let (_folder, file) = file();
    let refused = || file.read().unwrap_err().to_string();
    fs::create_dir(&file.path).unwrap();
    assert!(refused().ends_with("it is no regular file; rename it to begin anew"), "{}", refused());
    #[cfg(unix)]
    {
        fs::remove_dir(&file.path).unwrap();
        std::os::unix::fs::symlink("/dev/null", &file.path).unwrap();
        assert!(refused().ends_with("it is no regular file; rename it to begin anew"), "{}", refused());
    }
}

#[test]
fn what_cannot_be_read_or_written_is_named() {
    let (folder, file) = file();
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(&file.path, &file.path).unwrap();
        assert!(matches!(file.read(), Err(LedgerError::Read { .. })), "a circle");
    }
    drop(folder);
    let error = file.write(&Ledger::new(at("2026-11-21T08:00:00Z"))).unwrap_err();
    assert!(error.to_string().contains("cannot write the ledger"), "{error}");
    assert_eq!(file.read().unwrap(), None, "its folder is gone");
}

fn time() -> impl Strategy<Value = Timestamp> {
    any::<i64>().prop_map(Timestamp::from_timestamp_nanos)
}

fn attempt() -> impl Strategy<Value = Attempt> {
    let plan = select(&[RestartPlan::Start, RestartPlan::StopFirst][..]);
    let outcome = (select(AttemptOutcome::ALL), time());
    let follower = option::of((time(), option::of(any::<bool>())));
    let words = option::of("\\PC{0,40}");
    let ahead = option::of(time());
    let parts = (time(), select(FailureCause::ALL), time(), ahead, plan, outcome, words, follower);
    parts.prop_map(|(run, cause, decided, seen_ahead, plan, outcome, error, followed_by)| Attempt {
        run,
        cause,
        decided,
        seen_ahead,
        plan,
        outcome: Some(outcome),
        error: error.map(Into::into),
        followed_by,
    })
}

fn ledger() -> impl Strategy<Value = Ledger> {
    let parts = (time(), vec(attempt(), 0..6), any::<u64>(), any::<u64>(), any::<bool>());
    parts.prop_map(|(begun, mut attempts, attempts_total, attempts_failed_total, is_open)| {
        if let Some(newest) = attempts.last_mut().filter(|_| is_open) {
            newest.outcome = None;
        }
        Ledger { begun, attempts, attempts_total, attempts_failed_total }
    })
}

proptest! {
    #[test]
    fn what_is_written_is_what_is_read(ledger in ledger()) {
        let (folder, file) = file();
        file.write(&ledger).unwrap();
        prop_assert_eq!(file.read().unwrap(), Some(ledger));
        prop_assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    /// What stands in the temporary file was never acted on: the old one holds until the new one has its name.
    #[test]
    fn a_crash_while_it_is_written_leaves_the_old_or_the_new_one(
        old in ledger(),
        new in ledger(),
        cut in any::<prop::sample::Index>(),
    ) {
        let (_folder, file) = file();
        file.write(&old).unwrap();
        let bytes = serde_json::to_vec_pretty(&LedgerV1::of(&new, site())).unwrap();
        for end in [0, cut.index(bytes.len()), bytes.len()] {
            fs::write(file.temporary(), &bytes[..end]).unwrap();
            prop_assert_eq!(&file.read().unwrap().unwrap(), &old);
        }
        fs::rename(file.temporary(), &file.path).unwrap();
        prop_assert_eq!(file.read().unwrap().unwrap(), new);
    }

    #[test]
    fn no_damage_breaks_it(at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        let mut bytes = V1.as_bytes().to_vec();
        let at = at.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] = byte }
        if let Ok(mut ledger) = parse(&bytes, site()) {
            for now in [Timestamp::UNIX_EPOCH, ledger.begun] {
                ledger.redate(now, None);
                ledger.judge(&[]);
                ledger.begin(now, FailureCause::Vss, RestartPlan::Start, now);
                ledger.finish(AttemptOutcome::Lost, None, now);
            }
        }
    }

    #[test]
    fn whatever_bytes_are_refused_in_words(bytes in vec(any::<u8>(), 0..200)) {
        prop_assert!(parse(&bytes, site()).is_err());
    }
}
