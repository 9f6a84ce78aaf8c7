//! What differs between platforms; the only place that asks which one this is.

pub mod paths;
pub mod signal;
