//! How many files this process may open, sockets among them.

/// The limit; `None` where there is none that connections could reach.
pub(crate) fn open_files_limit() -> Option<u64> {
    imp::open_files_limit()
}

#[cfg(unix)]
mod imp {
    use rustix::process::{Resource, getrlimit};

    pub(super) fn open_files_limit() -> Option<u64> {
        getrlimit(Resource::Nofile).current
    }
}

#[cfg(not(unix))]
mod imp {
    pub(super) fn open_files_limit() -> Option<u64> {
        None
    }
}
