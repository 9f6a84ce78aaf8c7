//! gzip for clients that ask for it, applied to every body worth it.
//!
//! What depends on `Accept-Encoding` says so in `Vary`, compressed or not, because a cache may hold either.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::header::{CONTENT_ENCODING, HeaderMap, HeaderValue, VARY};

use super::negotiate::accepts_gzip;

/// Shorter bodies, in bytes, fit one packet either way.
const WORTH_COMPRESSING: usize = 1024;

/// The body to send to a client with these request headers; `headers` of the response are changed to match.
pub(super) fn compress(body: Bytes, asked: &HeaderMap, headers: &mut HeaderMap) -> Bytes {
    if body.len() < WORTH_COMPRESSING || headers.contains_key(CONTENT_ENCODING) {
        return body;
    }
    let vary = if headers.contains_key(VARY) { "Accept, Accept-Encoding" } else { "Accept-Encoding" };
    headers.insert(VARY, HeaderValue::from_static(vary));
    if !accepts_gzip(asked) {
        return body;
    }
    // Writing to memory does not fail; if it did, the plain body would still be a correct answer.
    let Ok(packed) = gzip(&body) else { return body };
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    packed.into()
}

fn gzip(body: &[u8]) -> io::Result<Vec<u8>> {
    // Exposition text shrinks to about a tenth.
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 8), Compression::fast());
    encoder.write_all(body)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;
    use hyper::header::ACCEPT_ENCODING;
    use proptest::prelude::*;

    use super::*;

    fn asking() -> HeaderMap {
        HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static("gzip"))])
    }

    proptest! {
        #[test]
        fn what_is_packed_unpacks_to_the_same(body in proptest::collection::vec(any::<u8>(), 0..4096)) {
            let mut headers = HeaderMap::new();
            let sent = compress(Bytes::from(body.clone()), &asking(), &mut headers);
            if body.len() < WORTH_COMPRESSING {
                prop_assert!(headers.is_empty() && sent == body);
            } else {
                let mut read = Vec::new();
                GzDecoder::new(&sent[..]).read_to_end(&mut read).unwrap();
                prop_assert_eq!(read, body);
            }
        }
    }

    #[test]
    fn vary_is_told_whether_or_not_it_was_compressed() {
        let body = Bytes::from(vec![b'x'; WORTH_COMPRESSING]);
        for (asked, encoding) in [(asking(), Some("gzip")), (HeaderMap::new(), None)] {
            let mut headers = HeaderMap::from_iter([(VARY, HeaderValue::from_static("Accept"))]);
            compress(body.clone(), &asked, &mut headers);
            assert_eq!(headers[VARY], "Accept, Accept-Encoding");
            assert_eq!(headers.get(CONTENT_ENCODING).map(|value| value.to_str().unwrap()), encoding);
        }
    }
}
