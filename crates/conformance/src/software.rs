//! Finds other people's programs: where the machine has them installed, else where `cargo xtask packages` unpacked them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Chromium's program in `bin` is a script that wants to be installed: the one it calls comes first.
const PROGRAM_DIRECTORIES: [&str; 7] = ["usr/lib/chromium", "usr/sbin", "usr/bin", "usr/local/sbin", "usr/local/bin", "sbin", "bin"];

/// A command for the program, with the libraries it was unpacked with.
///
/// # Panics
/// If it is neither installed nor unpacked: a test that cannot run must not pass.
#[must_use]
pub fn command(program: &str) -> Command {
    let unpacked = unpacked();
    let found = [Path::new("/"), &unpacked].iter().find_map(|root| find(root, program));
    let Some(path) = found else {
        panic!("{program} is not installed; `cargo xtask packages` fetches it, `cargo xtask test` does so before these tests");
    };
    let mut command = Command::new(&path);
    command.env_clear().env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin").env("LC_ALL", "C").env("TZ", "UTC");
    if path.starts_with(&unpacked) {
        command.env("LD_LIBRARY_PATH", libraries(&unpacked));
    }
    command
}

/// Where Java 17 is.
///
/// # Panics
/// If it is neither installed nor unpacked.
#[must_use]
pub fn java_home() -> PathBuf {
    let find = |root: &Path| {
        let mut entries = std::fs::read_dir(root.join("usr/lib/jvm")).into_iter().flatten().flatten().map(|entry| entry.path());
        entries.find(|path| path.to_string_lossy().contains("java-17-openjdk") && path.join("bin/java").exists())
    };
    let found = find(Path::new("/")).or_else(|| find(&unpacked()));
    found.unwrap_or_else(|| {
        panic!("Java 17 is not installed; `cargo xtask packages` fetches it, `cargo xtask test` does so before these tests")
    })
}

/// The first of these programs that is installed, else the first that was unpacked: what an installed one shares with it is not unpacked again.
#[must_use]
pub fn first<'p>(programs: &[&'p str]) -> Option<&'p str> {
    let unpacked = unpacked();
    let there = |root: &Path| programs.iter().copied().find(|program| find(root, program).is_some());
    there(Path::new("/")).or_else(|| there(&unpacked))
}

/// Where packages are unpacked: `$DANELAW_SOFTWARE`, which xtask sets, else below the target directory of this build.
#[must_use]
pub fn unpacked() -> PathBuf {
    if let Some(root) = std::env::var_os("DANELAW_SOFTWARE") {
        return PathBuf::from(root);
    }
    // target/debug/deps/test-123 -> target
    let target = std::env::current_exe().ok().and_then(|test| test.ancestors().nth(3).map(Path::to_path_buf));
    target.unwrap_or_else(|| PathBuf::from("target")).join("debian/root")
}

/// Where the packages are that have a directory of their own.
#[must_use]
pub fn tree(name: &str) -> PathBuf {
    unpacked().with_file_name(name)
}

/// The turn of one process to fill a directory, until it is dropped: tests are processes that run side by side, and one must not run
/// what another is just unpacking.
///
/// # Panics
/// If the lock beside the directory cannot be had.
#[must_use]
pub fn turn(place: &Path) -> File {
    let path = place.with_extension("lock");
    let opened = path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| File::create(&path));
    let lock = opened.and_then(|file| file.lock().map(|()| file));
    lock.unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The library search path of unpacked programs.
#[must_use]
pub fn libraries(root: &Path) -> String {
    let mut directories = vec![root.join("usr/lib/postfix")];
    for library in ["usr/lib", "lib"] {
        let entries = std::fs::read_dir(root.join(library)).into_iter().flatten().flatten();
        directories.extend(entries.map(|entry| entry.path()).filter(|path| path.to_string_lossy().ends_with("-linux-gnu")));
    }
    // What a program finds in a directory of its own, by a path that is written into it.
    let own: Vec<PathBuf> = directories.iter().map(|directory| directory.join("pulseaudio")).filter(|own| own.is_dir()).collect();
    directories.extend(own);
    directories.iter().map(|directory| directory.to_string_lossy().into_owned()).collect::<Vec<_>>().join(":")
}

fn find(root: &Path, program: &str) -> Option<PathBuf> {
    PROGRAM_DIRECTORIES.iter().map(|directory| root.join(directory).join(program)).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::thread;
    use std::time::Duration;

    #[test]
    fn one_at_a_time_fills_a_directory() {
        let parent = tempfile::tempdir().expect("a directory");
        let place = parent.path().join("not yet there/packages");
        let (inside, met) = (AtomicU32::new(0), AtomicU32::new(0));
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let _turn = super::turn(&place);
                    met.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    thread::sleep(Duration::from_millis(20));
                    inside.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        assert_eq!(met.into_inner(), 1);
    }
}
