//! What belongs to the service on this machine: its folders, closed to others, its first configuration, and the rights of its
//! account.

use std::path::{Path, PathBuf};

use super::rights::{give, needs_of};
use crate::cli::args::Args;
use crate::cli::configuration::{configuration, configuration_file, write_default_file};
use crate::cli::look::{Ask, settle_destinations};
use crate::cli::serve;
use crate::cli::state_directory::{self, CloseError};
use crate::environment::Environment;
use crate::error_chain;
use crate::platform::paths::default_config_path;
use crate::platform::security::{Dacl, Secured, read_dacl};

/// The folders that belong to the service: its state, and that of the usual configuration where the service looks for it.
fn folders(args: &Args, environment: &Environment) -> Vec<PathBuf> {
    let state = serve::state_path(args, environment);
    // Any other folder that is there belongs to who made it, and may hold more than the state.
    let is_own = args.state_path.is_none() || !state.exists();
    let usual = default_config_path(environment).parent().map(Path::to_owned);
    let mut folders: Vec<_> = Some(state).filter(|_| is_own).into_iter().collect();
    folders.extend(usual.filter(|folder| args.config_file.is_none() && !folders.contains(folder)));
    folders
}

/// Closes these folders to others, and says what was moved aside.
pub(super) fn close_folders(args: &Args, environment: &Environment) -> Result<Vec<String>, CloseError> {
    let mut said = Vec::new();
    for folder in folders(args, environment) {
        if let Some(aside) = state_directory::close(&folder)? {
            said.push(format!(
                "{} was made, or written to, by somebody who is no administrator; it was moved to {} and nothing of it \
                 is used: look at it, then delete it",
                folder.display(),
                aside.display()
            ));
        }
    }
    Ok(said)
}

/// Gives the virtual account what it needs, and says what could not be done.
pub(super) fn secure(args: &Args, environment: &Environment, is_virtual: bool) -> Vec<String> {
    let mut said = Vec::new();
    let state = serve::state_path(args, environment);
    if let Err(error) = write_default_file(args, environment) {
        said.push(error_chain(&error));
    }
    let usual = default_config_path(environment);
    let within: Vec<&Path> = usual.parent().into_iter().chain([&*state]).collect();
    for file in [Some(&usual), args.config_file.as_ref(), args.web_config_file.as_ref()].into_iter().flatten()
    {
        if let Err(error) = state_directory::protect_configuration(file, &within) {
            said.push(error_chain(&error));
        }
    }
    let config = match configuration(args, environment) {
        Ok(mut config) => {
            for lacking in settle_destinations(&mut config, &state, environment, Ask::Now) {
                said.push(format!(
                    "{lacking}; once the service knows it, install it again for the right to read it"
                ));
            }
            Some(config)
        }
        Err(error) => {
            said.push(format!(
                "{}; until then the service does not start: mend it, then install the service again for its rights",
                error_chain(&error)
            ));
            None
        }
    };
    let mut needs = needs_of(args, config.as_ref(), environment);
    if !is_virtual {
        needs = needs.of_state(&state.display().to_string());
    }
    said.extend(give(&needs, &state).iter().map(ToString::to_string));
    if !needs.remote.is_empty() {
        let paths = needs.remote.join(", ");
        said.push(format!(
            "on other machines the service is the account of this computer: let that read {paths}"
        ));
    }
    said
}

/// Names what people who administer nothing can change, and so what the service does.
pub(super) fn open_to_others(program: &Path, args: &Args, environment: &Environment) -> Vec<String> {
    let (state, configuration) =
        (serve::state_path(args, environment), configuration_file(args, environment));
    let files = [Some(program), configuration.as_deref()].into_iter().flatten();
    let with_folders = files.flat_map(|file| [Some(file), file.parent()]).flatten();
    let mut paths: Vec<&Path> = with_folders.chain([&*state]).collect();
    paths.sort_unstable();
    paths.dedup();
    let is_open = |path: &&Path| {
        let list = path.to_str().and_then(|path| read_dacl(Secured::File(path)).ok());
        list.and_then(|list| Dacl::parse(&list).ok()).is_some_and(|list| list.is_open_to_others())
    };
    let told = |path: &Path| {
        format!(
            "users who are no administrators can change {}, and with it what the service does; move it to where only \
             administrators write, or take that right from them (icacls)",
            path.display()
        )
    };
    paths.into_iter().filter(is_open).map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::service::SERVICE_NAME;

    #[test]
    fn the_folder_of_the_usual_configuration_is_closed_unless_another_is_named() {
        let environment = Environment::new([("ProgramData", "/pd"), ("STATE_DIRECTORY", "/pd/state")]);
        let usual = default_config_path(&environment).parent().unwrap().to_owned();
        let place = tempfile::tempdir().unwrap();
        let (there, missing) = (place.path().to_owned(), place.path().join("missing"));
        let flag = |path: &Path| format!("--state.path={}", path.display());
        let folders = |flags: &[&str]| {
            let args = Args::parse_from([SERVICE_NAME].into_iter().chain(flags.iter().copied())).unwrap();
            folders(&args, &environment)
        };
        let all = folders(&[]);
        assert!(
            all.contains(&usual)
                && all.contains(&serve::state_path(&Args::parse_from([SERVICE_NAME]).unwrap(), &environment))
        );
        assert_eq!(folders(&[&flag(&there)]), std::slice::from_ref(&usual));
        assert_eq!(folders(&[&flag(&missing)]), [missing.clone(), usual]);
        assert_eq!(folders(&[&flag(&missing), "--config.file=x.yml"]), [missing]);
        assert!(folders(&[&flag(&there), "--config.file=x.yml"]).is_empty());
    }
}
