//! Whether people who administer nothing can change what a list protects.

use super::Dacl;

/// Everyone, whoever has logged on, users, guests and domain users, however they came.
const OTHERS: [&str; 16] = [
    "WD",
    "S-1-1-0",
    "AU",
    "S-1-5-11",
    "BU",
    "S-1-5-32-545",
    "IU",
    "S-1-5-4",
    "NU",
    "S-1-5-2",
    "AN",
    "S-1-5-7",
    "BG",
    "S-1-5-32-546",
    "DU",
    "DG",
];

/// FILE_WRITE_DATA and FILE_APPEND_DATA (in a folder: add a file, add a folder), FILE_DELETE_CHILD, DELETE, WRITE_DAC,
/// WRITE_OWNER, GENERIC_WRITE, GENERIC_ALL.
const CHANGE: u32 = 0x2 | 0x4 | 0x40 | 0x1_0000 | 0x4_0000 | 0x8_0000 | 0x4000_0000 | 0x1000_0000;

impl Dacl {
    /// Whether they can change the object, or add something to it.
    pub(crate) fn is_open_to_others(&self) -> bool {
        self.granted(&OTHERS).here & CHANGE != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_only_read_changes_nothing() {
        for (text, is_open) in [
            // Program Files, and a folder that an administrator made in ProgramData or at the root of a drive.
            ("D:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;0x1200a9;;;BU)(A;OICIIO;GA;;;CO)", false),
            ("D:AI(A;OICIID;FA;;;SY)(A;OICIID;FA;;;BA)(A;OICIID;0x1200a9;;;BU)(A;CIID;DCLCRPCR;;;BU)", true),
            ("D:AI(A;ID;FA;;;BA)(A;OICIIOID;GA;;;BA)(A;OICIID;0x1200a9;;;BU)(A;ID;0x1301bf;;;AU)", true),
            ("D:P(A;;FR;;;WD)", false),
            ("D:P(A;;WD;;;WD)", true),
            ("D:P(D;;FA;;;WD)(A;;FA;;;WD)", false),
            ("D:P(A;OICIIO;FA;;;WD)", false),
            ("D:NO_ACCESS_CONTROL", true),
            // One account that somebody chose.
            ("D:P(A;;FA;;;S-1-5-21-1-2-3-1104)", false),
        ] {
            assert_eq!(Dacl::parse(text).unwrap().is_open_to_others(), is_open, "{text}");
        }
    }
}
