//! The controllers of real machines.

use std::sync::Arc;

use super::{ServiceController, ServiceControllers};
use crate::config::{ServiceControl, ServicesConfig};

/// Asks Windows, or runs the user's commands, as the configuration says.
#[derive(Debug, Clone, Copy)]
pub struct SystemServices;

impl ServiceControllers for SystemServices {
    fn of(&self, config: &ServicesConfig) -> Arc<dyn ServiceController> {
        match &config.control {
            ServiceControl::Windows => todo!("platform/windows"),
            ServiceControl::Command(_) => todo!("services/command"),
        }
    }
}
