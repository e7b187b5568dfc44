//! The same questions on a Spark cluster: two workers, and one of them killed in the middle of its work.

use std::path::Path;
use std::process::{Command, Output};

/// `docs/spark/analyse.py` on two workers.
fn spark(archive: &Path, program: &Path) -> Output {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/spark/analyse.py");
    let mut submit = conformance::python::spark_submit();
    submit.args(["--master", "local-cluster[2,1,1024]", "--conf", "spark.ui.enabled=false", script, "--partitions", "5"]);
    submit.arg("--archive").arg(archive).arg("--danelaw").arg(program).output().unwrap()
}

fn stdout(output: &Output) -> &str {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::str::from_utf8(&output.stdout).unwrap()
}

/// Ends the worker that it runs on at the first call, as a broken machine would; else it is danelaw.
const DEADLY: &str = r#"#!/bin/sh
if mkdir "$(dirname "$0")/killed" 2>/dev/null; then
  pid=$$
  while [ "$pid" -gt 1 ]; do
    if tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q CoarseGrainedExecutorBackend; then
      echo "$pid" >"$(dirname "$0")/killed/pid"
      kill -9 "$pid"
      sleep 1
    fi
    pid=$(awk '{print $4}' "/proc/$pid/stat")
  done
fi
exec DANELAW "$@"
"#;

#[test]
fn spark_answers_as_one_machine_does_though_a_worker_dies() {
    let danelaw = conformance::danelaw::program();
    let place = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| Command::new(&danelaw).args(arguments).current_dir(place.path()).output().unwrap();
    let made = ["lab", "history", "--servers", "80", "--domains", "500", "--days", "20", "--form", "states", "--out", "archive"];
    stdout(&run(&made));
    // Spark does not read the log.
    stdout(&run(&["archive", "compact", "--archive", "archive"]));
    let alone = run(&["analyse", "--archive", "archive", "--json"]);
    let archive = place.path().join("archive");
    let counted = spark(&archive, &danelaw);
    assert!(stdout(&alone).lines().count() > 2 && stdout(&alone).contains("early-retirement"));
    assert!(stdout(&counted) == stdout(&alone), "Spark answers otherwise:\n{}", stdout(&counted));

    let deadly = place.path().join("danelaw");
    std::fs::write(&deadly, DEADLY.replace("DANELAW", &danelaw.to_string_lossy())).unwrap();
    std::fs::set_permissions(&deadly, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let counted = spark(&archive, &deadly);
    assert!(place.path().join("killed/pid").exists(), "no worker was killed");
    assert!(stdout(&counted) == stdout(&alone), "Spark answers otherwise after a worker died");
}
