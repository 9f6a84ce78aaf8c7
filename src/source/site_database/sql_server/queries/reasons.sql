-- Question: Reasons
-- Source: v_StatMsgInsStrings, with v_StatusMessage for the errors of the backup
-- Grant: SELECT ON dbo.v_StatMsgInsStrings, SELECT ON dbo.v_StatusMessage in the site database
SELECT TOP (4000)
    CAST(i.RecordID AS bigint) AS RecordID,
    CAST(i.InsStrIndex AS bigint) AS InsStrIndex,
    CAST(i.InsStrValue AS nvarchar(4000)) AS InsStrValue
FROM dbo.v_StatusMessage AS m
INNER JOIN dbo.v_StatMsgInsStrings AS i ON i.RecordID = m.RecordID
WHERE m.SiteCode = '{site_code}'
    AND m.Component IN ('SMS_SITE_BACKUP', 'SMS_SITE_VSS_WRITER')
    AND m.Time >= DATEADD(day, -{days}, GETUTCDATE())
    AND m.Severity IN (-1073741824, 3221225472)
ORDER BY i.RecordID DESC, i.InsStrIndex;
