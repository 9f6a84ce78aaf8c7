//! Keys of every form, and what people do wrong with certificates.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use x509_parser::der_parser::parse_der;

use super::*;
use crate::http::web_config::tls::samples::expired;

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}

/// The older form of a key: what PKCS#8 has inside.
fn older_form(label: &str, key: &rcgen::KeyPair) -> String {
    let (_, outer) = parse_der(key.serialized_der()).unwrap();
    pem(label, outer.as_sequence().unwrap()[2].as_slice().unwrap())
}

#[track_caller]
fn refused(certificate: &str, key: &str, client_ca: Option<&str>, part: Part, what: &str) {
    let identity = Identity { certificate: certificate.to_owned(), key: key.to_owned() };
    let mut server =
        Server::new(&identity).with(|config| config.client_auth = ClientAuth::RequireAndVerifyClientCert);
    server.texts.client_ca = client_ca.map(|text| text.as_bytes().to_vec());
    let faults = server_config(&server.config, true, &server.texts).map(drop).unwrap_err();
    let [fault] = faults.as_slice() else { panic!("{faults:?}") };
    assert_eq!((fault.part, fault.what.as_str()), (part, what));
    assert!(!fault.remedy.is_empty());
}

#[test]
fn keys_are_read_in_all_three_forms() {
    let authority = Authority::new("corp");
    let names = &["cm01.corp.example"];
    let ecdsa = rcgen::KeyPair::generate().unwrap();
    let rsa = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let ed25519 = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    // What `openssl ecparam -genkey` writes before the key.
    let parameters = pem("EC PARAMETERS", &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07]);
    for (key, text) in [
        (&ecdsa, ecdsa.serialize_pem()),
        (&ecdsa, older_form("EC PRIVATE KEY", &ecdsa)),
        (&ecdsa, parameters + &older_form("EC PRIVATE KEY", &ecdsa)),
        (&ecdsa, format!("{}{}", authority.certificate, ecdsa.serialize_pem())),
        (&ecdsa, ecdsa.serialize_pem().replace('\n', "\r\n")),
        (&rsa, rsa.serialize_pem()),
        (&rsa, older_form("RSA PRIVATE KEY", &rsa)),
        (&ed25519, ed25519.serialize_pem()),
    ] {
        let identity = Identity { key: text, ..authority.issue_for(key, names, |_| {}) };
        let server = Server::new(&identity).make();
        shake(&server, &Client::of(&authority).make()).unwrap();
    }
}

#[test]
fn a_chain_is_sent_whole() {
    let authority = Authority::new("corp");
    let identity = authority.issue(&["cm01.corp.example"]);
    let chain = Identity { certificate: identity.certificate + &authority.certificate, key: identity.key };
    let server = Server::new(&chain);
    let (_, lifetime) = server_config(&server.config, true, &server.texts).unwrap();
    assert!(lifetime.begins < lifetime.ends);
    shake(&server.make(), &Client::of(&authority).make()).unwrap();
}

#[test]
fn a_certificate_that_has_expired_is_used_and_its_end_is_known() {
    let identity = Authority::new("corp").issue_with(&["cm01.corp.example"], expired);
    let server = Server::new(&identity);
    let (_, lifetime) = server_config(&server.config, true, &server.texts).unwrap();
    assert_eq!(lifetime.ends.to_rfc3339(), "2020-12-31T00:00:00+00:00");
}

#[test]
fn each_mistake_with_certificate_and_key_has_its_message() {
    use Part::{Certificate, Key};
    let authority = Authority::new("corp");
    let Identity { certificate, key } = authority.issue(&["cm01.corp.example"]);
    let other = authority.issue(&["cm01.corp.example"]);
    let upside_down = format!("{}{certificate}", authority.certificate);
    let damaged = pem("CERTIFICATE", &[0; 40]);
    let broken = "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n";
    // The lines end as is usual on the machine that made them.
    let old_lock = key
        .replacen(
            "PRIVATE KEY-----",
            "PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n",
            1,
        )
        .replace(" PRIVATE", " RSA PRIVATE");
    let small = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let nonsense = pem("PRIVATE KEY", &small.serialized_der()[..30]);
    for (certificate, key, part, what) in [
        (&*certificate, &*other.key, Key, "the key does not belong to the certificate"),
        (&upside_down, &key, Certificate, "the key belongs to certificate 2, not to the first one"),
        ("", &key, Certificate, "there is no certificate in it: it is empty"),
        (&key, &key, Certificate, "there is no certificate in it"),
        ("/etc/ssl/server.crt", &key, Certificate, "there is no certificate in it: it looks like a path"),
        ("C:\\server.crt", &key, Certificate, "there is no certificate in it: it looks like a path"),
        (&damaged, &key, Certificate, "certificate 1 in it is damaged"),
        (broken, &key, Certificate, "certificate 1 in it is damaged"),
        (&format!("{certificate}{damaged}"), &key, Certificate, "certificate 2 in it is damaged"),
        (&certificate, "", Key, "there is no private key in it: it is empty"),
        (&certificate, &certificate, Key, "there is no private key in it"),
        (&certificate, &nonsense, Key, "this private key cannot be used"),
        (
            &certificate,
            &key.replace("BEGIN PRIVATE", "BEGIN ENCRYPTED PRIVATE"),
            Key,
            "the private key is locked with a passphrase",
        ),
        (&certificate, &old_lock, Key, "the private key is locked with a passphrase"),
        (&certificate, &key.replace("-----END", "----END"), Key, "the private key is damaged"),
    ] {
        refused(certificate, key, Some(&authority.certificate), part, what);
    }
}

#[test]
fn each_mistake_with_the_authorities_has_its_message() {
    let authority = Authority::new("corp");
    let Identity { certificate, key } = authority.issue(&["cm01.corp.example"]);
    let damaged = format!("{}{}", authority.certificate, pem("CERTIFICATE", &[0; 40]));
    for (client_ca, what) in [
        ("", "there is no certificate in it: it is empty"),
        (&*key, "there is no certificate in it"),
        (&damaged, "certificate 2 in it is damaged"),
    ] {
        refused(&certificate, &key, Some(client_ca), Part::ClientCa, what);
    }
}

#[test]
fn binary_and_utf16_files_are_told_apart() {
    let identity = Authority::new("corp").issue(&["cm01.corp.example"]);
    let utf16: Vec<u8> =
        [0xff, 0xfe].into_iter().chain(identity.certificate.bytes().flat_map(|c| [c, 0])).collect();
    for (text, guess) in [(identity.chain()[0].to_vec(), "it is binary"), (utf16, "it is in UTF-16")] {
        let mut server = Server::new(&identity);
        server.texts.certificate = text;
        let faults = server_config(&server.config, true, &server.texts).map(drop).unwrap_err();
        assert!(faults[0].what.ends_with(guess), "{faults:?}");
    }
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let identity = Authority::new("corp").issue(&["cm01.corp.example"]);
    let mut server = Server::new(&identity);
    server.texts.certificate.clear();
    server.texts.client_ca = Some(Vec::new());
    let faults = server_config(&server.config, true, &server.texts).map(drop).unwrap_err();
    let parts: Vec<_> = faults.iter().map(|fault| fault.part).collect();
    assert_eq!(parts, [Part::Certificate, Part::ClientCa]);
}
