//! The boot page: page 9 of the primary data file, which says whose database it is.
//!
//! The name in it is the one that the database had when it was last attached or created, in UTF-16 without a length:
//! what follows it is filled with bytes 0x20, which read as U+2020.

use chrono::{Days, NaiveDate, NaiveDateTime, TimeDelta};

use super::fault::{PageFault, require};
use super::page::{BOOT, Page, array};

/// Position of the boot page in the primary data file, in pages.
const NUMBER: u32 = 9;
const NAME_AT: usize = 148;
const NAME_BYTES: usize = 256;
const FILLER: u16 = 0x2020;

/// Internal database versions, and what has them; a server opens a database of its own version or an older one.
const SERVERS: [(u16, &str); 6] = [
    (706, "SQL Server 2012"),
    (782, "SQL Server 2014"),
    (852, "SQL Server 2016"),
    (869, "SQL Server 2017"),
    (904, "SQL Server 2019"),
    (957, "SQL Server 2022"),
];

/// What the boot page says about its database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootPage {
    /// Internal version of the database now.
    pub version: u16,
    /// Internal version that it was created with.
    pub created_with: u16,
    /// When it was created, in local time of the server; `None` where the page states an impossible time.
    pub created: Option<NaiveDateTime>,
    /// Name of the database; unpaired surrogates are replaced.
    pub database: String,
}

impl BootPage {
    /// Reads page 9 of a primary data file, or says why it is none.
    pub fn parse(page: &Page) -> Result<Self, PageFault> {
        require(page, "a boot page", BOOT, NUMBER)?;
        let name: [u8; NAME_BYTES] = array(page, NAME_AT);
        let units: Vec<u16> = name.as_chunks().0.iter().map(|unit| u16::from_le_bytes(*unit)).collect();
        let end = units.iter().position(|unit| matches!(*unit, FILLER | 0)).unwrap_or(units.len());
        Ok(Self {
            version: u16::from_le_bytes(array(page, 100)),
            created_with: u16::from_le_bytes(array(page, 102)),
            created: time(u32::from_le_bytes(array(page, 140)), u32::from_le_bytes(array(page, 144))),
            database: String::from_utf16_lossy(&units[..end]),
        })
    }

    /// The release of SQL Server whose databases have this internal version, if it is a known one.
    pub fn sql_server(version: u16) -> Option<&'static str> {
        SERVERS.iter().find(|(known, _)| *known == version).map(|(_, server)| *server)
    }
}

/// A `datetime` of SQL Server: 1/300 s since midnight, days since 1900-01-01.
fn time(ticks: u32, days: u32) -> Option<NaiveDateTime> {
    const TICKS_A_DAY: u32 = 24 * 60 * 60 * 300;
    let date = NaiveDate::from_ymd_opt(1900, 1, 1)?.checked_add_days(Days::new(days.into()))?;
    let since_midnight = TimeDelta::milliseconds(i64::from(ticks) * 10 / 3);
    (ticks < TICKS_A_DAY).then(|| date.and_time(chrono::NaiveTime::MIN) + since_midnight)
}
