//! Walks a tree as the program does, for `benches/walk.sh`, and prints what it found.

use std::io::Write;
use std::path::PathBuf;

use anyhow::bail;
use clap::Parser;
use configmgr_backup_exporter::site::Timestamp;
use configmgr_backup_exporter::snapshot::walk::{Step, Walk};

/// Prints how many files are below a folder, their bytes, and the newest time in Unix seconds.
#[derive(Parser)]
struct Arguments {
    /// The folder.
    path: PathBuf,
    /// What `cargo bench` adds.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let (mut files, mut bytes) = (0_u64, 0_u64);
    let mut newest: Option<Timestamp> = None;
    for step in Walk::new(arguments.path) {
        match step {
            Step::File(entry) => {
                files += 1;
                bytes += entry.size;
                newest = newest.max(entry.modified);
            }
            Step::Folder(_) => {}
            Step::Unread(unread) => bail!("{:?}: {}", unread.path, unread.error),
        }
    }
    let newest = newest.map_or(0, |time| time.timestamp());
    writeln!(std::io::stdout(), "{files} {bytes} {newest}")?;
    Ok(())
}
