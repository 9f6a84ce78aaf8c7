//! Who reads, and the sentence for an operator when that fails: operation, path, the system's words and the remedy.

use std::io;
use std::path::Path;

use crate::platform::IoFailure;
use crate::source::{FailureKind, PollFailure};

/// The account that reads what one setting names.
#[derive(Debug)]
pub(super) struct Reader {
    /// As an administrator would grant it a right.
    pub(super) account: String,
    /// Where the configuration names the path.
    pub(super) setting: String,
}

impl Reader {
    /// Why an operation on a path failed, and what to do.
    pub(super) fn failure(&self, operation: &str, path: &Path, error: &io::Error) -> PollFailure {
        let Self { account, setting } = self;
        let (kind, remedy) = match IoFailure::of(error) {
            IoFailure::NotFound => (FailureKind::NotFound, format!("check {setting}")),
            IoFailure::AccessDenied => {
                (FailureKind::AccessDenied, format!("give {account} read access to it"))
            }
            IoFailure::Locked => {
                (FailureKind::Locked, "tried again; another process shuts readers out".to_owned())
            }
            IoFailure::Timeout => (FailureKind::Timeout, network(account)),
            IoFailure::Unreachable => (FailureKind::Unreachable, network(account)),
        };
        PollFailure { kind, message: format!("cannot {operation} {}: {error}; {remedy}", path.display()) }
    }

    /// Why what a path names is of no use.
    pub(super) fn malformed(&self, path: &Path, what: &str) -> PollFailure {
        let message = format!("{} {what}; check {}", path.display(), self.setting);
        PollFailure { kind: FailureKind::Malformed, message }
    }
}

fn network(account: &str) -> String {
    format!("check the disk, the share and the network to it, and that {account} may log on there")
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::*;

    #[test]
    fn a_failure_names_operation_path_and_remedy() {
        let reader = Reader { account: r"CORP\CM01$".to_owned(), setting: "sites[].x".to_owned() };
        for (error, kind, remedy) in [
            (ErrorKind::NotFound, FailureKind::NotFound, "check sites[].x"),
            (ErrorKind::PermissionDenied, FailureKind::AccessDenied, r"give CORP\CM01$ read access"),
            (ErrorKind::WouldBlock, FailureKind::Locked, "tried again"),
            (ErrorKind::TimedOut, FailureKind::Timeout, "check the disk, the share"),
            (ErrorKind::Other, FailureKind::Unreachable, r"that CORP\CM01$ may log on there"),
        ] {
            let failure = reader.failure("list", Path::new("/inbox"), &error.into());
            assert_eq!(failure.kind, kind);
            assert!(failure.message.starts_with("cannot list /inbox: "), "{}", failure.message);
            assert!(failure.message.contains(remedy), "{}", failure.message);
        }
    }
}
