-- Servers with records of usage 2, alone or with usage 3, by the intermediate of Let's Encrypt that issued their certificate, by day (the lower
-- part of P22 Figure 8). Less than danelaw: no rollovers.
WITH sets AS (SELECT tlsa_set_id FROM tlsa_set WHERE usage IS NOT NULL GROUP BY ALL HAVING bool_and(usage IN (2, 3)) AND bool_or(usage = 2)),
leaves AS (
    SELECT chain_id, issuer_cn AS part FROM chain JOIN cert USING (cert_id)
    WHERE place = 0 AND (regexp_full_match(issuer_cn, 'Y?[RE][0-9]{1,2}') OR issuer_cn LIKE 'Let''s Encrypt %')
),
steps AS (
    SELECT part, unnest([valid_from_s, valid_to_s]) AS at_s, unnest([1, -1]) AS step
    FROM server_state JOIN leaves USING (chain_id) SEMI JOIN sets USING (tlsa_set_id)
),
sums AS (SELECT part, at_s, sum(step) AS many FROM steps GROUP BY ALL),
running AS (SELECT part, at_s, sum(many) OVER (PARTITION BY part ORDER BY at_s) AS many FROM sums),
parts AS (SELECT DISTINCT part FROM running),
days AS (SELECT part, scheduled_s // 86400 * 86400 AS day_s, min(scheduled_s) AS at_s FROM snapshot, parts WHERE servers IS NOT NULL GROUP BY ALL)
SELECT d.part, d.day_s, many FROM days d ASOF JOIN running ON d.part = running.part AND d.at_s >= running.at_s ORDER BY ALL;
