-- Question: BackupSets
-- Source: msdb.dbo.backupset and msdb.dbo.backupmediafamily
-- Grant: SELECT ON dbo.backupset, SELECT ON dbo.backupmediafamily in msdb
-- One row for each device of a set. Frequent backups of other programs, of snapshots or through virtual devices, must
-- not push out a rare native one.
SELECT
    CAST(s.backup_set_id AS bigint) AS backup_set_id,
    CONVERT(nvarchar(33), s.backup_start_date, 126) AS backup_start_date,
    CONVERT(nvarchar(33), s.backup_finish_date, 126) AS backup_finish_date,
    CAST(s.time_zone AS bigint) AS time_zone,
    CAST(DATEPART(TZOFFSET, SYSDATETIMEOFFSET()) AS bigint) AS utc_offset_minutes,
    CAST(s.is_snapshot AS bigint) AS is_snapshot,
    CAST(s.is_damaged AS bigint) AS is_damaged,
    CAST(f.device_type AS bigint) AS device_type,
    CAST(f.physical_device_name AS nvarchar(260)) AS physical_device_name
FROM (
    SELECT
        b.backup_set_id, b.media_set_id, b.backup_start_date, b.backup_finish_date, b.time_zone,
        b.is_snapshot, b.is_damaged,
        ROW_NUMBER() OVER (
            PARTITION BY b.is_snapshot, v.is_virtual ORDER BY b.backup_finish_date DESC, b.backup_set_id DESC
        ) AS place
    FROM msdb.dbo.backupset AS b
    CROSS APPLY (
        SELECT MAX(CASE WHEN d.device_type IN (7, 107) THEN 1 ELSE 0 END) AS is_virtual
        FROM msdb.dbo.backupmediafamily AS d
        WHERE d.media_set_id = b.media_set_id
    ) AS v
    WHERE b.database_name = N'{database}'
        AND b.type = 'D'
        AND b.backup_finish_date >= DATEADD(day, -60, GETDATE())
) AS s
INNER JOIN msdb.dbo.backupmediafamily AS f ON f.media_set_id = s.media_set_id
WHERE s.place <= 20
ORDER BY s.backup_finish_date DESC, s.backup_set_id DESC, f.family_sequence_number;
