//! Why a service could not be asked, started or stopped.

use crate::site::closed_set;

closed_set! {
    /// The kinds of such failures; a part of the failure kinds of a source.
    pub enum ServiceErrorKind {
        /// There is no such service, machine or command.
        NotFound => "not_found",
        /// The account of this program lacks the right.
        AccessDenied => "access_denied",
        /// No answer in time.
        Timeout => "timeout",
        /// The machine cannot be reached.
        Unreachable => "unreachable",
        /// The service control manager or the command refused, or answered what nobody understands.
        Refused => "malformed",
    }
}

/// A service could not be asked, started or stopped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ServiceError {
    /// For metrics and decisions.
    pub kind: ServiceErrorKind,
    /// One line that names the operation, the service, the machine and the remedy.
    pub message: String,
}
