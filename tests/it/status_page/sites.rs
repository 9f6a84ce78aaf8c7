//! The situations that the page is looked at in.

use std::sync::Arc;

use chrono::TimeDelta;
use configmgr_backup_exporter::site::{
    Attempt, AttemptOutcome, Decision, FailureCause, Hint, HintStrength, Hold, HoldReason, Remark,
    RestartMode, RestartPlan, Service, ServiceState, SiteDefinition, SiteRole, SiteServer, SiteService,
};
use configmgr_backup_exporter::source::{DatabaseFact, Fact, FailureKind, SourceKind};

use super::evidence::{Night, Site, message, night, now, remark, site_services};
use crate::support::{database, services};

fn hold(reason: HoldReason, finding: &str) -> Hold {
    Hold { reason, finding: finding.into(), passes: reason.clears_by_itself() }
}

/// Everything is as it should be.
pub(super) fn healthy(code: &str) -> Site {
    let mut site = Site::new(code, Night::Succeeds);
    site.stands(Decision::Nothing, false, Vec::new());
    site
}

/// A backup goes on that was started late.
pub(super) fn in_progress(code: &str) -> Site {
    let mut site = Site::new(code, Night::GoesOn);
    site.seen(site_services(&[SiteService::Executive], true));
    site.stands(Decision::Nothing, false, Vec::new());
    site
}

/// The same without an archive: the only copy is being replaced.
pub(super) fn in_progress_without_archive(code: &str) -> Site {
    let mut site = in_progress(code);
    site.has_no_archive();
    site.loses_its_copies();
    site
}

/// Nothing began for two nights, and what there is could only be restored for a day.
pub(super) fn overdue(code: &str) -> Site {
    let mut site = Site::new(code, Night::NothingStarts);
    site.told_of_the_database(vec![database::change_tracking(std::time::Duration::from_secs(86_400))]);
    site
}

/// The copies are gone though the last backup succeeded.
pub(super) fn unprotected(code: &str) -> Site {
    let mut site = healthy(code);
    site.loses_its_copies();
    site
}

/// A site without a hierarchy, whose copies do not expire, and of which a source cannot be read.
pub(super) fn standalone(code: &str) -> Site {
    let mut site = healthy(code);
    let definition = SiteDefinition {
        role: Some(SiteRole::Standalone),
        server: "CM01.corp.example".into(),
        version: "5.00.9128.1000".into(),
    };
    Arc::make_mut(&mut site.state.settings).role = None;
    site.told_of_the_database(vec![Fact::Database(DatabaseFact::Site(definition))]);
    site.fails(
        SourceKind::Services,
        FailureKind::AccessDenied,
        "cannot ask for the services of cm01.corp.example: access is denied (os error 5)",
    );
    site
}

/// The last backup failed, and the exporter only says what it would do.
pub(super) fn observed(code: &str) -> Site {
    let mut site = Site::new(code, Night::Fails(FailureCause::Vss));
    let holds = vec![hold(HoldReason::ObserveOnly, "The mode is observe.")];
    site.stands_with(RestartMode::Observe, Decision::Hold(holds), false, Vec::new());
    site
}

/// The last backup failed, its cause needs a person, and a restart has failed of it before.
pub(super) fn failed(code: &str) -> Site {
    let mut site = Site::new(code, Night::Fails(FailureCause::DiskFull));
    site.loses_its_copies();
    site.has_free(1_300_000);
    let tried = Attempt {
        cause: FailureCause::SharingViolation,
        outcome: Some((AttemptOutcome::StartTimedOut, night(19) + TimeDelta::minutes(40))),
        error: Some("SMS_SITE_BACKUP did not start in 60 s".into()),
        plan: RestartPlan::Start,
        ..services::attempt(night(19), night(19) + TimeDelta::minutes(35))
    };
    let holds = vec![
        hold(
            HoldReason::NeedsOperator,
            "Free space on the destination volume or move the destination; then start a backup.",
        ),
        hold(HoldReason::NoSpace, r"E:\SCCMBackup has 1.2 MiB free, and the next backup needs 2.4 MiB."),
        hold(HoldReason::OutsideWindow, "Backups may begin from 02:00 to 06:30; it is 06:45."),
    ];
    site.stands(Decision::Hold(holds), false, vec![tried]);
    site
}

