//! The file of certificates that are believed besides those of the operating system, looked at before the driver gets
//! it, because the driver's complaints name its own interface and not the configuration.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// All authorities of an operating system are a quarter of this.
const MOST_BYTES: usize = 1 << 20;

/// A file of certificates cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum AuthoritiesError {
    /// It cannot be opened or read.
    #[error("cannot read {path}", path = .0.display())]
    Unreadable(PathBuf, #[source] io::Error),
    /// It is too large.
    #[error("{path} has more than {MOST_BYTES} bytes; is it another file?", path = .0.display())]
    TooLarge(PathBuf),
    /// There is no certificate in it.
    #[error("no certificate is in {path}; write it in PEM, beginning with -----BEGIN CERTIFICATE-----", path = .0.display())]
    NoCertificate(PathBuf),
    /// What says that it is a certificate is none.
    #[error("certificate {1} in {path} cannot be used; export it again, in PEM (Base64)", path = .0.display())]
    NotACertificate(PathBuf, usize),
}

/// The content of a PEM file with one certificate or more, every one of which can be used; blocks.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, AuthoritiesError> {
    let mut pem = Vec::new();
    let limit = (MOST_BYTES + 1) as u64;
    File::open(path)
        .and_then(|file| file.take(limit).read_to_end(&mut pem))
        .map_err(|error| AuthoritiesError::Unreadable(path.to_owned(), error))?;
    if pem.len() > MOST_BYTES {
        return Err(AuthoritiesError::TooLarge(path.to_owned()));
    }
    let mut usable = RootCertStore::empty();
    for (index, certificate) in CertificateDer::pem_slice_iter(&pem).enumerate() {
        let added = certificate.ok().and_then(|certificate| usable.add(certificate).ok());
        if added.is_none() {
            return Err(AuthoritiesError::NotACertificate(path.to_owned(), index + 1));
        }
    }
    if usable.is_empty() { Err(AuthoritiesError::NoCertificate(path.to_owned())) } else { Ok(pem) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error_chain;

    fn of(content: &[u8]) -> Result<Vec<u8>, AuthoritiesError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        std::fs::write(&path, content).unwrap();
        read(&path)
    }

    #[test]
    fn what_is_no_certificate_is_refused_with_the_file_and_the_remedy() {
        let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let broken = "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n";
        let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        for (content, problem) in [
            (&b""[..], "no certificate is in"),
            (b"\x30\x82\x01\x0a", "no certificate is in"),
            (key.as_bytes(), "no certificate is in"),
            (garbage.as_bytes(), "certificate 1 in"),
            (broken.as_bytes(), "certificate 1 in"),
            (&vec![b' '; MOST_BYTES + 1], "has more than"),
        ] {
            let message = error_chain(&of(content).unwrap_err());
            assert!(message.contains("ca.pem") && message.contains(problem), "{message}");
        }
        let message = error_chain(&read(Path::new("/nowhere/ca.pem")).unwrap_err());
        assert!(message.starts_with("cannot read /nowhere/ca.pem: "), "{message}");
    }
}
