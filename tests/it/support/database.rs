//! What a site database tells of a site where all is well.

use std::time::Duration;

use chrono::TimeDelta;
use configmgr_backup_exporter::schedule::EVERY_DAY;
use configmgr_backup_exporter::site::{
    BackupMethod, BackupSet, ChangeTracking, DatabaseServer, SiteDefinition, SiteRole, TaskDefinition,
    TaskWindow, Timestamp, Witness,
};
use configmgr_backup_exporter::source::{DatabaseFact, Fact};

/// Change tracking as ConfigMgr sets it up, but for its retention.
pub(crate) fn change_tracking(retention: Duration) -> Fact {
    Fact::Database(DatabaseFact::ChangeTracking(Some(ChangeTracking { auto_cleanup: true, retention })))
}

/// An answer to every question, with backups of the last hours.
pub(crate) fn everything(now: Timestamp) -> Vec<Fact> {
    let server = DatabaseServer {
        name: "SQL01".into(),
        version: "15.0.4300.1".into(),
        in_availability_group: false,
        utc: now,
        offset: 0,
    };
    let site = SiteDefinition {
        role: Some(SiteRole::Hierarchy),
        server: "CM01.corp.example".into(),
        version: "5.00.9128.1000".into(),
    };
    let window = TaskWindow { days: EVERY_DAY, begin: 120, latest_begin: 300 };
    let task = TaskDefinition { enabled: true, window, destination: Some(r"E:\SCCMBackup".into()) };
    let set = |method| BackupSet {
        started: now - TimeDelta::hours(3),
        finished: now - TimeDelta::hours(2),
        method,
        damaged: false,
    };
    let sets = vec![set(BackupMethod::Vss), set(BackupMethod::Native)];
    let facts = [
        DatabaseFact::Server { server, skew: TimeDelta::zero() },
        DatabaseFact::Servers(vec!["SQL01".to_owned()]),
        DatabaseFact::Site(site),
        DatabaseFact::Task(task),
        DatabaseFact::OldestCommit(Some(now - TimeDelta::days(5))),
        DatabaseFact::BackupSets("SQL01".to_owned(), sets),
        DatabaseFact::PackageRoots(vec![r"\\SRC01\pkg".to_owned()]),
    ];
    let mut facts: Vec<_> = facts.into_iter().map(Fact::Database).collect();
    facts.push(change_tracking(Duration::from_secs(5 * 86_400)));
    facts.push(Fact::PackageSource(r"\\SRC01\pkg".to_owned(), true));
    facts.push(Fact::Coverage {
        witness: Witness::StatusMessages,
        oldest: Some(now),
        newest: None,
        gap: false,
    });
    facts
}
