//! The registry of this machine, in the 64-bit view: names and texts, never written.
//!
//! What a value means is said elsewhere. Other platforms have no registry: nothing is found there.

use std::io;

/// The names of the keys below a key of `HKEY_LOCAL_MACHINE`.
pub(crate) fn key_names(key: &str) -> io::Result<Vec<String>> {
    imp::key_names(key)
}

/// The text of a value of a key of `HKEY_LOCAL_MACHINE`; `None` if the key has no such value.
///
/// A key that does not exist is an error of kind `NotFound`; a value that is no text is another one.
pub(crate) fn text(key: &str, value: &str) -> io::Result<Option<String>> {
    imp::text(key, value)
}

#[cfg(windows)]
mod imp {
    use std::io;

    use winreg::enums::{KEY_READ, KEY_WOW64_64KEY};
    use winreg::{HKLM, RegKey};

    fn open(key: &str) -> io::Result<RegKey> {
        HKLM.open_subkey_with_flags(key, KEY_READ | KEY_WOW64_64KEY)
    }

    pub(super) fn key_names(key: &str) -> io::Result<Vec<String>> {
        let key = open(key)?;
        // The first error ends it: one that stays would come for ever.
        key.enum_keys_os_string().map(|name| Ok(name?.to_string_lossy().into_owned())).collect()
    }

    pub(super) fn text(key: &str, value: &str) -> io::Result<Option<String>> {
        match open(key)?.get_value::<String, _>(value) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[cfg(not(windows))]
mod imp {
    use std::io;

    pub(super) fn key_names(_: &str) -> io::Result<Vec<String>> {
        Err(io::ErrorKind::NotFound.into())
    }

    pub(super) fn text(_: &str, _: &str) -> io::Result<Option<String>> {
        Err(io::ErrorKind::NotFound.into())
    }
}
