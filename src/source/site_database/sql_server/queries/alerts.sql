-- Question: Alerts
-- Source: fnListAlerts, in English and without the restriction to what a user of the console may see
-- Grant: SELECT ON dbo.fnListAlerts in the site database
-- The site's own alerts are among its first: the lowest numbers stay if there are more than are read.
SELECT TOP (1000)
    CAST(a.ID AS bigint) AS ID,
    CAST(a.TypeID AS bigint) AS TypeID,
    CAST(a.Name AS nvarchar(512)) AS Name,
    CAST(a.AlertState AS bigint) AS AlertState,
    CAST(a.RuleState AS bigint) AS RuleState
FROM dbo.fnListAlerts(1033, N'Disabled') AS a
ORDER BY a.ID;
