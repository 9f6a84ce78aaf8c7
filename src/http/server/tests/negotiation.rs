//! The headers of real clients, and anything at all.

use hyper::header::{ACCEPT, ACCEPT_ENCODING};
use proptest::prelude::*;

use super::*;
use Exposition::{OpenMetrics100, Text004, Text100};

const PROMETHEUS_2_42: &str = "application/openmetrics-text;version=1.0.0,\
    application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
const PROMETHEUS_3: &str = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
    application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
    text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
// With --enable-feature=native-histograms.
const PROMETHEUS_2_42_PROTOBUF: &str = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;\
    encoding=delimited,application/openmetrics-text;version=1.0.0;q=0.8,\
    application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
// With scrape_native_histograms.
const PROMETHEUS_3_PROTOBUF: &str = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;\
    encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,\
    application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,\
    text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
// Until 3.1 every format has the escaping.
const PROMETHEUS_3_0: &str = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
    application/openmetrics-text;version=0.0.1;escaping=allow-utf-8;q=0.5,\
    text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;escaping=allow-utf-8;q=0.3,\
    */*;q=0.2";
// With metric_name_validation_scheme: legacy.
const PROMETHEUS_3_LEGACY: &str = "application/openmetrics-text;version=1.0.0;escaping=underscores;q=0.6,\
    application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=underscores;q=0.4,\
    text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
// With scrape_protocols: [PrometheusProto, PrometheusText1.0.0, PrometheusText0.0.4].
const PROMETHEUS_3_NO_OPENMETRICS: &str = "application/vnd.google.protobuf;\
    proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,\
    text/plain;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.3";
const OPENMETRICS_0_0_1: &str =
    "application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
const FIREFOX: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8";

fn headers(name: &HeaderName, values: &[&str]) -> HeaderMap {
    values.iter().map(|value| (name.clone(), HeaderValue::from_str(value).unwrap())).collect()
}

fn accept(value: &str) -> Negotiated {
    negotiate(&headers(&ACCEPT, &[value]))
}

#[test]
fn each_client_gets_the_best_that_it_reads() {
    for (value, expected) in [
        (PROMETHEUS_2_42, OpenMetrics100),
        (PROMETHEUS_3, OpenMetrics100),
        (PROMETHEUS_2_42_PROTOBUF, OpenMetrics100),
        (PROMETHEUS_3_PROTOBUF, OpenMetrics100),
        (PROMETHEUS_3_0, OpenMetrics100),
        (PROMETHEUS_3_LEGACY, OpenMetrics100),
        (PROMETHEUS_3_NO_OPENMETRICS, Text100),
        (OPENMETRICS_0_0_1, Text004),
        (FIREFOX, Text004),
        // curl
        ("*/*", Text004),
        ("", Text004),
        ("text/plain", Text004),
        ("text/*", Text004),
        ("text/plain; version=0.0.4", Text004),
        ("text/plain; version=1.0.0", Text100),
        ("TEXT/Plain; Version=\"1.0.0\"", Text100),
        ("text/plain; version=2.0.0", Text004),
        ("application/openmetrics-text", OpenMetrics100),
        ("application/openmetrics-text; version=1.0.0; charset=utf-8", OpenMetrics100),
        ("application/openmetrics-text; version=0.0.1", Text004),
        ("application/openmetrics-text; version=2.0.0", Text004),
        ("application/*", OpenMetrics100),
        ("application/json", Text004),
        // Weight decides, then how specific it is, then the order.
        ("text/plain;version=0.0.4;q=0.3,text/plain;version=1.0.0;q=0.4", Text100),
        ("text/plain;version=0.0.4;q=0.4,text/plain;version=1.0.0;q=0.3", Text004),
        ("*/*, application/openmetrics-text", OpenMetrics100),
        ("text/plain, application/openmetrics-text", Text004),
        ("application/openmetrics-text, text/plain", OpenMetrics100),
        ("application/openmetrics-text;q=0", Text004),
        ("application/openmetrics-text;q=0.000, text/plain;version=1.0.0;q=0.001", Text100),
        // What is refused by name is not had by a wildcard.
        ("text/plain;q=0, */*", OpenMetrics100),
        ("text/plain;q=0.1, */*;q=0.9", OpenMetrics100),
        ("text/plain;version=0.0.4;q=0, text/plain", Text100),
        ("text/*;q=0, */*;q=0.1", OpenMetrics100),
        // Garbage weighs nothing and hides nothing.
        ("application/openmetrics-text;q=high", Text004),
        ("application/openmetrics-text;q=NaN", Text004),
        ("application/openmetrics-text;q=2", Text004),
        (",;=,;;,q=1,text/plain;;version=1.0.0;=", Text100),
        ("\"application/openmetrics-text", Text004),
        ("text/plain;note=\"a,application/openmetrics-text\\\",\"", Text004),
    ] {
        assert_eq!(accept(value).exposition, expected, "{value}");
    }
}

