//! What a refusal of the service control manager means to who administers this machine.

use std::io;

use super::SERVICE_NAME;

/// Something that was asked of the service and not done.
#[derive(Debug, thiserror::Error)]
pub(super) enum ServiceFault {
    /// Win32 5.
    #[error(
        "cannot {operation} the service {SERVICE_NAME}: access denied; run this as administrator, in an elevated console"
    )]
    Denied {
        /// What was asked.
        operation: &'static str,
    },
    /// Win32 1060.
    #[error(
        "cannot {operation} the service {SERVICE_NAME}: it is not installed; configmgr_backup_exporter service install \
         does that"
    )]
    Missing {
        /// What was asked.
        operation: &'static str,
    },
    /// Win32 1072.
    #[error(
        "cannot {operation} the service {SERVICE_NAME}: it is marked for deletion; close every console of services, then \
         try again"
    )]
    Leaving {
        /// What was asked.
        operation: &'static str,
    },
    /// Win32 1058.
    #[error(
        "cannot {operation} the service {SERVICE_NAME}: it is disabled, as somebody chose; sc.exe config \
         {SERVICE_NAME} start= delayed-auto lets it start again"
    )]
    Disabled {
        /// What was asked.
        operation: &'static str,
    },
    /// Win32 1057, 1069, 1387, 1788 and their kin.
    #[error(
        "cannot {operation} the service {SERVICE_NAME}: its account is not known or cannot log on as a service; see \
         docs/windows.md, or choose another with service install --account"
    )]
    Account {
        /// What was asked.
        operation: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// It was accepted, and the service did not come to the state.
    #[error(
        "the service {SERVICE_NAME} is {state} for {} s now; look into its log and the System event log",
        seconds
    )]
    Slow {
        /// How it is.
        state: &'static str,
        /// How long it was waited for.
        seconds: u64,
    },
    /// It stopped instead of running.
    #[error("the service {SERVICE_NAME} stopped while it started: {reason}")]
    Stopped {
        /// How it ended, with the remedy.
        reason: String,
    },
    /// Whatever else.
    #[error("cannot {operation} the service {SERVICE_NAME}; look into the System event log")]
    Other {
        /// What was asked.
        operation: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// Makes an error of what the system said.
pub(super) fn fault(operation: &'static str) -> impl Fn(io::Error) -> ServiceFault {
    move |source| match source.raw_os_error() {
        Some(5) => ServiceFault::Denied { operation },
        Some(1060) => ServiceFault::Missing { operation },
        Some(1072) => ServiceFault::Leaving { operation },
        Some(1058) => ServiceFault::Disabled { operation },
        Some(1057 | 1069 | 1326..=1331 | 1385 | 1387 | 1788) => ServiceFault::Account { operation, source },
        _ => ServiceFault::Other { operation, source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_has_its_remedy() {
        for (code, part) in [
            (5, "run this as administrator"),
            (1060, "service install does that"),
            (1072, "close every console of services"),
            (1058, "start= delayed-auto lets it start again"),
            (1069, "--account"),
            (1053, "System event log"),
        ] {
            let message = fault("start")(io::Error::from_raw_os_error(code)).to_string();
            assert!(message.starts_with("cannot start the service configmgr_backup_exporter"), "{message}");
            assert!(message.contains(part) && !message.contains('\n'), "{message}");
        }
    }
}
