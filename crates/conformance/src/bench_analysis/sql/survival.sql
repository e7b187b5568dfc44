-- Spells of three faults and how they ended, of hosts with one server. Less than danelaw: no TLS is a fault that takes a table of codes, those
-- whose host is gone are among the open ones, and there is no curve.
WITH sets AS (SELECT DISTINCT tlsa_set_id FROM tlsa_set WHERE usage IS NOT NULL),
states AS (
    SELECT s.server_id, s.valid_from_s, s.valid_to_s, s.tlsa_set_id IS NOT NULL AS answered, sets.tlsa_set_id IS NOT NULL AS has, s.dnssec, s.chain_id, s.paper_match
    FROM server_state s LEFT JOIN sets USING (tlsa_set_id)
),
findings AS (
    SELECT server_id, valid_from_s, valid_to_s, unnest(['insecure', 'bogus', 'mismatch']) AS fault, unnest([
        CASE WHEN NOT has THEN 'withdrawn' WHEN dnssec = 'insecure' THEN 'bad' WHEN dnssec IN ('secure', 'bogus') THEN 'fixed' END,
        CASE WHEN NOT has THEN 'withdrawn' WHEN dnssec = 'bogus' THEN 'bad' WHEN dnssec IN ('secure', 'insecure') THEN 'fixed' END,
        CASE WHEN NOT has THEN 'withdrawn' WHEN chain_id IS NULL THEN NULL WHEN paper_match THEN 'fixed' ELSE 'bad' END
    ]) AS finding
    FROM states WHERE answered
),
told AS (
    SELECT *, lag(finding) OVER w AS before, lead(finding) OVER w AS after, lead(valid_from_s) OVER w AS after_s
    FROM findings WHERE finding IS NOT NULL WINDOW w AS (PARTITION BY server_id, fault ORDER BY valid_from_s)
),
begins AS (
    SELECT server_id, fault, valid_from_s, row_number() OVER (PARTITION BY server_id, fault ORDER BY valid_from_s) AS n
    FROM told WHERE finding = 'bad' AND before IS DISTINCT FROM 'bad'
),
ends AS (
    SELECT server_id, fault, coalesce(after, 'open') AS ended, coalesce(after_s, valid_to_s) AS to_s,
        row_number() OVER (PARTITION BY server_id, fault ORDER BY valid_from_s) AS n
    FROM told WHERE finding = 'bad' AND after IS DISTINCT FROM 'bad'
)
SELECT fault, ended, count(*), median(to_s - valid_from_s) / 3600 AS hours FROM begins JOIN ends USING (server_id, fault, n) GROUP BY ALL ORDER BY ALL;
