//! Single values, and that nothing which a user writes breaks a message or shows a secret; the rules of whole files are
//! in `tests/it/web_config.rs`.

use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

#[test]
fn intervals_are_read_as_ours_and_as_those_of_go() {
    for (text, nanoseconds) in [
        ("0", Some(0)),
        ("0s", Some(0)),
        ("1s", Some(1_000_000_000)),
        ("1.5s", Some(1_500_000_000)),
        (".5s", Some(500_000_000)),
        ("1.s", Some(1_000_000_000)),
        ("200ms", Some(200_000_000)),
        ("100us", Some(100_000)),
        ("100\u{b5}s", Some(100_000)),
        ("7ns", Some(7)),
        ("1m30s", Some(90_000_000_000)),
        ("30s1m", Some(90_000_000_000)),
        ("1h", Some(3_600_000_000_000)),
        ("61m", None),
        ("1d", None),
        ("", None),
        ("1", None),
        ("s", None),
        (".s", None),
        ("-1s", None),
        ("+1s", None),
        ("1 s", None),
        ("1S", None),
        ("1.2.3s", None),
        ("1s5", None),
        ("99999999999999999999s", None),
        ("999999999999999999w", None),
    ] {
        let interval = values::interval(text).ok();
        assert_eq!(interval, nanoseconds.map(Duration::from_nanos), "{text}");
    }
}

#[test]
fn the_hashes_of_all_three_kinds_and_costs_are_taken_as_they_stand() {
    for prefix in ["$2a$", "$2b$", "$2y$"] {
        for cost in 0..=40 {
            let hash = format!("{prefix}{cost:02}$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG");
            let read = values::password_hash(&hash).ok();
            assert_eq!(read.is_some(), (4..=16).contains(&cost), "{hash}");
            assert!(read.is_none_or(|read| read.as_str() == hash));
        }
    }
}

proptest! {
    #[test]
    fn no_value_breaks_the_line_or_is_shown_where_it_may_be_a_secret(
        text in "\\PC{0,20}|[\\x00-\\x1f\\x7f-\\u{a0}\\u{2028}]{1,9}|[0-9a-z.]{1,30}",
        secret in "Zq[0-9a-zA-Z$/.]{6,70}",
    ) {
        let quoted = serde_json::to_string(&text).unwrap();
        let keys = |names: &[&str]| names.iter().map(|name| format!("{name}: {quoted}")).collect::<Vec<_>>().join(", ");
        let tls = keys(&[
            "cert", "cert_file", "key_file", "client_ca", "client_ca_file", "client_auth_type", "min_version", "max_version",
            "prefer_server_cipher_suites",
        ]);
        let headers = keys(&[
            "Content-Security-Policy", "X-Frame-Options", "X-Content-Type-Options", "X-XSS-Protection",
            "Strict-Transport-Security",
        ]);
        let rate = keys(&["interval", "burst"]);
        let yaml = format!(
            "tls_server_config: {{ {tls}, key: '{secret}', client_allowed_sans: [{quoted}], cipher_suites: [{quoted}], \
             curve_preferences: [{quoted}], {quoted}: {quoted} }}\n\
             http_server_config: {{ http2: {quoted}, headers: {{ {headers} }} }}\n\
             basic_auth_users: {{ {quoted}: '{secret}' }}\nrate_limit: {{ {rate} }}\n"
        );
        let parsed = WebConfig::parse(&yaml, "web.yml", Path::new("/"));
        let error = parsed.unwrap_err();
        prop_assert_eq!(error.to_string().lines().count(), error.problems.len());
        prop_assert!(!error.to_string().contains(&secret), "{}", error);
    }

    #[test]
    fn no_file_breaks_it(text in "(tls_server_config|basic_auth_users|[-:?{}\\[\\]&*!|>'\"%@#,~ \t\n]|\\PC){0,60}", bytes: Vec<u8>) {
        for result in [WebConfig::parse(&text, "x.yml", Path::new("/")), WebConfig::parse(&bytes, "x.yml", Path::new("/"))] {
            if let Err(error) = result {
                prop_assert_eq!(error.to_string().lines().count(), error.problems.len(), "{}", error);
            }
        }
    }
}
