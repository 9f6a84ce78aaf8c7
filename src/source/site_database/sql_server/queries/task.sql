-- Question: Task
-- Source: vSMS_SC_SQL_Task
-- Grant: SELECT ON dbo.vSMS_SC_SQL_Task in the site database
SELECT
    CAST(t.SiteCode AS nvarchar(8)) AS SiteCode,
    CAST(t.IsEnabled AS bigint) AS IsEnabled,
    CAST(t.DaysOfWeek AS bigint) AS DaysOfWeek,
    CAST(t.BeginTime AS bigint) AS BeginTime,
    CAST(t.LatestBeginTime AS bigint) AS LatestBeginTime,
    CAST(t.BackupLocation AS nvarchar(1024)) AS BackupLocation
FROM dbo.vSMS_SC_SQL_Task AS t
WHERE t.SiteCode = '{site_code}' AND t.TaskName = 'Backup SMS Site Server'
ORDER BY t.IsEnabled DESC, t.BeginTime, t.LatestBeginTime, t.DaysOfWeek, t.BackupLocation;
