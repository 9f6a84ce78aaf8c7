//! The web configuration as text, each value with where it came from, and no secret in it.
//!
//! All of it is a comment, so that it can follow the resolved configuration and both are still one valid file.

use std::fmt::{Display, Write as _};
use std::path::Path;

use super::{Pem, TlsConfig, WebConfig};

/// What a file says, as comments of YAML, one value a line.
pub fn describe_web(config: &WebConfig, file: &Path) -> String {
    let mut report = Report { text: String::new(), config };
    report.plain(format!("web configuration {}", file.display()));
    match &config.tls {
        Some(tls) => report.tls(tls),
        None => report.plain("tls_server_config: none, plain HTTP"),
    }
    report.plain("http_server_config:");
    report.line("  http2: ", config.http2, "http_server_config.http2");
    if config.headers.is_empty() {
        report.plain("  headers: none besides the exporter's own");
    } else {
        report.plain("  headers:");
    }
    for (header, value) in &config.headers {
        let key = format!("http_server_config.headers.{}", header.name());
        report.line(&format!("    {}: ", header.name()), value, &key);
    }
    if config.users.is_empty() {
        report.plain("basic_auth_users: none, everybody may ask");
    } else {
        report.plain("basic_auth_users:");
    }
    for name in config.users.keys() {
        report.line(&format!("  {name}: "), "a bcrypt hash", &format!("basic_auth_users.{name}"));
    }
    match config.rate_limit {
        Some(limit) => {
            report.plain("rate_limit:");
            report.line("  interval: ", format!("{:?}", limit.interval), "rate_limit.interval");
            report.line("  burst: ", limit.burst, "rate_limit.burst");
        }
        None => report.plain("rate_limit: none"),
    }
    report.text
}

struct Report<'a> {
    text: String,
    config: &'a WebConfig,
}

impl Report<'_> {
    fn tls(&mut self, tls: &TlsConfig) {
        self.plain("tls_server_config:");
        self.pem(&tls.certificate, "cert_file", "cert");
        self.pem(&tls.key, "key_file", "key");
        self.value("client_auth_type", tls.client_auth.word());
        if let Some(client_ca) = &tls.client_ca {
            self.pem(client_ca, "client_ca_file", "client_ca");
        }
        if !tls.client_allowed_sans.is_empty() {
            self.value("client_allowed_sans", listed(tls.client_allowed_sans.iter().map(String::as_str)));
        }
        self.value("min_version", tls.min_version.word());
        self.value("max_version", tls.max_version.word());
        if !tls.cipher_suites.is_empty() {
            self.value("cipher_suites", listed(tls.cipher_suites.iter().map(|suite| suite.word())));
        }
        self.value("prefer_server_cipher_suites", tls.prefer_server_cipher_suites);
        if !tls.curves.is_empty() {
            self.value("curve_preferences", listed(tls.curves.iter().map(|curve| curve.word())));
        }
    }

    fn pem(&mut self, pem: &Pem, file: &str, inline: &str) {
        match pem {
            Pem::File(path) => self.value(file, path.display()),
            Pem::Inline(_) => self.value(inline, "in the file itself"),
        }
    }

    /// A value of the section of TLS.
    fn value(&mut self, key: &str, value: impl Display) {
        self.line(&format!("  {key}: "), value, &format!("tls_server_config.{key}"));
    }

    fn line(&mut self, start: &str, value: impl Display, key: &str) {
        self.plain(format!("{start}{value}  # {}", self.config.origins.of(key)));
    }

    fn plain(&mut self, text: impl Display) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "# {text}");
    }
}

fn listed<'a>(items: impl Iterator<Item = &'a str>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(", "))
}
