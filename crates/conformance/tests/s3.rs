//! An archive of states in a bucket of a real S3 service: what it says, who is killed while writing, and who writes at the same time.

use conformance::process;
use conformance::s3::Service;
use serde_json::Value;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(60);
const BUCKET: &str = "s3://survey/mail";

/// A service, places of work, and hours of a study.
struct World {
    place: tempfile::TempDir,
    service: Service,
}

impl World {
    fn new(days: &str) -> Self {
        let place = tempfile::tempdir().unwrap();
        for part in ["weed", "one", "other"] {
            std::fs::create_dir(place.path().join(part)).unwrap();
        }
        let service = Service::start(&place.path().join("weed"));
        let world = Self { place, service };
        let made = ["lab", "history", "--servers", "6", "--days", days, "--vantages", "2", "--out", "study"];
        said(&world.on("one", &made));
        world.service.make_bucket("survey");
        world
    }

    /// What one of two machines is to do.
    fn command(&self, machine: &str, arguments: &[&str]) -> Command {
        let mut command = self.service.danelaw(&self.path(machine));
        command.args(arguments).current_dir(self.place.path());
        command
    }

    fn on(&self, machine: &str, arguments: &[&str]) -> Output {
        process::output(self.command(machine, arguments), LIMIT)
    }

