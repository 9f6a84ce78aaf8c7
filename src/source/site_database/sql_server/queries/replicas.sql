-- Question: Replicas
-- Source: sys.availability_replicas, whose rows nobody sees without the grant
-- Grant: VIEW ANY DEFINITION on the server
SELECT CAST(r.replica_server_name AS nvarchar(256)) AS replica_server_name
FROM sys.databases AS d
INNER JOIN sys.availability_replicas AS own ON own.replica_id = d.replica_id
INNER JOIN sys.availability_replicas AS r ON r.group_id = own.group_id
WHERE d.database_id = DB_ID()
ORDER BY r.replica_server_name;
