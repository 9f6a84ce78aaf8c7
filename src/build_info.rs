//! Which build this is, for `--version` and the metric of the same name; `build.rs` finds it out.

/// The version of the program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The revision it was built from; `unknown` for debug builds and without git.
pub const REVISION: &str = env!("BUILD_REVISION");

/// The version of the compiler, as `1.95.0`.
pub const RUST_VERSION: &str = env!("BUILD_RUST_VERSION");

/// All three, for people.
pub const DESCRIPTION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    " (revision ",
    env!("BUILD_REVISION"),
    ", rust ",
    env!("BUILD_RUST_VERSION"),
    ")"
);
