//! The password of a SQL Server login: read when it is needed, wiped when it was used, printed never.
//!
//! A file may have been written by Notepad (with a byte order mark) or by PowerShell (as UTF-16, which is refused).

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::config::PasswordSource;
use crate::environment::Environment;

/// SQL Server takes 128 characters; a file of more than this is another file.
const MOST_BYTES: usize = 4096;

/// A password, which is wiped from memory with its value.
pub(super) struct Password(Zeroizing<String>);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

/// A password could not be read; tells where it should be, never what was there.
#[derive(Debug, thiserror::Error)]
pub(super) enum PasswordError {
    /// The file cannot be opened or read.
    #[error("cannot read the password file {path}", path = .0.display())]
    Unreadable(PathBuf, #[source] io::Error),
    /// The file is too large.
    #[error("the password file {path} has more than {MOST_BYTES} bytes; is it another file?", path = .0.display())]
    TooLarge(PathBuf),
    /// The first line is not text.
    #[error("the password file {path} is not UTF-8; save it as UTF-8", path = .0.display())]
    NotUtf8(PathBuf),
    /// The first line is empty.
    #[error("the first line of the password file {path} is empty; write the password there", path = .0.display())]
    Empty(PathBuf),
    /// The variable is not there.
    #[error("the environment variable {0} is not set or empty; put the password there")]
    Unset(String),
    /// The variable is not text.
    #[error("the environment variable {0} is not Unicode")]
    NotUnicode(String),
}

impl Password {
    /// Reads the password anew; blocks where it is in a file.
    pub(super) fn read(source: &PasswordSource, environment: &Environment) -> Result<Self, PasswordError> {
        match source {
            PasswordSource::File(path) => Self::of_file(path),
            PasswordSource::Environment(name) => {
                let value = environment.value(name).ok_or_else(|| PasswordError::Unset(name.clone()))?;
                let text = value.to_str().ok_or_else(|| PasswordError::NotUnicode(name.clone()))?;
                let line = text.trim_end_matches(['\r', '\n']);
                if line.is_empty() {
                    return Err(PasswordError::Unset(name.clone()));
                }
                Ok(Self(Zeroizing::new(line.to_owned())))
            }
        }
    }

    fn of_file(path: &Path) -> Result<Self, PasswordError> {
        // As large as it can get from the beginning: a buffer that grows leaves copies behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(MOST_BYTES + 1));
        let limit = (MOST_BYTES + 1) as u64;
        File::open(path)
            .and_then(|file| file.take(limit).read_to_end(&mut bytes))
            .map_err(|error| PasswordError::Unreadable(path.to_owned(), error))?;
        if bytes.len() > MOST_BYTES {
            return Err(PasswordError::TooLarge(path.to_owned()));
        }
        // UTF-16 of ASCII is UTF-8 with zeros in it.
        let text = str::from_utf8(&bytes).ok().filter(|text| !text.contains('\0'));
        let text = text.ok_or_else(|| PasswordError::NotUtf8(path.to_owned()))?;
        let line = text.trim_start_matches('\u{feff}').split('\n').next().unwrap_or_default();
        let line = line.trim_end_matches('\r');
        if line.is_empty() {
            return Err(PasswordError::Empty(path.to_owned()));
        }
        Ok(Self(Zeroizing::new(line.to_owned())))
    }

    /// The password itself, for the driver.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error_chain;

    fn in_file(content: &[u8]) -> Result<Password, PasswordError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password.txt");
        std::fs::write(&path, content).unwrap();
        Password::read(&PasswordSource::File(path), &Environment::default())
    }

    #[test]
    fn the_first_line_of_a_file_is_the_password() {
        for (content, password) in [
            (&b"s3cret"[..], "s3cret"),
            (b"s3cret\n", "s3cret"),
            (b"s3cret\r\n", "s3cret"),
            (b"s3cret\r\nanother line", "s3cret"),
            (b" with spaces \n", " with spaces "),
            (b"\xef\xbb\xbfs3cret\r\n", "s3cret"),
            ("p\u{e4}ss\n".as_bytes(), "p\u{e4}ss"),
        ] {
            assert_eq!(in_file(content).unwrap().expose(), password, "{content:?}");
        }
    }

    #[test]
    fn what_is_no_password_is_refused_with_the_file_and_without_its_content() {
        for (content, problem) in [
            (&b""[..], "is empty"),
            (b"\r\n", "is empty"),
            (b"\nsecond", "is empty"),
            (b"\xef\xbb\xbf\r\n", "is empty"),
            (b"\xff\xfes\x003\x00c\x00", "is not UTF-8"),
            (b"s\x003\x00c\x00", "is not UTF-8"),
            (&[b's'; MOST_BYTES + 1], "more than 4096 bytes"),
        ] {
            let error = in_file(content).unwrap_err();
            let message = error_chain(&error);
            assert!(message.contains("password.txt") && message.contains(problem), "{message}");
            assert!(!message.contains("second") && !message.contains("sss"), "{message}");
        }
        let missing = PasswordSource::File("/nowhere/password.txt".into());
        let message = error_chain(&Password::read(&missing, &Environment::default()).unwrap_err());
        assert!(message.starts_with("cannot read the password file /nowhere/password.txt: "), "{message}");
    }

    #[test]
    fn a_panic_that_would_show_it_shows_nothing() {
        let password = in_file(b"s3cret").unwrap();
        let method = tiberius::AuthMethod::sql_server("cm_monitor", password.expose());
        let panicked = std::panic::catch_unwind(|| panic!("{password:?} {method:?}")).unwrap_err();
        let text = panicked.downcast_ref::<String>().unwrap();
        assert!(text.contains("Password(..)") && !text.contains("s3cret"), "{text}");
    }

    #[test]
    fn a_variable_of_the_environment_is_the_password() {
        let environment = Environment::new([
            ("CM_PASSWORD", "s3cret"),
            ("LINE", "s3cret\r\n"),
            ("EMPTY", ""),
            ("BLANK", "\n"),
        ]);
        let read = |name: &str| Password::read(&PasswordSource::Environment(name.to_owned()), &environment);
        for name in ["CM_PASSWORD", "LINE"] {
            assert_eq!(read(name).unwrap().expose(), "s3cret");
        }
        for name in ["EMPTY", "BLANK", "OTHER"] {
            let message = read(name).unwrap_err().to_string();
            assert!(message.contains(name) && message.contains("is not set or empty"), "{message}");
        }
    }

    #[test]
    fn debug_shows_no_password() {
        assert_eq!(format!("{:?}", in_file(b"s3cret").unwrap()), "Password(..)");
    }
}
