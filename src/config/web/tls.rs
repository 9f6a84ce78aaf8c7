//! The section `tls_server_config`. Whoever writes it wants TLS, so that one without a certificate is refused.

use std::path::Path;

use super::words;
use super::{ClientAuth, Pem, TlsConfig, TlsVersion, values};
use crate::config::origin::Origins;
use crate::config::paths::file_path;
use crate::config::problem::Fault;
use crate::config::section::{Entry, Field, Section};

const PREFIX: &str = "tls_server_config.";

/// The keys under which a PEM text is found: its path, which goes first, and itself.
struct Keys {
    file: &'static str,
    inline: &'static str,
    thing: &'static str,
}

const CERTIFICATE: Keys = Keys { file: "cert_file", inline: "cert", thing: "certificate" };
const KEY: Keys = Keys { file: "key_file", inline: "key", thing: "private key" };
const CLIENT_CA: Keys = Keys { file: "client_ca_file", inline: "client_ca", thing: "client authorities" };

/// Reads the section; `None` where something is wrong, which is then reported.
pub(super) fn tls(entry: &Entry<'_>, base: &Path, origins: &mut Origins) -> Option<TlsConfig> {
    let mut section = entry.unshown_section()?;
    let certificate = pem(&mut section, &CERTIFICATE, base, origins);
    let key = pem(&mut section, &KEY, base, origins);
    let client_ca = pem(&mut section, &CLIENT_CA, base, origins);
    for (keys, found) in [(&CERTIFICATE, &certificate), (&KEY, &key)] {
        if matches!(found, Found::Nothing) {
            let what = format!("one of {} and {} is missing", keys.inline, keys.file);
            let remedy = format!("write the path of the {} as `{}`", keys.thing, keys.file);
            entry.reject(Fault::new(what, remedy));
        }
    }
    let mut field = Field { section: &mut section, prefix: PREFIX, origins };
    let client_auth = field.read("client_auth_type", words::client_auth).unwrap_or(ClientAuth::NoClientCert);
    let min_version = field.read("min_version", words::version).unwrap_or(TlsVersion::Tls12);
    let max_version = field.read("max_version", words::version).unwrap_or(TlsVersion::Tls13);
    let prefer_server_cipher_suites =
        field.read("prefer_server_cipher_suites", crate::config::fields::boolean).unwrap_or(true);
    if min_version > max_version
        && let Some(entry) = section.take("min_version")
    {
        let what = "is newer than max_version, so that no version is left";
        entry.reject(Fault::new(what, "write the older one here, or remove both keys"));
    }
    clients(&mut section, client_auth, &client_ca);
    let client_allowed_sans = allowed_sans(&mut section, client_auth, origins);
    let cipher_suites = cipher_suites(&mut section, min_version, origins);
    let curves = list(&mut section, "curve_preferences", origins, words::curve);
    section.close();
    Some(TlsConfig {
        certificate: certificate.pem()?,
        key: key.pem()?,
        client_auth,
        client_ca: client_ca.pem(),
        client_allowed_sans: client_allowed_sans?,
        min_version,
        max_version,
        cipher_suites: cipher_suites?,
        prefer_server_cipher_suites,
        curves: curves?,
    })
}

/// What stands under the keys of a PEM text.
enum Found {
    Nothing,
    Wrong,
    Pem(Pem),
}

impl Found {
    fn pem(self) -> Option<Pem> {
        match self {
            Self::Pem(pem) => Some(pem),
            Self::Nothing | Self::Wrong => None,
        }
    }
}

