//! Reading a web configuration and every file that it names at one time, so that two readings can be compared.
//!
//! What is read becomes the settings of the server, whole and checked. Reading blocks.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hyper::header::{HeaderName, HeaderValue};
use zeroize::Zeroizing;

use super::WebSettings;
use super::tls::{self, Lifetime, Part, Texts, TlsFault};
use crate::config::{ClientAuth, ConfigError, Pem, Problem, TlsConfig, WebConfig, read_limited};
use crate::platform::private_file::is_open_to_others;

/// A web configuration file and everything that it names, read at one time; nothing of it is shown.
pub struct Material {
    config: WebConfig,
    path: PathBuf,
    texts: Option<Texts>,
    /// Of the texts.
    texts_digest: blake3::Hash,
    /// Of everything.
    digest: blake3::Hash,
    /// The file in which the private key is, where everybody on this machine can read it.
    open_key: Option<PathBuf>,
}

/// What a reading makes of the server.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) settings: WebSettings,
    /// Of the certificate of the server; `None` for plain HTTP.
    pub(super) lifetime: Option<Lifetime>,
}

impl fmt::Debug for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Material").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Material {
    /// Reads a file and what it names.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let file = path.display().to_string();
        let bytes = Zeroizing::new(WebConfig::read(path)?);
        let config = WebConfig::parse(&*bytes, &file, &WebConfig::base(path))?;
        let texts = config.tls.as_ref().map(texts).transpose();
        let texts = texts.map_err(|faults| refusal(&file, &config, faults))?;
        let mut hasher = blake3::Hasher::new();
        if let Some(Texts { certificate, key, client_ca }) = &texts {
            add(&mut hasher, certificate);
            add(&mut hasher, key);
            add(&mut hasher, client_ca.as_deref().unwrap_or_default());
        }
        let texts_digest = hasher.finalize();
        add(&mut hasher, &bytes);
        let key = config.tls.as_ref().map(|tls| match &tls.key {
            Pem::File(key) => key.as_path(),
            Pem::Inline(_) => path,
        });
        let open_key = key.filter(|key| is_open_to_others(key)).map(Path::to_owned);
        let (path, digest) = (path.to_owned(), hasher.finalize());
        Ok(Self { config, path, texts, texts_digest, digest, open_key })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the file says.
    pub fn config(&self) -> &WebConfig {
        &self.config
    }

    /// The same for the same contents of all files.
    pub(super) fn digest(&self) -> blake3::Hash {
        self.digest
    }

    /// The same for the same certificates and keys.
    pub(super) fn texts_digest(&self) -> blake3::Hash {
        self.texts_digest
    }

    /// The file of the private key, if everybody on this machine could read it then.
    pub(super) fn open_key(&self) -> Option<&Path> {
        self.open_key.as_deref()
    }

    /// Whether the server can be made of it, or all that is wrong with its certificates.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.make().map(drop)
    }

    /// Makes the settings of the server.
    pub(super) fn make(&self) -> Result<Made, ConfigError> {
        let tls = match (&self.config.tls, &self.texts) {
            (Some(config), Some(texts)) => Some(
                tls::server_config(config, self.config.http2, texts)
                    .map_err(|faults| refusal(&self.path.display().to_string(), &self.config, faults))?,
            ),
            _ => None,
        };
        let header = |(header, value): &(crate::config::SecurityHeader, String)| {
            // Both were checked where they were read.
            let name = HeaderName::from_bytes(header.name().as_bytes()).ok()?;
            Some((name, HeaderValue::from_str(value).ok()?))
        };
        let (tls, lifetime) = tls.map(|(tls, lifetime)| (Arc::new(tls), lifetime)).unzip();
        let settings = WebSettings {
            tls,
            clients: self.clients(),
            headers: self.config.headers.iter().filter_map(header).collect(),
            users: self.config.users.clone(),
            rate_limit: self.config.rate_limit,
        };
        Ok(Made { settings, lifetime })
    }

    /// The same for the same way of asking, authorities and names.
    fn clients(&self) -> Option<blake3::Hash> {
        let (config, texts) = (self.config.tls.as_ref()?, self.texts.as_ref()?);
        if config.client_auth == ClientAuth::NoClientCert {
            return None;
        }
        let mut hasher = blake3::Hasher::new();
        hasher.update(&[config.client_auth as u8]);
        add(&mut hasher, texts.client_ca.as_deref().unwrap_or_default());
        for name in &config.client_allowed_sans {
            add(&mut hasher, name.as_bytes());
        }
        Some(hasher.finalize())
    }
}

