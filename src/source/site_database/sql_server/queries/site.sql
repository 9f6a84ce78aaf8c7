-- Question: Site
-- Source: v_Site
-- Grant: SELECT ON dbo.v_Site in the site database
SELECT
    CAST(s.SiteCode AS nvarchar(8)) AS SiteCode,
    CAST(s.ServerName AS nvarchar(256)) AS ServerName,
    CAST(s.Version AS nvarchar(64)) AS Version,
    CAST(s.Type AS bigint) AS Type,
    CAST(s.ReportingSiteCode AS nvarchar(8)) AS ReportingSiteCode,
    CAST(CASE WHEN EXISTS (SELECT 1 FROM dbo.v_Site AS c WHERE c.Type = 4) THEN 1 ELSE 0 END AS bigint) AS HasCas
FROM dbo.v_Site AS s
WHERE s.SiteCode = '{site_code}'
ORDER BY s.Type DESC, s.ServerName;