    fn begin(&self, machine: &str, arguments: &[&str]) -> Child {
        let mut command = self.command(machine, arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.place.path().join(name)
    }

    /// How many rounds whoever looks finds in the bucket; none if there is no archive.
    fn rounds(&self) -> u64 {
        let info = self.on("other", &["archive", "info", BUCKET, "--json"]);
        serde_json::from_slice::<Value>(&info.stdout).ok().and_then(|info| info["rounds"].as_u64()).unwrap_or(0)
    }

    /// Waits until a writer has brought it so far.
    fn wait_for(&self, rounds: u64) {
        let begun = Instant::now();
        while self.rounds() < rounds {
            assert!(begun.elapsed() < LIMIT, "never {rounds} rounds");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// What an archive says, files and their octets aside.
    fn says(&self, machine: &str, archive: &str) -> (Value, String) {
        let verified = self.on(machine, &["archive", "verify", archive, "--json"]);
        let mut verified: Value = serde_json::from_str(&said(&verified)).unwrap();
        assert_eq!(verified["sound"], true, "{verified}");
        for word in ["archive", "files", "octets"] {
            verified.as_object_mut().unwrap().remove(word);
        }
        (verified, said(&self.on(machine, &["analyse", "--archive", archive, "--json"])))
    }
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The one line of a command that cannot be carried out.
fn refused(output: &Output) -> String {
    let line = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(2) && line.trim_end().lines().count() == 1, "{:?}: {line}", output.status);
    line
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

fn study(city: &str) -> String {
    format!("study/{city}")
}

/// The directories of the cities, by name.
fn cities(world: &World) -> Vec<String> {
    let entries = std::fs::read_dir(world.path("study")).unwrap().flatten();
    let mut names: Vec<String> = entries.filter(|e| e.path().is_dir()).map(|e| e.file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names.len(), 2, "{names:?}");
    names
}

#[test]
fn a_bucket_says_what_a_directory_says() {
    let world = World::new("3");
    let [first, second] = cities(&world).try_into().unwrap();
    for archive in ["local", BUCKET] {
        for city in [&first, &second] {
            said(&world.on("one", &["import", "dane-study", &study(city), "--archive", archive]));
        }
    }
    let local = world.says("one", "local");
    assert!(local.0["rounds"].as_u64() > Some(100) && local.1.lines().count() > 2, "{local:?}");
    // As the machine that wrote it sees it, and another one that has no copy of anything.
    assert_eq!(world.says("one", BUCKET), local);
    assert_eq!(world.says("other", BUCKET), local);
    said(&world.on("one", &["archive", "compact", BUCKET]));
    assert_eq!(world.says("other", BUCKET), local, "other files were there before");
    let names = world.service.list("survey/mail/states");
    assert!(names.iter().any(|name| name == "head.json"), "{names:?}");
    let gone = |name: &&String| name.starts_with("log-") || name.starts_with("trial-");
    assert_eq!((names.iter().filter(gone).count(), names.iter().filter(|name| name.starts_with("manifest-")).count()), (0, 1), "{names:?}");

    // Again, and by another machine: everything is known.
    let again = said(&world.on("other", &["import", "dane-study", &study(&first), "--archive", BUCKET]));
    assert_eq!(world.says("one", BUCKET), local, "{again}");
    for (archive, out) in [("local", "rows-local"), (BUCKET, "rows")] {
        said(&world.on("other", &["export", "--archive", archive, "--form", "csv", "--out", out]));
    }
    assert!(!content(&world.path("rows")).is_empty() && content(&world.path("rows")) == content(&world.path("rows-local")));
    said(&world.on("other", &["rejudge", "--archive", BUCKET]));
    said(&world.on("one", &["report", "--archive", BUCKET, "--out", "report.html"]));
    assert!(world.path("report.html").is_file());
    mistakes(&world);
}

/// Files of a directory, with what is in them.
fn content(directory: &Path) -> BTreeMap<OsString, Vec<u8>> {
    std::fs::read_dir(directory).unwrap().flatten().map(|entry| (entry.file_name(), std::fs::read(entry.path()).unwrap())).collect()
}

/// What users get wrong, each answered in a line.
fn mistakes(world: &World) {
    let info = |change: &dyn Fn(&mut Command), archive: &str| {
        let mut command = world.command("one", &["archive", "info", archive]);
        change(&mut command);
        let begun = Instant::now();
        let line = refused(&process::output(command, LIMIT));
        assert!(begun.elapsed() < Duration::from_secs(20), "{line}");
        line
    };
    let nothing = |_: &mut Command| {};
    let line = info(&|c| _ = c.env("AWS_SECRET_ACCESS_KEY", "wrong"), BUCKET);
    assert!(line.contains("denies access (SignatureDoesNotMatch); check AWS_ACCESS_KEY_ID"), "{line}");
    let line = info(&|c| _ = c.env_remove("AWS_ACCESS_KEY_ID"), BUCKET);
    assert!(line.contains("no credentials; set AWS_ACCESS_KEY_ID"), "{line}");
    let line = info(&nothing, "s3://nobody/mail");
    assert!(line.contains("there is no bucket 'nobody'"), "{line}");
    let line = info(&nothing, "s3://survey/elsewhere");
    assert!(line.contains("no archive of states here"), "{line}");
    let line = info(&nothing, "s3:///mail");
    assert!(line.contains("names no bucket"), "{line}");
    let line = info(&|c| _ = c.env("AWS_ENDPOINT_URL", "http://127.0.0.1:9"), BUCKET);
    assert!(line.contains("127.0.0.1:9: ") && line.contains("check the network"), "{line}");
    let line = info(&|c| _ = c.env("AWS_ENDPOINT_URL", "http://192.0.2.1:9000"), BUCKET);
    assert!(line.contains("in the clear"), "{line}");
    let city = cities(world).remove(0);
    let line = refused(&world.on("one", &["import", "dane-study", &study(&city), "--archive", "s3://nobody/mail"]));
    assert!(line.contains("there is no bucket 'nobody'"), "{line}");
}

#[test]
fn writers_that_are_killed_and_writers_at_the_same_time() {
    let world = World::new("2");
    let [first, second] = cities(&world).try_into().unwrap();
    for city in [&first, &second] {
        said(&world.on("one", &["import", "dane-study", &study(city), "--archive", "local"]));
    }
    let import = |city: &str| -> Vec<String> { ["import", "dane-study", &study(city), "--archive", BUCKET].map(str::to_owned).to_vec() };
    let (a, b) = (import(&first), import(&second));
    let (a, b): (Vec<&str>, Vec<&str>) = (a.iter().map(String::as_str).collect(), b.iter().map(String::as_str).collect());
    // Killed again and again, each time somewhere else.
    for kill in 1..5 {
        let mut child = world.begin("one", &a);
        world.wait_for(kill * 3);
        thread::sleep(Duration::from_millis(kill * 7));
        signal(&child, "-KILL");
        child.wait().unwrap();
        let verified = world.on("other", &["archive", "verify", BUCKET, "--json"]);
        assert!(said(&verified).contains("\"sound\":true"));
    }
    let before = world.rounds();
    // Stopped in the middle, while another machine writes all of its own: it has to be told.
    let slow = world.begin("one", &a);
    world.wait_for(before + 2);
    signal(&slow, "-STOP");
    // On its own machine the lock is enough.
    let line = refused(&world.on("one", &b));
    assert!(line.contains("is being written by process"), "{line}");
    said(&world.on("other", &b));
    signal(&slow, "-CONT");
    let line = refused(&slow.wait_with_output().unwrap());
    assert!(line.contains("somebody else has written to it meanwhile"), "{line}");
    // Nothing of either is lost, and with the rest it is what one writer makes.
    said(&world.on("one", &a));
    assert_eq!(world.says("other", BUCKET), world.says("one", "local"));
}
