//! stub
/// x
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// x
pub const REVISION: &str = "";
/// x
pub const RUST_VERSION: &str = "";