#[test]
fn no_header_is_the_classic_text_and_several_headers_are_one_list() {
    assert_eq!(negotiate(&HeaderMap::new()), Negotiated::FALLBACK);
    let two = headers(&ACCEPT, &["text/plain;q=0.5", "application/openmetrics-text;q=0.6"]);
    assert_eq!(negotiate(&two).exposition, OpenMetrics100);
}

#[test]
fn the_content_type_claims_what_is_produced() {
    for (value, expected) in [
        (PROMETHEUS_2_42, "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores"),
        (PROMETHEUS_3, "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8"),
        (
            PROMETHEUS_2_42_PROTOBUF,
            "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores",
        ),
        (
            PROMETHEUS_3_PROTOBUF,
            "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
        ),
        (
            PROMETHEUS_3_LEGACY,
            "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores",
        ),
        (PROMETHEUS_3_NO_OPENMETRICS, "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8"),
        (
            "text/plain;version=1.0.0;escaping=underscores",
            "text/plain; version=1.0.0; charset=utf-8; escaping=underscores",
        ),
        (
            "text/plain;version=1.0.0;escaping=allow-utf-8",
            "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
        ),
        (
            "text/plain;version=1.0.0;escaping=dots",
            "text/plain; version=1.0.0; charset=utf-8; escaping=underscores",
        ),
        ("text/plain;version=0.0.4;escaping=allow-utf-8", "text/plain; version=0.0.4; charset=utf-8"),
        (FIREFOX, "text/plain; version=0.0.4; charset=utf-8"),
    ] {
        assert_eq!(accept(value).content_type(), expected, "{value}");
    }
}

#[test]
fn gzip_only_if_it_is_asked_for() {
    for (value, expected) in [
        ("gzip", true),
        ("GZIP", true),
        ("x-gzip", true),
        ("gzip, deflate, br, zstd", true),
        ("br;q=1.0, gzip;q=0.8, *;q=0.1", true),
        ("*", true),
        ("gzip;q=0.001", true),
        ("identity", false),
        ("", false),
        ("br", false),
        ("gzip;q=0", false),
        ("gzip; q=0.0, *", false),
        ("*;q=0", false),
        ("gzip;q=0.5, identity;q=0.9", false),
        ("identity;q=0.5, gzip", true),
        ("gzip;q=x", false),
    ] {
        assert_eq!(accepts_gzip(&headers(&ACCEPT_ENCODING, &[value])), expected, "{value}");
    }
    assert!(!accepts_gzip(&HeaderMap::new()));
}

proptest! {
    #[test]
    fn any_bytes_are_answered(values in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 0..4)) {
        let values = values.iter().filter_map(|bytes| HeaderValue::from_bytes(bytes).ok());
        let headers: HeaderMap = values.flat_map(|v| [(ACCEPT, v.clone()), (ACCEPT_ENCODING, v)]).collect();
        let _ = negotiate(&headers).content_type();
        let _ = accepts_gzip(&headers);
    }

    #[test]
    fn anything_that_resembles_a_list_is_answered(
        parts in proptest::collection::vec(proptest::sample::select(vec![
            "text/plain", "application/openmetrics-text", "*/*", "version=1.0.0", "q=0.5", "q=", "q=1e9", "q=-0",
            "escaping=allow-utf-8", ",", ";", "=", "\"", "\\", " ", "gzip", "*", "identity", "é",
        ]), 0..30),
    ) {
        let value = HeaderValue::from_bytes(parts.concat().as_bytes()).unwrap();
        let headers = HeaderMap::from_iter([(ACCEPT, value.clone()), (ACCEPT_ENCODING, value)]);
        let _ = negotiate(&headers).content_type();
        let _ = accepts_gzip(&headers);
    }

    #[test]
    fn what_is_chosen_was_asked_for(q in 0_u32..1000, version in "[0-2]\\.0\\.[0-4]") {
        let value = format!("text/plain;version={version};q=0.{q:03}, application/json;q=0.9");
        let expected = if version == "1.0.0" && q > 0 { Text100 } else { Text004 };
        prop_assert_eq!(accept(&value).exposition, expected);
    }
}
