//! The Application event log of Windows: registering this program as a source of it, and writing to it.
//!
//! The texts of events come from a message table within the program itself, so that the event viewer shows them as they
//! are. Other platforms have no event log: there is nothing to register there, and no source can be opened.

use std::io;

use tracing::Level;

/// The name of the source.
pub const SOURCE: &str = "configmgr_backup_exporter";

/// Registers this program as a source, or registers it anew after it has moved.
pub fn register() -> io::Result<()> {
    imp::register()
}

/// Takes the registration back; it is no error if there is none.
pub fn unregister() -> io::Result<()> {
    imp::unregister()
}

/// The source, opened for writing.
pub(crate) struct EventSource(imp::Source);

impl EventSource {
    /// Opens it; an error of kind `Unsupported` where there is no event log.
    pub(crate) fn open() -> io::Result<Self> {
        imp::Source::open().map(Self)
    }

    /// Writes an event: id 1 for an error, 2 for a warning, 3 for information, 4 and 5 for what is below.
    ///
    /// What Windows refuses (the log is full and may not overwrite) nobody can be told.
    pub(crate) fn report(&self, level: Level, text: &str) {
        self.0.report(level, text);
    }
}

#[cfg(windows)]
mod imp {
    use std::io;

    use eventlog::EventLog;
    use log::{Log, Record};
    use tracing::Level;
    use winreg::enums::{KEY_WOW64_64KEY, KEY_WRITE, REG_EXPAND_SZ};
    use winreg::types::ToRegValue;
    use winreg::{HKLM, RegKey};

    use super::SOURCE;

    /// Where Windows keeps the sources of the Application log.
    const SOURCES: &str = r"SYSTEM\CurrentControlSet\Services\EventLog\Application";

    /// Errors, warnings and information.
    const TYPES: u32 = 1 | 2 | 4;

    fn sources() -> io::Result<RegKey> {
        HKLM.open_subkey_with_flags(SOURCES, KEY_WRITE | KEY_WOW64_64KEY)
    }

    pub(super) fn register() -> io::Result<()> {
        let program = std::env::current_exe()?;
        let (key, _) = sources()?.create_subkey_with_flags(SOURCE, KEY_WRITE | KEY_WOW64_64KEY)?;
        let program = program.as_os_str();
        let mut file = program.to_reg_value();
        file.vtype = REG_EXPAND_SZ;
        key.set_raw_value("EventMessageFile", &file)?;
        key.set_value("TypesSupported", &TYPES)
    }

    pub(super) fn unregister() -> io::Result<()> {
        match sources().and_then(|sources| sources.delete_subkey_all(SOURCE)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        }
    }

    pub(super) struct Source(EventLog);

    impl Source {
        pub(super) fn open() -> io::Result<Self> {
            // What is written was chosen before.
            EventLog::new(SOURCE, log::Level::Trace).map(Self).map_err(io::Error::other)
        }

        pub(super) fn report(&self, level: Level, text: &str) {
            let level = match level {
                Level::ERROR => log::Level::Error,
                Level::WARN => log::Level::Warn,
                Level::INFO => log::Level::Info,
                Level::DEBUG => log::Level::Debug,
                Level::TRACE => log::Level::Trace,
            };
            self.0.log(&Record::builder().level(level).args(format_args!("{text}")).build());
        }
    }
}

#[cfg(not(windows))]
mod imp {
    use std::convert::Infallible;
    use std::io;

    use tracing::Level;

    pub(super) fn register() -> io::Result<()> {
        Ok(())
    }

    pub(super) fn unregister() -> io::Result<()> {
        Ok(())
    }

    /// There is none.
    pub(super) struct Source(Infallible);

    impl Source {
        pub(super) fn open() -> io::Result<Self> {
            Err(io::ErrorKind::Unsupported.into())
        }

        pub(super) fn report(&self, _: Level, _: &str) {
            match self.0 {}
        }
    }
}

#[cfg(all(test, windows))]
mod tests {
    use winreg::HKLM;
    use winreg::enums::REG_EXPAND_SZ;

    use super::*;

    const KEY: &str = r"SYSTEM\CurrentControlSet\Services\EventLog\Application\configmgr_backup_exporter";

    #[test]
    fn the_source_is_registered_and_taken_back_however_often() {
        for _ in 0..2 {
            register().unwrap();
            let key = HKLM.open_subkey(KEY).unwrap();
            let file = key.get_raw_value("EventMessageFile").unwrap();
            let program = std::env::current_exe().unwrap();
            assert_eq!(file.vtype, REG_EXPAND_SZ);
            assert_eq!(file.to_string(), program.to_string_lossy());
            assert_eq!(key.get_value::<u32, _>("TypesSupported").unwrap(), 7);
        }
        // As the program was installed elsewhere before.
        let (key, _) = HKLM.create_subkey(KEY).unwrap();
        key.set_value("EventMessageFile", &r"C:\old\program.exe").unwrap();
        register().unwrap();
        let file: String = key.get_value("EventMessageFile").unwrap();
        assert_eq!(file, std::env::current_exe().unwrap().to_string_lossy());
        for _ in 0..2 {
            unregister().unwrap();
            assert_eq!(HKLM.open_subkey(KEY).map(drop).unwrap_err().kind(), io::ErrorKind::NotFound);
        }
    }

    /// `tests/run` looks at what Wine was given; on Windows the event viewer shows it.
    #[test]
    #[ignore = "writes to the event log of this machine"]
    fn one_of_each_severity() {
        let source = EventSource::open().unwrap();
        for level in [Level::ERROR, Level::WARN, Level::INFO] {
            source.report(level, &format!("text of {level}\r\n\r\nsite: P01"));
        }
    }
}
