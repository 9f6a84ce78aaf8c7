//! The controllers of real machines.

use std::sync::Arc;

use super::command::CommandServices;
use super::windows::WindowsServices;
use super::{ServiceController, ServiceControllers};
use crate::config::{ServiceControl, ServicesConfig};
use crate::environment::Environment;
use crate::platform::account::account;

/// Asks Windows, or runs the user's commands, as the configuration says.
#[derive(Debug, Clone)]
pub struct SystemServices {
    /// Who asks, for the words of a refusal.
    account: String,
}

impl SystemServices {
    /// Controllers that ask as the account of this process.
    pub fn new(environment: &Environment) -> Self {
        Self { account: account(environment) }
    }
}

impl ServiceControllers for SystemServices {
    fn of(&self, config: &ServicesConfig) -> Arc<dyn ServiceController> {
        match &config.control {
            ServiceControl::Windows => {
                Arc::new(WindowsServices::new(config.machine.as_deref(), &self.account))
            }
            ServiceControl::Command(command) => {
                Arc::new(CommandServices::new(command.clone(), config.machine.as_deref()))
            }
        }
    }
}
