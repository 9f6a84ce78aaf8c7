-- Question: PackageRoots
-- Source: v_Package
-- Grant: SELECT ON dbo.v_Package in the site database
-- Of each path only the server and share, or the drive.
SELECT DISTINCT TOP (1000) r.root
FROM (
    SELECT CASE
        WHEN p.path LIKE '\\%\%' THEN LEFT(p.path, CHARINDEX('\', p.path + '\', CHARINDEX('\', p.path, 3) + 1) - 1)
        WHEN p.path LIKE '[A-Za-z]:%' THEN LEFT(p.path, 2)
    END AS root
    FROM (
        SELECT REPLACE(LTRIM(RTRIM(CAST(k.PkgSourcePath AS nvarchar(1024)))), '/', '\') AS path
        FROM dbo.v_Package AS k
        WHERE k.PackageID LIKE '{site_code}%'
    ) AS p
) AS r
WHERE r.root IS NOT NULL
ORDER BY r.root;
