-- Question: ChangeTracking
-- Source: sys.change_tracking_databases
-- Grant: VIEW ANY DATABASE on the server
-- Who may not see a row gets none, as if change tracking were off: "permitted" tells which it is.
SELECT
    CAST(HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW ANY DATABASE') AS bigint) AS permitted,
    CAST(c.is_auto_cleanup_on AS bigint) AS is_auto_cleanup_on,
    CAST(c.retention_period AS bigint) AS retention_period,
    CAST(c.retention_period_units AS bigint) AS retention_period_units
FROM (SELECT DB_ID() AS database_id) AS d
LEFT JOIN sys.change_tracking_databases AS c ON c.database_id = d.database_id;
