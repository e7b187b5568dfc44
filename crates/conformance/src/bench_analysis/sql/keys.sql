-- Hosts that share the key of their certificate with another host, by round. Less than danelaw: no operators, and of hosts with one server.
WITH leaves AS (SELECT chain_id, spki_sha256 AS key FROM chain JOIN cert USING (cert_id) WHERE place = 0),
steps AS (
    SELECT key, unnest([valid_from_s, valid_to_s]) AS at_s, unnest([1, -1]) AS step FROM server_state JOIN leaves USING (chain_id)
),
sums AS (SELECT key, at_s, sum(step) AS step FROM steps GROUP BY ALL),
hosts AS (SELECT key, at_s, sum(step) OVER (PARTITION BY key ORDER BY at_s) AS many FROM sums),
sharing AS (SELECT key, at_s, many, CASE WHEN many > 1 THEN many ELSE 0 END AS shared FROM hosts),
changes AS (
    SELECT at_s, sum(many - before) AS many, sum(shared - shared_before) AS shared
    FROM (SELECT at_s, many, shared, lag(many, 1, 0) OVER w AS before, lag(shared, 1, 0) OVER w AS shared_before FROM sharing WINDOW w AS (PARTITION BY key ORDER BY at_s))
    GROUP BY ALL
),
running AS (SELECT at_s, sum(shared) OVER w AS shared, sum(many) OVER w AS many FROM changes WINDOW w AS (ORDER BY at_s)),
rounds AS (SELECT DISTINCT scheduled_s FROM snapshot WHERE servers IS NOT NULL)
SELECT scheduled_s, shared, many FROM rounds ASOF JOIN running ON scheduled_s >= at_s ORDER BY ALL;
