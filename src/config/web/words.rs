//! The words of Go's crypto/tls that the schema consists of: what each means here, and which mean nothing here.
//!
//! rustls has no suite without forward secrecy or with CBC, no TLS before 1.2, and no P-521: what names these is
//! refused, because whoever wrote it would believe that clients which need it can connect.

use super::{CipherSuite, ClientAuth, Curve, SecurityHeader, TlsVersion};
use crate::config::problem::{Fault, shown};
use crate::config::suggest::nearest;

/// What a word means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning<T> {
    /// This.
    Is(T),
    /// Nothing, in Go too.
    Nothing,
    /// Something that this program cannot do.
    Impossible,
}

use Meaning::{Impossible, Is, Nothing};

/// Which clients are asked for a certificate; `RequireClientCert` is an old name.
const CLIENT_AUTH: &[(&str, Meaning<ClientAuth>)] = &[
    ("NoClientCert", Is(ClientAuth::NoClientCert)),
    ("RequestClientCert", Is(ClientAuth::RequestClientCert)),
    ("RequireAnyClientCert", Is(ClientAuth::RequireAnyClientCert)),
    ("VerifyClientCertIfGiven", Is(ClientAuth::VerifyClientCertIfGiven)),
    ("RequireAndVerifyClientCert", Is(ClientAuth::RequireAndVerifyClientCert)),
    ("RequireClientCert", Is(ClientAuth::RequireAnyClientCert)),
];

const VERSIONS: &[(&str, Meaning<TlsVersion>)] = &[
    ("TLS12", Is(TlsVersion::Tls12)),
    ("TLS13", Is(TlsVersion::Tls13)),
    ("TLS11", Impossible),
    ("TLS10", Impossible),
];

const CURVES: &[(&str, Meaning<Curve>)] = &[
    ("X25519", Is(Curve::X25519)),
    ("CurveP256", Is(Curve::P256)),
    ("CurveP384", Is(Curve::P384)),
    ("CurveP521", Impossible),
];

/// The suites by their names in Go, the usual name of each first.
const CIPHER_SUITES: &[(&str, Meaning<CipherSuite>)] = &[
    ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", Is(CipherSuite::EcdsaAes128)),
    ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", Is(CipherSuite::RsaAes128)),
    ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", Is(CipherSuite::EcdsaAes256)),
    ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", Is(CipherSuite::RsaAes256)),
    ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", Is(CipherSuite::EcdsaChaCha20)),
    ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", Is(CipherSuite::RsaChaCha20)),
    ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305", Is(CipherSuite::EcdsaChaCha20)),
    ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305", Is(CipherSuite::RsaChaCha20)),
    ("TLS_AES_128_GCM_SHA256", Nothing),
    ("TLS_AES_256_GCM_SHA384", Nothing),
    ("TLS_CHACHA20_POLY1305_SHA256", Nothing),
    ("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", Impossible),
    ("TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", Impossible),
    ("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", Impossible),
    ("TLS_ECDHE_ECDSA_WITH_RC4_128_SHA", Impossible),
    ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", Impossible),
    ("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", Impossible),
    ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", Impossible),
    ("TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA", Impossible),
    ("TLS_ECDHE_RSA_WITH_RC4_128_SHA", Impossible),
    ("TLS_RSA_WITH_AES_128_GCM_SHA256", Impossible),
    ("TLS_RSA_WITH_AES_256_GCM_SHA384", Impossible),
    ("TLS_RSA_WITH_AES_128_CBC_SHA", Impossible),
    ("TLS_RSA_WITH_AES_256_CBC_SHA", Impossible),
    ("TLS_RSA_WITH_AES_128_CBC_SHA256", Impossible),
    ("TLS_RSA_WITH_3DES_EDE_CBC_SHA", Impossible),
    ("TLS_RSA_WITH_RC4_128_SHA", Impossible),
];

