//! The style sheet, and the headers by which a browser takes nothing else.
//!
//! The policy names the sheet by its digest, so that no other style, no script, no frame and no form can be slipped in.

use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::header::HeaderValue;

/// All of the page's style, as it stands between the tags.
pub(super) const STYLE: &str = include_str!("style.css");

/// What the page may load: its own style sheet, and the icon that is written into it.
pub(crate) static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let digest = STANDARD.encode(digest(&SHA256, STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    );
    // It is ASCII; without its style the page would still be readable.
    HeaderValue::from_str(&policy).unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'"))
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_lets_nothing_in_but_the_style_sheet_and_the_icon() {
        let policy = POLICY.to_str().unwrap();
        assert!(
            policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("unsafe"),
            "{policy}"
        );
        assert!(!policy.contains("script-src") && !STYLE.contains("url(") && !STYLE.contains("@import"));
        assert!(!STYLE.contains('<'), "it ends at its own end tag");
    }
}
