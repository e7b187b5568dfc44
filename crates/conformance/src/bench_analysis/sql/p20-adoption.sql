-- Domains with MX hosts, with TLSA records at any and at all of them, by top-level domain and round.
WITH steps AS (
    SELECT tld, unnest([valid_from_s, valid_to_s]) AS at_s, unnest([1, -1]) AS step, tlsa > 0 AS any_host, tlsa = hosts AS all_hosts
    FROM domain_state WHERE hosts > 0
),
sums AS (
    SELECT tld, at_s, sum(step) AS mail, sum(step) FILTER (WHERE any_host) AS any_host, sum(step) FILTER (WHERE all_hosts) AS all_hosts
    FROM steps GROUP BY ALL
),
running AS (
    SELECT tld, at_s, sum(mail) OVER w AS mail, sum(coalesce(any_host, 0)) OVER w AS any_host, sum(coalesce(all_hosts, 0)) OVER w AS all_hosts
    FROM sums WINDOW w AS (PARTITION BY tld ORDER BY at_s)
),
tlds AS (SELECT DISTINCT tld FROM running),
rounds AS (SELECT tld, scheduled_s FROM snapshot, tlds WHERE domains IS NOT NULL)
SELECT r.tld, r.scheduled_s, mail, any_host, all_hosts
FROM rounds r ASOF JOIN running ON r.tld = running.tld AND r.scheduled_s >= running.at_s ORDER BY ALL;
