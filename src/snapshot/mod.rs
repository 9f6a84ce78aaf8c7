//! A backup on disk, on its own: what is in it, and whether it can be trusted.
//!
//! Reads, and never writes below what it looks at; holds no file or folder open from one call to the next.

pub mod hive;
pub mod walk;
