//! The web configuration: TLS, who may ask, headers and rates, in the schema of Prometheus' exporter-toolkit.
//!
//! Read like the other file, strictly and every problem in one go. It names certificates, but does not open them.

mod describe;
mod read;
#[cfg(test)]
mod tests;
mod tls;
mod values;
mod words;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::origin::Origins;

pub use describe::describe_web;

/// What a web configuration file says; by default plain HTTP for everybody, as with an empty file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebConfig {
    /// `None` for plain HTTP.
    pub tls: Option<TlsConfig>,
    /// Whether HTTP/2 is offered over TLS.
    pub http2: bool,
    /// What every response has besides its own headers.
    pub headers: Vec<(SecurityHeader, String)>,
    /// Who may ask, by name; everybody if there is nobody.
    pub users: BTreeMap<String, PasswordHash>,
    /// `None` for no limit.
    pub rate_limit: Option<RateLimit>,
    /// Where each of these values came from, by its key path in the file.
    pub origins: Origins,
}

impl Default for WebConfig {
    fn default() -> Self {
        Self {
            tls: None,
            http2: true,
            headers: Vec::new(),
            users: BTreeMap::new(),
            rate_limit: None,
            origins: Origins::default(),
        }
    }
}

/// How connections are encrypted and who may make them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsConfig {
    /// The certificate chain of the server, leaf first, as PEM.
    pub certificate: Pem,
    /// Its private key.
    pub key: Pem,
    /// Which clients are asked for a certificate, and what is done with it.
    pub client_auth: ClientAuth,
    /// The authorities of client certificates.
    pub client_ca: Option<Pem>,
    /// The alternative names of which a client certificate must have one; empty for any.
    pub client_allowed_sans: Vec<String>,
    /// The oldest version.
    pub min_version: TlsVersion,
    /// The newest version.
    pub max_version: TlsVersion,
    /// The suites of TLS 1.2; empty for all. Those of TLS 1.3 are not chosen, as in Go.
    pub cipher_suites: Vec<CipherSuite>,
    /// Whether the order of the server's suites goes before the client's.
    pub prefer_server_cipher_suites: bool,
    /// The groups of the key exchange, in order; empty for all.
    pub curves: Vec<Curve>,
}

impl TlsConfig {
    /// The files that it names.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let all = [Some(&self.certificate), Some(&self.key), self.client_ca.as_ref()];
        all.into_iter().flatten().filter_map(|pem| match pem {
            Pem::File(path) => Some(path.as_path()),
            Pem::Inline(_) => None,
        })
    }
}

/// Where PEM text is.
#[derive(Clone, PartialEq, Eq)]
pub enum Pem {
    /// In the file itself.
    Inline(String),
    /// In another file.
    File(PathBuf),
}

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // It may be a private key.
            Self::Inline(_) => f.write_str("Inline"),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
        }
    }
}

/// What is asked of clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAuth {
    /// Nothing.
    NoClientCert,
    /// A certificate, if there is one; whose does not matter.
    RequestClientCert,
    /// A certificate; whose does not matter.
    RequireAnyClientCert,
    /// A certificate of a known authority, or none.
    VerifyClientCertIfGiven,
    /// A certificate of a known authority.
    RequireAndVerifyClientCert,
}

/// The versions of TLS that can be spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
}

/// The cipher suites of TLS 1.2 that can be spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CipherSuite {
    /// `TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256`.
    EcdsaAes128,
    /// `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256`.
    RsaAes128,
    /// `TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384`.
    EcdsaAes256,
    /// `TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384`.
    RsaAes256,
    /// `TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256`.
    EcdsaChaCha20,
    /// `TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256`.
    RsaChaCha20,
}

impl CipherSuite {
    /// Whether it is one of the two of which a server of HTTP/2 must have one.
    fn is_required_by_http2(self) -> bool {
        matches!(self, Self::EcdsaAes128 | Self::RsaAes128)
    }
}

/// The groups of the key exchange that can be spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Curve {
    /// `X25519`.
    X25519,
    /// `CurveP256`.
    P256,
    /// `CurveP384`.
    P384,
}

/// The headers that a web configuration may set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecurityHeader {
    /// `Strict-Transport-Security`.
    StrictTransportSecurity,
    /// `X-Content-Type-Options`.
    ContentTypeOptions,
    /// `X-Frame-Options`.
    FrameOptions,
    /// `X-XSS-Protection`.
    XssProtection,
    /// `Content-Security-Policy`.
    ContentSecurityPolicy,
}

/// A bcrypt hash of a password, checked for its form.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// As it stands in the file, beginning `$2a$`, `$2b$` or `$2y$`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The hash of a password, at the least cost.
    #[cfg(test)]
    pub(crate) fn of(password: &str) -> Self {
        let parts = bcrypt::hash_with_salt(password, 4, *b"as salt as water").unwrap();
        Self(parts.format_for_version(bcrypt::Version::TwoY))
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash")
    }
}

/// How many requests are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// The mean time between two requests.
    pub interval: Duration,
    /// How many may come at once, at least one.
    pub burst: u32,
}
