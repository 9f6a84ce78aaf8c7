//! Who may do what with files, folders and services of this machine.
//!
//! Lists are read and written as text, and what is in them is judged elsewhere, on every platform. Only rights of this
//! program's own service are ever given or taken.

mod dacl;
mod others;
mod sid;

use std::io;
use std::path::Path;

#[cfg(test)]
pub(crate) use dacl::Granted;
pub(crate) use dacl::{Dacl, UnknownForm};
pub(crate) use sid::service_sid;

/// Something that has a list of who may do what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Secured<'a> {
    /// A file or a folder.
    File(&'a str),
    /// A service.
    Service(&'a str),
}

/// The list of an object, in the language of [`Dacl`].
pub(crate) fn read_dacl(object: Secured<'_>) -> io::Result<String> {
    imp::read_dacl(object)
}

/// Gives an object another list; what is inherited comes from above anew, unless the list keeps it away.
pub(crate) fn write_dacl(object: Secured<'_>, dacl: &Dacl) -> io::Result<()> {
    imp::write_dacl(object, dacl)
}

/// Who owns a file or a folder, as an identifier.
pub(crate) fn owner(path: &Path) -> io::Result<String> {
    imp::owner(path)
}

/// The identifier of the account that this process runs as.
pub(crate) fn own_sid() -> io::Result<String> {
    imp::own_sid()
}

/// Makes the Administrators the owner of a file or a folder, and gives it a list.
pub(crate) fn take_over(path: &Path, dacl: &Dacl) -> io::Result<()> {
    imp::take_over(path, dacl)
}

#[cfg(windows)]
mod imp {
    use std::ffi::OsStr;
    use std::io;
    use std::path::Path;

    use windows_permissions::constants::{SeObjectType, SecurityInformation};
    use windows_permissions::utilities::current_process_sid;
    use windows_permissions::wrappers::{
        ConvertSecurityDescriptorToStringSecurityDescriptor, GetNamedSecurityInfo, SetNamedSecurityInfo,
    };
    use windows_permissions::{LocalBox, SecurityDescriptor};

    use super::{Dacl, Secured};

    fn named(object: Secured<'_>) -> (&str, SeObjectType) {
        match object {
            Secured::File(path) => (path, SeObjectType::SE_FILE_OBJECT),
            Secured::Service(name) => (name, SeObjectType::SE_SERVICE),
        }
    }

    pub(super) fn read_dacl(object: Secured<'_>) -> io::Result<String> {
        let (name, kind) = named(object);
        let descriptor = GetNamedSecurityInfo(name, kind, SecurityInformation::Dacl)?;
        let text =
            ConvertSecurityDescriptorToStringSecurityDescriptor(&descriptor, SecurityInformation::Dacl)?;
        Ok(text.to_string_lossy().into_owned())
    }

    pub(super) fn write_dacl(object: Secured<'_>, dacl: &Dacl) -> io::Result<()> {
        let (name, kind) = named(object);
        let what = match object {
            Secured::File(_) => inheritance(dacl),
            // A service inherits nothing.
            Secured::Service(_) => SecurityInformation::Dacl,
        };
        write(name.as_ref(), kind, what, "", dacl)
    }

    pub(super) fn owner(path: &Path) -> io::Result<String> {
        let kind = SeObjectType::SE_FILE_OBJECT;
        let descriptor = GetNamedSecurityInfo(path.as_os_str(), kind, SecurityInformation::Owner)?;
        // A file on a drive without rights has none.
        Ok(descriptor.owner().map(ToString::to_string).unwrap_or_default())
    }

    pub(super) fn own_sid() -> io::Result<String> {
        current_process_sid().map(|sid| sid.to_string())
    }

    pub(super) fn take_over(path: &Path, dacl: &Dacl) -> io::Result<()> {
        let what = inheritance(dacl) | SecurityInformation::Owner;
        write(path.as_os_str(), SeObjectType::SE_FILE_OBJECT, what, "O:BA", dacl)
    }

    fn inheritance(dacl: &Dacl) -> SecurityInformation {
        let kept_away = if dacl.is_protected() {
            SecurityInformation::ProtectedDacl
        } else {
            SecurityInformation::UnprotectedDacl
        };
        SecurityInformation::Dacl | kept_away
    }

    fn write(
        name: &OsStr,
        kind: SeObjectType,
        what: SecurityInformation,
        owner: &str,
        dacl: &Dacl,
    ) -> io::Result<()> {
        // To give away everything is nothing that this program does, and the crate would panic over it.
        if *dacl == Dacl::Everything {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let descriptor: LocalBox<SecurityDescriptor> = format!("{owner}{dacl}").parse()?;
        SetNamedSecurityInfo(name, kind, what, descriptor.owner(), None, descriptor.dacl(), None)
    }
}

#[cfg(not(windows))]
mod imp {
    use std::io;
    use std::path::Path;

    use super::{Dacl, Secured};

    pub(super) fn read_dacl(_: Secured<'_>) -> io::Result<String> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn write_dacl(_: Secured<'_>, _: &Dacl) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn owner(_: &Path) -> io::Result<String> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn own_sid() -> io::Result<String> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn take_over(_: &Path, _: &Dacl) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
