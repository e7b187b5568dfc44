-- Servers whose records match nothing that they show, by day, and those whose records match a chain that they showed in an earlier round (P22
-- Figure 5, all classes). Less than danelaw: what a wrong field explains is not left out, only sets and chains are matched that were ever seen
-- together, and what expired or came later is not asked.
WITH mismatched AS (
    SELECT server_id, tlsa_set_id, valid_from_s, valid_to_s FROM server_state
    WHERE chain_id IS NOT NULL AND NOT paper_match
),
shown AS (SELECT server_id, chain_id, min(valid_from_s) AS first_s FROM server_state WHERE chain_id IS NOT NULL GROUP BY ALL),
pairs AS (SELECT DISTINCT server_id, tlsa_set_id FROM mismatched),
fitting AS (
    SELECT p.server_id, p.tlsa_set_id, min(first_s) AS first_s
    FROM pairs p JOIN shown s ON p.server_id = s.server_id SEMI JOIN paper_match m ON m.tlsa_set_id = p.tlsa_set_id AND m.chain_id = s.chain_id GROUP BY ALL
),
steps AS (
    SELECT unnest([valid_from_s, valid_to_s]) AS at_s, unnest([1, -1]) AS step, first_s < valid_from_s AS earlier
    FROM mismatched LEFT JOIN fitting USING (server_id, tlsa_set_id)
),
sums AS (SELECT at_s, sum(step) AS many, sum(step) FILTER (WHERE earlier) AS earlier FROM steps GROUP BY ALL),
running AS (SELECT at_s, sum(coalesce(earlier, 0)) OVER w AS earlier, sum(many) OVER w AS many FROM sums WINDOW w AS (ORDER BY at_s)),
days AS (SELECT scheduled_s // 86400 * 86400 AS day_s, min(scheduled_s) AS at_s FROM snapshot WHERE servers IS NOT NULL GROUP BY ALL)
SELECT day_s, earlier, many FROM days d ASOF JOIN running r ON d.at_s >= r.at_s ORDER BY ALL;
