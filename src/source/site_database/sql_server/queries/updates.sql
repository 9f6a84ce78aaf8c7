-- Question: Updates
-- Source: CM_UpdatePackageSiteStatus, with ServerData for the site's code
-- Grant: SELECT ON dbo.CM_UpdatePackageSiteStatus, SELECT ON dbo.ServerData in the site database
SELECT DISTINCT
    CAST(d.SiteCode AS nvarchar(8)) AS SiteCode,
    CAST(u.State AS bigint) AS State
FROM dbo.CM_UpdatePackageSiteStatus AS u
INNER JOIN dbo.ServerData AS d ON d.ID = u.SiteNumber
WHERE d.SiteCode = '{site_code}';
