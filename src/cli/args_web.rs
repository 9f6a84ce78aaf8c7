//! The values of the `--web.*` flags.

use std::fmt;
use std::io;
use std::net::{Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::str::FromStr;

/// Why a text is no value for its flag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidValue(String);

pub(super) fn invalid<T>(reason: impl Into<String>) -> Result<T, InvalidValue> {
    Err(InvalidValue(reason.into()))
}

/// An address to listen on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ListenAddress {
    /// A name or an address without brackets; `None` for all addresses of this machine, IPv4 and IPv6.
    pub host: Option<String>,
    /// 0 for any free port.
    pub port: u16,
}

impl ListenAddress {
    /// The address to bind: a host name is looked up (which may block) and its IPv4 address preferred.
    ///
    /// Without a host it is `[::]`, which listens for IPv4 too.
    pub fn resolve(&self) -> io::Result<SocketAddr> {
        let Some(host) = self.host.as_deref() else { return Ok((Ipv6Addr::UNSPECIFIED, self.port).into()) };
        let found: Vec<SocketAddr> = (host, self.port).to_socket_addrs()?.collect();
        let preferred = found.iter().find(|address| address.is_ipv4()).or(found.first());
        preferred.copied().ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the name has no address"))
    }
}

impl FromStr for ListenAddress {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let Some((host, port)) = text.rsplit_once(':') else {
            return invalid("write host:port, or :port for all addresses");
        };
        let Some(port) =
            Some(port).filter(|p| p.bytes().all(|c| c.is_ascii_digit())).and_then(|p| p.parse().ok())
        else {
            return invalid("the port is not a number from 0 to 65535");
        };
        let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            // A zone, as in fe80::1%eth0, is for the resolver to understand.
            Some(host) if host.split('%').next().is_some_and(|host| host.parse::<Ipv6Addr>().is_ok()) => host,
            Some(_) => return invalid("there is no IPv6 address in the brackets"),
            None if host.contains(':') => return invalid("write IPv6 addresses in brackets, as [::1]:10052"),
            None if host.contains(|c: char| c.is_whitespace() || "/[]".contains(c)) => {
                return invalid("write host:port without scheme and path");
            }
            None => host,
        };
        Ok(Self { host: Some(host.to_owned()).filter(|host| !host.is_empty()), port })
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.as_deref() {
            None => write!(f, ":{}", self.port),
            Some(host) if host.contains(':') => write!(f, "[{host}]:{}", self.port),
            Some(host) => write!(f, "{host}:{}", self.port),
        }
    }
}

/// The path of the metrics, which no other route has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TelemetryPath(String);

/// Where the other routes begin.
const OTHER_ROUTES: [&str; 3] = ["/-", "/health", "/api"];

impl TelemetryPath {
    /// The path, which begins with a slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TelemetryPath {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "/-._~".contains(c);
        if !text.starts_with('/') {
            return invalid("the path must begin with /");
        }
        if text.ends_with('/') {
            return invalid("the path must have a name after its last /");
        }
        if !text.chars().all(allowed) || text.contains("//") {
            return invalid("the path may have letters, digits, -, ., _ and ~ between single slashes");
        }
        let below = |route: &str| {
            text.strip_prefix(route).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        match OTHER_ROUTES.into_iter().find(|route| below(route)) {
            Some(route) => invalid(format!("{route} is taken by other pages")),
            None => Ok(Self(text.to_owned())),
        }
    }
}

impl fmt::Display for TelemetryPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_port_and_perhaps_a_host() {
        for (text, host, port) in [
            (":10052", None, 10052),
            ("0.0.0.0:0", Some("0.0.0.0"), 0),
            ("[::1]:9100", Some("::1"), 9100),
            ("[fe80::1%eth0]:9100", Some("fe80::1%eth0"), 9100),
            ("cm01.corp.example:80", Some("cm01.corp.example"), 80),
        ] {
            let address: ListenAddress = text.parse().unwrap();
            assert_eq!((address.host.as_deref(), address.port), (host, port), "{text}");
            assert_eq!(address.to_string(), text);
        }
        for text in [
            "",
            "10052",
            "localhost",
            ":",
            ":65536",
            ":+1",
            "::1:80",
            "[::1]",
            "[x]:1",
            "http://a:1",
            "a b:1",
        ] {
            assert!(text.parse::<ListenAddress>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_telemetry_path_is_no_other_route() {
        for text in ["/metrics", "/a/b.c", "/healthy", "/apis", "/-x"] {
            assert_eq!(text.parse::<TelemetryPath>().unwrap().as_str(), text);
        }
        for text in [
            "",
            "metrics",
            "/",
            "/metrics/",
            "/-",
            "/-/healthy",
            "/health",
            "/health/backup",
            "/api/v1/sites",
            "/m?x",
            "/m m",
            "//metrics",
            "/m#x",
            "/ä",
        ] {
            assert!(text.parse::<TelemetryPath>().is_err(), "{text}");
        }
    }
}
