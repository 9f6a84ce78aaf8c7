//! The small parts that every section is made of: times, badges, rows, prose.
//!
//! maud escapes whatever is spliced in. A badge is a shape, a word and a colour, because a colour alone says nothing to
//! many people.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use maud::{Markup, PreEscaped, html};

use crate::assessment::Check;
use crate::http::words::{distance, spaced, time};
use crate::site::{ClosedSet, FailureCause, Timestamp, Witness};

/// How good something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tone {
    /// As it should be.
    Good,
    /// Neither good nor bad, or not known.
    Plain,
    /// To be looked at.
    Warn,
    /// Not as it should be.
    Bad,
}

impl Tone {
    /// Its class in the style sheet.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Plain => "plain",
            Self::Warn => "warn",
            Self::Bad => "bad",
        }
    }

    /// Its own shape, where nothing has a more telling one.
    pub(super) fn icon(self) -> Icon {
        match self {
            Self::Good => Icon("check"),
            Self::Plain => Icon("dash"),
            Self::Warn => Icon("triangle"),
            Self::Bad => Icon("octagon"),
        }
    }
}

/// A shape by the name of its symbol below.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Icon(pub(super) &'static str);

impl maud::Render for Icon {
    fn render(&self) -> Markup {
        html! { svg.icon aria-hidden="true" { use href={ "#" (self.0) } {} } }
    }
}

/// Every shape of the page, each drawn once: icons of 16 by 16, and the marks of the time line around their middle.
pub(super) const SYMBOLS: PreEscaped<&str> = PreEscaped(concat!(
    r##"<svg class="symbols" aria-hidden="true" width="0" height="0"><defs>"##,
    r##"<symbol id="check" viewBox="0 0 16 16"><circle cx="8" cy="8" r="6.5"/><path d="M4.9 8.2l2.2 2.2 4-4.6"/></symbol>"##,
    r##"<symbol id="dash" viewBox="0 0 16 16"><circle cx="8" cy="8" r="6.5"/><path d="M5.2 8h5.6"/></symbol>"##,
    r##"<symbol id="triangle" viewBox="0 0 16 16"><path d="M8 1.8l6.6 12H1.4z"/><path d="M8 6.2v3.4M8 11.5v.2"/></symbol>"##,
    r##"<symbol id="octagon" viewBox="0 0 16 16"><path d="M5.3 1.5h5.4l3.8 3.8v5.4l-3.8 3.8H5.3l-3.8-3.8V5.3z"/><path d="M5.7 5.7l4.6 4.6M10.3 5.7l-4.6 4.6"/></symbol>"##,
    r##"<symbol id="question" viewBox="0 0 16 16"><circle cx="8" cy="8" r="6.5"/><path d="M6.1 6.3a1.9 1.9 0 1 1 2.7 1.8c-.6.3-.8.6-.8 1.2M8 11.4v.2"/></symbol>"##,
    r##"<symbol id="clock" viewBox="0 0 16 16"><circle cx="8" cy="8" r="6.5"/><path d="M8 4.2V8l2.7 1.9"/></symbol>"##,
    r##"<symbol id="shield" viewBox="0 0 16 16"><path d="M8 1.4l5.6 2v4.2c0 3.4-2.3 5.9-5.6 7-3.3-1.1-5.6-3.6-5.6-7V3.4z"/><path d="M5.9 5.9l4.2 4.2M10.1 5.9l-4.2 4.2"/></symbol>"##,
    r##"<symbol id="hourglass" viewBox="0 0 16 16"><path d="M4 1.8h8M4 14.2h8M5 1.8C5 5.6 8 6 8 8s-3 2.4-3 6.2M11 1.8C11 5.6 8 6 8 8s3 2.4 3 6.2"/></symbol>"##,
    r##"<symbol id="pause" viewBox="0 0 16 16"><circle cx="8" cy="8" r="6.5"/><path d="M6.4 5.6v4.8M9.6 5.6v4.8"/></symbol>"##,
    r##"<symbol id="play" viewBox="0 0 16 16"><circle cx="8" cy="8" r="6.5"/><path d="M6.5 5.2l4.3 2.8-4.3 2.8z"/></symbol>"##,
    r##"<g id="mark-succeeded"><circle r="5"/></g>"##,
    r##"<g id="mark-failed"><path d="M-6.4-3.2L-3.2-6.4 0-3.2 3.2-6.4 6.4-3.2 3.2 0 6.4 3.2 3.2 6.4 0 3.2-3.2 6.4-6.4 3.2-3.2 0z"/></g>"##,
    r##"<g id="mark-interrupted"><path d="M0-7L7 0 0 7-7 0z"/></g>"##,
    r##"<g id="mark-in-progress"><path d="M-4.5-6.5L7 0-4.5 6.5z"/></g>"##,
    r##"<g id="mark-missed"><path class="hollow" d="M-4.5-4.5h9v9h-9z"/></g>"##,
    "</defs></svg>",
));

