"""Writes three days of forward DNS as DuckDB and Polars write them, with every codec that they share with Spark."""

import sys

import duckdb
import polars

out = sys.argv[1]
DAY = 86_400_000
# 2026-11-01 00:00 UTC.
START = 1_793_491_200_000

SCHEMA = {
    "query_type": polars.String,
    "query_name": polars.String,
    "response_type": polars.String,
    "response_name": polars.String,
    "response_ttl": polars.Int64,
    "timestamp": polars.Int64,
    "status_code": polars.Int32,
    "ad_flag": polars.Int8,
    "ip4_address": polars.String,
    "ip6_address": polars.String,
    "mx_address": polars.String,
    "mx_preference": polars.Int32,
    "ns_address": polars.String,
    "ds_key_tag": polars.Int32,
    "dnskey_flags": polars.Int32,
    "rrsig_type_covered": polars.String,
    "tlsa_usage": polars.Int32,
    "tlsa_selector": polars.Int32,
    "tlsa_matchtype": polars.Int32,
    "tlsa_certdata": polars.String,
}


def row(day, query, name, response=None, status=0, ad=0, **more):
    base = dict.fromkeys(SCHEMA)
    base.update(query_type=query, query_name=name, response_type=response, response_name=name if response else None)
    base.update(timestamp=START + day * DAY + 7_200_000, status_code=status, ad_flag=ad)
    base.update(more)
    return base


def day(number):
    rows = [
        # Signed, with two hosts, one of which has TLSA records from the second day on.
        row(number, "MX", "Secure.NL.", "MX", ad=1, mx_address="mx1.secure.nl.", mx_preference=10),
        row(number, "MX", "secure.nl.", "MX", ad=1, mx_address="mx2.example.com.", mx_preference=20),
        row(number, "MX", "secure.nl.", "RRSIG", ad=1, rrsig_type_covered="MX"),
        row(number, "DS", "secure.nl.", "DS", ad=1, ds_key_tag=4711),
        row(number, "DNSKEY", "secure.nl.", "DNSKEY", ad=1, dnskey_flags=257),
        row(number, "NS", "secure.nl.", "NS", ad=1, ns_address="ns1.secure.nl."),
        row(number, "NS", "secure.nl.", "NS", ad=1, ns_address="ns2.secure.nl."),
        row(number, "A", "mx1.secure.nl.", "A", ad=1, ip4_address="192.0.2.1"),
        row(number, "AAAA", "mx2.example.com.", "AAAA", ip6_address="2001:db8::1"),
        # Not signed, no MX record: it is its own host.
        row(number, "MX", "implicit.nl."),
        row(number, "A", "implicit.nl.", "A", ip4_address="192.0.2.2"),
        row(number, "DS", "implicit.nl."),
        # Takes no mail; does not exist; no answer; signed without DS.
        row(number, "MX", "null.se.", "MX", mx_address=".", mx_preference=0),
        row(number, "MX", "gone.se.", status=3, ad=1),
        row(number, "MX", "broken.se.", status=2),
        row(number, "MX", "island.se.", "MX", mx_address="mx1.secure.nl.", mx_preference=5),
        row(number, "MX", "island.se.", "RRSIG", rrsig_type_covered="MX"),
        # No domain, and no name.
        row(number, "A", "www.secure.nl.", "A", ip4_address="192.0.2.3"),
        row(number, "MX", "bad..name.", "MX", mx_address="mx.nl.", mx_preference=1),
    ]
    if number > 0:
        rows.append(
            row(number, "TLSA", "_25._tcp.mx1.secure.nl.", "TLSA", ad=1, tlsa_usage=3, tlsa_selector=1, tlsa_matchtype=1, tlsa_certdata="00" * 32)
        )
    return polars.DataFrame(rows, schema=SCHEMA)


day(0).write_parquet(f"{out}/day-0.parquet", compression="zstd")
# DuckDB takes no frame without pyarrow, but a file.
day(1).write_csv(f"{out}/day-1.csv")
rows = f"SELECT * REPLACE (ad_flag = 1 AS ad_flag) FROM read_csv('{out}/day-1.csv', all_varchar = false, sample_size = -1)"
duckdb.sql(f"COPY ({rows}) TO '{out}/day-1.parquet' (FORMAT parquet, COMPRESSION gzip)")
# The last day's rows stand in two files, and in another order; the first of them lacks columns that older files lack.
frame = day(2)
mx = frame.filter(polars.col("query_type") == "MX")
others = frame.filter(polars.col("query_type") != "MX").reverse()
others.drop("rrsig_type_covered").write_parquet(f"{out}/day-2-a.parquet", compression="snappy")
mx.write_parquet(f"{out}/day-2-b.parquet", compression="uncompressed")
