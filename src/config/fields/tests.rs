use super::*;
use crate::site::FailureCause;

#[test]
fn a_rate_is_a_size_of_at_least_the_least() {
    let least = 1 << 20;
    for (text, bytes) in [("1MiB", 1 << 20), ("50MiB", 50 << 20), ("10MB", 10_000_000), ("1048576", 1 << 20)]
    {
        assert_eq!(rate(text, least), Ok(bytes), "{text}");
    }
    for text in ["0", "50", "1MB", "1048575", "50 MiB", "50MiB/s", "fast", "", "18446744073709551616"] {
        assert!(rate(text, least).is_err(), "{text}");
    }
    assert!(rate("50", least).unwrap_err().remedy.contains("without a unit is bytes"));
}

#[test]
fn a_date_begins_at_midnight_utc() {
    assert_eq!(date("2026-06-01").unwrap().to_rfc3339(), "2026-06-01T00:00:00+00:00");
    assert!(date("2024-02-29").is_ok());
    for text in
        ["2026-02-29", "2026-6-1", "01.06.2026", "2026-06-01T00:00:00Z", "20260601", "+026-06-01", "", "--"]
    {
        assert!(date(text).is_err(), "{text}");
    }
}

#[test]
fn names_are_what_metrics_show_without_quotes() {
    for text in ["nas", "offsite_2", "7", "_", &"x".repeat(32)] {
        assert_eq!(name(text, &[]).as_deref(), Ok(text));
    }
    for text in ["", "NAS", "nas 1", "nas-1", "näs", "a.b", "a\nb", &"x".repeat(33)] {
        assert!(name(text, &[]).is_err(), "{text}");
    }
    assert!(name("nas", &["scup".to_owned(), "nas".to_owned()]).is_err());
}

#[test]
fn a_time_of_day_has_hours_and_minutes() {
    for (text, minutes) in [("00:00", 0), ("2:05", 125), ("02:00", 120), ("23:59", 1439)] {
        assert_eq!(time_of_day(text), Ok(minutes), "{text}");
    }
    for text in ["24:00", "2", "02:60", "2:5", "2pm", "", ":", "02:00:00", "+2:00", "-1:00", "002:00"] {
        assert!(time_of_day(text).is_err(), "{text}");
    }
}

#[test]
fn days_are_known_by_three_letters_and_in_any_case() {
    for (text, mask) in [("sunday", 1), ("MON", 2), ("Wed", 8), ("Saturday", 64), ("Daily", EVERY_DAY)] {
        assert_eq!(days(text), Ok(mask), "{text}");
    }
    for text in ["", "su", "sund", "sonntag", "weekly"] {
        assert!(days(text).is_err(), "{text}");
    }
}

#[test]
fn zones_are_local_utc_or_names() {
    assert_eq!(zone("Local"), Ok(Zone::Local));
    assert_eq!(zone("UTC"), Ok(Zone::Utc));
    assert_eq!(zone("Europe/Berlin"), Ok(Zone::Named(chrono_tz::Europe::Berlin)));
    assert!(zone("europe/berlin").unwrap_err().what.contains("did you mean `Europe/Berlin`?"));
    assert!(zone("W. Europe Standard Time").is_err());
}

#[test]
fn patterns_may_use_classes_and_ignore_case() {
    assert!(pattern(r"(?i)backup \w+ error \d+").unwrap().is_match("Backup ended: BACKUP with ERROR 5"));
    for text in ["(", "", "x*", r"\q", "(?:(?:a{99}){99}){99}"] {
        assert!(pattern(text).is_err(), "{text}");
    }
}

#[test]
fn an_unknown_word_is_answered_with_the_known_ones() {
    let fault = label::<FailureCause>("copy_fialed").unwrap_err();
    assert!(fault.what.contains("did you mean `copy_failed`?"), "{}", fault.what);
    assert!(FailureCause::ALL.iter().all(|cause| fault.remedy.contains(cause.label())), "{}", fault.remedy);
}
