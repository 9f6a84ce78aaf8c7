//! What is known of a site without looking at its backups: the configured side of every judgement.

use std::path::PathBuf;
use std::time::Duration;

use super::database::DatabaseConfig;
use super::services::{RemediationConfig, ServicesConfig};
use super::snapshot::{RecoveryDrill, SnapshotConfig, SnapshotOfTask, SupplementalConfig};
use crate::schedule::Zone;
use crate::site::{Protection, SiteCode, SiteRole, TaskWindow, Timings};

/// Change tracking retention while nobody has said otherwise (ConfigMgr's own default).
pub const DEFAULT_RETENTION: Duration = Duration::from_secs(5 * 24 * 3600);

/// The settings by which one site's evidence is judged.
#[derive(Debug, Clone, PartialEq)]
pub struct SiteSettings {
    /// Which site.
    pub code: SiteCode,
    /// Its role; `None` where the configuration does not tell.
    pub role: Option<SiteRole>,
    /// Its role as the registry of its site server tells it, while nobody else does.
    pub discovered_role: Option<SiteRole>,
    /// By what it is protected; `None` where the configuration does not tell.
    pub protection: Option<Protection>,
    /// When its backup is due; `None` where the configuration does not tell.
    pub schedule: Option<TaskWindow>,
    /// In which zone the schedule is meant; `None` where it is to be learned.
    pub time_zone: Option<Zone>,
    /// What local time is at the site: this machine's, but for tests.
    pub local_zone: Zone,
    /// Change tracking retention until the database says otherwise; `None` where the configuration does not tell.
    pub retention: Option<Duration>,
    /// What a run is expected to take, instead of the median of the last five successes.
    pub expected_duration: Option<Duration>,
    /// When a run is stalled, instead of three times the median.
    pub stalled_after: Option<Duration>,
    /// The destination and its archives; `None` where none is configured.
    pub snapshot: Option<SnapshotConfig>,
    /// How the destination is watched once the site database tells it; `None` where the configuration names it.
    pub snapshot_of_task: Option<SnapshotOfTask>,
    /// The copies of what the backup task does not back up, in the order of the file.
    pub supplemental: Vec<SupplementalConfig>,
    /// When the site was last recovered as an exercise; `None` where the configuration does not tell.
    pub recovery_drill: Option<RecoveryDrill>,
    /// The site database's name; `None` where the configuration does not tell, so that it is `CM_` and the code.
    pub database_name: Option<String>,
    /// How the site database is asked; `None` where it is not.
    pub database: Option<DatabaseConfig>,
    /// Roots of package sources that may be contacted.
    pub package_sources: Vec<PathBuf>,
    /// How the site's services are asked; `None` where they are not.
    pub services: Option<ServicesConfig>,
    /// When its backup service is restarted.
    pub remediation: RemediationConfig,
    /// All other durations.
    pub timings: Timings,
}

impl SiteSettings {
    /// The settings of a site of which only its code is known.
    pub fn new(code: SiteCode) -> Self {
        Self {
            code,
            role: None,
            discovered_role: None,
            protection: None,
            schedule: None,
            time_zone: None,
            local_zone: Zone::Local,
            retention: None,
            expected_duration: None,
            stalled_after: None,
            snapshot: None,
            snapshot_of_task: None,
            supplemental: Vec::new(),
            recovery_drill: None,
            database_name: None,
            database: None,
            package_sources: Vec::new(),
            services: None,
            remediation: RemediationConfig::for_services(None),
            timings: Timings::DEFAULT,
        }
    }

    /// The site database's name.
    pub fn site_database(&self) -> String {
        self.database_name.clone().unwrap_or_else(|| format!("CM_{}", self.code))
    }
}
