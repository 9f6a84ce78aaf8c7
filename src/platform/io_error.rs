//! What an I/O error means to an operator: a path that is wrong, a right that lacks, a lock, or a dead share.
//!
//! The system's code is asked before `ErrorKind`, because the standard library calls a server that cannot be found
//! (Win32 53 and 67) `NotFound`, which would send the operator to look for a missing file.

use std::io::{self, ErrorKind};

use crate::site::closed_set;

closed_set! {
    /// Why a file could not be opened or read; a part of the failure kinds of a source.
    pub enum IoFailure {
        /// There is no such file, or its directory does not exist.
        NotFound => "not_found",
        /// The account lacks a right, or the logon to the share failed.
        AccessDenied => "access_denied",
        /// Another process holds the file in a way that shuts readers out.
        Locked => "locked",
        /// The system gave up waiting.
        Timeout => "timeout",
        /// The disk, the server or the share does not answer, and whatever else keeps the file from being read.
        Unreachable => "unreachable",
    }
}

impl IoFailure {
    /// What `error` means on this system.
    pub fn of(error: &io::Error) -> Self {
        let table = if cfg!(windows) { windows } else { linux };
        error.raw_os_error().and_then(table).unwrap_or_else(|| from_kind(error.kind()))
    }

    /// Whether the error says that what was listed a moment ago has gone, or something else is in its place.
    pub(crate) fn has_vanished(error: &io::Error) -> bool {
        // On Linux that is a path too long, which is there all the same; Windows may say it of a folder that goes.
        let too_long = !cfg!(windows) && error.kind() == ErrorKind::InvalidFilename;
        Self::of(error) == Self::NotFound && !too_long
    }
}

/// Whether there is such a file; one that cannot be looked at may be there.
pub(crate) fn may_exist(path: &std::path::Path) -> bool {
    // Not `try_exists`: to that, a share that does not answer is one more file that is not there.
    path.symlink_metadata().map_or_else(|error| IoFailure::of(&error) != IoFailure::NotFound, |_| true)
}

/// The meaning of a Win32 error code, where `ErrorKind` has none or a misleading one.
fn windows(code: i32) -> Option<IoFailure> {
    Some(match code {
        // FILE_NOT_FOUND, PATH_NOT_FOUND, INVALID_HANDLE (of a file that went away once it was open), INVALID_DRIVE,
        // INVALID_NAME, BAD_PATHNAME, DIRECTORY
        2 | 3 | 6 | 15 | 123 | 161 | 267 => IoFailure::NotFound,
        // ACCESS_DENIED, NETWORK_ACCESS_DENIED, INVALID_PASSWORD, SESSION_CREDENTIAL_CONFLICT, PRIVILEGE_NOT_HELD,
        // LOGON_FAILURE and the account restrictions after it, LOGON_TYPE_NOT_GRANTED, ACCOUNT_LOCKED_OUT
        5 | 65 | 86 | 1219 | 1314 | 1326..=1331 | 1385 | 1909 => IoFailure::AccessDenied,
        // SHARING_VIOLATION, LOCK_VIOLATION, BUSY, DELETE_PENDING, USER_MAPPED_FILE
        32 | 33 | 170 | 303 | 1224 => IoFailure::Locked,
        // NOT_READY, REM_NOT_LIST, BAD_NETPATH, NETWORK_BUSY, DEV_NOT_EXIST, ADAP_HDW_ERR, BAD_NET_RESP, UNEXP_NET_ERR,
        // NETNAME_DELETED, BAD_NET_NAME, REQ_NOT_ACCEP, SEM_TIMEOUT
        21 | 51 | 53..=55 | 57..=59 | 64 | 67 | 71 | 121 => IoFailure::Unreachable,
        // NO_NET_OR_BAD_PATH, NETWORK_UNREACHABLE, HOST_UNREACHABLE, CONNECTION_ABORTED, HOST_DOWN
        1203 | 1231 | 1232 | 1236 | 1256 => IoFailure::Unreachable,
        _ => return None,
    })
}

