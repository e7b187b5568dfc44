-- Signed TLSA sets by round and vantage point, from what each state changes at its begin and end.
WITH sets AS (SELECT DISTINCT tlsa_set_id FROM tlsa_set WHERE usage IS NOT NULL),
steps AS (
    SELECT s.vantage, unnest([s.valid_from_s, s.valid_to_s]) AS at_s, unnest([1, -1]) AS step,
        s.signed AND s.dnssec <> 'bogus' AS signed, s.signed AND s.dnssec = 'insecure' AS without_ds
    FROM server_state s JOIN sets USING (tlsa_set_id)
),
sums AS (
    SELECT vantage, at_s, sum(step) AS sets, sum(step) FILTER (WHERE signed) AS signed, sum(step) FILTER (WHERE without_ds) AS without_ds
    FROM steps GROUP BY ALL
),
running AS (
    SELECT vantage, at_s, sum(sets) OVER w AS sets, sum(coalesce(signed, 0)) OVER w AS signed, sum(coalesce(without_ds, 0)) OVER w AS without_ds
    FROM sums WINDOW w AS (PARTITION BY vantage ORDER BY at_s)
)
SELECT r.vantage, r.scheduled_s, sets, signed, without_ds
FROM snapshot r ASOF JOIN running ON r.vantage = running.vantage AND r.scheduled_s >= running.at_s
WHERE r.servers IS NOT NULL ORDER BY ALL;
