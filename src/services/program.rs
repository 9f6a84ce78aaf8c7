//! Running a program of the user's, without a shell and within a deadline, whatever it does.
//!
//! What it prints beyond a limit is read and thrown away, so that it neither waits nor costs memory. A process that it
//! leaves behind may hold its output open for as long as it likes: nobody waits for that, and there is a limit to it.
//! What still runs when this process ends, or its site is reloaded, can be ended with it.

use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::platform::child::{kill_group, start_group};

/// The most of an output that is kept, in bytes: answers are a few lines.
const KEPT: usize = 64 * 1024;

/// From one look at the program to the next.
const TICK: Duration = Duration::from_millis(10);

/// How long an output may stay open after its program has ended, which happens only where it is held by another.
const GRACE: Duration = Duration::from_secs(1);

/// The most threads that may be left with what earlier programs left behind: two for each program.
const MOST_LEFT: usize = 32;

/// How a program ended, and what it printed.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

/// Why a program did not run to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error("cannot be started")]
    NotStarted(#[source] io::Error),
    #[error("did not end in time and was killed")]
    TimedOut,
    #[error("is not started while so many outputs of earlier ones are held open")]
    TooManyLeft,
    #[error("is not started any more: the exporter ends, or the site is reloaded")]
    Ending,
    #[error("cannot be waited for")]
    Lost(#[source] io::Error),
}

/// Runs programs, and remembers what they left behind.
#[derive(Debug)]
pub(super) struct Runner {
    left: Mutex<Vec<JoinHandle<()>>>,
    most_left: usize,
    programs: Mutex<Programs>,
    /// Notified when a program is no longer between nothing and a process.
    started: Condvar,
}

/// A program while it runs; `None` once it was waited for, and its number may be another's.
type Running = Arc<Mutex<Option<Child>>>;

/// What runs now.
#[derive(Debug, Default)]
struct Programs {
    running: Vec<Running>,
    starting: usize,
    ending: bool,
}

impl Default for Runner {
    fn default() -> Self {
        let (left, programs) = (Mutex::default(), Mutex::default());
        Self { left, most_left: MOST_LEFT, programs, started: Condvar::new() }
    }
}

/// One of the outputs of a program while it is read.
type Output = Arc<Mutex<Vec<u8>>>;

impl Runner {
    /// Runs a program and its arguments; blocks for at most this time and a second.
    pub(super) fn run(
        &self,
        program: &str,
        arguments: &[String],
        timeout: Duration,
    ) -> Result<Ended, Trouble> {
        if self.left_behind() >= self.most_left {
            return Err(Trouble::TooManyLeft);
        }
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let running = self.start(&mut command)?;
        let result = self.finish(&running, timeout);
        let mut slot = locked(&running);
        if let Some(mut child) = slot.take() {
            let _ = kill_group(&mut child);
            drop(slot);
            // Reaped by a thread: one that hangs in the kernel does not die at once.
            let _ = self.spawn(move || drop(child.wait()));
        }
        result
    }

    /// Ends every program that runs, and starts none any more; blocks for a second where one is just being started.
    pub(super) fn end(&self) {
        let mut programs = locked(&self.programs);
        programs.ending = true;
        let started = self.started.wait_timeout_while(programs, GRACE, |programs| programs.starting > 0);
        let (programs, _) = started.unwrap_or_else(PoisonError::into_inner);
        for running in &programs.running {
            if let Some(child) = locked(running).as_mut() {
                let _ = kill_group(child);
            }
        }
    }

    fn start(&self, command: &mut Command) -> Result<Running, Trouble> {
        let mut programs = locked(&self.programs);
        if programs.ending {
            return Err(Trouble::Ending);
        }
        programs.starting += 1;
        drop(programs);
        // Without the lock: a program on a share that hangs takes as long as that.
        let child = start_group(command);
        let mut programs = locked(&self.programs);
        programs.starting -= 1;
        self.started.notify_all();
        let running = Running::new(Mutex::new(Some(child.map_err(Trouble::NotStarted)?)));
        programs.running.retain(|running| locked(running).is_some());
        programs.running.push(Arc::clone(&running));
        Ok(running)
    }

    fn finish(&self, running: &Running, timeout: Duration) -> Result<Ended, Trouble> {
        let deadline = Instant::now() + timeout;
        let (closed, closing) = mpsc::channel();
        let pipes = locked(running).as_mut().map(|child| (child.stdout.take(), child.stderr.take()));
        let (stdout, stderr) = pipes.unwrap_or_default();
        let stdout = self.read(stdout, &closed)?;
        let stderr = self.read(stderr, &closed)?;
        let mut open = 2;
        let status = loop {
            if let Some(status) = self.status(running)? {
                break status;
            }
            let rest = deadline.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                return Err(Trouble::TimedOut);
            }
            if closing.recv_timeout(rest.min(TICK)).is_ok() {
                open -= 1;
            }
        };
        let deadline = Instant::now() + GRACE;
        while open > 0 && closing.recv_timeout(deadline.saturating_duration_since(Instant::now())).is_ok() {
            open -= 1;
        }
        Ok(Ended { status, stdout: text(&stdout), stderr: text(&stderr) })
    }

    /// How a program has ended, if it has.
    fn status(&self, running: &Running) -> Result<Option<ExitStatus>, Trouble> {
        let ending = locked(&self.programs).ending;
        let mut slot = locked(running);
        let Some(child) = slot.as_mut() else { return Err(Trouble::Ending) };
        let status = child.try_wait().map_err(Trouble::Lost)?;
        match status {
            Some(_) => *slot = None,
            // It came to be after the others were ended.
            None if ending => return Err(Trouble::Ending),
            None => {}
        }
        Ok(status)
    }

    /// Reads an output to its end; the thread outlives the call where somebody holds the output open.
    fn read(&self, pipe: Option<impl Read + Send + 'static>, closed: &Sender<()>) -> Result<Output, Trouble> {
        let output = Output::default();
        let (kept, closed) = (Arc::clone(&output), closed.clone());
        self.spawn(move || {
            if let Some(mut pipe) = pipe {
                drain(&mut pipe, &kept);
            }
            // Nobody waits any more where the program has timed out.
            let _ = closed.send(());
        })?;
        Ok(output)
    }

    fn spawn(&self, work: impl FnOnce() + Send + 'static) -> Result<(), Trouble> {
        let thread = thread::Builder::new().name("command".to_owned()).spawn(work).map_err(Trouble::Lost)?;
        locked(&self.left).push(thread);
        Ok(())
    }

    /// How many threads of earlier programs have not ended.
    fn left_behind(&self) -> usize {
        let mut left = locked(&self.left);
        left.retain(|thread| !thread.is_finished());
        left.len()
    }
}

