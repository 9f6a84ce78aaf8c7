//! Who the service runs as, of whom Windows needs no password.

use std::fmt;
use std::str::FromStr;

use super::SERVICE_NAME;
use crate::cli::args_web::{InvalidValue, invalid};

/// An account that `service install` gives the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceAccount {
    /// `NT SERVICE\configmgr_backup_exporter`, which exists as long as the service does.
    Virtual,
    /// The account of Windows itself.
    LocalSystem,
    /// A group managed service account, `CORP\name$`, whose password the domain keeps.
    Managed(String),
}

/// Where Windows has its virtual accounts.
const VIRTUAL: &str = r"NT SERVICE\";

impl ServiceAccount {
    /// Whether this name, as Windows tells it, is that of the virtual account.
    pub(super) fn is_virtual(name: &str) -> bool {
        matches!(name.parse(), Ok(Self::Virtual))
    }
}

impl FromStr for ServiceAccount {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let is = |name: &str| text.eq_ignore_ascii_case(name);
        if is("virtual") || is(&format!("{VIRTUAL}{SERVICE_NAME}")) {
            return Ok(Self::Virtual);
        }
        if [r"LocalSystem", r".\LocalSystem", "SYSTEM", r"NT AUTHORITY\SYSTEM"].into_iter().any(is) {
            return Ok(Self::LocalSystem);
        }
        match text.split_once('\\') {
            Some((domain, name)) if domain.eq_ignore_ascii_case("NT SERVICE") && !name.is_empty() => {
                invalid("that is the account of another service; write virtual")
            }
            Some((domain, _)) if domain.eq_ignore_ascii_case("NT AUTHORITY") => {
                invalid("services of all kinds share that account; write virtual")
            }
            Some((domain, name))
                if !domain.is_empty() && domain != "." && name.len() > 1 && name.ends_with('$') =>
            {
                Ok(Self::Managed(text.to_owned()))
            }
            _ => invalid(
                "write virtual, LocalSystem, or a group managed service account as CORP\\name$; an account with a \
                 password is set in services.msc after the installation",
            ),
        }
    }
}

impl fmt::Display for ServiceAccount {
    /// As Windows knows it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Virtual => write!(f, "{VIRTUAL}{SERVICE_NAME}"),
            Self::LocalSystem => f.write_str("LocalSystem"),
            Self::Managed(name) => f.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_without_a_password_are_taken() {
        let managed = ServiceAccount::Managed(r"CORP\cm-exporter$".to_owned());
        for (text, account, name) in [
            ("virtual", ServiceAccount::Virtual, r"NT SERVICE\configmgr_backup_exporter"),
            (
                r"nt service\ConfigMgr_Backup_Exporter",
                ServiceAccount::Virtual,
                r"NT SERVICE\configmgr_backup_exporter",
            ),
            ("localsystem", ServiceAccount::LocalSystem, "LocalSystem"),
            (r"NT AUTHORITY\SYSTEM", ServiceAccount::LocalSystem, "LocalSystem"),
            (r"CORP\cm-exporter$", managed, r"CORP\cm-exporter$"),
        ] {
            let parsed: ServiceAccount = text.parse().unwrap();
            assert_eq!((&parsed, parsed.to_string().as_str()), (&account, name), "{text}");
            assert_eq!(parsed.to_string().parse(), Ok(parsed), "{text}");
        }
        assert!(ServiceAccount::is_virtual(r"NT Service\configmgr_backup_exporter"));
        assert!(!ServiceAccount::is_virtual("LocalSystem") && !ServiceAccount::is_virtual(r"CORP\anybody"));
    }

    #[test]
    fn others_are_refused_with_what_to_do() {
        for (text, part) in [
            (r"CORP\svc-backup", "services.msc"),
            ("svc$", "services.msc"),
            (r".\svc$", "services.msc"),
            (r"CORP\$", "services.msc"),
            ("", "services.msc"),
            (r"NT SERVICE\MSSQLSERVER", "another service"),
            (r"NT AUTHORITY\NetworkService", "write virtual"),
        ] {
            let error = text.parse::<ServiceAccount>().unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