/// A moment, readable and for machines.
pub(super) fn moment(at: Timestamp) -> Markup {
    let machine = at.format("%Y-%m-%dT%H:%M:%SZ");
    html! { time datetime=(machine) { (time(at)) } }
}

/// A moment with its distance from now.
pub(super) fn dated(at: Timestamp, now: Timestamp) -> Markup {
    html! { (moment(at)) " " span.dim { "(" (distance(at, now)) ")" } }
}

/// A word with its colour and shape.
pub(super) fn badge(tone: Tone, word: &str) -> Markup {
    shaped_badge(tone, tone.icon(), word)
}

/// The same with a shape of its own.
pub(super) fn shaped_badge(tone: Tone, icon: Icon, word: &str) -> Markup {
    html! { span.badge.(tone.class()) { (icon) (word) } }
}

/// A row of a list: what it is about, a word with a colour, and a text.
pub(super) fn row(name: impl maud::Render, tone: Tone, word: &str, text: impl maud::Render) -> Markup {
    html! { div.row { dt { (name) } dd { (badge(tone, word)) " " span.said { (text) } } } }
}

/// A text in which what stands between backticks is code, and labels are words.
pub(super) fn prose(text: &str) -> Markup {
    let text = plain(text);
    let parts = text.split('`').collect::<Vec<_>>();
    // An odd backtick is one of somebody's text.
    if parts.len().is_multiple_of(2) {
        return html! { (text) };
    }
    html! {
        @for (index, part) in parts.iter().enumerate() {
            @if index.is_multiple_of(2) { (part) } @else { code { (part) } }
        }
    }
}

/// After these words a judgement names checks, causes or witnesses.
const NAMING: [&str; 4] = ["failed:", "fails:", "read:", "seen:"];

static LABELS: LazyLock<BTreeSet<&str>> = LazyLock::new(|| {
    (Check::ALL.iter().map(|check| check.label()))
        .chain(FailureCause::ALL.iter().map(|cause| cause.label()))
        .chain(Witness::ALL.iter().map(|witness| witness.label()))
        .collect()
});

/// A text in which the labels that a judgement names are words; any other name stays what it is.
pub(super) fn plain(text: &str) -> String {
    let mut names = false;
    let word = |word: &str| {
        let name = word.trim_end_matches(['.', ',', ':', ';']);
        let end = &word[name.len()..];
        let is_label = names && LABELS.contains(name);
        names = NAMING.contains(&word) || (is_label && end == ",");
        if is_label { format!("{}{end}", spaced(name)) } else { word.to_owned() }
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// A part of the page with a heading, in a frame.
pub(super) fn panel(title: &str, body: &Markup) -> Markup {
    html! { section.panel { h3 { (title) } (body) } }
}

/// The same folded up unless it is to be seen at once; the heading says in short what is in it.
pub(super) fn folded(title: &str, summary: &str, open: bool, body: &Markup) -> Markup {
    html! {
        details.panel open[open] {
            summary { h3 { (title) } " " span.dim { (summary) } }
            (body)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_outside_becomes_markup() {
        let hostile = "<a href='x'>\"&`<b>`";
        for markup in [
            prose(hostile),
            row(hostile, Tone::Bad, hostile, hostile),
            panel(hostile, &html! { (hostile) }),
            folded(hostile, hostile, true, &html! {}),
        ] {
            let markup = markup.into_string();
            assert!(
                markup.contains("&lt;a href='x'&gt;&quot;&amp;") || markup.contains("&lt;b&gt;"),
                "{markup}"
            );
            assert!(!markup.contains("<a") && !markup.contains("<b>"), "{markup}");
        }
    }

    #[test]
    fn what_stands_between_backticks_is_code_and_a_label_is_words() {
        for (text, expected) in [
            ("Run `a b`, then `c`.", "Run <code>a b</code>, then <code>c</code>."),
            ("an odd ` stays", "an odd ` stays"),
            ("It failed: disk_full.", "It failed: disk full."),
            ("can be read: event_log has held nothing.", "can be read: event log has held nothing."),
            ("a check fails: archive_fresh, sms_writer.", "a check fails: archive fresh, SMS writer."),
            ("The copies of disk_full, vss are old: sql.", "The copies of disk_full, vss are old: sql."),
            ("Set sites[].recovery_drill.last", "Set sites[].recovery_drill.last"),
            ("The last backup failed: vss.", "The last backup failed: VSS."),
            ("", ""),
        ] {
            assert_eq!(prose(text).into_string(), expected);
        }
    }

    #[test]
    fn every_tone_has_a_shape_that_is_drawn() {
        for tone in [Tone::Good, Tone::Plain, Tone::Warn, Tone::Bad] {
            assert!(SYMBOLS.0.contains(&format!("id=\"{}\"", tone.icon().0)), "{tone:?}");
        }
    }
}
