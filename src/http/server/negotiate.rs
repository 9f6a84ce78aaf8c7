//! Which exposition format and which encoding a client gets, from `Accept` and `Accept-Encoding`.
//!
//! A format is a media type *and* a version: Prometheus 3 ranks `text/plain` 1.0.0 above `text/plain` 0.0.4. Only
//! what is really produced is claimed, so a client that knows nothing but OpenMetrics 0.0.1 gets the classic text.

use std::cmp::{Ordering, Reverse};

use hyper::HeaderMap;
use hyper::header::{ACCEPT, ACCEPT_ENCODING};

/// A format in which metrics are exposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Exposition {
    /// The Prometheus text format 0.0.4, which every scraper reads.
    Text004,
    /// The Prometheus text format 1.0.0.
    Text100,
    /// The OpenMetrics text format 1.0.0.
    OpenMetrics100,
}

/// How names outside the classic character set would be written; the names here are all inside it.
///
/// The schemes `dots` and `values` are not claimed, because `dots` doubles the underscores of plain names too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Escaping {
    /// `allow-utf-8`: unchanged.
    AllowUtf8,
    /// `underscores`: replaced, and the default where nothing was asked for.
    Underscores,
}

/// The format for one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Negotiated {
    /// The format of the body.
    pub exposition: Exposition,
    /// What the content type says of names; [`Exposition::Text004`] says nothing.
    pub escaping: Escaping,
}

impl Negotiated {
    /// What a client gets that asks for nothing that is supported.
    pub const FALLBACK: Self = Self { exposition: Exposition::Text004, escaping: Escaping::Underscores };

    /// The value of `Content-Type`, from which Prometheus chooses its parser.
    pub fn content_type(self) -> &'static str {
        match (self.exposition, self.escaping) {
            (Exposition::Text004, _) => "text/plain; version=0.0.4; charset=utf-8",
            (Exposition::Text100, Escaping::AllowUtf8) => {
                "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8"
            }
            (Exposition::Text100, Escaping::Underscores) => {
                "text/plain; version=1.0.0; charset=utf-8; escaping=underscores"
            }
            (Exposition::OpenMetrics100, Escaping::AllowUtf8) => {
                "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8"
            }
            (Exposition::OpenMetrics100, Escaping::Underscores) => {
                "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores"
            }
        }
    }
}

/// The supported format that the `Accept` headers weigh highest; among equals the more specific, then the first.
///
/// Each format has the weight of the most specific range that it is in: `text/plain;q=0, */*` is anything but that.
pub(crate) fn negotiate(headers: &HeaderMap) -> Negotiated {
    let ranges: Vec<_> = elements(headers, ACCEPT).map(MediaRange::parse).collect();
    let mut best = Negotiated::FALLBACK;
    let mut best_rank = (0.0, 0, Reverse(0));
    for exposition in [Exposition::Text004, Exposition::OpenMetrics100, Exposition::Text100] {
        let matching = ranges.iter().enumerate().filter_map(|(place, range)| {
            let specificity = range.specificity(exposition)?;
            Some((specificity, (range.weight, specificity, Reverse(place)), range.escaping))
        });
        // Of two that are as specific, the one that wants it more.
        let deciding = matching.max_by(|(one, rank, _), (other, other_rank, _)| {
            one.cmp(other).then(rank.partial_cmp(other_rank).unwrap_or(Ordering::Equal))
        });
        if let Some((_, rank, escaping)) = deciding
            && rank.0 > 0.0
            && rank > best_rank
        {
            best_rank = rank;
            best = Negotiated { exposition, escaping };
        }
    }
    best
}

/// Whether the `Accept-Encoding` headers ask for gzip, by name or by `*`, and do not prefer the plain body.
pub(super) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let (mut gzip, mut any, mut identity) = (None, None, None);
    for element in elements(headers, ACCEPT_ENCODING) {
        let (coding, parameters) = element.split_once(';').unwrap_or((element, ""));
        let weight = parameters_of(parameters).find_map(weight_of).unwrap_or(1.0);
        match coding.trim().to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => gzip = Some(weight),
            "identity" => identity = Some(weight),
            "*" => any = Some(weight),
            _ => {}
        }
    }
    let gzip = gzip.or(any).unwrap_or(0.0);
    gzip > 0.0 && gzip >= identity.unwrap_or(0.0)
}

struct MediaRange<'a> {
    media_type: &'a str,
    version: Option<&'a str>,
    escaping: Escaping,
    weight: f32,
}

impl<'a> MediaRange<'a> {
    fn parse(element: &'a str) -> Self {
        let (media_type, parameters) = element.split_once(';').unwrap_or((element, ""));
        let mut range = Self {
            media_type: media_type.trim(),
            version: None,
            escaping: Escaping::Underscores,
            weight: 1.0,
        };
        for (name, value) in parameters_of(parameters) {
            if let Some(weight) = weight_of((name, value)) {
                range.weight = weight;
            } else if name.eq_ignore_ascii_case("version") {
                range.version = Some(value);
            } else if name.eq_ignore_ascii_case("escaping") && value == "allow-utf-8" {
                range.escaping = Escaping::AllowUtf8;
            }
        }
        range
    }

    /// How specifically this range asks for a format; `None` if the format is not in it.
    fn specificity(&self, exposition: Exposition) -> Option<u8> {
        let (kind, subtype, version) = match exposition {
            Exposition::Text004 => ("text/*", "text/plain", "0.0.4"),
            Exposition::Text100 => ("text/*", "text/plain", "1.0.0"),
            Exposition::OpenMetrics100 => ("application/*", "application/openmetrics-text", "1.0.0"),
        };
        let is = |name: &str| self.media_type.eq_ignore_ascii_case(name);
        match self.version {
            _ if is("*/*") => Some(1),
            _ if is(kind) => Some(2),
            None if is(subtype) => Some(3),
            Some(asked) if is(subtype) && asked == version => Some(4),
            _ => None,
        }
    }
}

/// The list elements of all headers of one name; a header that is not plain ASCII counts as absent.
fn elements(headers: &HeaderMap, name: hyper::header::HeaderName) -> impl Iterator<Item = &str> {
    headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| split(value, ','))
}

fn parameters_of(text: &str) -> impl Iterator<Item = (&str, &str)> {
    split(text, ';').filter_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let value = value.trim();
        let unquoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
        Some((name.trim(), unquoted.unwrap_or(value)))
    })
}

/// The weight, if this is the parameter `q`; one that is no number from 0 to 1 weighs nothing.
fn weight_of((name, value): (&str, &str)) -> Option<f32> {
    let in_range = |weight: &f32| (0.0..=1.0).contains(weight);
    name.eq_ignore_ascii_case("q").then(|| value.parse().ok().filter(in_range).unwrap_or(0.0))
}

/// Splits at `separator`, but not inside a quoted string.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |c: char| {
        let literal = std::mem::take(&mut escaped);
        match c {
            _ if literal => false,
            '\\' if quoted => {
                escaped = true;
                false
            }
            '"' => {
                quoted = !quoted;
                false
            }
            c => c == separator && !quoted,
        }
    })
}
