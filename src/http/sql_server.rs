//! What SQL Server wrote into the event log about the site database: for the JSON and for the status page.
//!
//! Any backup program freezes and resumes I/O, so nothing is judged by it: these are facts beside those of the backup.

use serde::Serialize;

use super::html::{row, time};
use crate::assessment::frozen_io;
use crate::site::{SqlServerEvent, Timestamp};
use crate::state::SiteState;

/// When each was last said; `null` for what never was.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct SqlServerJson {
    frozen: Option<Timestamp>,
    resumed: Option<Timestamp>,
    /// As long as no resumption followed.
    frozen_since: Option<Timestamp>,
    backed_up: Option<Timestamp>,
}

/// `None` where SQL Server said nothing.
pub(super) fn sql_server(state: &SiteState) -> Option<SqlServerJson> {
    let said = |event| state.sql_server.get(&event).copied();
    (!state.sql_server.is_empty()).then(|| SqlServerJson {
        frozen: said(SqlServerEvent::Frozen),
        resumed: said(SqlServerEvent::Resumed),
        frozen_since: state.io_frozen_since(),
        backed_up: said(SqlServerEvent::BackedUp),
    })
}

/// Nothing where SQL Server said nothing.
pub(super) fn section(html: &mut String, state: &SiteState) {
    let Some(SqlServerJson { frozen, resumed, backed_up, .. }) = sql_server(state) else { return };
    html.push_str("<h3>SQL Server, by the event log</h3><table>");
    if let Some(text) = frozen_io(state) {
        row(html, "I/O", "none", "frozen", &format!("{text}."));
    } else if let Some(resumed) = resumed {
        let frozen = frozen.map_or_else(String::new, |frozen| format!("Frozen at {}. ", time(frozen)));
        row(html, "I/O", "none", "resumed", &format!("{frozen}Resumed at {}.", time(resumed)));
    }
    if let Some(backed_up) = backed_up {
        row(html, "database backup", "none", "seen", &format!("At {}, by any program.", time(backed_up)));
    }
    html.push_str("</table>");
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;
    use crate::config::SiteSettings;
    use crate::site::SqlServerEvent::{BackedUp, Frozen, Resumed};

    fn at(second: u32) -> Timestamp {
        format!("2026-11-21T02:10:{second:02}Z").parse().unwrap()
    }

    /// The page and the JSON of what was said, each event at a second.
    fn shown(said: &[(SqlServerEvent, u32)]) -> (String, Value) {
        let mut state = SiteState::new(Arc::new(SiteSettings::new("P01".parse().unwrap())), at(0));
        state.sql_server = said.iter().map(|(event, second)| (*event, at(*second))).collect();
        let mut html = String::new();
        section(&mut html, &state);
        (html, serde_json::to_value(sql_server(&state)).unwrap())
    }

    #[test]
    fn what_nobody_said_is_not_shown() {
        assert_eq!(shown(&[]), (String::new(), Value::Null));
    }

    #[test]
    fn a_freeze_that_was_not_resumed_is_told_as_going_on() {
        let (since, goes_on) =
            ("2026-11-21T02:10:05Z", "I/O of CM_P01 frozen since 2026-11-21 02:10:05 UTC, not resumed.");
        for said in [&[(Frozen, 5)][..], &[(Resumed, 4), (Frozen, 5)]] {
            let (page, json) = shown(said);
            assert!(page.contains(">frozen</span>") && page.contains(goes_on), "{page}");
            assert_eq!(json["frozen_since"], since);
        }
        for resumed in [5, 7] {
            let (page, json) = shown(&[(Frozen, 5), (Resumed, resumed), (BackedUp, 9)]);
            assert!(
                page.contains("Frozen at 2026-11-21 02:10:05 UTC. Resumed at ")
                    && !page.contains("not resumed")
            );
            assert!(page.contains("At 2026-11-21 02:10:09 UTC, by any program."), "{page}");
            let resumed = format!("2026-11-21T02:10:{resumed:02}Z");
            let expected = json!({ "frozen": since, "resumed": resumed, "frozen_since": null, "backed_up": "2026-11-21T02:10:09Z" });
            assert_eq!(json, expected);
        }
    }

    #[test]
    fn a_resumption_alone_is_shown_alone() {
        let (page, _) = shown(&[(Resumed, 7)]);
        assert!(page.contains("<td>Resumed at 2026-11-21 02:10:07 UTC.</td>"), "{page}");
    }
}
