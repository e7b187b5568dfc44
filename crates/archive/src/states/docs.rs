//! What the tables say of themselves: the source of docs/schema.md and docs/views.sql.

use super::model::{DomainState, ServerState, Snapshot};
use super::table::Table;
use super::tables::{CertRow, ChainRow, DerRow, DomainRow, EvidenceRow, MxRow, NsRow, ServerRow, TlsaRow, WordRow};
use crate::ColumnDoc;

/// The documentation of one table.
pub struct TableDoc {
    /// Its name, and that of its directory.
    pub name: &'static str,
    /// What it is about.
    pub about: &'static str,
    /// Its columns, in the order of the files.
    pub columns: Vec<ColumnDoc>,
}

/// Every table of the archive of states.
#[must_use]
pub fn documentation() -> Vec<TableDoc> {
    fn of<T: Table>() -> TableDoc {
        let column =
            |c: &super::table::Column<T>| ColumnDoc { table: T::NAME, name: c.name, sql_type: c.access.kind().sql(), about: c.about };
        TableDoc { name: T::NAME, about: T::ABOUT, columns: T::COLUMNS.iter().map(column).collect() }
    }
    vec![
        of::<Snapshot>(),
        of::<ServerState>(),
        of::<DomainState>(),
        of::<ServerRow>(),
        of::<DomainRow>(),
        of::<CertRow>(),
        of::<DerRow>(),
        of::<ChainRow>(),
        of::<TlsaRow>(),
        of::<EvidenceRow>(),
        of::<MxRow>(),
        of::<NsRow>(),
        of::<WordRow>(),
    ]
}

/// The tables, and what is mostly asked of them, as views of DuckDB.
#[must_use]
pub fn views() -> String {
    let mut sql = String::from(HEAD);
    for TableDoc { name, about, .. } in documentation() {
        let about = about.split_whitespace().collect::<Vec<_>>().join(" ");
        sql += &format!(
            "\n-- {about}\nCREATE OR REPLACE VIEW {name} AS\nSELECT * FROM read_parquet(getvariable('archive') || '/states/{name}/**/*.parquet', \
             union_by_name = true, hive_partitioning = false);\n"
        );
    }
    sql + VIEWS
}

const HEAD: &str = "-- The archive of states as views of DuckDB. Generated from the tables' definitions by `cargo xtask docs`; do not edit.
--
--     SET VARIABLE archive = 'survey';
--     .read docs/views.sql
--
-- Rounds that are still in the log (states/log-*.jsonl) are in no table: a checkpoint writes them.
";

const VIEWS: &str = "
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
";
