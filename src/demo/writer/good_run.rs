//! The entries of a run that goes well, each at its thousandth of the run's duration.
//!
//! The order of the status messages is ConfigMgr's; that text lines stand between them is known, their words mostly
//! are not.

use super::entry::{Entry, Status};
use super::setting::Setting;
use crate::site::{Component, MessageId, Severity};

/// Every entry of a run without error, in order, at its thousandth of the duration.
pub(super) fn entries(setting: &Setting) -> Vec<(u32, Entry)> {
    let (folder, inbox) = (setting.folder(), setting.inbox());
    let text = |at: u32, message: &str| (at, Entry::text(message));
    let status = |at: u32, id: MessageId| (at, Entry::from(information(id)));
    let mut run = vec![
        text(0, "SMS site backup service 4.00 gets started."),
        status(0, MessageId::SERVICE_STARTED),
        text(
            2,
            "Locating the backup directory, the installation root directory and the site SQL directories.",
        ),
        text(2, &format!("Backup location is {folder}.")),
        text(3, "Checking the status of the SQL writer service."),
        text(3, &format!(r"Site SQL backup location is {folder}\SiteDBServer.")),
        status(5, MessageId::TASK_STARTED),
        text(6, "Initializing VSS."),
        text(8, "Info: SMS Writer status = STABLE."),
        text(8, "Info: SqlServerWriter status = STABLE."),
        text(12, "Starts cleaning and preparing the backup location."),
        text(20, &format!(r"Deleting {folder}\CD.Latest")),
        text(25, &format!(r"Deleting {folder}\SiteDBServer")),
        text(30, &format!(r"Deleting {folder}\SiteServer")),
        (40, information(MessageId::WRITER_FREEZES).by(Component::VssWriter).into()),
        text(45, "Starts to create the snapshot set."),
        text(50, "Info: Number of volumes added to Snapshot set = 2"),
        text(90, "Finished creating the snapshot set."),
        status(100, MessageId::SNAPSHOT_CREATED),
    ];
    for line in 0..setting.copied {
        let at = 105 + u32::try_from(u64::from(line) * 790 / u64::from(setting.copied)).unwrap_or(0);
        run.push((at, Entry::Text(copy_line(setting, line))));
    }
    run.extend([
        (910, thawed()),
        status(915, MessageId::COPY_FINISHED),
        text(950, &format!("Successfully created the backup metadata file in {folder}.")),
        text(960, "SQL Backup task completed successfully"),
        text(
            970,
            "Backup task completed successfully with zero errors but still there could be some warnings.",
        ),
        status(975, MessageId::COMPLETED),
        match setting.after_backup {
            true => status(980, MessageId::AFTER_BACKUP_STARTED),
            false => {
                text(980, &format!(r"AfterBackup batch file does not exist at {inbox}\afterbackup.bat."))
            }
        },
        text(990, "Backup completed"),
    ]);
    run.extend(ending(1000));
    run
}

fn copy_line(setting: &Setting, line: u32) -> String {
    let shadow = r"\\?\GLOBALROOT\Device\HarddiskVolumeShadowCopy288";
    let folder = setting.folder();
    let install = setting.install.get(2..).unwrap_or_default();
    let (part, target) = match line % 6 {
        0 => (r"inboxes", "SiteServer"),
        1 => (r"Logs", "SiteServer"),
        2 => (r"data", "SiteServer"),
        3 => (r"srvacct", "SiteServer"),
        4 => (r"cd.latest\SMSSETUP", "CD.Latest"),
        _ => {
            let database = format!("CM_{}{}", setting.site, if line % 12 == 5 { ".mdf" } else { "_log.ldf" });
            return format!(
                r"Copying {shadow}\SQL\MSSQL\DATA\{database} to {folder}\SiteDBServer\{database}, succeeded."
            );
        }
    };
    let file = format!("{:08X}.{:03}", line.wrapping_mul(0x9E37_79B1), line % 1000);
    format!(r"Copying {shadow}{install}\{part}\{file} to {folder}\{target}\{part}\{file}, succeeded.")
}

/// SMS Writer has restarted the site's services, after good and after bad copies.
pub(super) fn thawed() -> Entry {
    information(MessageId::WRITER_THAWED).by(Component::VssWriter).into()
}

fn information(id: MessageId) -> Status {
    Status::new(id, Severity::Information, &[])
}

/// The same last lines end good and bad runs.
pub(super) fn ending(at: u32) -> [(u32, Entry); 2] {
    [
        (at, Entry::text("SMS site backup service is stopping.")),
        (at, information(MessageId::SERVICE_STOPPED).into()),
    ]
}
