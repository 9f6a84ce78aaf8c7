//! What lies on disk as sources: the backup destination and the copies of what is in it.

pub mod verification;
