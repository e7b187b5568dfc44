-- Invalid servers by cause and day (P22 Figure 4, paper view, of all classes). Less than danelaw: no managing entities.
WITH sets AS (SELECT DISTINCT tlsa_set_id FROM tlsa_set WHERE usage IS NOT NULL),
days AS (SELECT scheduled_s // 86400 AS day, min(scheduled_s) AS at_s FROM snapshot WHERE servers IS NOT NULL GROUP BY ALL),
steps AS (
    SELECT unnest([valid_from_s, valid_to_s]) AS at_s, unnest([1, -1]) AS step, dnssec = 'insecure' AS insecure, dnssec = 'bogus' AS bogus, NOT paper_match AS mismatch
    FROM server_state SEMI JOIN sets USING (tlsa_set_id) WHERE chain_id IS NOT NULL AND paper_match IS NOT NULL AND NOT paper_valid
),
sums AS (
    SELECT at_s, sum(step) AS invalid, sum(step) FILTER (WHERE insecure) AS insecure, sum(step) FILTER (WHERE bogus) AS bogus,
        sum(step) FILTER (WHERE mismatch) AS mismatch
    FROM steps GROUP BY ALL
),
running AS (
    SELECT at_s, sum(invalid) OVER w AS invalid, sum(coalesce(insecure, 0)) OVER w AS insecure, sum(coalesce(bogus, 0)) OVER w AS bogus,
        sum(coalesce(mismatch, 0)) OVER w AS mismatch
    FROM sums WINDOW w AS (ORDER BY at_s)
)
SELECT d.day * 86400, insecure, bogus, mismatch, invalid FROM days d ASOF JOIN running ON d.at_s >= running.at_s ORDER BY ALL;
