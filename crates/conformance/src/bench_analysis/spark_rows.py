"""Asks one row for every look with Spark's SQL: spark_rows.py ARCHIVE rows-signed|rows-rollover"""

import sys

from pyspark.sql import SparkSession

archive, question = sys.argv[1:]
spark = SparkSession.builder.appName(question).config("spark.ui.enabled", "false").getOrCreate()
spark.read.parquet(archive + "/../rows.parquet").createOrReplaceTempView("looks")
for table in ["tlsa_set", "chain", "cert"]:
    spark.read.option("recursiveFileLookup", "true").parquet(f"{archive}/states/{table}").createOrReplaceTempView(table)
SQL = {
    "rows-signed": """
        SELECT vantage, scheduled_s, count(*), count_if(signed AND dnssec <> 'bogus'), count_if(signed AND dnssec = 'insecure')
        FROM looks JOIN (SELECT DISTINCT tlsa_set_id FROM tlsa_set WHERE usage IS NOT NULL) USING (tlsa_set_id)
        GROUP BY vantage, scheduled_s""",
    "rows-rollover": """
        WITH leaf AS (SELECT chain_id, spki_sha256 FROM chain JOIN cert USING (cert_id) WHERE place = 0),
        seen AS (
            SELECT host, port, scheduled_s, spki_sha256, lag(spki_sha256) OVER (PARTITION BY host, port ORDER BY scheduled_s) AS old_key
            FROM looks JOIN leaf USING (chain_id)
        )
        SELECT count(*), count(DISTINCT host) FROM seen WHERE old_key IS NOT NULL AND old_key <> spki_sha256""",
}
answer = spark.sql(SQL[question]).collect()
print(len(answer), "rows;", answer[-1] if answer else "none")
spark.stop()
