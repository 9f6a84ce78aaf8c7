//! Servers that speak TDS, and what stands between them and the exporter, for tests with real sockets.
//!
//! [`Server`] answers questions from tables; it is Microsoft's mock, which knows TLS only as TDS 8.0 has it. [`Stub`] gets
//! as far as the log-on, with TLS inside TDS. [`Proxy`] loses connections. Helpers panic with what was expected, because a
//! panic is how a test fails.

mod answers;
mod certificates;
mod configured;
mod exporter;
mod proxy;
mod server;
mod stub;
mod table;
mod wait;

pub use answers::{Known, distant_task_to, failed_above_a_success, failed_backup, healthy};
pub use certificates::{Authority, Identity, Validity};
pub use configured::{DATABASE, PASSWORD, PASSWORD_VARIABLE, USER, config, database, database_with, site};
pub use exporter::Exporter;
pub use proxy::Proxy;
pub use server::Server;
pub use stub::{Garbled, LogOn, Stub};
pub use table::{Cell, Column, Table, int, text};
pub use wait::until;
