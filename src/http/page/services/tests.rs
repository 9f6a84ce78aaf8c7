//! The section and the JSON of the same look.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::assessment::assess;
use crate::config::SiteSettings;
use crate::http::api;
use crate::http::samples::{FOREIGN, words};
use crate::site::{Service, SiteServer, StartMode, Timestamp};
use crate::source::{Cursor, Fact, Poll, PollReport, Reach, SourceId, SourceKind};

fn now() -> Timestamp {
    "2026-11-21T08:00:00Z".parse().unwrap()
}

/// The section and the JSON after one look.
fn shown(seen: Option<ServicesSeen>) -> (String, Value) {
    let mut state = SiteState::new(Arc::new(SiteSettings::new("P01".parse().unwrap())), now());
    let source = SourceId { kind: SourceKind::Services, location: "cm01".to_owned() };
    state.watch(source.clone(), Duration::from_secs(30), None, now());
    if let Some(seen) = seen {
        let result =
            Ok(Poll { facts: vec![Fact::Services(seen)], cursor: Cursor::Anew, reach: Reach::CaughtUp });
        let (site, duration) = (state.settings.code, Duration::ZERO);
        state.fold(&PollReport { site, source, started: now(), duration, result }, now());
    }
    let assessment = assess(&state, now());
    let page = section(&state, &assessment).into_string();
    (page, serde_json::to_value(api::site(&state, &assessment)).unwrap()["services"].take())
}

#[test]
fn where_nobody_looks_nothing_is_shown() {
    let (page, json) = shown(None);
    assert_eq!(page, "");
    assert_eq!(json, Value::Null);
}

#[test]
fn everything_that_was_seen_is_shown_and_no_text_becomes_markup() {
    let running = Service {
        state: ServiceState::Running,
        start: Some(StartMode::Automatic),
        account: Some(FOREIGN.into()),
        started: Some(now()),
    };
    let seen = ServicesSeen {
        machine: Some(FOREIGN.into()),
        services: [
            ("SMS_EXECUTIVE".into(), running),
            ("SMS_SITE_BACKUP".into(), Service::in_state(ServiceState::Stopped)),
            (format!("SMS_SITE_SQL_BACKUP_{FOREIGN}").into(), Service::in_state(ServiceState::StopPending)),
        ]
        .into(),
        booted: Some("2026-11-21T07:00:00Z".parse().unwrap()),
        site_servers: Some(vec![
            SiteServer { name: FOREIGN.into(), active: true },
            SiteServer { name: "cm02".into(), active: false },
        ]),
        paused: Some(true),
    };
    let (page, json) = shown(Some(seen));
    let shown = words(&page);
    for part in [
        "Machine active <a href='x'>&, up since 2026-11-21 07:00:00 UTC . The pause file exists.",
        "Site server passive cm02",
        "SMS_EXECUTIVE running start: automatic; as <a href='x'>&; since 2026-11-21 08:00:00 UTC",
        "SMS_SITE_BACKUP stopped SMS_SITE_SQL_BACKUP",
        "stop pending SMS_SITE_SQL_BACKUP_<a href='x'>& is stopping",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(!page.contains("<a href") && page.starts_with("<details class=\"panel\" open>"), "{page}");
    let time = "2026-11-21T08:00:00Z";
    let expected = json!({
        "machine": FOREIGN, "booted": "2026-11-21T07:00:00Z", "node": "active",
        "site_servers": [{ "name": FOREIGN, "active": true }, { "name": "cm02", "active": false }],
        "services": [
            { "name": "SMS_EXECUTIVE", "state": "running", "start": "automatic", "account": FOREIGN, "started": time },
            { "name": "SMS_SITE_BACKUP", "state": "stopped", "start": null, "account": null, "started": null },
            { "name": format!("SMS_SITE_SQL_BACKUP_{FOREIGN}"), "state": "stop_pending", "start": null,
              "account": null, "started": null },
        ],
    });
    assert_eq!(json, expected);
}

#[test]
fn what_cannot_be_told_is_null() {
    let (page, json) = shown(Some(ServicesSeen::default()));
    assert!(words(&page).contains("Machine seen The site server."), "{page}");
    let expected =
        json!({ "machine": null, "booted": null, "node": null, "site_servers": null, "services": [] });
    assert_eq!(json, expected);
}
