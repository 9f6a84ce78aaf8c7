-- Question: TaskStatus
-- Source: SQLTaskSiteStatus, with Sites for the site's code
-- Grant: SELECT ON dbo.SQLTaskSiteStatus, SELECT ON dbo.Sites in the site database
SELECT
    CAST(s.SiteCode AS nvarchar(8)) AS SiteCode,
    CONVERT(nvarchar(33), t.LastStartTime, 126) AS LastStartTime,
    CONVERT(nvarchar(33), t.LastCompletionTime, 126) AS LastCompletionTime
FROM dbo.SQLTaskSiteStatus AS t
INNER JOIN dbo.Sites AS s ON s.SiteKey = t.SiteNumber
WHERE s.SiteCode = '{site_code}' AND t.TaskName = 'Backup SMS Site Server';
