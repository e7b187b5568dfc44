-- Part of what P22 section 6 asks: every change of a leaf's key, and whether the sets served at it, one round and two TTLs before match the
-- new chain. Usage 3 alone; no left-outs, no issuers, no mixed usages, no missed rounds: less than danelaw does.
WITH leaf AS (
    SELECT chain_id, cert.sha256, cert.spki_sha256, cert.sha512, cert.spki_sha512 FROM chain JOIN cert USING (cert_id) WHERE place = 0
),
seen AS (
    SELECT s.server_id, s.valid_from_s, s.valid_to_s, s.tlsa_set_id, s.chain_id, s.ttl, leaf.spki_sha256,
        lag(leaf.spki_sha256) OVER (PARTITION BY s.server_id ORDER BY s.valid_from_s) AS old_key
    FROM server_state s JOIN leaf USING (chain_id)
    WHERE s.vantage = (SELECT min(vantage) FROM snapshot)
),
changes AS (SELECT * FROM seen WHERE old_key IS NOT NULL AND old_key <> spki_sha256),
fits AS (
    SELECT DISTINCT t.tlsa_set_id, l.chain_id FROM tlsa_set t JOIN leaf l ON t.data = CASE
        WHEN t.selector = 0 AND t.matching = 1 THEN l.sha256 WHEN t.selector = 1 AND t.matching = 1 THEN l.spki_sha256
        WHEN t.selector = 0 AND t.matching = 2 THEN l.sha512 WHEN t.selector = 1 AND t.matching = 2 THEN l.spki_sha512 END
    WHERE t.usage IN (1, 3)
),
at_change AS (SELECT c.*, f.chain_id IS NOT NULL AS fits_at FROM changes c LEFT JOIN fits f USING (tlsa_set_id, chain_id)),
sets AS (SELECT server_id, valid_from_s, tlsa_set_id FROM server_state WHERE tlsa_set_id IS NOT NULL AND vantage = (SELECT min(vantage) FROM snapshot)),
before AS (
    SELECT c.*, b.tlsa_set_id AS set_before FROM (SELECT *, valid_from_s - 3600 AS moment FROM at_change) c
    ASOF LEFT JOIN sets b ON c.server_id = b.server_id AND c.moment >= b.valid_from_s
),
two_ttls AS (
    SELECT c.* EXCLUDE (moment), b.tlsa_set_id AS set_two_ttls FROM (SELECT * EXCLUDE (moment), valid_from_s - 2 * ttl AS moment FROM before) c
    ASOF LEFT JOIN sets b ON c.server_id = b.server_id AND c.moment >= b.valid_from_s
)
SELECT fits_at, f1.chain_id IS NOT NULL AS fits_before, f2.chain_id IS NOT NULL AS fits_two_ttls_before, count(*), count(DISTINCT server_id)
FROM two_ttls t
LEFT JOIN fits f1 ON f1.tlsa_set_id = t.set_before AND f1.chain_id = t.chain_id
LEFT JOIN fits f2 ON f2.tlsa_set_id = t.set_two_ttls AND f2.chain_id = t.chain_id
GROUP BY ALL ORDER BY ALL;
