//! Both ends of TLS in memory, without a socket: what a configuration lets in, and what it does not.

mod clients;
mod pem;

use std::sync::Arc;

use rustls::crypto::aws_lc_rs::{ALL_KX_GROUPS, default_provider};
use rustls::pki_types::ServerName;
use rustls::{
    ClientConfig, ClientConnection, HandshakeKind, NamedGroup, ProtocolVersion, RootCertStore,
    ServerConnection, SupportedCipherSuite,
};
use zeroize::Zeroizing;

use super::samples::{Authority, Identity};
use super::*;
use crate::config::{ClientAuth, Pem};

/// A server by its identity, and how it is configured.
struct Server {
    config: TlsConfig,
    http2: bool,
    texts: Texts,
}

impl Server {
    fn new(identity: &Identity) -> Self {
        let config = TlsConfig {
            certificate: Pem::Inline(String::new()),
            key: Pem::Inline(String::new()),
            client_auth: ClientAuth::NoClientCert,
            client_ca: None,
            client_allowed_sans: Vec::new(),
            min_version: TlsVersion::Tls12,
            max_version: TlsVersion::Tls13,
            cipher_suites: Vec::new(),
            prefer_server_cipher_suites: true,
            curves: Vec::new(),
        };
        let texts = Texts {
            certificate: identity.certificate.clone().into_bytes(),
            key: Zeroizing::new(identity.key.clone().into_bytes()),
            client_ca: None,
        };
        Self { config, http2: true, texts }
    }

    fn with(mut self, change: impl FnOnce(&mut TlsConfig)) -> Self {
        change(&mut self.config);
        self
    }

    fn make(&self) -> Arc<ServerConfig> {
        Arc::new(server_config(&self.config, self.http2, &self.texts).unwrap().0)
    }
}

/// What a client brings.
struct Client<'a> {
    authority: &'a Authority,
    identity: Option<&'a Identity>,
    versions: &'static [&'static SupportedProtocolVersion],
    suites: Option<Vec<SupportedCipherSuite>>,
    groups: Option<Vec<NamedGroup>>,
    protocols: &'a [&'a [u8]],
}

impl<'a> Client<'a> {
    fn of(authority: &'a Authority) -> Self {
        let versions = rustls::ALL_VERSIONS;
        Self { authority, identity: None, versions, suites: None, groups: None, protocols: &[] }
    }

