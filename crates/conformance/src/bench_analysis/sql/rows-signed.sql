-- P20 Figure 5 on one row for every look.
WITH sets AS (SELECT DISTINCT tlsa_set_id FROM tlsa_set WHERE usage IS NOT NULL)
SELECT vantage, scheduled_s, count(*), count(*) FILTER (WHERE signed AND dnssec <> 'bogus'), count(*) FILTER (WHERE signed AND dnssec = 'insecure')
FROM read_parquet(getvariable('archive') || '/../rows.parquet') JOIN sets USING (tlsa_set_id) GROUP BY ALL ORDER BY ALL;
