//! Which clients each way of asking for certificates lets in, with both versions of TLS.

use super::*;
use crate::http::web_config::tls::samples::{expired, for_servers, with_other_names};

/// Whether a client with this certificate is let in, which must not depend on the version.
fn is_let_in(server: &Arc<ServerConfig>, authority: &Authority, identity: Option<&Identity>) -> bool {
    let let_in = [ONLY_TLS12, ONLY_TLS13].map(|versions| {
        let client = Client { identity, versions, ..Client::of(authority) };
        shake(server, &client.make()).is_ok()
    });
    assert_eq!(let_in[0], let_in[1]);
    let_in[0]
}

fn asking(identity: &Identity, auth: ClientAuth, authorities: Option<&str>) -> Server {
    let mut server = Server::new(identity).with(|config| config.client_auth = auth);
    server.texts.client_ca = authorities.map(|text| text.as_bytes().to_vec());
    server
}

#[test]
fn each_way_of_asking_lets_in_whom_go_lets_in() {
    use ClientAuth::{
        NoClientCert, RequestClientCert, RequireAndVerifyClientCert, RequireAnyClientCert,
        VerifyClientCertIfGiven,
    };
    let authority = Authority::new("corp");
    let identity = authority.issue(&["cm01.corp.example"]);
    let known = authority.issue(&["prometheus.corp.example"]);
    let stranger = Authority::new("elsewhere").issue(&["prometheus.corp.example"]);
    let late = authority.issue_with(&["prometheus.corp.example"], expired);
    let server_only = authority.issue_with(&["prometheus.corp.example"], for_servers);
    for (auth, verifies, nobody, of_stranger, of_late) in [
        (NoClientCert, false, true, true, true),
        (RequestClientCert, false, true, true, true),
        (RequireAnyClientCert, false, false, true, true),
        (RequireAnyClientCert, true, false, true, true),
        (VerifyClientCertIfGiven, true, true, false, false),
        (RequireAndVerifyClientCert, true, false, false, false),
    ] {
        let server = asking(&identity, auth, verifies.then_some(&authority.certificate)).make();
        let is_let_in = |client| is_let_in(&server, &authority, client);
        assert_eq!(is_let_in(None), nobody, "{auth:?} without");
        assert!(is_let_in(Some(&known)), "{auth:?} known");
        assert_eq!(is_let_in(Some(&stranger)), of_stranger, "{auth:?} of a stranger");
        assert_eq!(is_let_in(Some(&late)), of_late, "{auth:?} expired");
        assert_eq!(is_let_in(Some(&server_only)), of_late, "{auth:?} for servers");
    }
}

#[test]
fn the_key_of_a_certificate_must_be_there_even_if_anybody_may_come() {
    use rustls::client::ResolvesClientCert;
    use rustls::sign::CertifiedKey;

    /// Shows a certificate of another key.
    #[derive(Debug)]
    struct Thief(Arc<CertifiedKey>);
    impl ResolvesClientCert for Thief {
        fn resolve(&self, _: &[&[u8]], _: &[rustls::SignatureScheme]) -> Option<Arc<CertifiedKey>> {
            Some(Arc::clone(&self.0))
        }
        fn has_certs(&self) -> bool {
            true
        }
    }

    let authority = Authority::new("corp");
    let identity = authority.issue(&["cm01.corp.example"]);
    let [shown, own] = [(); 2].map(|()| authority.issue(&["prometheus.corp.example"]));
    let key = default_provider().key_provider.load_private_key(own.private_key()).unwrap();
    let stolen = Arc::new(CertifiedKey::new(shown.chain(), key));
    for auth in [ClientAuth::RequestClientCert, ClientAuth::RequireAnyClientCert] {
        let server = asking(&identity, auth, None).make();
        for versions in [ONLY_TLS12, ONLY_TLS13] {
            let client = Client { versions, ..Client::of(&authority) };
            let mut config = ClientConfig::clone(&client.make());
            config.client_auth_cert_resolver = Arc::new(Thief(Arc::clone(&stolen)));
            shake(&server, &Arc::new(config)).unwrap_err();
        }
    }
}

