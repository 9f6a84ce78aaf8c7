//! The standard metrics of the process, from the real program: which of them a platform has, and that they are sane.

use configmgr_backup_exporter::clock::Clock;

use crate::support::process::{DEADLINE, ONE_SITE, Place};
use crate::support::wait;

/// How far the start time may be off: it is in whole seconds, and counted from a boot time that is too.
const ROUNDING: f64 = 3.0;

const MIB: f64 = 1024.0 * 1024.0;

fn now() -> f64 {
    Clock::System.now().timestamp_millis() as f64 / 1000.0
}

#[test]
fn the_process_is_measured_and_what_is_not_known_is_absent() {
    let place = Place::new(ONE_SITE);
    let before = now();
    let exporter = place.start();
    let first = exporter.scrape();
    let value = |name: &str| first.get(name).unwrap_or_else(|| panic!("{name} is absent: {first:?}"));

    let started = value("process_start_time_seconds");
    assert!((before - ROUNDING..=now() + ROUNDING).contains(&started), "{before} {started}");
    let resident = value("process_resident_memory_bytes");
    assert!((MIB..512.0 * MIB).contains(&resident), "{resident}");
    let most = value("process_max_fds");
    if cfg!(windows) {
        assert_eq!(most, 16_777_216.0);
    }
    // Two sockets and standard error at the least, and at the most what a 64-bit process can address.
    let ranges =
        [("process_open_fds", 3.0..=most), ("process_virtual_memory_bytes", MIB..=f64::from(1 << 27) * MIB)];
    for (name, range) in ranges {
        // Wine does not tell them.
        let is_sane = first.get(name).map_or(cfg!(windows), |value| range.contains(&value));
        assert!(is_sane, "{name}: {first:?}");
    }

    let cpu = value("process_cpu_seconds_total");
    assert!((0.0..now() - started + ROUNDING + 60.0).contains(&cpu), "{cpu}");
    let later = wait::until(DEADLINE, "CPU time to be spent on scrapes", || {
        Some(exporter.scrape()).filter(|later| later.get("process_cpu_seconds_total") > Some(cpu))
    });
    assert_eq!(later.get("process_start_time_seconds"), Some(started));
}
