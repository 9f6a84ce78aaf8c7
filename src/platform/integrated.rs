//! Logging on to a SQL Server as the account of this process, which only Windows can do.

use tiberius::AuthMethod;

/// How the driver logs on as this account; `None` where it cannot.
pub(crate) fn integrated_authentication() -> Option<AuthMethod> {
    imp::integrated_authentication()
}

#[cfg(windows)]
mod imp {
    use tiberius::AuthMethod;

    #[expect(clippy::unnecessary_wraps, reason = "other platforms have none")]
    pub(super) fn integrated_authentication() -> Option<AuthMethod> {
        Some(AuthMethod::Integrated)
    }
}

#[cfg(not(windows))]
mod imp {
    use tiberius::AuthMethod;

    pub(super) fn integrated_authentication() -> Option<AuthMethod> {
        None
    }
}
