//! What differs between platforms; the only place that asks which one this is.

mod io_error;
pub mod paths;
pub mod signal;

pub use io_error::IoFailure;
