//! From a web configuration and its certificates to what begins TLS: versions, suites, groups, the certificate itself.
//!
//! Every fault is found here and not in a handshake. Where clients are asked for certificates, no session is resumed: in
//! an old one a certificate comes back that nobody looks at again, though it may have expired since.

mod clients;
mod pem;
#[cfg(test)]
pub(in crate::http) mod samples;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use rustls::crypto::aws_lc_rs::{cipher_suite, default_provider, kx_group};
use rustls::crypto::{CryptoProvider, SupportedKxGroup};
use rustls::server::NoServerSessionStorage;
use rustls::sign::SingleCertAndKey;
use rustls::{ServerConfig, SupportedCipherSuite, SupportedProtocolVersion, version};
use zeroize::Zeroizing;

use crate::config::{CipherSuite, Curve, TlsConfig, TlsVersion};

pub(super) use pem::Lifetime;

/// The protocols that are offered over TLS.
const HTTP2: &[u8] = b"h2";
const HTTP1: &[u8] = b"http/1.1";

const ONLY_TLS12: &[&SupportedProtocolVersion] = &[&version::TLS12];
const ONLY_TLS13: &[&SupportedProtocolVersion] = &[&version::TLS13];

/// The PEM texts that a configuration names, as they were read.
pub(super) struct Texts {
    pub(super) certificate: Vec<u8>,
    pub(super) key: Zeroizing<Vec<u8>>,
    pub(super) client_ca: Option<Vec<u8>>,
}

/// What a fault is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// The certificate of the server and its chain.
    Certificate,
    /// The private key.
    Key,
    /// The authorities of clients.
    ClientCa,
}

/// What is wrong with one of the texts, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TlsFault {
    pub(super) part: Part,
    pub(super) what: String,
    pub(super) remedy: String,
}

impl TlsFault {
    fn new(part: Part, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { part, what: what.into(), remedy: remedy.into() }
    }
}

/// What begins TLS, and from when until when its certificate is believed; or everything that is wrong.
pub(super) fn server_config(
    config: &TlsConfig,
    http2: bool,
    texts: &Texts,
) -> Result<(ServerConfig, Lifetime), Vec<TlsFault>> {
    let provider = Arc::new(provider(config));
    let identity = pem::identity(&texts.certificate, &texts.key, &provider);
    let clients = texts.client_ca.as_deref().map(pem::authorities).transpose();
    let (identity, clients) = match (identity, clients) {
        (Ok(identity), Ok(clients)) => (identity, clients.unwrap_or_default()),
        (identity, clients) => {
            return Err(identity.err().into_iter().chain(clients.err()).collect());
        }
    };
    let unusable = |part, error: &dyn std::fmt::Display| {
        vec![TlsFault::new(part, format!("cannot be used: {error}"), "export it again, in PEM (Base64)")]
    };
    let verifier = clients::verifier(config.client_auth, clients, &config.client_allowed_sans, &provider)
        .map_err(|error| unusable(Part::ClientCa, &error))?;
    let builder = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions(config))
        .map_err(|error| unusable(Part::Certificate, &error))?;
    let asks_clients = verifier.is_some();
    let builder = match verifier {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let mut server = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(identity.key)));
    if asks_clients {
        server.session_storage = Arc::new(NoServerSessionStorage {});
        server.send_tls13_tickets = 0;
    }
    server.ignore_client_order = config.prefer_server_cipher_suites;
    server.alpn_protocols = if http2 { vec![HTTP2.into(), HTTP1.into()] } else { vec![HTTP1.into()] };
    Ok((server, identity.lifetime))
}

/// The algorithms that a configuration allows.
fn provider(config: &TlsConfig) -> CryptoProvider {
    let mut provider = default_provider();
    if !config.cipher_suites.is_empty() {
        provider.cipher_suites.retain(|suite| matches!(suite, SupportedCipherSuite::Tls13(_)));
        provider.cipher_suites.extend(config.cipher_suites.iter().map(|suite| of_suite(*suite)));
    }
    if !config.curves.is_empty() {
        provider.kx_groups = config.curves.iter().map(|curve| of_curve(*curve)).collect();
    }
    provider
}

fn of_suite(suite: CipherSuite) -> SupportedCipherSuite {
    match suite {
        CipherSuite::EcdsaAes128 => cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        CipherSuite::RsaAes128 => cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        CipherSuite::EcdsaAes256 => cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        CipherSuite::RsaAes256 => cipher_suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        CipherSuite::EcdsaChaCha20 => cipher_suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        CipherSuite::RsaChaCha20 => cipher_suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    }
}

fn of_curve(curve: Curve) -> &'static dyn SupportedKxGroup {
    match curve {
        Curve::X25519 => kx_group::X25519,
        Curve::P256 => kx_group::SECP256R1,
        Curve::P384 => kx_group::SECP384R1,
    }
}

fn versions(config: &TlsConfig) -> &'static [&'static SupportedProtocolVersion] {
    match (config.min_version, config.max_version) {
        (TlsVersion::Tls13, _) => ONLY_TLS13,
        (TlsVersion::Tls12, TlsVersion::Tls12) => ONLY_TLS12,
        (TlsVersion::Tls12, TlsVersion::Tls13) => rustls::ALL_VERSIONS,
    }
}