#[test]
fn a_client_that_vouches_for_itself_is_known_by_its_own_certificate() {
    let authority = Authority::new("corp");
    let identity = authority.issue(&["cm01.corp.example"]);
    let [client, other] = [(); 2].map(|()| Identity::of_itself("prometheus.corp.example", |_| {}));
    let late = Identity::of_itself("prometheus.corp.example", expired);
    let server_only = Identity::of_itself("prometheus.corp.example", for_servers);
    for (known, shown, let_in) in [
        (&client, &client, true),
        (&client, &other, false),
        (&late, &late, false),
        (&server_only, &server_only, false),
    ] {
        let auth = ClientAuth::RequireAndVerifyClientCert;
        let server = asking(&identity, auth, Some(&known.certificate)).make();
        assert_eq!(is_let_in(&server, &authority, Some(shown)), let_in);
    }
}

#[test]
fn any_of_several_authorities_will_do() {
    let [one, other] = ["one", "other"].map(Authority::new);
    let identity = one.issue(&["cm01.corp.example"]);
    let both = format!("{}{}", one.certificate, other.certificate);
    let server = asking(&identity, ClientAuth::RequireAndVerifyClientCert, Some(&both)).make();
    for client in [one.issue(&["a.example"]), other.issue(&["b.example"])] {
        assert!(is_let_in(&server, &one, Some(&client)));
    }
}

#[test]
fn a_client_needs_one_of_the_names_letter_by_letter() {
    let authority = Authority::new("corp");
    let identity = authority.issue(&["cm01.corp.example"]);
    let client =
        authority.issue_with(&["prometheus.corp.example", "192.0.2.7", "2001:db8::7"], with_other_names);
    let nameless = authority.issue_with(&["x"], |params| params.subject_alt_names.clear());
    for (names, let_in) in [
        (&[][..], true),
        (&["prometheus.corp.example"], true),
        (&["other.example", "192.0.2.7"], true),
        (&["2001:db8::7"], true),
        (&["scraper@corp.example"], true),
        (&["spiffe://corp.example/prometheus"], true),
        (&["Prometheus.corp.example"], false),
        (&["corp.example"], false),
        (&["prometheus.corp.example."], false),
        (&["other.example"], false),
    ] {
        let server = asking(&identity, ClientAuth::RequireAndVerifyClientCert, Some(&authority.certificate));
        let names = names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let server = server.with(|config| config.client_allowed_sans.clone_from(&names)).make();
        assert_eq!(is_let_in(&server, &authority, Some(&client)), let_in, "{names:?}");
        assert_eq!(is_let_in(&server, &authority, Some(&nameless)), names.is_empty(), "{names:?}");
        let stranger = Authority::new("elsewhere").issue(&["prometheus.corp.example"]);
        assert!(!is_let_in(&server, &authority, Some(&stranger)), "{names:?}");
    }
}

#[test]
fn a_certificate_is_looked_at_in_every_handshake() {
    use ClientAuth::{
        NoClientCert, RequestClientCert, RequireAndVerifyClientCert, RequireAnyClientCert,
        VerifyClientCertIfGiven,
    };
    let authority = Authority::new("corp");
    let identity = authority.issue(&["cm01.corp.example"]);
    let known = authority.issue(&["prometheus.corp.example"]);
    for (auth, verifies, resumes) in [
        (NoClientCert, false, true),
        (RequestClientCert, false, false),
        (RequireAnyClientCert, false, false),
        (VerifyClientCertIfGiven, true, false),
        (RequireAndVerifyClientCert, true, false),
    ] {
        let server = asking(&identity, auth, verifies.then_some(&authority.certificate)).make();
        for versions in [ONLY_TLS12, ONLY_TLS13] {
            let client = Client { identity: Some(&known), versions, ..Client::of(&authority) }.make();
            let resumed = [(); 2].map(|()| shake(&server, &client).unwrap().resumed);
            assert_eq!(resumed, [false, resumes], "{auth:?} {:?}", versions[0].version);
        }
    }
}

#[test]
fn an_old_session_does_not_outlive_the_configuration_it_began_with() {
    let [old, new] = ["old", "new"].map(Authority::new);
    let identity = old.issue(&["cm01.corp.example"]);
    let auth = ClientAuth::RequireAndVerifyClientCert;
    let [before, after] =
        [&old, &new].map(|authority| asking(&identity, auth, Some(&authority.certificate)).make());
    let known = old.issue(&["prometheus.corp.example"]);
    for versions in [ONLY_TLS12, ONLY_TLS13] {
        let client = Client { identity: Some(&known), versions, ..Client::of(&old) }.make();
        for _ in 0..2 {
            shake(&before, &client).unwrap();
        }
        shake(&after, &client).unwrap_err();
    }
}
