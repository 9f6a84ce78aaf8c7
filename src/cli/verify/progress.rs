//! How far a verification is: a bar on a terminal, elsewhere a line when a large file begins.

use std::io::{self, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::snapshot::Pass;

/// What was told last.
#[derive(Debug)]
pub(super) enum Progress {
    Bar(ProgressBar),
    /// The file that was named last, and how many bytes there are.
    Lines(String, u64),
}

impl Progress {
    pub(super) fn begin(total: u64, is_terminal: bool) -> Self {
        if !is_terminal {
            return Self::Lines(String::new(), total);
        }
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
        let template = "{bytes}/{total_bytes} {wide_bar} {binary_bytes_per_sec}, {eta} left";
        // A template that did not parse would leave the plain bar.
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self::Bar(bar)
    }

    pub(super) fn tell(&mut self, pass: &Pass, notes: &mut dyn Write) -> io::Result<()> {
        // A part of a block is not counted there yet.
        let done = pass.verification().bytes;
        match self {
            Self::Bar(bar) => {
                bar.set_position(done);
                Ok(())
            }
            Self::Lines(told, total) => match pass.current() {
                Some((file, _)) if file != told => {
                    file.clone_into(told);
                    writeln!(notes, "reading {file}; {done} of {total} bytes done")
                }
                _ => Ok(()),
            },
        }
    }

    pub(super) fn end(&self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}
