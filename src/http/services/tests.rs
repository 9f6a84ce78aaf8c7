//! The section and the JSON of the same look.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::assessment::assess;
use crate::config::SiteSettings;
use crate::http::{api, status_page};
use crate::site::{Service, SiteServer};
use crate::source::{Cursor, Fact, Poll, PollReport, Reach, SourceId, SourceKind};

const FOREIGN: &str = "<a href='x'>&";

fn now() -> Timestamp {
    "2026-11-21T08:00:00Z".parse().unwrap()
}

/// The page and the JSON after one look.
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
    let page = status_page::page([(&state, &assessment)].into_iter(), "/metrics", now());
    (page, serde_json::to_value(api::site(&state, &assessment)).unwrap()["services"].take())
}

#[test]
fn where_nobody_looks_nothing_is_shown() {
    let (page, json) = shown(None);
    assert!(!page.contains("<h3>Services</h3>"), "{page}");
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
    for part in [
        ">active</span></td><td>&lt;a href=&#39;x&#39;&gt;&amp;, up since 2026-11-21 07:00:00 UTC. The pause file exists.</td>",
        "<td>site server</td><td><span class=\"tag none\">passive</span></td><td>cm02</td>",
        "<td>SMS_EXECUTIVE</td><td><span class=\"tag good\">running</span></td><td>start: automatic; as &lt;a href=&#39;x&#39;&gt;&amp;; since 2026-11-21 08:00:00 UTC</td>",
        "<td>SMS_SITE_BACKUP</td><td><span class=\"tag none\">stopped</span></td><td></td>",
        "<span class=\"tag bad\">stop pending</span></td><td>SMS_SITE_SQL_BACKUP_&lt;a href=&#39;x&#39;&gt;&amp; is stopping</td>",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains(FOREIGN), "{page}");
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
    assert!(page.contains(">seen</span></td><td>The site server.</td>"), "{page}");
    let expected =
        json!({ "machine": null, "booted": null, "node": null, "site_servers": null, "services": [] });
    assert_eq!(json, expected);
}
