//! A real SQL Server behind [`SiteDatabase`].

mod query;
mod rows;

use std::sync::Arc;

use super::{Asked, Databases, Question, SiteDatabase, Unanswered};
use crate::config::{DatabaseConfig, SiteSettings};
use crate::environment::Environment;
use crate::site::SiteCode;
use crate::source::{FailureKind, PollFailure};

/// Reaches databases as configured; passwords may be in this environment.
#[derive(Debug)]
pub struct SqlServers(Arc<Environment>);

impl SqlServers {
    /// Reads passwords from `environment` where the configuration says so.
    pub fn new(environment: &Environment) -> Self {
        Self(Arc::new(environment.clone()))
    }
}

impl Databases for SqlServers {
    fn of(&self, settings: &SiteSettings, config: &DatabaseConfig) -> Box<dyn SiteDatabase> {
        let environment = Arc::clone(&self.0);
        Box::new(SqlServer { site: settings.code, config: config.clone(), environment })
    }
}

/// One site's database on one server.
#[derive(Debug)]
struct SqlServer {
    site: SiteCode,
    config: DatabaseConfig,
    environment: Arc<Environment>,
}

impl SiteDatabase for SqlServer {
    fn ask(&mut self, question: Question) -> Asked<'_> {
        let message = format!("{question:?} of {} on {}: not yet", self.site, self.config.server);
        let failure = PollFailure { kind: FailureKind::Protocol, message };
        Box::pin(async { Err(Unanswered { failure, disconnected: true }) })
    }

    fn replica(&self, _: &str) -> Box<dyn SiteDatabase> {
        let Self { site, config, environment } = self;
        Box::new(Self { site: *site, config: config.clone(), environment: Arc::clone(environment) })
    }
}