fn pem(section: &mut Section<'_>, keys: &Keys, base: &Path, origins: &mut Origins) -> Found {
    let mut field = Field { section, prefix: PREFIX, origins };
    // The text where its path belongs is a slip that shows no one the key.
    let file = field.read(keys.file, |text| match text.contains("-----") {
        true => Err(Fault::new(
            "a PEM text where a path belongs",
            format!("write it under `{}`, as a block after `|`", keys.inline),
        )),
        false => file_path(text, base),
    });
    // Never shown: it may be the key.
    let inline = field.read(keys.inline, |text| match text.trim() {
        "" => Err(Fault::new("an empty text", "write the PEM text as a block after `|`, or remove the key")),
        _ => Ok(text.to_owned()),
    });
    let is_written = section.take(keys.file).is_some() || section.take(keys.inline).is_some();
    match (file, inline) {
        (Some(path), _) => Found::Pem(Pem::File(path)),
        (None, Some(text)) => Found::Pem(Pem::Inline(text)),
        (None, None) if is_written => Found::Wrong,
        (None, None) => Found::Nothing,
    }
}

/// Whether authorities and what is asked of clients belong together.
fn clients(section: &mut Section<'_>, auth: ClientAuth, client_ca: &Found) {
    let verifies =
        matches!(auth, ClientAuth::VerifyClientCertIfGiven | ClientAuth::RequireAndVerifyClientCert);
    match client_ca {
        Found::Nothing if verifies => {
            if let Some(entry) = section.take("client_auth_type") {
                let what =
                    "nothing to verify certificates with: one of client_ca and client_ca_file is missing";
                entry.reject(Fault::new(what, "write the path of the authorities as `client_ca_file`"));
            }
        }
        Found::Pem(_) | Found::Wrong if auth == ClientAuth::NoClientCert => {
            let what = "is of no use, because no client is asked for a certificate";
            let remedy = "add `client_auth_type: RequireAndVerifyClientCert`, or remove the key";
            for key in [CLIENT_CA.file, CLIENT_CA.inline] {
                if let Some(entry) = section.take(key) {
                    entry.reject(Fault::new(what, remedy));
                }
            }
        }
        _ => {}
    }
}

/// The names of which a client must have one: they prove something only if an authority vouches for them.
fn allowed_sans(section: &mut Section<'_>, auth: ClientAuth, origins: &mut Origins) -> Option<Vec<String>> {
    let names = list(section, "client_allowed_sans", origins, values::alternative_name);
    let Some(entry) = section.take("client_allowed_sans") else { return names };
    // As in the toolkit, an empty list asks for nothing.
    let asks = names.as_ref().is_none_or(|names| !names.is_empty());
    if asks && auth != ClientAuth::RequireAndVerifyClientCert {
        let what = "names prove nothing unless every client must show a certificate of a known authority";
        entry.reject(Fault::new(
            what,
            "write `client_auth_type: RequireAndVerifyClientCert`, or remove the key",
        ));
    }
    names
}

/// The suites of TLS 1.2; those of TLS 1.3 may be named, but are not chosen.
fn cipher_suites(
    section: &mut Section<'_>,
    min_version: TlsVersion,
    origins: &mut Origins,
) -> Option<Vec<super::CipherSuite>> {
    let named = list(section, "cipher_suites", origins, words::cipher_suite)?;
    let suites: Vec<_> = named.iter().copied().flatten().collect();
    if suites.is_empty()
        && !named.is_empty()
        && min_version == TlsVersion::Tls12
        && let Some(entry) = section.take("cipher_suites")
    {
        let what = "leaves no suite for TLS 1.2, and those of TLS 1.3 are used in any case";
        entry.reject(Fault::new(what, "write `min_version: TLS13`, or add suites of TLS 1.2"));
    }
    Some(suites)
}

/// A list of values, each of its own; empty where the key is not there, `None` where an item is wrong.
fn list<T>(
    section: &mut Section<'_>,
    key: &'static str,
    origins: &mut Origins,
    parse: impl Fn(&str) -> Result<T, Fault>,
) -> Option<Vec<T>> {
    let Some(entry) = section.take(key) else { return Some(Vec::new()) };
    origins.record(format!("{PREFIX}{key}"), entry.origin());
    let items = entry.list()?;
    let values: Vec<_> = items.iter().map(|item| item.parse(&parse)).collect();
    values.into_iter().collect()
}
