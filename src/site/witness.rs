//! Who tells of the backup.

use super::closed_set;

closed_set! {
    /// A place in which ConfigMgr's statements about runs are found.
    ///
    /// The order is that of preference where two disagree about a detail of the same message (its time, say), but that the
    /// event log, which dates a message when it is written, is preferred to none.
    pub enum Witness {
        /// `<install>\Logs\smsbkup.log` and what it rolled into.
        Log => "log",
        /// The `smsbkup.log` inside the destination.
        DestinationLog => "destination_log",
        /// The Application event log of the site server.
        EventLog => "event_log",
        /// Status messages in the site database.
        StatusMessages => "status_messages",
    }
}
