//! The registry of this machine, in the 64-bit view: names, texts and numbers, never written.
//!
//! What a value means is said elsewhere. Other platforms have no registry: nothing is found there.

use std::collections::BTreeMap;
use std::fmt;
use std::io;

/// Names a value of a key of `HKEY_LOCAL_MACHINE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RegistryValue {
    /// The key, without `HKEY_LOCAL_MACHINE`.
    pub key: &'static str,
    /// The value's name.
    pub name: &'static str,
}

impl fmt::Display for RegistryValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, r"HKLM\{}, {}", self.key, self.name)
    }
}

/// What a value holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistryData {
    /// `REG_SZ`, or `REG_EXPAND_SZ` as it is written.
    Text(String),
    /// `REG_DWORD`.
    Number(u32),
    /// Any other type.
    Other,
}

/// Values as they stood at one moment. What is not there is absent; what could not be read says why.
#[derive(Debug, Default)]
pub struct RegistrySnapshot(BTreeMap<RegistryValue, io::Result<RegistryData>>);

impl RegistrySnapshot {
    /// Reads these values.
    pub fn read(values: &[RegistryValue]) -> Self {
        let data = |value: &RegistryValue| match imp::data(value.key, value.name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            found => Some((*value, found)),
        };
        values.iter().filter_map(data).collect()
    }

    /// What a value holds; `None` if the key or the value does not exist.
    pub fn value(&self, value: RegistryValue) -> Result<Option<&RegistryData>, &io::Error> {
        self.0.get(&value).map_or(Ok(None), |found| found.as_ref().map(Some))
    }
}

impl FromIterator<(RegistryValue, io::Result<RegistryData>)> for RegistrySnapshot {
    fn from_iter<T: IntoIterator<Item = (RegistryValue, io::Result<RegistryData>)>>(values: T) -> Self {
        Self(values.into_iter().collect())
    }
}

/// The names of the keys below a key of `HKEY_LOCAL_MACHINE`.
pub(crate) fn key_names(key: &str) -> io::Result<Vec<String>> {
    imp::key_names(key)
}

/// The text of a value; `None` if the key has no such value.
///
/// A key that does not exist is an error of kind `NotFound`; a value that is no text is another one.
pub(crate) fn text(value: RegistryValue) -> io::Result<Option<String>> {
    imp::text(value.key, value.name)
}

#[cfg(windows)]
mod imp {
    use std::io;

    use winreg::enums::{KEY_READ, KEY_WOW64_64KEY, REG_DWORD, REG_EXPAND_SZ, REG_SZ};
    use winreg::types::FromRegValue;
    use winreg::{HKLM, RegKey};

    use super::RegistryData;

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

    pub(super) fn data(key: &str, value: &str) -> io::Result<RegistryData> {
        let value = open(key)?.get_raw_value(value)?;
        Ok(match value.vtype {
            REG_SZ | REG_EXPAND_SZ => RegistryData::Text(String::from_reg_value(&value)?),
            REG_DWORD => RegistryData::Number(u32::from_reg_value(&value)?),
            _ => RegistryData::Other,
        })
    }
}

#[cfg(not(windows))]
mod imp {
    use std::io;

    use super::RegistryData;

    pub(super) fn key_names(_: &str) -> io::Result<Vec<String>> {
        Err(io::ErrorKind::NotFound.into())
    }

    pub(super) fn text(_: &str, _: &str) -> io::Result<Option<String>> {
        Err(io::ErrorKind::NotFound.into())
    }

    pub(super) fn data(_: &str, _: &str) -> io::Result<RegistryData> {
        Err(io::ErrorKind::NotFound.into())
    }
}
