-- The archive of states as views of DuckDB. Generated from the tables' definitions by `cargo xtask docs`; do not edit.
--
--     SET VARIABLE archive = 'survey';
--     .read docs/views.sql
--
-- Rounds that are still in the log (states/log-*.jsonl) are in no table: a checkpoint writes them.

-- When somebody looked: one row for every round of every vantage point. What has no row was missed.
CREATE OR REPLACE VIEW snapshot AS
SELECT * FROM read_parquet(getvariable('archive') || '/states/snapshot/**/*.parquet', union_by_name = true, hive_partitioning = false);

-- What a server showed, unchanged from `valid_from_s` until before `valid_to_s`, in every round that took place (see `snapshot`). Partitioned by the month of `valid_to_s`; `open` is what the last round saw.
CREATE OR REPLACE VIEW server_state AS
SELECT * FROM read_parquet(getvariable('archive') || '/states/server_state/**/*.parquet', union_by_name = true, hive_partitioning = false);

-- What the DNS said of a mail domain, in the same way. Partitioned by the year of `valid_to_s`, sorted by top-level domain, then by what was seen: what the domains of one provider have in common takes no room, and their names stand in `domain` only.
CREATE OR REPLACE VIEW domain_state AS
SELECT * FROM read_parquet(getvariable('archive') || '/states/domain_state/**/*.parquet', union_by_name = true, hive_partitioning = false);

-- What has a history: a host's server at an address, as one kind of client meets it.
CREATE OR REPLACE VIEW server AS
SELECT * FROM read_parquet(getvariable('archive') || '/states/server/**/*.parquet', union_by_name = true, hive_partitioning = false);

-- Mail domains.
CREATE OR REPLACE VIEW domain AS
SELECT * FROM read_parquet(getvariable('archive') || '/states/domain/**/*.parquet', union_by_name = true, hive_partitioning = false);

-- Certificates, each once: what can be read of them, and the digests that TLSA records name them by.
CREATE OR REPLACE VIEW cert AS
SELECT * FROM read_parquet(getvariable('archive') || '/states/cert/**/*.parquet', union_by_name = true, hive_partitioning = false);

-- The bytes of the certificates: selector 0, matching type 0.
CREATE OR REPLACE VIEW cert_der AS
SELECT * FROM read_parquet(getvariable('archive') || '/states/cert_der/**/*.parquet', union_by_name = true, hive_partitioning = false);

-- Lists of certificates as servers sent them, one row for each certificate.
CREATE OR REPLACE VIEW chain AS
SELECT * FROM read_parquet(getvariable('archive') || '/states/chain/**/*.parquet', union_by_name = true, hive_partitioning = false);

-- Sets of TLSA records, one row for each record.
CREATE OR REPLACE VIEW tlsa_set AS
SELECT * FROM read_parquet(getvariable('archive') || '/states/tlsa_set/**/*.parquet', union_by_name = true, hive_partitioning = false);

-- Raw DNS answers, kept where the status is not secure.
CREATE OR REPLACE VIEW evidence AS
SELECT * FROM read_parquet(getvariable('archive') || '/states/evidence/**/*.parquet', union_by_name = true, hive_partitioning = false);

-- Sets of mail hosts, one row for each host.
CREATE OR REPLACE VIEW mx_set AS
SELECT * FROM read_parquet(getvariable('archive') || '/states/mx_set/**/*.parquet', union_by_name = true, hive_partitioning = false);

-- Sets of name servers, one row for each.
CREATE OR REPLACE VIEW ns_set AS
SELECT * FROM read_parquet(getvariable('archive') || '/states/ns_set/**/*.parquet', union_by_name = true, hive_partitioning = false);

-- Every code and name that the columns hold, by number.
CREATE OR REPLACE VIEW word AS
SELECT * FROM read_parquet(getvariable('archive') || '/states/word/**/*.parquet', union_by_name = true, hive_partitioning = false);

-- One row for every look: what a round saw of a server.
CREATE OR REPLACE VIEW server_observation AS
SELECT r.scheduled_s, s.*
FROM snapshot r
JOIN server_state s ON s.vantage = r.vantage AND s.valid_from_s <= r.scheduled_s AND r.scheduled_s < s.valid_to_s
WHERE r.servers IS NOT NULL;

-- States of domains with their names, which stand in `domain` only.
CREATE OR REPLACE VIEW named_domain_state AS
SELECT d.domain, s.* FROM domain_state s JOIN domain d USING (domain_id);

-- One row for every look at a domain.
CREATE OR REPLACE VIEW domain_observation AS
SELECT r.scheduled_s, s.*
FROM snapshot r
JOIN named_domain_state s ON s.vantage = r.vantage AND s.valid_from_s <= r.scheduled_s AND r.scheduled_s < s.valid_to_s
WHERE r.domains IS NOT NULL;

-- What was known of servers at a moment, epoch seconds. Where nobody looked then, there is nothing.
CREATE OR REPLACE MACRO server_state_at(t) AS TABLE
SELECT s.*
FROM server_state s
WHERE s.valid_from_s <= t AND t < s.valid_to_s AND EXISTS (
    SELECT 1 FROM snapshot r
    WHERE r.vantage = s.vantage AND r.servers IS NOT NULL AND r.scheduled_s <= t AND t < r.scheduled_s + r.every_s
);

-- The data by which TLSA records name a certificate. (RFC 6698 section 2.1; selector 1, matching type 0, the key itself, has to be cut
-- from the bytes)
CREATE OR REPLACE VIEW association AS
SELECT cert_id, 0 AS selector, 0 AS matching, der AS data FROM cert_der
UNION ALL SELECT cert_id, 0, 1, sha256 FROM cert
UNION ALL SELECT cert_id, 0, 2, sha512 FROM cert
UNION ALL SELECT cert_id, 1, 1, spki_sha256 FROM cert WHERE spki_sha256 IS NOT NULL
UNION ALL SELECT cert_id, 1, 2, spki_sha512 FROM cert WHERE spki_sha512 IS NOT NULL;

-- Sets of TLSA records and lists of certificates that occur together and match as the studies count it, roots that were not sent aside.
CREATE OR REPLACE VIEW paper_match AS
SELECT DISTINCT p.tlsa_set_id, p.chain_id
FROM (SELECT DISTINCT tlsa_set_id, chain_id FROM server_state WHERE tlsa_set_id IS NOT NULL AND chain_id IS NOT NULL) p
JOIN tlsa_set t USING (tlsa_set_id)
JOIN chain c USING (chain_id)
JOIN association a ON a.cert_id = c.cert_id AND a.selector = t.selector AND a.matching = t.matching AND a.data = t.data
WHERE (t.usage IN (1, 3) AND c.place = 0) OR (t.usage IN (0, 2) AND c.place > 0);
