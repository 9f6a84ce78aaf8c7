//! Who vouches for servers and clients, made anew by each test, and a client that believes it.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::process::{DEADLINE, Place};

/// The name of the server in its certificate.
pub(crate) const NAME: &str = "cm01.corp.example";

/// Who vouches for the server, and for clients.
pub(crate) struct Authority {
    params: CertificateParams,
    key: KeyPair,
}

/// A certificate with its key, both as PEM.
pub(crate) struct Identity {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Identity {
    fn chain(&self) -> Vec<CertificateDer<'static>> {
        CertificateDer::pem_slice_iter(self.certificate.as_bytes()).map(Result::unwrap).collect()
    }
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self { params, key: KeyPair::generate().unwrap() }
    }

    /// Its own certificate, as PEM.
    pub(crate) fn certificate(&self) -> String {
        self.params.self_signed(&self.key).unwrap().pem()
    }

    /// What it vouches for, under this DNS name.
    pub(crate) fn issue(&self, name: &str) -> Identity {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &Issuer::from_params(&self.params, &self.key)).unwrap();
        Identity { certificate: certificate.pem(), key: key.serialize_pem() }
    }

    /// A new certificate of the server, put in place; its key comes first, and for a moment they do not match.
    pub(crate) fn renew(&self, place: &Place) -> CertificateDer<'static> {
        let identity = self.issue(NAME);
        place.write("server.key", &identity.key);
        place.write("server.crt", &identity.certificate);
        identity.chain().remove(0)
    }

    /// A client that believes it, and has nothing to show.
    pub(crate) fn client(&self) -> Arc<ClientConfig> {
        self.client_with(None)
    }

    /// A client that shows this.
    pub(crate) fn client_with(&self, identity: Option<&Identity>) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.params.self_signed(&self.key).unwrap().der().clone()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        Arc::new(match identity {
            Some(identity) => {
                let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
                config.with_client_auth_cert(identity.chain(), key).unwrap()
            }
            None => config.with_no_client_auth(),
        })
    }
}

/// One request over a connection of its own: the status line, and the certificate that the server showed.
pub(crate) fn ask(
    address: SocketAddr,
    client: &Arc<ClientConfig>,
) -> io::Result<(String, CertificateDer<'static>)> {
    let socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(DEADLINE))?;
    let connection = ClientConnection::new(Arc::clone(client), ServerName::try_from(NAME).unwrap());
    let mut stream = StreamOwned::new(connection.map_err(io::Error::other)?, socket);
    stream.write_all(b"GET /-/healthy HTTP/1.1\r\nHost: cm01\r\nConnection: close\r\n\r\n")?;
    let mut response = Vec::new();
    stream.read_to_end(&mut response)?;
    let line = String::from_utf8_lossy(&response).lines().next().unwrap_or_default().to_owned();
    Ok((line, stream.conn.peer_certificates().unwrap()[0].clone().into_owned()))
}
