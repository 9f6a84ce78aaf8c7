//! Prometheus exporter and guard for the site backup of Microsoft Configuration Manager.
//!
//! Evidence flows one way. *Sources* notice facts; one task folds facts into the *site state*; a pure function
//! *assesses* that state at a given time; and readers act on the assessment: metrics, the status page and JSON, and
//! the `check` command. Two loops go back, both typed: guidance tells the sources when to keep quiet, and a restart
//! reports how it went. A module uses only modules upstream of it; `docs/architecture.md` has the map.

pub mod clock;
pub mod config;
pub mod schedule;
pub mod site;
