//! What the site backup leaves behind.

pub mod hive;
