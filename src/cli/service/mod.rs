//! `service`: the program as a service of Windows. Installing it is all that an administrator has to do.
//!
//! Every command may be given again and again: it makes what is asked for, whatever was there before. What is wanted of
//! the service control manager is asked here; `run` is what that starts, and nobody else can.

mod account;
mod control;
mod error;
mod flags;
mod grants;
mod install;
mod needs;
mod places;
mod rights;
mod run;
mod secure;
mod uninstall;

use std::ffi::OsString;
use std::io::Write;

pub use account::ServiceAccount;
pub use rights::note_lost_grants;
pub use run::run;

use super::args::{EXIT_USAGE, ServiceAction};
use crate::environment::Environment;
use crate::platform::IS_WINDOWS;
use flags::Flags;

/// The service's name.
pub(crate) const SERVICE_NAME: &str = "configmgr_backup_exporter";

/// The code of `status` where the service does not run, as systemctl has it.
const EXIT_NOT_RUNNING: u8 = 3;
/// The code of `status` where there is no service.
const EXIT_NOT_INSTALLED: u8 = 4;

/// What to do where there are no services of Windows.
const NOT_WINDOWS: &str = "the command service is for Windows; elsewhere let systemd run configmgr_backup_exporter, as a unit \
                           with Restart=on-failure and StateDirectory=configmgr_backup_exporter";

/// Whether these are the arguments with which the service control manager starts the service.
pub fn is_run(arguments: &[OsString]) -> bool {
    matches!(arguments, [_, service, run, ..] if service == "service" && run == "run")
}

/// Does what is asked and returns the exit code; `arguments` is the whole command line.
pub fn command(
    action: ServiceAction,
    arguments: &[OsString],
    environment: &Environment,
    out: &mut dyn Write,
    notes: &mut dyn Write,
) -> anyhow::Result<u8> {
    if !IS_WINDOWS {
        writeln!(notes, "configmgr_backup_exporter: {NOT_WINDOWS}")?;
        return Ok(EXIT_USAGE);
    }
    match action {
        ServiceAction::Install { account } => {
            let Some(texts) = texts(arguments) else {
                writeln!(
                    notes,
                    "configmgr_backup_exporter: a flag is no text that Windows could store; write it anew"
                )?;
                return Ok(EXIT_USAGE);
            };
            // Whatever else stands there was understood when the command line was read.
            let (given, _) = Flags::among(texts);
            install::install(account, given, environment, out, notes)
        }
        ServiceAction::Uninstall => uninstall::uninstall(environment, out, notes),
        ServiceAction::Start => control::start(out),
        ServiceAction::Stop => control::stop(out),
        ServiceAction::Status => control::status(out),
        ServiceAction::Run => Ok(run(arguments.to_vec())),
    }
}

/// The command line without the program, as text.
fn texts(arguments: &[OsString]) -> Option<Vec<&str>> {
    arguments.iter().skip(1).map(|argument| argument.to_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_service_control_manager_starts_is_known_before_anything_is_read() {
        for (line, is) in [
            ("x service run", true),
            ("x service run --no-such-flag", true),
            ("x service", false),
            ("x service install run", false),
            ("x log service run", false),
            ("x", false),
            ("", false),
        ] {
            let arguments: Vec<OsString> = line.split_whitespace().map(Into::into).collect();
            assert_eq!(is_run(&arguments), is, "{line}");
        }
    }

    #[cfg(not(windows))]
    #[test]
    fn elsewhere_one_line_says_what_to_use() {
        for action in [ServiceAction::Install { account: None }, ServiceAction::Status, ServiceAction::Run] {
            let (mut out, mut notes) = (Vec::new(), Vec::new());
            let code = command(action, &[], &Environment::default(), &mut out, &mut notes).unwrap();
            let notes = String::from_utf8(notes).unwrap();
            assert_eq!((code, out.len(), notes.lines().count()), (EXIT_USAGE, 0, 1), "{notes}");
            assert!(notes.contains("systemd"), "{notes}");
        }
    }
}
