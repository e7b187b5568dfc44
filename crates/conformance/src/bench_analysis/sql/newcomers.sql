-- Servers that have TLSA records for the first time after the first 15% of the rounds, and how many of these are insecure or bogus in the first
-- state with a certificate (P22 Table 4, our view). Less than danelaw: mismatches are not told apart by what explains them.
WITH sets AS (SELECT DISTINCT tlsa_set_id FROM tlsa_set WHERE usage IS NOT NULL),
period AS (
    SELECT min(scheduled_s) AS first_s, median(every_s)::BIGINT AS every, ((max(scheduled_s) - first_s) // every + 1) * 15 // 100 * every AS share
    FROM snapshot WHERE servers IS NOT NULL
),
states AS (SELECT * FROM server_state SEMI JOIN sets USING (tlsa_set_id)),
newcomers AS (
    SELECT host, port, min(valid_from_s) AS begins FROM states GROUP BY ALL
    HAVING begins >= (SELECT first_s + least(share, 92 * 86400) FROM period)
),
seen AS (
    SELECT arg_min(s.dnssec, s.valid_from_s) AS dnssec, arg_min(s.paper_match, s.valid_from_s) AS matches
    FROM newcomers n LEFT JOIN states s ON n.host = s.host AND n.port = s.port AND s.chain_id IS NOT NULL GROUP BY n.host, n.port
)
SELECT (SELECT count(DISTINCT host || ' ' || port) FROM states) AS servers, count(*) AS newcomers, count(*) FILTER (WHERE dnssec = 'insecure') AS insecure,
    count(*) FILTER (WHERE dnssec = 'bogus') AS bogus, count(*) FILTER (WHERE NOT matches) AS mismatch,
    count(*) FILTER (WHERE dnssec IN ('insecure', 'bogus') OR NOT matches) AS incorrect
FROM seen;