/// Which clients are asked for a certificate; an empty text is the default, as in the toolkit.
pub(super) fn client_auth(text: &str) -> Result<ClientAuth, Fault> {
    if text.is_empty() {
        return Ok(ClientAuth::NoClientCert);
    }
    only(text, CLIENT_AUTH, "is no way of asking clients for certificates")
}

/// A version of TLS.
pub(super) fn version(text: &str) -> Result<TlsVersion, Fault> {
    only(text, VERSIONS, "is no version of TLS")
}

/// A group of the key exchange.
pub(super) fn curve(text: &str) -> Result<Curve, Fault> {
    only(text, CURVES, "is no curve")
}

/// A cipher suite; `None` for one of TLS 1.3, which is always offered.
pub(super) fn cipher_suite(text: &str) -> Result<Option<CipherSuite>, Fault> {
    lookup(text, CIPHER_SUITES, "is no cipher suite")
}

impl ClientAuth {
    /// Its word in the file.
    pub(super) fn word(self) -> &'static str {
        word(self, CLIENT_AUTH)
    }
}

impl TlsVersion {
    /// Its word in the file.
    pub(super) fn word(self) -> &'static str {
        word(self, VERSIONS)
    }
}

impl Curve {
    /// Its word in the file.
    pub(super) fn word(self) -> &'static str {
        word(self, CURVES)
    }
}

impl CipherSuite {
    /// Its word in the file.
    pub(super) fn word(self) -> &'static str {
        word(self, CIPHER_SUITES)
    }
}

impl SecurityHeader {
    /// All of them, in the order of the documentation.
    pub(super) const ALL: [Self; 5] = [
        Self::StrictTransportSecurity,
        Self::ContentTypeOptions,
        Self::FrameOptions,
        Self::XssProtection,
        Self::ContentSecurityPolicy,
    ];

    /// The header's name, as it must be written.
    pub fn name(self) -> &'static str {
        match self {
            Self::StrictTransportSecurity => "Strict-Transport-Security",
            Self::ContentTypeOptions => "X-Content-Type-Options",
            Self::FrameOptions => "X-Frame-Options",
            Self::XssProtection => "X-XSS-Protection",
            Self::ContentSecurityPolicy => "Content-Security-Policy",
        }
    }
}

fn word<T: Copy + PartialEq>(value: T, table: &[(&'static str, Meaning<T>)]) -> &'static str {
    table.iter().find(|(_, meaning)| *meaning == Is(value)).map_or("", |(word, _)| *word)
}

/// The value of a word in a table where every word has one or is impossible.
fn only<T: Copy + PartialEq>(text: &str, table: &[(&str, Meaning<T>)], unknown: &str) -> Result<T, Fault> {
    lookup(text, table, unknown)?.ok_or_else(|| refused(text, table, unknown))
}

fn lookup<T: Copy + PartialEq>(
    text: &str,
    table: &[(&str, Meaning<T>)],
    unknown: &str,
) -> Result<Option<T>, Fault> {
    match table.iter().find(|(word, _)| *word == text) {
        Some((_, Is(value))) => Ok(Some(*value)),
        Some((_, Nothing)) => Ok(None),
        Some((_, Impossible)) => Err(refused(text, table, "cannot be spoken by this program")),
        None => {
            let near = nearest(text, table.iter().map(|(word, _)| *word));
            let hint = near.map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default();
            Err(refused(text, table, &format!("{unknown}{hint}")))
        }
    }
}

fn refused<T: PartialEq>(text: &str, table: &[(&str, Meaning<T>)], why: &str) -> Fault {
    // Of several names for one thing the first is recommended.
    let first = |index: usize| !table[..index].iter().any(|(_, meaning)| *meaning == table[index].1);
    let usable =
        table.iter().enumerate().filter(|(index, (_, meaning))| matches!(meaning, Is(_)) && first(*index));
    let words: Vec<_> = usable.map(|(_, (word, _))| *word).collect();
    Fault::new(format!("{} {why}", shown(text)), format!("write one of {}", words.join(", ")))
}
