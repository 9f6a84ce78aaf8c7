//! The command line: one file for each command. Commands print to writers they are given and return errors.

pub mod log;
