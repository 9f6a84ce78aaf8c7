//! Why there is no encrypted connection. The driver tells it in texts; what they say is found here by their words, and a
//! test against the TLS library shows when those change.

use std::io::ErrorKind;

use tiberius::error::Error as DriverError;

use super::{Target, foreign};
use crate::config::{DatabaseConfig, Encryption};

const LAST_RESORT: &str = "the last resort is trust_server_certificate: true, which believes anybody";

const WRONG_NAME: &str = "the server's certificate is for another name";

/// Words in the complaint about a certificate, what is wrong with it, and the remedy.
const CERTIFICATES: &[(&[&str], &str, &str)] = &[
    (
        // Of an authority with the name of a known one, and another key.
        &["UnknownIssuer", "BadSignature"],
        "this machine trusts nobody who signed the server's certificate",
        "write the file with its authority in sites[].database.ca_file",
    ),
    (
        &["not valid for name", "NotValidForName"],
        WRONG_NAME,
        "write the name that is in it in sites[].database.server",
    ),
    (&["certificate expired", "Expired"], "the server's certificate has expired", "renew it"),
    (
        &["not valid yet", "NotValidYet"],
        "the server's certificate is not valid yet",
        "check the clocks of both machines",
    ),
    (
        &["CaUsedAsEndEntity", "UnsupportedCertVersion"],
        "the server's certificate is one that it made for itself",
        "give it one that an authority signed",
    ),
];

/// A failure of TLS that the driver reports as one of input or output; `None` if it is none.
pub(super) fn in_io(kind: ErrorKind, message: &str, config: &DatabaseConfig) -> Option<String> {
    let strict = config.encryption == Encryption::Strict;
    match kind {
        ErrorKind::NotFound if message.contains("platform") => Some(
            "this machine trusts no authority at all; write the file with that of the server in \
             sites[].database.ca_file"
                .to_owned(),
        ),
        ErrorKind::InvalidData => Some(no_handshake(message, config)),
        ErrorKind::UnexpectedEof if message.contains("tls handshake") => Some(no_handshake(message, config)),
        // With strict encryption, TLS is the first thing on the connection.
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted if strict => {
            Some(no_handshake(message, config))
        }
        _ => None,
    }
}

/// A failure of TLS that the driver reports as one of the protocol or of TLS; `None` if it is none.
pub(super) fn in_protocol(error: &DriverError, target: &Target) -> Option<String> {
    match error {
        DriverError::Tls(text) => Some(match text.split_once("rejected during the TLS handshake: ") {
            Some((_, complaint)) => certificate(complaint, target),
            None => no_handshake(text, &target.config),
        }),
        DriverError::Protocol(text) if text.contains("requested encryption level") => Some(
            "the server offers no encryption; give it a certificate, or write encryption: off where the network is \
             trusted"
                .to_owned(),
        ),
        _ => None,
    }
}

fn certificate(complaint: &str, target: &Target) -> String {
    // Behind it comes advice for programmers.
    let complaint = complaint.split(" To connect anyway").next().unwrap_or(complaint);
    let known = CERTIFICATES.iter().find(|(words, ..)| words.iter().any(|word| complaint.contains(word)));
    match known {
        Some((_, WRONG_NAME, _)) if target.is_replica => {
            format!(
                "{WRONG_NAME}; the availability group calls it so; give it one with this name; {LAST_RESORT}"
            )
        }
        Some((_, what, remedy)) => format!("{what}; {remedy}; {LAST_RESORT}"),
        None => {
            let complaint = foreign(complaint.trim_end_matches('.'));
            format!("the server's certificate cannot be used ({complaint}); replace it; {LAST_RESORT}")
        }
    }
}

fn no_handshake(message: &str, config: &DatabaseConfig) -> String {
    let remedy = match config.encryption {
        Encryption::Strict => {
            "strict needs SQL Server 2022 or newer, set up for it; write encryption: required for others"
        }
        Encryption::Required | Encryption::Off => "the server must allow TLS 1.2 or newer",
    };
    format!("no encrypted connection could be made ({}); {remedy}", foreign(message))
}
