//! An archive of states in a bucket of a real S3 service: what it says, who is killed while writing, and who writes at the same time.

use conformance::process;
use conformance::s3::Service;
use serde_json::Value;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(60);
/// Rounds of each of two cities.
const HOURS: usize = 40;
/// As many as cannot be over before somebody who looks has seen the first.
const MANY: usize = 120;
const BUCKET: &str = "s3://survey/mail";

/// A service, places of work, and hours of a study.
struct World {
    place: tempfile::TempDir,
    service: Service,
}

impl World {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        for part in ["weed", "one", "other"] {
            std::fs::create_dir(place.path().join(part)).unwrap();
        }
        let service = Service::start(&place.path().join("weed"));
        let world = Self { place, service };
        let made = ["lab", "history", "--servers", "6", "--days", "14", "--vantages", "2", "--out", "study"];
        said(&world.on("one", &made));
        world.service.make_bucket("survey");
        world
    }

    /// What one of two machines is to do.
    fn command(&self, machine: &str, arguments: &[impl AsRef<OsStr>]) -> Command {
        let mut command = self.service.danelaw(&self.path(machine));
        command.args(arguments).current_dir(self.place.path());
        command
    }

    fn on(&self, machine: &str, arguments: &[impl AsRef<OsStr>]) -> Output {
        process::output(self.command(machine, arguments), LIMIT)
    }

    fn begin(&self, machine: &str, arguments: &[impl AsRef<OsStr>]) -> Child {
        let mut command = self.command(machine, arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.place.path().join(name)
    }

    /// How many rounds are in the log.
    fn logged(&self) -> usize {
        let below = |prefix: &str| self.service.list(&format!("survey/mail/states{prefix}"));
        let logs = below("").into_iter().filter(|name| name.starts_with("log-"));
        logs.map(|log| below(&format!("/{log}")).len()).sum()
    }

    /// Waits until a writer has brought it so far. Asks the service itself: a process of ours would take longer than a round.
    fn wait_for(&self, rounds: usize) {
        let begun = Instant::now();
        while self.logged() < rounds {
            assert!(begun.elapsed() < LIMIT, "never {rounds} rounds");
            thread::sleep(Duration::from_millis(5));
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

/// What a command that cannot be carried out says in the end; before it there may be how far it has come.
fn refused(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    said.lines().last().unwrap_or_default().to_owned()
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

/// The two cities of the study.
fn cities(world: &World) -> [String; 2] {
    let entries = std::fs::read_dir(world.path("study")).unwrap().flatten();
    let mut names: Vec<String> = entries.filter(|e| e.path().is_dir()).map(|e| e.file_name().into_string().unwrap()).collect();
    names.sort();
    names.try_into().unwrap()
}

/// What imports so many hours of a city.
fn import(world: &World, city: &str, hours: usize, archive: &str) -> Vec<String> {
    let mut files: Vec<String> = std::fs::read_dir(world.path("study").join(city))
        .unwrap()
        .map(|entry| format!("study/{city}/{}", entry.unwrap().file_name().into_string().unwrap()))
        .collect();
    files.sort();
    files.truncate(hours);
    assert_eq!(files.len(), hours);
    ["import", "dane-study", "--archive", archive].map(str::to_owned).into_iter().chain(files).collect()
}

#[test]
fn a_bucket_says_what_a_directory_says() {
    let world = World::new();
    let [first, second] = cities(&world);
    for archive in ["local", BUCKET] {
        for city in [&first, &second] {
            said(&world.on("one", &import(&world, city, HOURS, archive)));
        }
    }
    let local = world.says("one", "local");
    assert!(local.0["rounds"].as_u64() == Some(2 * HOURS as u64) && local.1.lines().count() > 2, "{local:?}");
    // As the machine that wrote it sees it, and another one that has no copy of anything.
    assert_eq!(world.says("one", BUCKET), local);
    assert_eq!(world.says("other", BUCKET), local);
    said(&world.on("one", &["archive", "compact", BUCKET]));
    assert_eq!(world.says("other", BUCKET), local, "other files were there before");
    let below = |prefix: &str| world.service.list(&format!("survey/mail/states{prefix}"));
    let (names, start) = (below(""), |start: &'static str| move |name: &&String| name.starts_with(start));
    assert_eq!(names.iter().filter(start("head.json")).count(), 1, "{names:?}");
    assert_eq!(names.iter().filter(start("manifest-")).count(), 1, "what has been replaced is gone: {names:?}");
    // SeaweedFS keeps prefixes that have no object any more.
    assert!(names.iter().filter(start("log-")).all(|log| below(&format!("/{log}")).is_empty()), "{names:?}");
    assert_eq!(names.iter().filter(start("trial-")).count(), 0, "{names:?}");

    // Again, and by another machine: everything is known.
    let again = said(&world.on("other", &import(&world, &first, HOURS, BUCKET)));
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
    let line = refused(&world.on("one", &import(world, &cities(world)[0], 1, "s3://nobody/mail")));
    assert!(line.contains("there is no bucket 'nobody'"), "{line}");
}

#[test]
fn writers_that_are_killed_and_writers_at_the_same_time() {
    let world = World::new();
    let [first, second] = cities(&world);
    for city in [&first, &second] {
        said(&world.on("one", &import(&world, city, MANY, "local")));
    }
    let (a, b) = (import(&world, &first, MANY, BUCKET), import(&world, &second, MANY, BUCKET));
    // Killed again and again, each time somewhere else.
    for kill in 1..4 {
        let mut child = world.begin("one", &a);
        world.wait_for(kill * 3);
        thread::sleep(Duration::from_millis(7 * kill as u64));
        signal(&child, "-KILL");
        child.wait().unwrap();
        let verified = world.on("other", &["archive", "verify", BUCKET, "--json"]);
        assert!(said(&verified).contains("\"sound\":true"));
    }
    let before = world.logged();
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