/// The meaning of an errno of Linux, where `ErrorKind` has none or a misleading one.
fn linux(code: i32) -> Option<IoFailure> {
    Some(match code {
        // ENOENT, ENOTDIR, EISDIR, ENAMETOOLONG, ELOOP
        2 | 20 | 21 | 36 | 40 => IoFailure::NotFound,
        // EPERM, EACCES, ENOKEY, EKEYEXPIRED, EKEYREVOKED, EKEYREJECTED (a mounted share without a valid ticket)
        1 | 13 | 126..=129 => IoFailure::AccessDenied,
        // EAGAIN, EBUSY, ETXTBSY (a sharing violation on a mounted share)
        11 | 16 | 26 => IoFailure::Locked,
        // EIO, ENXIO, ENODEV, ENONET, EHOSTDOWN, EHOSTUNREACH, ESTALE, EREMOTEIO
        5 | 6 | 19 | 64 | 112 | 113 | 116 | 121 => IoFailure::Unreachable,
        // ENETDOWN, ENETUNREACH, ECONNABORTED, ECONNRESET, ENOTCONN, ESHUTDOWN, ECONNREFUSED
        100 | 101 | 103 | 104 | 107 | 108 | 111 => IoFailure::Unreachable,
        // ETIMEDOUT
        110 => IoFailure::Timeout,
        _ => return None,
    })
}

fn from_kind(kind: ErrorKind) -> IoFailure {
    match kind {
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::IsADirectory => IoFailure::NotFound,
        ErrorKind::PermissionDenied => IoFailure::AccessDenied,
        ErrorKind::WouldBlock | ErrorKind::ResourceBusy | ErrorKind::ExecutableFileBusy => IoFailure::Locked,
        ErrorKind::TimedOut => IoFailure::Timeout,
        _ => IoFailure::Unreachable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn win32_codes_that_users_meet() {
        for (code, failure) in [
            (2, IoFailure::NotFound),
            (3, IoFailure::NotFound),
            (5, IoFailure::AccessDenied),
            (1326, IoFailure::AccessDenied),
            (32, IoFailure::Locked),
            (33, IoFailure::Locked),
            (53, IoFailure::Unreachable),
            (59, IoFailure::Unreachable),
            (64, IoFailure::Unreachable),
            (67, IoFailure::Unreachable),
            (121, IoFailure::Unreachable),
        ] {
            assert_eq!(windows(code), Some(failure), "Win32 {code}");
        }
        assert_eq!(windows(0), None);
    }

    #[test]
    fn errnos_that_users_meet() {
        for (code, failure) in [
            (2, IoFailure::NotFound),
            (20, IoFailure::NotFound),
            (13, IoFailure::AccessDenied),
            (11, IoFailure::Locked),
            (26, IoFailure::Locked),
            (110, IoFailure::Timeout),
            (5, IoFailure::Unreachable),
            (113, IoFailure::Unreachable),
            (116, IoFailure::Unreachable),
        ] {
            assert_eq!(linux(code), Some(failure), "errno {code}");
        }
        assert_eq!(linux(0), None);
    }

    #[test]
    fn an_error_without_a_code_goes_by_its_kind() {
        for (kind, failure) in [
            (ErrorKind::NotFound, IoFailure::NotFound),
            (ErrorKind::IsADirectory, IoFailure::NotFound),
            (ErrorKind::PermissionDenied, IoFailure::AccessDenied),
            (ErrorKind::WouldBlock, IoFailure::Locked),
            (ErrorKind::TimedOut, IoFailure::Timeout),
            (ErrorKind::InvalidInput, IoFailure::Unreachable),
        ] {
            assert_eq!(IoFailure::of(&io::Error::from(kind)), failure, "{kind:?}");
        }
    }
}
