//! Prints the archive's columns as a page: `cargo xtask docs` keeps it as docs/schema.md.

use archive::ColumnDoc;

fn main() {
    println!(
        "# The archive's tables\n\nGenerated from `crates/archive/src/tables.rs` and `states/tables.rs` by `cargo xtask docs`; do not edit.\n"
    );
    println!("Parquet, zstd. Times are seconds since 1970 (BIGINT). Every file carries its schema version; columns may be null.");
    println!("\n# Looks: `runs/RUN/TABLE.parquet`\n\nEverything that one run observed, one row for each look.");
    let columns = archive::documentation();
    for table in columns.chunk_by(|one, other| one.table == other.table) {
        println!("\n## {}", table[0].table);
        rows(table);
    }
    println!("\n# States: `states/TABLE/**/*.parquet`\n");
    println!("What did not change, as intervals. Numbers count from 1 and belong to one archive. `manifest.json` names the files that");
    println!("belong to it; rounds since the last checkpoint are in `log-*.jsonl`. [views.sql](views.sql) opens the tables in DuckDB.");
    for table in archive::states::documentation() {
        println!("\n## states/{}\n\n{}", table.name, table.about.split_whitespace().collect::<Vec<_>>().join(" "));
        rows(&table.columns);
    }
}

fn rows(columns: &[ColumnDoc]) {
    println!("\n| column | type | what it holds |\n|---|---|---|");
    for column in columns {
        println!("| `{}` | {} | {} |", column.name, column.sql_type, column.about.replace('|', "\\|"));
    }
}
