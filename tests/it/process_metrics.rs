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
    let virtual_memory = value("process_virtual_memory_bytes");
    assert!((MIB..f64::from(1 << 24) * MIB).contains(&virtual_memory), "{virtual_memory}");
    let most = value("process_max_fds");
    if cfg!(windows) {
        assert_eq!(most, 16_777_216.0);
    }
    match first.get("process_open_fds") {
        // A log, a socket and standard error at the least.
        Some(open) => assert!((3.0..=most).contains(&open), "{open} of {most}"),
        // Wine tells no number of handles.
        None => assert!(cfg!(windows), "{first:?}"),
    }

    let cpu = value("process_cpu_seconds_total");
    assert!((0.0..now() - started + ROUNDING + 60.0).contains(&cpu), "{cpu}");
    let later = wait::until(DEADLINE, "CPU time to be spent on scrapes", || {
        Some(exporter.scrape()).filter(|later| later.get("process_cpu_seconds_total") > Some(cpu))
    });
    assert_eq!(later.get("process_start_time_seconds"), Some(started));
}
