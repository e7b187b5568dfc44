-- Hosts with a weak key by round. Less than danelaw: no TLS versions (of these the archives that are made up have none).
WITH leaves AS (
    SELECT chain_id, key_bits BETWEEN 1 AND CASE key_kind WHEN 'RSA' THEN 2047 ELSE 223 END AS weak
    FROM chain JOIN cert USING (cert_id) WHERE place = 0 AND key_kind IS NOT NULL
),
steps AS (
    SELECT weak, unnest([valid_from_s, valid_to_s]) AS at_s, unnest([1, -1]) AS step FROM server_state JOIN leaves USING (chain_id)
),
sums AS (SELECT at_s, sum(step) AS many, sum(step) FILTER (WHERE weak) AS weak FROM steps GROUP BY ALL),
running AS (SELECT at_s, sum(coalesce(weak, 0)) OVER w AS weak, sum(many) OVER w AS many FROM sums WINDOW w AS (ORDER BY at_s)),
rounds AS (SELECT DISTINCT scheduled_s FROM snapshot WHERE servers IS NOT NULL)
SELECT scheduled_s, weak, many FROM rounds ASOF JOIN running ON scheduled_s >= at_s ORDER BY ALL;