fn drain(pipe: &mut impl Read, kept: &Mutex<Vec<u8>>) {
    let mut buffer = vec![0; KEPT];
    loop {
        match pipe.read(&mut buffer) {
            Ok(0) => return,
            Ok(read) => {
                let mut kept = locked(kept);
                let room = KEPT.saturating_sub(kept.len());
                kept.extend_from_slice(buffer.get(..read.min(room)).unwrap_or_default());
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&locked(output)).into_owned()
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    fn shell(runner: &Runner, script: &str, timeout: Duration) -> Result<Ended, Trouble> {
        runner.run("/bin/sh", &["-c".to_owned(), script.to_owned()], timeout)
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn both_outputs_and_the_ending_are_told() {
        let ended = shell(&Runner::default(), "echo out; echo err >&2; exit 7", LONG).unwrap();
        assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("out\n", "err\n"));
        assert_eq!(ended.status.code(), Some(7));
        // Nothing waits for an input that never comes.
        assert!(shell(&Runner::default(), "cat", LONG).unwrap().status.success());
    }

    #[test]
    fn a_gigabyte_of_output_costs_neither_memory_nor_the_answer() {
        let begun = Instant::now();
        let script = "echo STOPPED; yes | head -c 1G; yes no | head -c 1M >&2";
        let ended = shell(&Runner::default(), script, LONG).unwrap();
        assert!(ended.status.success() && ended.stdout.starts_with("STOPPED\ny\n"));
        assert_eq!((ended.stdout.len(), ended.stderr.len()), (KEPT, KEPT));
        assert!(begun.elapsed() < LONG);
    }

    #[test]
    fn a_hang_is_ended_with_all_its_children() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("child");
        // The child holds the output open, and the program waits for the child; neither heeds a polite word.
        let script = format!("trap '' TERM INT HUP; sleep 600 & echo $! > {}; wait; wait", file.display());
        let begun = Instant::now();
        let runner = Runner::default();
        let trouble = shell(&runner, &script, Duration::from_millis(500)).unwrap_err();
        assert!(matches!(trouble, Trouble::TimedOut), "{trouble:?}");
        assert!(begun.elapsed() < Duration::from_secs(30));
        let child = std::fs::read_to_string(file).unwrap();
        let command_line = format!("/proc/{}/cmdline", child.trim());
        // Readers and reaper end only when everything that holds the output has gone and the program was reaped.
        let deadline = Instant::now() + LONG;
        while runner.left_behind() > 0 {
            assert!(Instant::now() < deadline, "{:?}", runner.left);
            thread::park_timeout(TICK);
        }
        assert_eq!(std::fs::read(command_line).unwrap_or_default(), b"", "the child lives");
    }

    #[test]
    fn what_runs_when_everything_ends_is_ended_with_its_children_and_nothing_more_is_started() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("child");
        let runner = Arc::new(Runner::default());
        let script =
            format!("trap '' TERM; sleep 600 & echo $! > {0}.new; mv {0}.new {0}; wait", file.display());
        let begun = Instant::now();
        let running = thread::spawn({
            let runner = Arc::clone(&runner);
            move || shell(&runner, &script, LONG * 5)
        });
        while !file.exists() {
            assert!(begun.elapsed() < LONG);
            thread::park_timeout(TICK);
        }
        runner.end();
        let result = running.join().unwrap();
        assert!(result.is_err() || result.is_ok_and(|ended| !ended.status.success()));
        assert!(begun.elapsed() < LONG);
        let child = std::fs::read_to_string(&file).unwrap();
        let command_line = format!("/proc/{}/cmdline", child.trim());
        while std::fs::read(&command_line).is_ok_and(|line| !line.is_empty()) {
            assert!(begun.elapsed() < LONG, "the child lives");
            thread::park_timeout(TICK);
        }
        assert!(matches!(shell(&runner, "true", LONG), Err(Trouble::Ending)));
        runner.end();
    }

    #[test]
    fn what_a_program_leaves_behind_is_not_waited_for_and_has_a_limit() {
        let runner = Runner { most_left: 4, ..Runner::default() };
        let begun = Instant::now();
        for _ in 0..2 {
            let ended = shell(&runner, "sleep 30 & echo done", LONG).unwrap();
            assert_eq!((ended.status.code(), ended.stdout.as_str()), (Some(0), "done\n"));
        }
        assert!(begun.elapsed() < Duration::from_secs(25));
        assert!(matches!(shell(&runner, "true", LONG), Err(Trouble::TooManyLeft)));
    }
}

