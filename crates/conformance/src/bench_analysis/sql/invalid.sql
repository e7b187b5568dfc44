-- Servers whose TLSA set is invalid, by round (P22 Figure 3, without the managing entities).
WITH steps AS (
    SELECT vantage AS part, unnest([valid_from_s, valid_to_s]) AS at_s, unnest([1, -1]) AS step, NOT paper_valid AS yes
    FROM server_state WHERE chain_id IS NOT NULL AND paper_valid IS NOT NULL
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
