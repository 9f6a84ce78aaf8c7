//! Who this process is on the network, for the sentence that tells an operator whose right lacks.
//!
//! The rules of both platforms are plain functions of the environment, so that both are tested on each.

use crate::environment::Environment;

/// The account as an administrator would grant it a right: `CORP\CM01$`, or the user's name on Linux.
pub fn account(environment: &Environment) -> String {
    if cfg!(windows) { windows_account(environment) } else { unix_account(environment, user_id()) }
}

/// The environment of a service has both variables; LocalSystem's name is the machine's, with `$` behind.
fn windows_account(environment: &Environment) -> String {
    let value = |name| environment.value(name).map(|value| value.to_string_lossy().into_owned());
    match (value("USERDOMAIN"), value("USERNAME")) {
        (Some(domain), Some(name)) => format!(r"{domain}\{name}"),
        (None, Some(name)) => name,
        (_, None) => "the account of this process".to_owned(),
    }
}

fn unix_account(environment: &Environment, user_id: Option<u32>) -> String {
    let name = environment.value("USER").or_else(|| environment.value("LOGNAME"));
    match (name, user_id) {
        (Some(name), _) => name.to_string_lossy().into_owned(),
        (None, Some(id)) => format!("uid {id}"),
        (None, None) => "the account of this process".to_owned(),
    }
}

#[cfg(unix)]
fn user_id() -> Option<u32> {
    use std::os::unix::fs::MetadataExt;

    // The kernel gives a process's folder the user that the process runs as.
    std::fs::metadata("/proc/self").ok().map(|metadata| metadata.uid())
}

#[cfg(not(unix))]
fn user_id() -> Option<u32> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_names_domain_and_user() {
        for (variables, account) in [
            (&[("USERDOMAIN", "CORP"), ("USERNAME", "CM01$")][..], r"CORP\CM01$"),
            (&[("USERNAME", "CM01$")], "CM01$"),
            (&[("USERDOMAIN", "CORP")], "the account of this process"),
        ] {
            assert_eq!(windows_account(&Environment::new(variables.iter().copied())), account);
        }
    }

    #[test]
    fn unix_names_the_user_or_its_number() {
        for (variables, id, account) in [
            (&[("USER", "cm"), ("LOGNAME", "other")][..], Some(0), "cm"),
            (&[("USER", ""), ("LOGNAME", "other")], None, "other"),
            (&[], Some(65534), "uid 65534"),
            (&[], None, "the account of this process"),
        ] {
            assert_eq!(unix_account(&Environment::new(variables.iter().copied()), id), account);
        }
    }

    #[cfg(unix)]
    #[test]
    fn the_process_knows_its_user() {
        use std::os::unix::fs::MetadataExt;

        let file = tempfile::NamedTempFile::new().expect("a file of this process");
        let owner = file.as_file().metadata().expect("its owner").uid();
        assert_eq!(user_id(), std::path::Path::new("/proc").exists().then_some(owner));
    }
}
