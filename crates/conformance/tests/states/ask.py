"""Opens the tables of an archive of states in DuckDB, by docs/views.sql, and in Polars, and prints what they count, as JSON."""

import json
import sys

import duckdb
import polars

archive, views, moment = sys.argv[1], sys.argv[2], int(sys.argv[3])

duck = duckdb.connect()
duck.execute("SET VARIABLE archive = '" + archive.replace("'", "''") + "'")
duck.execute(open(views).read())


def number(sql):
    return duck.execute(sql).fetchone()[0]


def table(name):
    return polars.scan_parquet(f"{archive}/states/{name}/**/*.parquet", hive_partitioning=False)


def polars_number(frame):
    return frame.collect().item()


print(
    json.dumps(
        {
            "duckdb": {
                "rounds": number("SELECT count(*) FROM snapshot"),
                "server states": number("SELECT count(*) FROM server_state"),
                "domain states": number("SELECT count(*) FROM domain_state"),
                "looks": number("SELECT count(*) FROM server_observation"),
                "looks counted": number("SELECT sum(n_obs)::BIGINT FROM server_state"),
                "looks without a certificate": number("SELECT count(*) FROM server_observation WHERE chain_id IS NULL"),
                "at the moment": number(f"SELECT count(*) FROM server_state_at({moment})"),
                "certificates": number("SELECT count(*) FROM cert JOIN cert_der USING (cert_id)"),
                "records": number("SELECT count(*) FROM tlsa_set WHERE usage IS NOT NULL"),
                "matching looks": number("SELECT count(*) FROM server_observation JOIN paper_match USING (tlsa_set_id, chain_id)"),
                "looks at mx1.example": number("SELECT count(*) FROM server_observation WHERE host = 'mx1.example'"),
                "looks at d1.nl": number("SELECT count(*) FROM domain_observation WHERE domain = 'd1.nl'"),
                "looks at d1.nl with records": number("SELECT count(*) FROM domain_observation WHERE domain = 'd1.nl' AND tlsa > 0"),
            },
            "polars": {
                "rounds": polars_number(table("snapshot").select(polars.len())),
                "server states": polars_number(table("server_state").select(polars.len())),
                "domain states": polars_number(table("domain_state").select(polars.len())),
                "looks counted": polars_number(table("server_state").select(polars.col("n_obs").sum())),
                "certificates": polars_number(table("cert").join(table("cert_der"), on="cert_id").select(polars.len())),
                "records": polars_number(table("tlsa_set").filter(polars.col("usage").is_not_null()).select(polars.len())),
                "looks at mx1.example": polars_number(
                    table("server_state").filter(polars.col("host") == "mx1.example").select(polars.col("n_obs").sum())
                ),
                "looks at d1.nl": polars_number(
                    table("domain_state")
                    .join(table("domain"), on="domain_id")
                    .filter(polars.col("domain") == "d1.nl")
                    .select(polars.col("n_obs").sum())
                ),
            },
        }
    )
)
