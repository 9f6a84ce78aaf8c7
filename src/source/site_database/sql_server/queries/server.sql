-- Question: Server
-- Source: server properties; sys.databases, which always shows the present database
-- Grant: CONNECT in the site database
SELECT
    COALESCE(CAST(@@SERVERNAME AS nvarchar(256)), CAST(SERVERPROPERTY('ServerName') AS nvarchar(256))) AS server_name,
    CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(128)) AS product_version,
    CONVERT(nvarchar(33), SYSUTCDATETIME(), 126) AS utc_time,
    CAST(DATEPART(TZOFFSET, SYSDATETIMEOFFSET()) AS bigint) AS utc_offset_minutes,
    CAST(CASE WHEN EXISTS (
        SELECT 1 FROM sys.databases AS d WHERE d.database_id = DB_ID() AND d.replica_id IS NOT NULL
    ) THEN 1 ELSE 0 END AS bigint) AS in_availability_group;