#[cfg(test)]
#[cfg(windows)]
mod tests {
    use super::*;

    fn shell(script: &str, timeout: Duration) -> Result<Ended, Trouble> {
        let arguments: Vec<_> = ["/c"].into_iter().chain(script.split(' ')).map(str::to_owned).collect();
        Runner::default().run("cmd", &arguments, timeout)
    }

    #[test]
    fn what_it_prints_and_how_it_ends_is_told() {
        let ended = shell("echo STOPPED& exit 3", Duration::from_secs(60)).unwrap();
        assert_eq!((ended.status.code(), ended.stdout.trim()), (Some(3), "STOPPED"));
        let missing = Runner::default().run("no-such-program", &[], Duration::from_secs(60));
        let Err(Trouble::NotStarted(error)) = missing else { panic!("{missing:?}") };
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn what_runs_when_everything_ends_is_ended_and_nothing_more_is_started() {
        let runner = Arc::new(Runner::default());
        let begun = Instant::now();
        let endless = ["/c", "for", "/L", "%i", "in", "(0,0,1)", "do", "@rem"].map(str::to_owned);
        let running = thread::spawn({
            let runner = Arc::clone(&runner);
            move || runner.run("cmd", &endless, Duration::from_secs(300))
        });
        while locked(&runner.programs).running.is_empty() {
            assert!(begun.elapsed() < Duration::from_secs(60));
            thread::park_timeout(TICK);
        }
        runner.end();
        let result = running.join().unwrap();
        assert!(result.is_err() || result.is_ok_and(|ended| !ended.status.success()));
        assert!(begun.elapsed() < Duration::from_secs(60));
        assert!(matches!(runner.run("cmd", &[], Duration::from_secs(60)), Err(Trouble::Ending)));
    }

    #[test]
    fn a_hang_is_ended() {
        let begun = Instant::now();
        let result = shell("for /L %i in (0,0,1) do @rem", Duration::from_millis(500));
        assert!(matches!(result, Err(Trouble::TimedOut)), "{result:?}");
        assert!(begun.elapsed() < Duration::from_secs(30));
    }
}
