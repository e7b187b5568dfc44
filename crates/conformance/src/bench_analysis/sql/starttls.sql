-- What is in the way of a certificate, by round (P20 Figure 6).
WITH steps AS (
    SELECT coalesce(smtp_status, 'none') AS part, unnest([valid_from_s, valid_to_s]) AS at_s, unnest([1, -1]) AS step, chain_id IS NULL AS yes
    FROM server_state WHERE true
),
sums AS (SELECT part, at_s, sum(step) AS many, sum(step) FILTER (WHERE yes) AS yes FROM steps GROUP BY ALL),
running AS (
    SELECT part, at_s, sum(many) OVER w AS many, sum(coalesce(yes, 0)) OVER w AS yes
    FROM sums WINDOW w AS (PARTITION BY part ORDER BY at_s)
),
parts AS (SELECT DISTINCT part FROM running),
rounds AS (SELECT DISTINCT part, scheduled_s FROM snapshot, parts WHERE servers IS NOT NULL)
SELECT r.part, r.scheduled_s, many, yes
FROM rounds r ASOF JOIN running ON r.part = running.part AND r.scheduled_s >= running.at_s ORDER BY ALL;
