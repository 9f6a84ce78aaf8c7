//! What happens to the servers of a site: services that come and go, an update, a reboot, a takeover.

use configmgr_backup_exporter::site::SiteService::{ComponentManager, Executive, VssWriter};

use super::super::event::Event::{Boots, Start, Stop, Stopped, TakeOver, UpdateBegins, UpdateEnds};
use super::super::story::{CM01, Story};
use super::{DAY, HOUR, Life, quiet};

const CM02: &str = "CM02";

pub(super) fn lives() -> Vec<Life> {
    let pair = |length| Story { servers: &[CM01, CM02], ..Story::new("2026-03-04T00:00:00Z", length, 5) };
    // Who sees in the database what both servers did is not taken by surprise by a takeover.
    let unread = |story| Story { database: false, ..story };
    vec![
        quiet(
            "services_flap",
            "Services, SMS Writer among them, come and go from the freeze until ten minutes after the thaw.",
            Story { flaps: true, ..Story::new("2026-03-04T01:00:00Z", 4 * HOUR, 1) }
                .backups(&[HOUR - DAY, HOUR]),
        ),
        quiet(
            "update",
            "An update of the site stops its services for half an hour; the next night brings a backup of the new version.",
            Story::new("2026-03-04T10:00:00Z", DAY, 5).backups(&[-8 * HOUR - DAY, -8 * HOUR, 16 * HOUR]).and(
                &[
                    (HOUR, UpdateBegins),
                    (HOUR + 30, Stopped(&[Executive, ComponentManager, VssWriter])),
                    (2 * HOUR, Stopped(&[])),
                    (2 * HOUR + 30, UpdateEnds),
                ],
            ),
        ),
        quiet(
            "reboot",
            "The site server restarts, and its services come 12 minutes late.",
            Story::new("2026-03-04T10:00:00Z", 4 * HOUR, 1).backups(&[-8 * HOUR - DAY, -8 * HOUR]).and(&[
                (HOUR, Stop(CM01)),
                (HOUR, Stopped(&[Executive, ComponentManager, VssWriter])),
                (HOUR + 4, Boots),
                (HOUR + 5, Start(CM01)),
                (HOUR + 16, Stopped(&[])),
            ]),
        ),
        quiet(
            "takeover",
            "A passive site server is watched beside the active one, and takes the site over.",
            taken_over(unread(pair(3 * DAY))),
        ),
        quiet(
            "takeover_with_database",
            "The same, and both exporters read the site database.",
            taken_over(pair(3 * DAY)),
        ),
        quiet(
            "passive",
            "The passive site server has never run a backup, so it has no log; the active one backs up.",
            Story { logs_on_both: false, ..unread(pair(DAY)) }.backups(&[2 * HOUR - DAY, 2 * HOUR]),
        ),
    ]
}

fn taken_over(pair: Story) -> Story {
    pair.backups(&[2 * HOUR - DAY, 2 * HOUR])
        .run(CM02, 2 * HOUR + DAY, None, false)
        .run(CM02, 2 * HOUR + 2 * DAY, None, false)
        .and(&[(20 * HOUR, Stop(CM01)), (20 * HOUR + 5, TakeOver(CM02)), (20 * HOUR + 10, Start(CM01))])
}
