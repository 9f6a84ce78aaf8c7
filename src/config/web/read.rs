//! Reading a web configuration: its sections, and what they say together.

use std::path::Path;

use super::values;
use super::{RateLimit, SecurityHeader, TlsVersion, WebConfig, tls};
use crate::config::fields;
use crate::config::load::{WEB_CONFIGURATION, folder, read, tree};
use crate::config::origin::Origins;
use crate::config::problem::{ConfigError, Fault, Problems};
use crate::config::raw::Value;
use crate::config::section::{Entry, Field};

impl WebConfig {
    /// Reads a file; relative paths in it are relative to its folder. What it names is not opened.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        Self::parse(Self::read(path)?, &path.display().to_string(), &Self::base(path))
    }

    /// The bytes of a file.
    pub(crate) fn read(path: &Path) -> Result<Vec<u8>, ConfigError> {
        read(path, WEB_CONFIGURATION)
    }

    /// The folder of relative paths in a file.
    pub(crate) fn base(path: &Path) -> std::path::PathBuf {
        folder(path)
    }

    /// Resolves the text of a file; `file` is its name in messages, `base` the folder of relative paths.
    pub fn parse(text: impl AsRef<[u8]>, file: &str, base: &Path) -> Result<Self, ConfigError> {
        let root = tree(text.as_ref(), file)?;
        if root.value == Value::Nothing {
            return Ok(Self::default());
        }
        let problems = Problems::default();
        let config = config(&Entry::root(&root, &problems), base);
        let problems = problems.into_inner();
        match config {
            Some(config) if problems.is_empty() => Ok(config),
            _ => Err(ConfigError::new(file, problems)),
        }
    }
}

fn config(root: &Entry<'_>, base: &Path) -> Option<WebConfig> {
    let mut section = root.unshown_section()?;
    let tls_entry = section.take("tls_server_config");
    let http_entry = section.take("http_server_config");
    let users_entry = section.take("basic_auth_users");
    let rate_entry = section.take("rate_limit");
    section.close();
    let mut config = WebConfig::default();
    if let Some(entry) = http_entry {
        http(&entry, &mut config);
    }
    if let Some(entry) = &tls_entry {
        config.tls = tls::tls(entry, base, &mut config.origins);
        if config.http2 {
            suites_suit_http2(entry, &config);
        }
    }
    if let Some(entry) = users_entry {
        users(&entry, &mut config);
    }
    config.rate_limit = rate_entry.and_then(|entry| rate_limit(&entry, &mut config.origins));
    Some(config)
}

fn http(entry: &Entry<'_>, config: &mut WebConfig) {
    let Some(mut section) = entry.unshown_section() else { return };
    let mut field =
        Field { section: &mut section, prefix: "http_server_config.", origins: &mut config.origins };
    config.http2 = field.read("http2", fields::boolean).unwrap_or(true);
    let headers_entry = section.take("headers");
    section.close();
    let Some(mut section) = headers_entry.and_then(|entry| entry.section()) else { return };
    for header in SecurityHeader::ALL {
        // A blank value is no header.
        let Some(entry) = section.take(header.name()).filter(|entry| !entry.is_blank()) else { continue };
        config.origins.record(format!("http_server_config.headers.{}", header.name()), entry.origin());
        config.headers.extend(entry.parse(|text| values::header(header, text)).map(|text| (header, text)));
    }
    section.close();
}

/// HTTP/2 asks for suites that every client of it has, and a client without them would be turned away.
fn suites_suit_http2(entry: &Entry<'_>, config: &WebConfig) {
    let Some(tls) = &config.tls else { return };
    let has_suite = tls.cipher_suites.iter().any(|suite| suite.is_required_by_http2());
    if tls.cipher_suites.is_empty() || has_suite || tls.min_version == TlsVersion::Tls13 {
        return;
    }
    if let Some(entry) = entry.section().and_then(|mut section| section.take("cipher_suites")) {
        let what = "has no suite that HTTP/2 requires";
        let remedy = "add TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 (or with ECDSA, as the certificate is), or write \
                      `http2: false` into http_server_config";
        entry.reject(Fault::new(what, remedy));
    }
}

fn users(entry: &Entry<'_>, config: &mut WebConfig) {
    for (name, entry) in entry.members().unwrap_or_default() {
        let user = values::user(name).map_err(|fault| entry.reject(fault)).ok();
        let hash = entry.parse(values::password_hash);
        if let Some((user, hash)) = user.zip(hash) {
            config.origins.record(format!("basic_auth_users.{user}"), entry.origin());
            config.users.insert(user, hash);
        }
    }
}

fn rate_limit(entry: &Entry<'_>, origins: &mut Origins) -> Option<RateLimit> {
    let mut section = entry.unshown_section()?;
    let mut field = Field { section: &mut section, prefix: "rate_limit.", origins };
    let remedy = "write the mean time between two requests, as `interval: 1s`, or remove the section";
    let interval = field.require("interval", remedy, values::interval);
    let burst = field.read("burst", values::burst);
    let burst_entry = section.take("burst");
    let limited = interval.is_none_or(|interval| !interval.is_zero());
    let wanted = "write how many requests may come at once, at least 1, as `burst: 20`";
    match burst_entry {
        None if limited => drop(section.require("burst", wanted)),
        Some(entry) if limited && burst == Some(0) => {
            entry.reject(Fault::new("no request would ever be answered", wanted));
        }
        _ => {}
    }
    section.close();
    let (interval, burst) = interval.zip(burst).filter(|(interval, _)| !interval.is_zero())?;
    Some(RateLimit { interval, burst })
}
