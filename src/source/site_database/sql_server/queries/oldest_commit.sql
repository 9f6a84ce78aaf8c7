-- Question: OldestCommit
-- Source: sys.dm_tran_commit_table
-- Grant: VIEW DATABASE STATE in the site database
SELECT TOP (1) CONVERT(nvarchar(33), c.commit_time, 126) AS commit_time
FROM sys.dm_tran_commit_table AS c
ORDER BY c.commit_ts;
