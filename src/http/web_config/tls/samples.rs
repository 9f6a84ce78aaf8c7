//! Certificates for tests, made anew each time: an authority, what it vouches for, and clients that speak TLS.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SanType,
    date_time_ymd,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Somebody who vouches for others.
pub(in crate::http) struct Authority {
    params: CertificateParams,
    key: KeyPair,
    pub(in crate::http) certificate: String,
}

/// A certificate with its key, both as PEM.
#[derive(Debug, Clone)]
pub(in crate::http) struct Identity {
    pub(in crate::http) certificate: String,
    pub(in crate::http) key: String,
}

impl Authority {
    pub(in crate::http) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().pem();
        Self { params, key, certificate }
    }

    /// What it vouches for, under these DNS names and addresses.
    pub(in crate::http) fn issue(&self, names: &[&str]) -> Identity {
        self.issue_with(names, |_| {})
    }

    pub(in crate::http) fn issue_with(
        &self,
        names: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> Identity {
        self.issue_for(&KeyPair::generate().unwrap(), names, change)
    }

    pub(in crate::http) fn issue_for(
        &self,
        key: &KeyPair,
        names: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> Identity {
        let mut params = named(names);
        change(&mut params);
        let issuer = Issuer::from_params(&self.params, &self.key);
        let certificate = params.signed_by(key, &issuer).unwrap().pem();
        Identity { certificate, key: key.serialize_pem() }
    }
}

impl Identity {
    /// One that vouches for itself, as `openssl req -x509` makes it.
    pub(in crate::http) fn of_itself(name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = named(&[name]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        Self { certificate: params.self_signed(&key).unwrap().pem(), key: key.serialize_pem() }
    }

    pub(super) fn chain(&self) -> Vec<CertificateDer<'static>> {
        CertificateDer::pem_slice_iter(self.certificate.as_bytes()).map(Result::unwrap).collect()
    }

    pub(super) fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::from_pem_slice(self.key.as_bytes()).unwrap()
    }
}

fn named(names: &[&str]) -> CertificateParams {
    let mut params =
        CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
    params.distinguished_name.push(DnType::CommonName, names[0]);
    params
}

/// For servers alone.
pub(in crate::http) fn for_servers(params: &mut CertificateParams) {
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
}

/// Believed until the end of 2020.
pub(in crate::http) fn expired(params: &mut CertificateParams) {
    (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2020, 12, 31));
}

/// With an e-mail address and a URI too.
pub(in crate::http) fn with_other_names(params: &mut CertificateParams) {
    params.subject_alt_names.push(SanType::Rfc822Name("scraper@corp.example".try_into().unwrap()));
    params.subject_alt_names.push(SanType::URI("spiffe://corp.example/prometheus".try_into().unwrap()));
}
