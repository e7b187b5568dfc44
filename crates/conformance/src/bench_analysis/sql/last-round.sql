-- TLSA sets and certificates in the last round of each vantage point, of the hosts that ever had TLSA records (P20 Table 2, our view).
WITH sets AS (SELECT DISTINCT tlsa_set_id FROM tlsa_set WHERE usage IS NOT NULL),
hosts AS (SELECT DISTINCT host, port FROM server_state JOIN sets USING (tlsa_set_id)),
rounds AS (SELECT vantage, max(scheduled_s) AS at_s FROM snapshot WHERE servers IS NOT NULL GROUP BY ALL)
SELECT s.vantage, count(DISTINCT s.host || ' ' || s.port) FILTER (WHERE sets.tlsa_set_id IS NOT NULL),
    count(DISTINCT s.host || ' ' || s.port) FILTER (WHERE s.chain_id IS NOT NULL)
FROM server_state s JOIN rounds r ON s.vantage = r.vantage AND s.valid_from_s <= r.at_s AND r.at_s < s.valid_to_s
    SEMI JOIN hosts USING (host, port) LEFT JOIN sets ON s.tlsa_set_id = sets.tlsa_set_id
WHERE s.key_type = 'any' GROUP BY ALL ORDER BY ALL;
