//! One poll: which of the open files is read, from where, and what that says about the log.
//!
//! Works on a copy of the cursor, so that a poll which is cut off, by an error, a panic or a timeout, has not happened.

use std::io;

use super::cursor::LogCursor;
use super::error::FollowError;
use super::files::{Group, LogFiles, Member, Opener};
use super::part::{self, LineSink, Part, PartStart, Role};
use super::probe::{Probe, Relation};
use super::{Progress, Reach};

/// So many polls leave new content unread because of an older file that cannot be read or is being copied.
pub(super) const POSTPONED_AT_MOST: u8 = 3;

pub(super) fn poll_with(
    files: &LogFiles,
    cursor: &LogCursor,
    budget: u64,
    sink: &mut dyn LineSink,
    opener: Opener<'_>,
) -> Result<Progress, FollowError> {
    let group = files.open(cursor, opener)?;
    let mut poll = Poll::new(cursor, budget, &group);
    for mut member in group.members {
        match poll.follow(&mut member, sink) {
            Ok(Step::Next) => {}
            Ok(Step::Stop(reach)) => {
                poll.progress.reach = reach;
                break;
            }
            Err(error) => poll.give_up(&member, error),
        }
    }
    let progress = &mut poll.progress;
    progress.log_error = progress.log_error.take().or(group.log_error);
    progress.older_errors.extend(group.older_errors);
    poll.finish()
}

/// Whether newer files may be read in this poll.
enum Step {
    Next,
    Stop(Reach),
}

/// One poll under way.
struct Poll {
    progress: Progress,
    left: u64,
    /// Some file goes on from the newest known line, or there is none.
    last_continues: bool,
    /// An older file may hold what comes before the new content of a newer one.
    uncertain: bool,
    /// New content was left unread because of that.
    waits: bool,
}

impl Poll {
    fn new(cursor: &LogCursor, budget: u64, group: &Group) -> Self {
        Self {
            progress: Progress {
                cursor: cursor.clone(),
                bytes: 0,
                rotations: 0,
                continuity_lost: false,
                reach: Reach::CaughtUp,
                log_error: None,
                older_errors: Vec::new(),
            },
            left: budget,
            last_continues: cursor.is_empty() || group.members.iter().any(|member| member.continues_last),
            uncertain: !group.older_errors.is_empty(),
            waits: false,
        }
    }

    /// Reads what is new in one file.
    fn follow(&mut self, member: &mut Member, sink: &mut dyn LineSink) -> io::Result<Step> {
        let probe = Probe::of(&mut member.file)?;
        if !probe.extends(&member.opened) {
            // Rolled since it was opened: what it held is now in an older file, which comes first.
            return Ok(Step::Stop(Reach::Unsettled));
        }
        let (known, start) = match self.progress.cursor.relate(&probe, &mut member.file)? {
            Relation::Continues(index, position) => (Some(index), Some(position)),
            Relation::Diverges(position) => (None, Some(position)),
            Relation::Incomplete(index) => {
                self.progress.cursor.see(index);
                self.uncertain |= member.role != Role::Log;
                return Ok(Step::Next);
            }
            Relation::New => (None, None),
        };
        if start.is_none() && self.uncertain && self.progress.cursor.postponed < POSTPONED_AT_MOST {
            self.waits = true;
            return Ok(Step::Next);
        }
        if probe.len <= start.map_or(0, |position| position.offset) {
            self.arrive(known, member.role);
            return Ok(Step::Next);
        }
        if self.left == 0 {
            return Ok(Step::Stop(Reach::More));
        }

        let start_kind = if start.is_some() { PartStart::Resumed } else { PartStart::New };
        sink.begin(&Part { path: &member.path, role: member.role, start: start_kind });
        let read = part::read(&mut member.file, &probe, start, self.left, &mut |block| sink.lines(block));
        let Ok(Some(advance)) = read else {
            sink.discard();
            return read.map(|_| Step::Stop(Reach::Unsettled));
        };
        sink.commit(advance.counts);
        self.progress.bytes += advance.counts.bytes;
        self.left = self.left.saturating_sub(advance.taken);
        match advance.position {
            None => self.arrive(known, member.role),
            Some(position) => {
                let index = match known {
                    Some(index) => {
                        self.progress.cursor.contents[index].advance(advance.head, position);
                        index
                    }
                    None => self.progress.cursor.add(advance.head, position),
                };
                self.move_to(index, known.is_none(), member.role);
            }
        }
        Ok(if advance.cut_short { Step::Stop(Reach::More) } else { Step::Next })
    }

    /// Nothing was new in a file that has this content; in the `.log`, it is the present one all the same.
    fn arrive(&mut self, known: Option<usize>, role: Role) {
        match known {
            Some(index) if role == Role::Log => self.move_to(index, false, role),
            Some(index) => self.progress.cursor.see(index),
            None => {}
        }
    }

    /// The newest known line is now in the content at `index`.
    fn move_to(&mut self, index: usize, added: bool, role: Role) {
        let cursor = &mut self.progress.cursor;
        let last = cursor.contents.len() - 1;
        let moves = index != last || (added && last > 0);
        if moves && !self.last_continues {
            self.progress.continuity_lost = true;
        }
        self.last_continues |= moves;
        let index = cursor.touch(index);
        if role == Role::Log {
            self.progress.rotations += u64::from(cursor.place_in_log(index));
        }
    }

    /// A file that was open could not be read after all.
    fn give_up(&mut self, member: &Member, error: io::Error) {
        let error = FollowError::new("read", &member.path, error);
        self.last_continues &= !member.continues_last;
        if member.role == Role::Log {
            self.progress.log_error = Some(error);
        } else {
            self.progress.older_errors.push(error);
            self.uncertain = true;
        }
    }

    fn finish(self) -> Result<Progress, FollowError> {
        let mut progress = self.progress;
        if let Some(error) = progress.log_error.take() {
            if progress.bytes == 0 && !self.waits {
                return Err(error);
            }
            progress.log_error = Some(error);
        }
        let unsettled = self.waits || progress.log_error.is_some();
        if unsettled && progress.reach == Reach::CaughtUp {
            progress.reach = Reach::Unsettled;
        }
        progress.cursor.postponed = match (self.waits, self.uncertain) {
            (true, _) => progress.cursor.postponed + 1,
            (false, true) => progress.cursor.postponed,
            (false, false) => 0,
        };
        progress.cursor.forget();
        Ok(progress)
    }
}
