//! What clients may cost.

use std::time::Duration;

/// What one client, and all of them together, may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections served at once; at least one is.
    pub max_connections: usize,
    /// From the first moment that a request is waited for until its headers are read; so also for idle connections, and
    /// with the handshake of TLS for new ones.
    pub header_read_timeout: Duration,
    /// From then on until the response is made and the client has taken it, without what the exporter waits for.
    pub response_timeout: Duration,
    /// The start line and headers of a request in bytes; less than 8192 counts as 8192.
    pub max_header_bytes: usize,
    /// The number of headers of a request.
    pub max_headers: usize,
    /// The body of a request in bytes; a longer one is answered 413, a shorter one ignored.
    pub max_body_bytes: u64,
    /// How long running requests may take after the shutdown began.
    pub drain_timeout: Duration,
}

impl Limits {
    /// Connections that may still be ending, besides those that are served: a newcomer does not wait for each, or a flood
    /// of them would be accepted no faster than tasks take turns.
    pub const MAX_ENDING: usize = 64;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 256,
            header_read_timeout: Duration::from_secs(10),
            response_timeout: Duration::from_secs(30),
            max_header_bytes: 16 * 1024,
            max_headers: 100,
            max_body_bytes: 64 * 1024,
            drain_timeout: Duration::from_secs(5),
        }
    }
}
