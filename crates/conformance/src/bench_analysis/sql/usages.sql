-- TLSA sets by usage, selector and matching type, and how many of them ever matched what was shown with them (P22 section 5.2.2).
WITH matched AS (SELECT tlsa_set_id, bool_or(paper_match) AS yes FROM server_state WHERE tlsa_set_id IS NOT NULL GROUP BY ALL)
SELECT usage, selector, matching, count(*), count(*) FILTER (WHERE yes)
FROM tlsa_set JOIN matched USING (tlsa_set_id) WHERE usage IS NOT NULL GROUP BY ALL ORDER BY ALL;
