-- Question: SiteStatus
-- Source: ServerData
-- Grant: SELECT ON dbo.ServerData in the site database
SELECT
    CAST(d.SiteCode AS nvarchar(8)) AS SiteCode,
    CAST(d.SiteStatus AS bigint) AS SiteStatus
FROM dbo.ServerData AS d
WHERE d.SiteCode = '{site_code}';
