//! The process: arguments, logging, runtime, exit code.

fn main() {}
