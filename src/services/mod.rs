//! Asking for the state of Windows services, starting and stopping them: on this machine, on another, or by a command.
//!
//! Everything blocks, and each call ends within its own deadline or says that it may hang. Whether something is started
//! is decided elsewhere.

mod command;
mod error;
mod program;
mod refusal;
#[cfg(test)]
pub(crate) mod scripted;
mod site_servers;
mod system;
mod windows;

use std::fmt::Debug;
use std::sync::Arc;

pub use error::{ServiceError, ServiceErrorKind};
pub use system::SystemServices;

use crate::config::ServicesConfig;
use crate::site::{ServiceState, ServicesSeen, SiteService};

/// What a call to start a service found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// The start was accepted; the service may still be on its way.
    Accepted,
    /// Somebody else had started it before (Win32 1056).
    AlreadyRunning,
}

/// The services of one machine. Every call may block for as long as the machine takes.
pub trait ServiceController: Debug + Send + Sync + 'static {
    /// Where the services are, for messages and as the location of the source: a machine's name or a command.
    fn location(&self) -> String;

    /// Everything that can be seen in one look; a service that does not exist is one of the things seen.
    fn look(&self) -> Result<ServicesSeen, ServiceError>;

    /// The state of one service; [`ServiceState::Missing`] if it does not exist.
    fn state(&self, service: SiteService) -> Result<ServiceState, ServiceError>;

    /// Asks for a start and does not wait for it.
    fn start(&self, service: SiteService) -> Result<Start, ServiceError>;

    /// Asks for a stop and does not wait for it; one that does not run is as good.
    fn stop(&self, service: SiteService) -> Result<(), ServiceError>;

    /// Ends what earlier calls still do, and lets later ones do nothing: the process ends, or a reload gives the
    /// site another controller.
    fn end(&self) {}
}

/// Where the services of sites are.
pub trait ServiceControllers: Debug + Send + Sync {
    /// The controller for one site's services.
    fn of(&self, config: &ServicesConfig) -> Arc<dyn ServiceController>;
}
