-- Issuers of the certificates of servers with TLSA records, first round of the last day (P22 section 6.3.2). Less than danelaw: of several
-- addresses the last counts, not the first.
WITH sets AS (SELECT DISTINCT tlsa_set_id FROM tlsa_set WHERE usage IS NOT NULL),
days AS (SELECT min(scheduled_s) AS at_s FROM snapshot WHERE servers IS NOT NULL GROUP BY scheduled_s // 86400 ORDER BY 1 DESC LIMIT 1),
shown AS (
    SELECT arg_max(chain_id, server_id) AS chain_id FROM server_state SEMI JOIN sets USING (tlsa_set_id), days
    WHERE valid_from_s <= at_s AND at_s < valid_to_s AND chain_id IS NOT NULL GROUP BY host, port
)
SELECT CASE WHEN issuer_cn = subject_cn THEN '(self-signed)' ELSE coalesce(issuer_cn, '(no name)') END AS issuer, count(*)
FROM shown JOIN chain USING (chain_id) JOIN cert USING (cert_id) WHERE place = 0 AND spki_sha256 IS NOT NULL GROUP BY ALL ORDER BY 2 DESC, 1;
