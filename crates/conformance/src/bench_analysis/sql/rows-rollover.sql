-- On one row for every look: only the first step of P22 section 6, every change of a leaf's key.
WITH leaf AS (SELECT chain_id, spki_sha256 FROM chain JOIN cert USING (cert_id) WHERE place = 0),
seen AS (
    SELECT host, port, scheduled_s, spki_sha256, lag(spki_sha256) OVER (PARTITION BY host, port ORDER BY scheduled_s) AS old_key
    FROM read_parquet(getvariable('archive') || '/../rows.parquet') JOIN leaf USING (chain_id)
)
SELECT count(*), count(DISTINCT host) FROM seen WHERE old_key IS NOT NULL AND old_key <> spki_sha256;
