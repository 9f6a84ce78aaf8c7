//! Programs that are started so that they can be ended together with everything that they started.
//!
//! Windows has no groups of processes: there the program alone is ended.

use std::io;
use std::process::{Child, Command};

/// Starts a program at the head of a group of its own, where the platform has such.
pub(crate) fn start_group(command: &mut Command) -> io::Result<Child> {
    imp::start_group(command)
}

/// Ends a program that was started so, and its group, whatever they do; it must not have been waited for yet.
pub(crate) fn kill_group(child: &mut Child) -> io::Result<()> {
    imp::kill_group(child)
}

#[cfg(unix)]
mod imp {
    use std::io;
    use std::os::unix::process::CommandExt;
    use std::process::{Child, Command};

    use rustix::process::{Pid, Signal, kill_process_group};

    pub(super) fn start_group(command: &mut Command) -> io::Result<Child> {
        command.process_group(0).spawn()
    }

    pub(super) fn kill_group(child: &mut Child) -> io::Result<()> {
        kill_process_group(Pid::from_child(child), Signal::KILL)?;
        Ok(())
    }
}

#[cfg(windows)]
mod imp {
    use std::io;
    use std::os::windows::process::CommandExt;
    use std::process::{Child, Command};

    /// No window of a console comes up where this process has none.
    const CREATE_NO_WINDOW: u32 = 0x0800_0000;

    pub(super) fn start_group(command: &mut Command) -> io::Result<Child> {
        command.creation_flags(CREATE_NO_WINDOW).spawn()
    }

    pub(super) fn kill_group(child: &mut Child) -> io::Result<()> {
        child.kill()
    }
}
