-- Servers by the TTL of their latest TLSA set.
SELECT ttl, count(*) FROM (SELECT server_id, arg_max(ttl, valid_from_s) AS ttl FROM server_state WHERE ttl IS NOT NULL GROUP BY ALL) GROUP BY ALL ORDER BY ALL;
