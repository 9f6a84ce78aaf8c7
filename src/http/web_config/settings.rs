//! How the server treats its clients, from one reading of the web configuration to the next.

use std::collections::BTreeMap;
use std::sync::Arc;

use hyper::HeaderMap;
use rustls::ServerConfig;

use crate::config::{PasswordHash, RateLimit};

/// How the server treats its clients; by default it speaks plain HTTP with everybody.
#[derive(Debug, Clone, Default)]
pub struct WebSettings {
    /// How to begin TLS, with the protocols that are offered; `None` for plain HTTP.
    pub tls: Option<Arc<ServerConfig>>,
    /// A digest of what the certificates of clients are asked for; `None` where none is asked for.
    pub clients: Option<blake3::Hash>,
    /// What every response has besides its own headers.
    pub headers: HeaderMap,
    /// Who may ask, by name; everybody if there is nobody.
    pub users: BTreeMap<String, PasswordHash>,
    /// `None` for no limit.
    pub rate_limit: Option<RateLimit>,
}
