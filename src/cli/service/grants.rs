//! What the service's own account can be given: a right on a folder, a file or a service.
//!
//! On the network the account is that of the computer, to which nothing can be given here: paths on other machines are
//! named instead, and so are whole drives, whose lists are not this program's to change.

use std::fmt;

use crate::cli::state_directory::{SERVICE_BELOW, SERVICE_HERE};
use crate::platform::security::Secured;

/// What is given to the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Right {
    /// To ask a service for its state and its settings.
    Query,
    /// To start and stop it too.
    Restart,
    /// To read and list, and to run a program.
    Read,
    /// To write and delete too.
    Modify,
}

impl Right {
    /// The bits of Windows for it, on the object itself.
    pub(super) fn here(self) -> u32 {
        match self {
            // SERVICE_QUERY_CONFIG, SERVICE_QUERY_STATUS, SERVICE_INTERROGATE, READ_CONTROL
            Self::Query => 0x1 | 0x4 | 0x80 | 0x2_0000,
            // SERVICE_START, SERVICE_STOP
            Self::Restart => Self::Query.here() | 0x10 | 0x20,
            // FILE_GENERIC_READ, FILE_GENERIC_EXECUTE
            Self::Read => 0x12_00a9,
            Self::Modify => SERVICE_HERE,
        }
    }

    /// The bits on all that is below a folder, which may be deleted where the folder itself may not.
    fn below(self) -> u32 {
        if self == Self::Modify { SERVICE_BELOW } else { self.here() }
    }

    /// As it stands behind "may".
    fn verb(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Restart => "query, start and stop",
            Self::Read => "read",
            Self::Modify => "change",
        }
    }
}

/// What something is given on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Object {
    /// A folder and everything in it, also what comes later.
    Folder(String),
    /// A folder, without what is in it.
    Listing(String),
    /// One file.
    File(String),
    /// A service.
    Service(String),
}

impl Object {
    /// As the system knows it.
    pub(super) fn secured(&self) -> Secured<'_> {
        match self {
            Self::Folder(path) | Self::Listing(path) | Self::File(path) => Secured::File(path),
            Self::Service(name) => Secured::Service(name),
        }
    }

    /// Whether what is given counts for what is below too.
    pub(super) fn is_inherited(&self) -> bool {
        matches!(self, Self::Folder(_))
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => write!(f, "folder {path}"),
            Self::Listing(path) => write!(f, "listing of {path}"),
            Self::File(path) => write!(f, "file {path}"),
            Self::Service(name) => write!(f, "service {name}"),
        }
    }
}

/// One thing that the account may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Grant {
    /// On what.
    pub(super) object: Object,
    /// What.
    pub(super) right: Right,
    /// Whether the backup writes there: while it does, nobody else should touch its files.
    pub(super) is_of_backup: bool,
}

impl Grant {
    /// What counts for what is below too; `None` where nothing is.
    pub(super) fn below(&self) -> Option<u32> {
        self.object.is_inherited().then(|| self.right.below())
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} the {}", self.right.verb(), self.object)
    }
}

/// All that the account needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Needs {
    /// What can be given on this machine.
    pub(super) grants: Vec<Grant>,
    /// What is needed on whole drives, which is never given.
    pub(super) by_hand: Vec<Grant>,
    /// Paths on other machines, where the computer's account needs to read.
    pub(super) remote: Vec<String>,
}

impl Needs {
    /// Of these only the state directory: whatever its account, a service carries its own identifier, for which that is
    /// open. What else another account may do is its administrator's to say.
    pub(super) fn of_state(mut self, state: &str) -> Self {
        let is_state = |grant: &Grant| matches!(&grant.object, Object::Folder(path) if path == state);
        self.grants.retain(is_state);
        self.by_hand.retain(is_state);
        self.remote.clear();
        self
    }
}
