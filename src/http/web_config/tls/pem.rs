//! What is in the PEM texts: the server's certificate with its key, and the authorities of clients.
//!
//! The mistakes that people make with such files have each their own message: the key of another certificate, the chain
//! upside down, a key with a passphrase, one text in place of another. No message shows anything of a key.

use chrono::DateTime;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{Part, TlsFault};
use crate::site::Timestamp;

const PEM: &str = "write it in PEM (Base64), beginning with";

/// Since when and until when a certificate is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) struct Lifetime {
    pub(in crate::http) begins: Timestamp,
    pub(in crate::http) ends: Timestamp,
}

/// A certificate, its chain, and its key.
pub(super) struct Identity {
    pub(super) key: CertifiedKey,
    pub(super) lifetime: Lifetime,
}

/// Reads the certificate of the server, which comes before those that vouch for it, and the key that belongs to it.
pub(super) fn identity(
    certificate: &[u8],
    key: &[u8],
    provider: &CryptoProvider,
) -> Result<Identity, TlsFault> {
    let chain = certificates(certificate, Part::Certificate)?;
    let lifetime = chain.first().and_then(lifetime);
    let lifetime = lifetime.ok_or_else(|| not_a_certificate(Part::Certificate, 1))?;
    let signing = provider.key_provider.load_private_key(private_key(key)?).map_err(|_| {
        let what = "this private key cannot be used";
        TlsFault::new(
            Part::Key,
            what,
            "make one of RSA with 2048 bits or more, ECDSA P-256, P-384 or P-521, or Ed25519",
        )
    })?;
    let belongs = |chain: Vec<CertificateDer<'static>>| {
        CertifiedKey::new(chain, std::sync::Arc::clone(&signing)).keys_match()
    };
    match belongs(chain.clone()) {
        Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => {}
        Err(Error::InconsistentKeys(_)) => {
            let other = chain.iter().skip(1).position(|other| belongs(vec![other.clone()]).is_ok());
            return Err(match other {
                Some(index) => TlsFault::new(
                    Part::Certificate,
                    format!("the key belongs to certificate {}, not to the first one", index + 2),
                    "put the certificate of this server first, then those that vouch for it",
                ),
                None => TlsFault::new(
                    Part::Key,
                    "the key does not belong to the certificate",
                    "write the key that the certificate was made for",
                ),
            });
        }
        Err(_) => return Err(not_a_certificate(Part::Certificate, 1)),
    }
    Ok(Identity { key: CertifiedKey::new(chain, signing), lifetime })
}

/// Reads the authorities of clients, at least one.
pub(super) fn authorities(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsFault> {
    let authorities = certificates(text, Part::ClientCa)?;
    let mut store = rustls::RootCertStore::empty();
    for (index, authority) in authorities.iter().enumerate() {
        store.add(authority.clone()).map_err(|_| not_a_certificate(Part::ClientCa, index + 1))?;
    }
    Ok(authorities)
}

fn certificates(text: &[u8], part: Part) -> Result<Vec<CertificateDer<'static>>, TlsFault> {
    let mut found = Vec::new();
    for (index, certificate) in CertificateDer::pem_slice_iter(text).enumerate() {
        let certificate = certificate.ok().filter(|certificate| lifetime(certificate).is_some());
        found.push(certificate.ok_or_else(|| not_a_certificate(part, index + 1))?);
    }
    if found.is_empty() {
        let remedy = format!("{PEM} -----BEGIN CERTIFICATE-----");
        return Err(TlsFault::new(part, no("certificate", text), remedy));
    }
    Ok(found)
}

fn private_key(text: &[u8]) -> Result<PrivateKeyDer<'static>, TlsFault> {
    let mentions = |word: &[u8]| text.windows(word.len()).any(|window| window == word);
    // Both forms: a block of its own kind, and the header line of older ones.
    if mentions(b"BEGIN ENCRYPTED PRIVATE KEY") || mentions(b"Proc-Type: 4,ENCRYPTED") {
        let remedy = "take the passphrase off, as with `openssl pkey -in key.pem -out plain.pem`, and let nobody else \
                      read the file";
        return Err(TlsFault::new(Part::Key, "the private key is locked with a passphrase", remedy));
    }
    PrivateKeyDer::from_pem_slice(text).map_err(|error| {
        let remedy = format!("{PEM} -----BEGIN PRIVATE KEY-----");
        match error {
            rustls::pki_types::pem::Error::NoItemsFound => {
                TlsFault::new(Part::Key, no("private key", text), remedy)
            }
            _ => TlsFault::new(Part::Key, "the private key is damaged", "export it again, in PEM (Base64)"),
        }
    })
}

/// That there is none, with a guess at what happened.
fn no(thing: &str, text: &[u8]) -> String {
    let guess = match text {
        [] => ": it is empty",
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => ": it is in UTF-16",
        // How every DER and PKCS#12 file begins.
        [0x30, 0x80..=0x84, ..] => ": it is binary",
        _ if text.starts_with(b"/") || text.get(1..3) == Some(b":\\") => ": it looks like a path",
        _ => "",
    };
    format!("there is no {thing} in it{guess}")
}

fn not_a_certificate(part: Part, number: usize) -> TlsFault {
    TlsFault::new(part, format!("certificate {number} in it is damaged"), "export it again, in PEM (Base64)")
}

fn lifetime(certificate: &CertificateDer<'_>) -> Option<Lifetime> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let at = |seconds| DateTime::from_timestamp(seconds, 0);
    let validity = parsed.validity();
    Some(Lifetime { begins: at(validity.not_before.timestamp())?, ends: at(validity.not_after.timestamp())? })
}
