//! Prints the archive's columns as a page: `cargo xtask docs` keeps it as docs/schema.md.

fn main() {
    println!("# The archive's tables\n\nGenerated from `crates/archive/src/tables.rs` by `cargo xtask docs`; do not edit.\n");
    println!("Parquet, zstd. Times are seconds since 1970 (BIGINT). Every file carries its schema version; columns may be null.");
    let mut table = "";
    for column in archive::documentation() {
        if column.table != table {
            table = column.table;
            println!("\n## {table}\n\n| column | type | what it holds |\n|---|---|---|");
        }
        println!("| `{}` | {} | {} |", column.name, column.sql_type, column.about.replace('|', "\\|"));
    }
}
