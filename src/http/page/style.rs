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
    use std::collections::BTreeMap;

    use super::*;

    /// The colours by their names, in light and in dark.
    fn colours() -> [BTreeMap<&'static str, &'static str>; 2] {
        let of = |block: &'static str| {
            let declarations = block.split(';').filter_map(|one| one.rsplit('{').next()?.split_once(": #"));
            declarations.map(|(name, colour)| (name.trim(), colour)).collect::<BTreeMap<_, _>>()
        };
        let mut roots = STYLE.split(":root {").skip(1).map(|rest| rest.split('}').next().unwrap());
        let (light, dark) = (of(roots.next().unwrap()), of(roots.next().unwrap()));
        [light.clone(), light.into_iter().chain(dark).collect()]
    }

    /// The relative luminance of a colour, as WCAG has it.
    fn luminance(colour: &str) -> f64 {
        let part = |at: usize| {
            let part = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * part(0) + 0.7152 * part(2) + 0.0722 * part(4)
    }

    /// Also in pictures, whose ground axe-core does not know.
    #[test]
    fn every_text_stands_out_from_its_ground_in_light_and_in_dark() {
        for colours in colours() {
            for (text, grounds) in [
                ("--text", &["--page", "--panel", "--plain-tint"][..]),
                ("--dim", &["--page", "--panel"]),
                ("--link", &["--page", "--panel"]),
                ("--good", &["--panel", "--good-tint"]),
                ("--warn", &["--panel", "--warn-tint"]),
                ("--bad", &["--panel", "--bad-tint"]),
                ("--plain", &["--panel", "--plain-tint"]),
                (
                    "--on-phase",
                    &["--phase-1", "--phase-2", "--phase-3", "--phase-4", "--phase-5", "--phase-6"],
                ),
            ] {
                for ground in grounds {
                    let (one, other) = (luminance(colours[text]), luminance(colours[ground]));
                    let contrast = (one.max(other) + 0.05) / (one.min(other) + 0.05);
                    assert!(contrast >= 4.5, "{text} on {ground}: {contrast:.2}");
                }
            }
        }
    }

    #[test]
    fn the_policy_lets_nothing_in_but_the_style_sheet_and_the_icon() {
        let policy = POLICY.to_str().unwrap();
        assert!(
            policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("unsafe"),
            "{policy}"
        );
        assert!(!policy.contains("script-src") && !STYLE.contains("url(") && !STYLE.contains("@import"));
        assert!(!STYLE.contains('\r'), "its digest is that of what a browser reads");
        assert!(!STYLE.contains('<'), "it ends at its own end tag");
    }
}