/// The last backup failed, and the exporter is about to try it again.
pub(super) fn pending_restart(code: &str) -> Site {
    let mut site = Site::new(code, Night::Fails(FailureCause::Vss));
    let holds =
        vec![hold(HoldReason::OutsideWindow, "An attempt may begin from 07:00 to 22:00; it is 06:45.")];
    site.stands(Decision::Hold(holds), true, Vec::new());
    site
}

/// Nothing that tells of the backups can be read.
pub(super) fn unknown(code: &str) -> Site {
    let mut site = Site::new(code, Night::Succeeds);
    site.fails(
        SourceKind::BackupLog,
        FailureKind::Unreachable,
        "cannot open the log: the network path was not found (os error 53)",
    );
    site.fails(
        SourceKind::Database,
        FailureKind::Authentication,
        "cannot log on to sql01.corp.example: login failed for user 'CORP\\CM01$'",
    );
    site
}

/// The passive one of two site servers.
pub(super) fn passive(code: &str) -> Site {
    let mut site = Site::new(code, Night::Succeeds);
    let mut seen = site_services(&SiteService::STOPPED_FOR_SNAPSHOT, false);
    seen.machine = Some("CM02".into());
    let server = |(name, active): (&str, bool)| SiteServer { name: name.into(), active };
    seen.site_servers = Some([("CM01", true), ("CM02", false)].map(server).into());
    site.seen(seen);
    site
}

/// 25 sites: most are well, and of each kind that is not there is one.
pub(super) fn fleet() -> Vec<Site> {
    let code = |number: i64| format!("P{number:02}");
    (1..=25)
        .map(|number| match number {
            4 => failed(&code(number)),
            9 => pending_restart(&code(number)),
            12 => in_progress(&code(number)),
            15 => unknown(&code(number)),
            17 => passive(&code(number)),
            20 => Site::new(&code(number), Night::NothingStarts),
            22 => {
                let mut site = healthy(&code(number));
                site.is_damaged("SiteDBServer/CM_P22.mdf");
                site
            }
            24 => unprotected(&code(number)),
            _ => healthy(&code(number)),
        })
        .collect()
}

/// Whatever can be written into has markup in it, and words that are too long, or run from right to left.
pub(super) fn hostile(code: &str) -> Site {
    const TEXT: &str = "<script>alert(1)</script><style>*{display:none}</style>\"'&amp; \u{202e}eman.exe \
        قاعدة بيانات الموقع \u{5de}\u{5e1}\u{5d3} aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
        aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
        \\\\server\\a_very_long_share_name_without_any_space_that_a_browser_could_break_it_at\\and_a_folder_below_it";
    let mut site = Site::with(code, Some(TEXT), Night::Fails(FailureCause::CopyFailed));
    let mut seen = site_services(&[SiteService::VssWriter], false);
    seen.machine = Some(TEXT.into());
    seen.services
        .insert(format!("SMS_SITE_SQL_BACKUP_{TEXT}").into(), Service::in_state(ServiceState::Stopped));
    site.seen(seen);
    site.is_damaged(TEXT);
    let tried = Attempt { error: Some(TEXT.into()), ..services::attempt(night(1), night(1)) };
    site.stands(Decision::Hold(vec![hold(HoldReason::SiteMaintenance, TEXT)]), false, vec![tried; 12]);
    // As many runs as are kept.
    for ago in 0..170 {
        let begin = night(0) + TimeDelta::minutes(30 + ago);
        let hint = Hint { cause: FailureCause::Unknown, strength: HintStrength::Phrase };
        let bodies = vec![
            message(500, begin),
            message(5055, begin + TimeDelta::seconds(1)),
            remark(Remark::Reason(hint), begin + TimeDelta::seconds(2), TEXT),
            message(-5060, begin + TimeDelta::seconds(3)),
            message(501, begin + TimeDelta::seconds(4)),
        ];
        site.told(begin + TimeDelta::minutes(1), bodies);
    }
    site.told(now(), Vec::new());
    site.fails(SourceKind::Snapshot, FailureKind::AccessDenied, TEXT);
    site
}