fn add(hasher: &mut blake3::Hasher, bytes: &[u8]) {
    // The length keeps the end of one text apart from the beginning of the next.
    hasher.update(&(bytes.len() as u64).to_le_bytes());
    hasher.update(bytes);
}

/// Reads the texts of a configuration, or tells of every one that cannot be read.
fn texts(config: &TlsConfig) -> Result<Texts, Vec<TlsFault>> {
    let certificate = text(&config.certificate, Part::Certificate);
    let key = text(&config.key, Part::Key).map(Zeroizing::new);
    let client_ca = config.client_ca.as_ref().map(|pem| text(pem, Part::ClientCa)).transpose();
    match (certificate, key, client_ca) {
        (Ok(certificate), Ok(key), Ok(client_ca)) => Ok(Texts { certificate, key, client_ca }),
        (certificate, key, client_ca) => {
            Err([certificate.err(), key.err(), client_ca.err()].into_iter().flatten().collect())
        }
    }
}

fn text(pem: &Pem, part: Part) -> Result<Vec<u8>, TlsFault> {
    let path = match pem {
        Pem::Inline(text) => return Ok(text.clone().into_bytes()),
        Pem::File(path) => path,
    };
    read_limited(path).map_err(|error| {
        let (reason, remedy) = match error.kind() {
            io::ErrorKind::NotFound => ("there is no such file".to_owned(), "check the path"),
            io::ErrorKind::IsADirectory => ("this is a folder".to_owned(), "add the name of the file"),
            io::ErrorKind::FileTooLarge => ("it is far too large".to_owned(), "check the path"),
            io::ErrorKind::PermissionDenied => {
                ("access denied".to_owned(), "let the account that runs the exporter read the file")
            }
            _ => (error.to_string(), "check the file and the volume it is on"),
        };
        TlsFault {
            part,
            what: format!("cannot read {}: {reason}", path.display()),
            remedy: remedy.to_owned(),
        }
    })
}

