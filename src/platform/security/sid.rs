//! The security identifier that Windows makes of a service's name.

use std::fmt::Write;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

/// The identifier of `NT SERVICE\<name>`, which every account of the service carries: SHA-1 over the name in upper case
/// and UTF-16, as five numbers.
pub(crate) fn service_sid(name: &str) -> String {
    let bytes: Vec<u8> = name.to_uppercase().encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut sid = String::from("S-1-5-80");
    for number in digest(&SHA1_FOR_LEGACY_USE_ONLY, &bytes).as_ref().chunks_exact(4) {
        let number = u32::from_le_bytes(number.try_into().unwrap_or_default());
        // A text takes all that is written.
        let _ = write!(sid, "-{number}");
    }
    sid
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_windows_makes_of_the_name() {
        for (name, sid) in [
            ("TrustedInstaller", "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"),
            ("trustedinstaller", "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"),
            ("MSSQLSERVER", "S-1-5-80-3880718306-3832830129-1677859214-2598158968-1052248003"),
        ] {
            assert_eq!(service_sid(name), sid, "{name}");
        }
    }
}
