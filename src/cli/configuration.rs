//! Which configuration a command works with.

use super::args::Args;
use crate::config::{Config, ConfigError};

/// Why there is no configuration to work with.
#[derive(Debug, thiserror::Error)]
pub enum ConfigurationError {
    /// Nobody named one.
    #[error(
        "no configuration is given: name one with --config.file (see README.md), or try the command demo"
    )]
    NotGiven,
    /// The one that was named cannot be used.
    #[error(transparent)]
    Unusable(#[from] ConfigError),
}

/// The configuration that the arguments name, with what they say themselves.
pub fn configuration(args: &Args) -> Result<Config, ConfigurationError> {
    let path = args.config_file.as_ref().ok_or(ConfigurationError::NotGiven)?;
    let mut config = Config::load(path)?;
    args.remediation_mode.map_or(Ok(()), |mode| config.override_mode(mode))?;
    Ok(config)
}