/// The faults as problems of the file, each at the key that names the text.
fn refusal(file: &str, config: &WebConfig, faults: Vec<TlsFault>) -> ConfigError {
    let problem = |TlsFault { part, what, remedy }: TlsFault| {
        let tls = config.tls.as_ref();
        let (pem, [path, inline]) = match part {
            Part::Certificate => (tls.map(|tls| &tls.certificate), ["cert_file", "cert"]),
            Part::Key => (tls.map(|tls| &tls.key), ["key_file", "key"]),
            Part::ClientCa => (tls.and_then(|tls| tls.client_ca.as_ref()), ["client_ca_file", "client_ca"]),
        };
        let key = if matches!(pem, Some(Pem::Inline(_))) { inline } else { path };
        let key = format!("tls_server_config.{key}");
        Problem { origin: Some(config.origins.of(&key)), path: key, what, remedy }
    };
    ConfigError { file: file.to_owned(), problems: faults.into_iter().map(problem).collect(), source: None }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::tls::samples::Authority;
    use super::*;

    fn read(folder: &Path, text: &str) -> Result<Made, String> {
        let file = folder.join("web.yml");
        fs::write(&file, text).unwrap();
        let made = Material::read(&file).and_then(|material| material.make());
        made.map_err(|error| error.to_string().replace(&folder.display().to_string(), "FOLDER"))
    }

    #[test]
    fn an_empty_file_is_plain_http_for_everybody() {
        let folder = tempfile::tempdir().unwrap();
        let Made { settings, lifetime } = read(folder.path(), "").unwrap();
        assert!(settings.tls.is_none() && settings.users.is_empty() && settings.headers.is_empty());
        assert_eq!((settings.rate_limit, lifetime), (None, None));
    }

    #[test]
    fn a_certificate_is_the_same_in_the_file_as_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let identity = Authority::new("corp").issue(&["cm01.corp.example"]);
        fs::write(folder.path().join("server.crt"), &identity.certificate).unwrap();
        fs::write(folder.path().join("server.key"), &identity.key).unwrap();
        let beside = "tls_server_config: { cert_file: server.crt, key_file: server.key }";
        let block = |text: &str| text.replace('\n', "\n    ");
        let inside = format!(
            "tls_server_config:\n  cert: |\n    {}\n  key: |\n    {}\n",
            block(&identity.certificate),
            block(&identity.key)
        );
        let [beside, inside] = [beside, &inside].map(|text| read(folder.path(), text).unwrap());
        assert_eq!(beside.lifetime.unwrap(), inside.lifetime.unwrap());
        assert!(inside.settings.tls.is_some());
    }

    #[test]
    fn what_clients_are_asked_for_is_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        let clients = |rest: &str| {
            let identity = Authority::new("corp").issue(&["cm01.corp.example"]);
            write("server.crt", &identity.certificate);
            write("server.key", &identity.key);
            let text = format!("tls_server_config: {{ cert_file: server.crt, key_file: server.key{rest} }}");
            read(folder.path(), &text).unwrap().settings.clients
        };
        write("clients.crt", &Authority::new("clients").certificate);
        let verified = ", client_ca_file: clients.crt, client_auth_type: RequireAndVerifyClientCert";
        let named = format!("{verified}, client_allowed_sans: [prometheus.corp.example]");
        let given = verified.replace("RequireAndVerifyClientCert", "VerifyClientCertIfGiven");
        assert_eq!(clients(""), None);
        let all = [verified, &named, &given, ", client_auth_type: RequireAnyClientCert"].map(clients);
        assert!(all.iter().all(Option::is_some));
        assert_eq!(all.iter().collect::<std::collections::HashSet<_>>().len(), all.len());
        // The server's own certificate was another each time.
        assert_eq!(clients(verified), all[0]);
        write("clients.crt", &Authority::new("clients").certificate);
        assert_ne!(clients(verified), all[0]);
    }

    #[test]
    fn everything_that_cannot_be_read_is_told_where_it_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("keys")).unwrap();
        fs::write(folder.path().join("large.crt"), vec![b' '; 2 << 20]).unwrap();
        let text = "tls_server_config:\n  cert_file: missing.crt\n  key_file: keys\n  client_ca_file: large.crt\n  \
                    client_auth_type: RequireAndVerifyClientCert\n";
        let error = read(folder.path(), text).unwrap_err().replace('\\', "/");
        let at = |line, key, file, reason| {
            format!("FOLDER/web.yml:{line}: tls_server_config.{key}: cannot read FOLDER/{file}: {reason}")
        };
        let expected = [
            at(2, "cert_file", "missing.crt", "there is no such file; check the path"),
            at(3, "key_file", "keys", "this is a folder; add the name of the file"),
            at(4, "client_ca_file", "large.crt", "it is far too large; check the path"),
        ];
        assert_eq!(error.lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_certificate_that_cannot_be_used_is_told_where_it_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let text = "tls_server_config:\n  key: SECRET\n  cert: |\n    nothing\n";
        let error = read(folder.path(), text).unwrap_err();
        assert!(error.starts_with("FOLDER"), "{error}");
        assert!(error.ends_with(
            "web.yml:4: tls_server_config.cert: there is no certificate in it; write it in PEM (Base64), beginning with \
             -----BEGIN CERTIFICATE-----"
        ), "{error}");
        assert!(!error.contains("SECRET"), "{error}");
    }
}
