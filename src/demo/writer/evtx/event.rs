//! Events of classic providers: what ConfigMgr, SQL Server and others put into the Application log.
//!
//! A status message has twelve strings: its own ten, a header in the language of the site server, and the text of a
//! Win32 error. Component and machine stand in that header only. Public samples give layout, qualifiers and the English
//! header; the words of the other languages are ours, in the order that those languages put them.

use chrono::{Datelike, Timelike};

use super::super::entry::Status;
use crate::site::{ClosedSet, Severity, Timestamp};

/// The category of the backup's components: no public source has theirs, only that each component has its own.
const STATUS_TASK: u16 = 66;
/// How many strings a status message has of its own.
const INSERTION_STRINGS: usize = 10;
const INFORMATION: (u16, u8) = (0x4000, 4);

/// One event of a classic provider, as it stands in the Application log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowsEvent {
    /// `Provider Name`, the source of a classic event.
    pub provider: String,
    /// `EventID`
    pub id: u16,
    /// `EventID Qualifiers`: the upper half of the message identifier, 49152 for an error.
    pub qualifiers: u16,
    /// `Level`: 2 error, 3 warning, 4 information.
    pub level: u8,
    /// `Task`, shown as the category.
    pub task: u16,
    /// `TimeCreated SystemTime`; the log keeps 100 ns.
    pub time: Timestamp,
    /// `Computer`
    pub computer: String,
    /// The strings of `EventData`.
    pub data: Vec<String>,
}

/// The language of the header that ConfigMgr puts before the text of a status message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderLanguage {
    /// Date, component, computer.
    English,
    /// The same order, the colon after a space.
    French,
    /// The date with dots.
    German,
    /// Computer before component, spaces around both names.
    Japanese,
    /// Computer before component, no spaces: both names touch characters that are letters too.
    Chinese,
}

impl HeaderLanguage {
    /// Every language.
    pub const ALL: [Self; 5] = [Self::English, Self::French, Self::German, Self::Japanese, Self::Chinese];

    /// The header for a message of this component and machine; two spaces end it, as in the public samples.
    pub fn header(self, time: Timestamp, component: &str, machine: &str) -> String {
        let (year, month, day) = (time.year(), time.month(), time.day());
        let clock = format!("{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second());
        match self {
            Self::English => format!(
                "On {month:02}/{day:02}/{year} {clock}, component {component} on computer {machine} reported:  "
            ),
            Self::French => format!(
                "Le {day:02}/{month:02}/{year} {clock}, le composant {component} de l'ordinateur {machine} a signalé :  "
            ),
            Self::German => format!(
                "Am {day:02}.{month:02}.{year} {clock} meldete die Komponente {component} auf dem Computer {machine}:  "
            ),
            Self::Japanese => format!(
                "{year}/{month:02}/{day:02} {clock} にコンピューター {machine} のコンポーネント {component} が次の内容を報告しました:  "
            ),
            Self::Chinese => {
                format!("{year}/{month:02}/{day:02} {clock}，计算机{machine}上的组件{component}报告：  ")
            }
        }
    }
}

impl WindowsEvent {
    /// A status message as "SMS Server" reports it; its header has the time in UTC.
    pub fn status(status: &Status, machine: &str, time: Timestamp, language: HeaderLanguage) -> Self {
        let mut data: Vec<_> = status.strings.iter().take(INSERTION_STRINGS).cloned().collect();
        data.resize(INSERTION_STRINGS, String::new());
        data.push(language.header(time, status.component.label(), machine));
        data.push(String::new());
        let (qualifiers, level) = match status.severity {
            Severity::Error => (0xC000, 2),
            Severity::Warning => (0x8000, 3),
            Severity::Information => INFORMATION,
        };
        Self {
            provider: "SMS Server".to_owned(),
            id: status.id.0,
            qualifiers,
            level,
            task: STATUS_TASK,
            time,
            computer: machine.to_owned(),
            data,
        }
    }

    /// What SQL Server says of a database: 3197 its input and output are frozen, 3198 they go on, 18264 it was backed
    /// up. The default instance has no name.
    pub fn sql_server(
        instance: Option<&str>,
        id: u16,
        database: &str,
        computer: &str,
        time: Timestamp,
    ) -> Self {
        const SERVER: u16 = 2;
        const BACKUP: u16 = 6;
        let backed_up = ["2024/03/01(00:00:00)", "512", "36:1024:37", "36:1088:1", "1", "VIRTUAL_DEVICE"];
        let (task, more) = if id == 18264 { (BACKUP, backed_up.as_slice()) } else { (SERVER, [].as_slice()) };
        Self {
            provider: instance.map_or_else(|| "MSSQLSERVER".to_owned(), |name| format!("MSSQL${name}")),
            id,
            qualifiers: INFORMATION.0,
            level: INFORMATION.1,
            task,
            time,
            computer: computer.to_owned(),
            data: [database].iter().chain(more).map(|text| (*text).to_owned()).collect(),
        }
    }

    /// Noise: an event of another provider, which the number chooses.
    pub fn other(number: usize, computer: &str, time: Timestamp) -> Self {
        const EVENTS: [(&str, u16, (u16, u8), &[&str]); 6] = [
            ("MsiInstaller", 1035, (0, 4), &["Configuration Manager Client", "5.00.9128.1000", "1033", "0"]),
            (
                "ESENT",
                326,
                (0, 4),
                &["svchost", "4712,D,50", "SRUJet: ", "1", r"C:\Windows\system32\SRU\SRUDB.dat"],
            ),
            (
                "Windows Error Reporting",
                1001,
                (0, 4),
                &["", "0", "APPCRASH", "Not available", "0", "w3wp.exe"],
            ),
            ("VSS", 8224, (0x4000, 4), &[]),
            ("SecurityCenter", 15, (0, 4), &["Windows Defender", "SECURITY_PRODUCT_STATE_ON"]),
            ("Application Error", 1000, (0, 2), &["smsexec.exe", "5.0.9128.1000", "ntdll.dll", "c0000005"]),
        ];
        let (provider, id, (qualifiers, level), data) = EVENTS[number % EVENTS.len()];
        let mut data: Vec<_> = data.iter().map(|text| (*text).to_owned()).collect();
        data.push(format!("{number}"));
        Self {
            provider: provider.to_owned(),
            id,
            qualifiers,
            level,
            task: 0,
            time,
            computer: computer.to_owned(),
            data,
        }
    }
}
