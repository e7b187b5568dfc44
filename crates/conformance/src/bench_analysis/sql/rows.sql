-- One row for every look at a server, as the studies kept them: what one round saw of it.
COPY (
    SELECT scheduled_s, vantage, host, port, tlsa_set_id, chain_id, ttl, dnssec, reason, signed, smtp_status, smtp_code, paper_match, paper_valid
    FROM server_observation WHERE vantage = (SELECT min(vantage) FROM snapshot)
) TO (getvariable('archive') || '/../rows.parquet') (FORMAT parquet, COMPRESSION zstd);
