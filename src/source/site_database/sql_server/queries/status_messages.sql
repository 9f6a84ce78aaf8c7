-- Question: StatusMessages
-- Source: v_StatusMessage
-- Grant: SELECT ON dbo.v_StatusMessage in the site database
-- Three columns are known from the WMI class alone: if the view has no such column, the name means that of "absent".
SELECT
    CAST(m.RecordID AS bigint) AS RecordID,
    CAST(m.SiteCode AS nvarchar(8)) AS SiteCode,
    CAST(m.Component AS nvarchar(256)) AS Component,
    CAST(m.MessageID AS bigint) AS MessageID,
    CAST(m.Severity AS bigint) AS Severity,
    CAST(m.MachineName AS nvarchar(256)) AS MachineName,
    CONVERT(nvarchar(33), m.Time, 126) AS Time,
    CAST(m.ProcessID AS bigint) AS ProcessID,
    CAST(m.ThreadID AS bigint) AS ThreadID,
    CAST(m.Win32Error AS bigint) AS Win32Error
FROM (
    SELECT CAST(NULL AS bigint) AS ProcessID, CAST(NULL AS bigint) AS ThreadID, CAST(NULL AS bigint) AS Win32Error
) AS absent
CROSS APPLY (
    SELECT TOP (4000)
        RecordID, SiteCode, Component, MessageID, Severity, MachineName, Time, ProcessID, ThreadID, Win32Error
    FROM dbo.v_StatusMessage
    WHERE SiteCode = '{site_code}'
        AND Component IN ('SMS_SITE_BACKUP', 'SMS_SITE_VSS_WRITER')
        AND Time >= DATEADD(day, -{days}, GETUTCDATE())
    ORDER BY RecordID DESC
) AS m
ORDER BY m.RecordID;
