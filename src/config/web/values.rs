//! The single values of a web configuration, but for the words of TLS.
//!
//! A password hash is a secret: whatever is wrong with one, no message shows it.

use std::time::Duration;

use super::{PasswordHash, SecurityHeader};
use crate::config::problem::{Fault, is_invisible, shown};

/// The costs of a hash: what bcrypt allows at least, and what still takes less than ten seconds.
const COSTS: std::ops::RangeInclusive<u32> = 4..=16;

/// More than this between two requests, and Prometheus could not scrape any more.
const LONGEST_INTERVAL: Duration = Duration::from_secs(3600);

/// What Go's durations consist of, in nanoseconds, with the days and weeks of Prometheus.
const UNITS: [(&str, u64); 9] = [
    ("w", 604_800_000_000_000),
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1000),
    ("\u{b5}s", 1000),
    ("ns", 1),
];

/// The name of a user, as browsers can send it.
pub(super) fn user(name: &str) -> Result<String, Fault> {
    let what = match name {
        "" => "an empty user name",
        _ if name.contains(':') => "a user name with a colon",
        _ if name.contains(is_invisible) => "a user name with characters that cannot be seen",
        _ => return Ok(name.to_owned()),
    };
    Err(Fault::new(what, "write a name that basic authentication can carry, then `: ` and the hash"))
}

/// A bcrypt hash.
pub(super) fn password_hash(text: &str) -> Result<PasswordHash, Fault> {
    const MAKE: &str =
        "make a hash with `htpasswd -nBC 10 \"\"`, and write what follows the colon in single quotes";
    let known = ["$2a$", "$2b$", "$2y$"].iter().any(|prefix| text.starts_with(prefix));
    if !known {
        return Err(Fault::new("not a bcrypt hash, which begins with $2a$, $2b$ or $2y$", MAKE));
    }
    let parts: bcrypt::HashParts = text.parse().map_err(|_| {
        Fault::new("not a whole bcrypt hash: there must be 60 characters, two of them the cost", MAKE)
    })?;
    match parts.get_cost() {
        cost if cost > *COSTS.end() => {
            let what = format!("a hash of cost {cost}, which takes many seconds each time");
            Err(Fault::new(what, "make one of cost 10 to 12"))
        }
        cost if !COSTS.contains(&cost) => {
            Err(Fault::new(format!("a hash of cost {cost}, which bcrypt does not know"), MAKE))
        }
        _ => Ok(PasswordHash(text.to_owned())),
    }
}

/// What a header may say.
pub(super) fn header(header: SecurityHeader, text: &str) -> Result<String, Fault> {
    let known: &[&str] = match header {
        SecurityHeader::FrameOptions => &["deny", "sameorigin"],
        SecurityHeader::ContentTypeOptions => &["nosniff"],
        _ => &[],
    };
    if !known.is_empty() && !known.iter().any(|word| word.eq_ignore_ascii_case(text)) {
        let what = format!("{} is not known to browsers", shown(text));
        return Err(Fault::new(what, format!("write {}, or remove the header", known.join(" or "))));
    }
    if !text.bytes().all(|c| matches!(c, b' '..=b'~')) || text.trim() != text {
        let what = format!("{} cannot be the value of a header", shown(text));
        return Err(Fault::new(what, "write visible ASCII characters, on one line"));
    }
    Ok(text.to_owned())
}

/// An alternative name of a client certificate, compared letter by letter.
pub(super) fn alternative_name(text: &str) -> Result<String, Fault> {
    if text.is_empty() || text.contains(is_invisible) {
        let what = format!("{} is no name", shown(text));
        return Err(Fault::new(what, "write a DNS name, an e-mail address, an IP address or a URI"));
    }
    if text.contains('*') {
        let what = format!("{} has a wildcard, and names are compared letter by letter", shown(text));
        return Err(Fault::new(what, "write each name as it stands in the certificate"));
    }
    Ok(text.to_owned())
}

/// The mean time between two requests: our durations and Go's, such as `1.5s` and `100us`.
pub(super) fn interval(text: &str) -> Result<Duration, Fault> {
    let nanoseconds = nanoseconds(text).ok_or_else(|| {
        let what = format!("{} is not a duration", shown(text));
        Fault::new(what, "write numbers with units, as 1s, 1.5s, 200ms or 100us; 0 switches the limit off")
    })?;
    let interval = Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX));
    if interval > LONGEST_INTERVAL {
        let what = format!("{} is too long: hardly a request would be answered", shown(text));
        return Err(Fault::new(what, "write at most 1h"));
    }
    Ok(interval)
}

fn nanoseconds(text: &str) -> Option<u128> {
    if text == "0" {
        return Some(0);
    }
    let (mut rest, mut total) = (text, 0u128);
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit() && c != '.')?);
        let end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let (_, unit) = UNITS.iter().find(|(name, _)| *name == unit)?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        // More digits would be less than a nanosecond, or more than a lifetime.
        if whole.len() + fraction.len() == 0 || whole.len() > 18 || fraction.len() > 18 {
            return None;
        }
        let scale = 10u128.pow(u32::try_from(fraction.len()).ok()?);
        let digits: u128 = format!("{whole}{fraction}").parse().ok()?;
        total = total.checked_add(digits.checked_mul(u128::from(*unit))? / scale)?;
        rest = after;
    }
    if text.is_empty() { None } else { Some(total) }
}

/// How many requests may come at once.
pub(super) fn burst(text: &str) -> Result<u32, Fault> {
    text.parse().ok().filter(|_| text.bytes().all(|c| c.is_ascii_digit())).ok_or_else(|| {
        let what = format!("{} is not a number of requests", shown(text));
        Fault::new(what, "write a whole number, as 20")
    })
}
