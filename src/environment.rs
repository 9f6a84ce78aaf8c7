//! The environment variables of the process, read once in `main` and injected from there.

use std::ffi::{OsStr, OsString};

/// The environment as it was when the process started. It may hold passwords, so it is never printed.
#[derive(Clone, Default)]
pub struct Environment(Vec<(OsString, OsString)>);

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Environment").field(&self.0.len()).finish()
    }
}

impl Environment {
    /// Keeps these variables.
    pub fn new<K: Into<OsString>, V: Into<OsString>>(variables: impl IntoIterator<Item = (K, V)>) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }

    /// The value of a variable, unless it is unset or empty; names differ in more than case.
    pub fn value(&self, name: &str) -> Option<&OsStr> {
        let (_, value) = self.0.iter().find(|(candidate, _)| candidate.eq_ignore_ascii_case(name))?;
        (!value.is_empty()).then_some(value)
    }
}
