//! What differs between platforms; the only place that asks which one this is.

pub mod account;
pub(crate) mod child;
pub mod event_log;
#[cfg(all(test, windows))]
mod held_open;
mod integrated;
mod io_error;
mod open_files;
pub mod paths;
mod patience;
pub mod private_file;
pub mod registry;
pub(crate) mod security;
pub(crate) mod service_control;
pub mod service_host;
pub(crate) mod service_setup;
pub mod signal;
pub mod volume;

use std::ops::RangeInclusive;

pub(crate) use integrated::integrated_authentication;
pub use io_error::IoFailure;
pub(crate) use io_error::may_exist;
pub(crate) use open_files::open_files_limit;
pub(crate) use patience::{put_in_place, read_whole, write_whole};

/// Whether a listing of a folder has size and times of its files in it, so that they cost nothing more.
pub(crate) const LISTINGS_HAVE_METADATA: bool = cfg!(windows);

/// The codes with which programs exit.
pub(crate) const EXIT_CODES: RangeInclusive<i32> = if cfg!(windows) { i32::MIN..=i32::MAX } else { 0..=255 };

/// Whether this is Windows: a site server has its site in the registry, services can be asked and started here or on
/// another machine, and SQL Server can be logged on to as the account of this process.
pub(crate) const IS_WINDOWS: bool = cfg!(windows);

/// How many handles a process of Windows may have; elsewhere the operating system tells its own limit.
///
/// sysinfo tells what a C library can have open, which is far less and counts something else.
pub(crate) const MAX_HANDLES: Option<u64> = if cfg!(windows) { Some(1 << 24) } else { None };
