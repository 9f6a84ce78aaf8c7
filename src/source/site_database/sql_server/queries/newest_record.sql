-- Question: NewestRecord
-- Source: v_StatusMessage
-- Grant: SELECT ON dbo.v_StatusMessage in the site database
SELECT CAST(MAX(m.RecordID) AS bigint) AS RecordID
FROM dbo.v_StatusMessage AS m
WHERE m.SiteCode = '{site_code}';