    fn make(&self) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        let authority = Identity { certificate: self.authority.certificate.clone(), key: String::new() };
        roots.add(authority.chain().remove(0)).unwrap();
        let mut provider = default_provider();
        if let Some(suites) = &self.suites {
            provider.cipher_suites = suites.clone();
        }
        if let Some(groups) = &self.groups {
            let of_name = |name| ALL_KX_GROUPS.iter().copied().find(|group| group.name() == name).unwrap();
            provider.kx_groups = groups.iter().map(|name| of_name(*name)).collect();
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(self.versions)
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match self.identity {
            Some(identity) => {
                builder.with_client_auth_cert(identity.chain(), identity.private_key()).unwrap()
            }
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = self.protocols.iter().map(|protocol| protocol.to_vec()).collect();
        Arc::new(config)
    }
}

/// What both agreed on.
#[derive(Debug, PartialEq, Eq)]
struct Agreed {
    version: ProtocolVersion,
    suite: rustls::CipherSuite,
    /// `None` where a session was resumed.
    group: Option<NamedGroup>,
    protocol: Option<Vec<u8>>,
    resumed: bool,
}

/// The whole handshake, and a byte each way: with TLS 1.3 a client learns only then that it is not let in.
fn shake(server: &Arc<ServerConfig>, client: &Arc<ClientConfig>) -> Result<Agreed, rustls::Error> {
    use std::io::{Read, Write};
    let name = ServerName::try_from("cm01.corp.example").unwrap();
    let mut client = ClientConnection::new(Arc::clone(client), name).unwrap();
    let mut server = ServerConnection::new(Arc::clone(server)).unwrap();
    client.writer().write_all(b"?").unwrap();
    server.writer().write_all(b"!").unwrap();
    let mut pipe = Vec::new();
    for _ in 0..10 {
        client.write_tls(&mut pipe).unwrap();
        server.read_tls(&mut pipe.as_slice()).unwrap();
        pipe.clear();
        server.process_new_packets()?;
        server.write_tls(&mut pipe).unwrap();
        client.read_tls(&mut pipe.as_slice()).unwrap();
        pipe.clear();
        client.process_new_packets()?;
    }
    let mut byte = [0];
    client.reader().read_exact(&mut byte).unwrap();
    server.reader().read_exact(&mut byte).unwrap();
    Ok(Agreed {
        version: server.protocol_version().unwrap(),
        suite: server.negotiated_cipher_suite().unwrap().suite(),
        group: server.negotiated_key_exchange_group().map(SupportedKxGroup::name),
        protocol: server.alpn_protocol().map(<[u8]>::to_vec),
        resumed: server.handshake_kind() == Some(HandshakeKind::Resumed),
    })
}

#[test]
fn the_versions_are_those_between_the_two() {
    use ProtocolVersion::{TLSv1_2, TLSv1_3};
    use TlsVersion::{Tls12, Tls13};
    let authority = Authority::new("corp");
    let identity = authority.issue(&["cm01.corp.example"]);
    for (least, most, of_old, of_new) in [
        (Tls12, Tls13, Some(TLSv1_2), Some(TLSv1_3)),
        (Tls12, Tls12, Some(TLSv1_2), Some(TLSv1_2)),
        (Tls13, Tls13, None, Some(TLSv1_3)),
    ] {
        let server = Server::new(&identity).with(|config| {
            (config.min_version, config.max_version) = (least, most);
        });
        let server = server.make();
        let version = |versions| {
            let client = Client { versions, ..Client::of(&authority) };
            shake(&server, &client.make()).ok().map(|agreed| agreed.version)
        };
        assert_eq!(version(ONLY_TLS12), of_old, "{least:?} {most:?}");
        assert_eq!(version(rustls::ALL_VERSIONS), of_new, "{least:?} {most:?}");
    }
}

#[test]
fn only_the_named_suites_are_spoken_in_tls12_and_all_in_tls13() {
    let authority = Authority::new("corp");
    let identity = authority.issue(&["cm01.corp.example"]);
    let all = [CipherSuite::EcdsaAes128, CipherSuite::EcdsaAes256, CipherSuite::EcdsaChaCha20];
    for suite in all {
        let server = Server::new(&identity).with(|config| config.cipher_suites = vec![suite]).make();
        for other in all {
            let client = Client {
                versions: ONLY_TLS12,
                suites: Some(vec![of_suite(other)]),
                ..Client::of(&authority)
            };
            let agreed = shake(&server, &client.make()).ok().map(|agreed| agreed.suite);
            let expected = (suite == other).then(|| of_suite(suite).suite());
            assert_eq!(agreed, expected, "{suite:?} {other:?}");
        }
        for suite in [cipher_suite::TLS13_AES_128_GCM_SHA256, cipher_suite::TLS13_CHACHA20_POLY1305_SHA256] {
            let client = Client { suites: Some(vec![suite]), ..Client::of(&authority) };
            assert_eq!(shake(&server, &client.make()).unwrap().suite, suite.suite());
        }
    }
}

#[test]
fn the_suites_of_rsa_are_spoken_with_a_certificate_of_rsa() {
    let authority = Authority::new("corp");
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let identity = authority.issue_for(&key, &["cm01.corp.example"], |_| {});
    for suite in [CipherSuite::RsaAes128, CipherSuite::RsaAes256, CipherSuite::RsaChaCha20] {
        let server = Server::new(&identity).with(|config| config.cipher_suites = vec![suite]).make();
        let client = Client { versions: ONLY_TLS12, ..Client::of(&authority) };
        assert_eq!(shake(&server, &client.make()).unwrap().suite, of_suite(suite).suite());
    }
}

#[test]
fn who_goes_first_in_choosing_the_suite_is_configured() {
    let authority = Authority::new("corp");
    let identity = authority.issue(&["cm01.corp.example"]);
    let [one, other] = [CipherSuite::EcdsaAes256, CipherSuite::EcdsaAes128];
    for (of_server, chosen) in [(true, one), (false, other)] {
        let server = Server::new(&identity).with(|config| {
            config.cipher_suites = vec![one, other];
            config.prefer_server_cipher_suites = of_server;
        });
        let client = Client {
            versions: ONLY_TLS12,
            suites: Some(vec![of_suite(other), of_suite(one)]),
            ..Client::of(&authority)
        };
        let agreed = shake(&server.make(), &client.make()).unwrap();
        assert_eq!(agreed.suite, of_suite(chosen).suite(), "{of_server}");
    }
}

#[test]
fn only_the_named_curves_are_used() {
    let authority = Authority::new("corp");
    let identity = authority.issue(&["cm01.corp.example"]);
    let curves = [
        (Curve::X25519, NamedGroup::X25519),
        (Curve::P256, NamedGroup::secp256r1),
        (Curve::P384, NamedGroup::secp384r1),
    ];
    for (curve, group) in curves {
        let server = Server::new(&identity).with(|config| config.curves = vec![curve]).make();
        for versions in [ONLY_TLS12, ONLY_TLS13] {
            for (_, other) in curves {
                let client = Client { versions, groups: Some(vec![other]), ..Client::of(&authority) };
                let agreed = shake(&server, &client.make()).ok().and_then(|agreed| agreed.group);
                assert_eq!(agreed, (group == other).then_some(group), "{curve:?} {other:?}");
            }
        }
    }
}

#[test]
fn http2_is_offered_unless_it_is_switched_off() {
    let authority = Authority::new("corp");
    let identity = authority.issue(&["cm01.corp.example"]);
    for (http2, protocols, agreed) in [
        (true, &[HTTP2, HTTP1][..], Some(HTTP2)),
        (true, &[HTTP1, HTTP2], Some(HTTP2)),
        (true, &[HTTP1], Some(HTTP1)),
        (true, &[], None),
        (false, &[HTTP2, HTTP1], Some(HTTP1)),
        (false, &[], None),
    ] {
        let server = Server { http2, ..Server::new(&identity) }.make();
        let client = Client { protocols, ..Client::of(&authority) };
        let protocol = shake(&server, &client.make()).unwrap().protocol;
        assert_eq!(protocol.as_deref(), agreed, "{http2} {protocols:?}");
    }
    let server = Server { http2: false, ..Server::new(&identity) }.make();
    shake(&server, &Client { protocols: &[HTTP2], ..Client::of(&authority) }.make()).unwrap_err();
}
