//! Programs that want to be installed, with files at fixed places and accounts of their own: they see a machine on which the unpacked
//! packages are installed. What they write outside of their directory is in memory, and gone with them.

use crate::software::{tree, unpacked};
use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::thread;

/// What such a machine has besides the packages that everybody has.
#[derive(Clone, Copy, Debug, Default)]
pub struct Machine<'a> {
    /// Accounts, each with a group of its name.
    pub accounts: &'a [&'a str],
    /// Packages of another suite, above all others.
    pub tree: Option<&'a str>,
    /// The text of `/etc/resolv.conf`.
    pub resolver: Option<&'a str>,
}

/// A command that runs a shell script on such a machine, with these accounts, its files in `directory`. Only root can.
///
/// # Panics
/// If the script cannot be written.
#[must_use]
pub fn command(script: &str, accounts: &[&str], directory: &Path) -> Command {
    Machine { accounts, ..Machine::default() }.command(script, directory)
}

impl Machine<'_> {
    /// A command that runs a shell script on this machine, its files in `directory`. Only root can.
    ///
    /// # Panics
    /// If the script cannot be written.
    #[must_use]
    pub fn command(&self, script: &str, directory: &Path) -> Command {
        let (inside, outside) = (directory.join("inside.sh"), directory.join("outside.sh"));
        fs::write(&inside, script).expect("script");
        let layers = self.tree.map(|name| tree(name).display().to_string());
        let above = |part: &str| layers.as_ref().map(|tree| format!("{tree}/{part}:")).unwrap_or_default();
        let made = layers.as_ref().map(|tree| format!("{tree}/etc")).unwrap_or_default();
        let text = format!(
            "set -e\nmount -t tmpfs none /run\nmount -t tmpfs none /mnt\nmkdir -p /mnt/etc /mnt/var /mnt/scratch/etc /mnt/scratch/var {unpacked}/etc {made}\n\
             mount -t overlay none -o lowerdir={}/usr:{unpacked}/usr /usr\n\
             mount -t overlay none -o lowerdir={}/etc:{unpacked}/etc,upperdir=/mnt/etc,workdir=/mnt/scratch/etc /etc\n\
             mount -t overlay none -o lowerdir=/var,upperdir=/mnt/var,workdir=/mnt/scratch/var /var\n\
             {}{}{}exec sh {}\n",
            above("usr"),
            above("etc"),
            self.accounts(),
            self.resolver(directory),
            self.devices(directory),
            inside.display(),
            unpacked = unpacked().display(),
        );
        fs::write(&outside, text).expect("script");
        let mut command = Command::new("unshare");
        command.args(["--mount", "--pid", "--mount-proc", "--fork", "--kill-child", "sh"]).arg(outside);
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("LC_ALL", "C").env("TZ", "UTC");
        command
    }

    fn accounts(&self) -> String {
        let line = |(number, account): (usize, &&str)| {
            let id = 60_900 + number;
            format!("echo '{account}:x:{id}:{id}::/nonexistent:/usr/sbin/nologin' >> /etc/passwd\necho '{account}:x:{id}:' >> /etc/group\n")
        };
        self.accounts.iter().enumerate().map(line).collect()
    }

    /// The machine's own file may be a link, or mounted.
    fn resolver(&self, directory: &Path) -> String {
        let Some(text) = self.resolver else { return String::new() };
        let file = directory.join("resolv.conf");
        fs::write(&file, text).expect("resolv.conf");
        format!(
            "rm -f /etc/resolv.conf\ncp {} /etc/resolv.conf\necho 'hosts: files dns' > /etc/nsswitch.conf\n\
             echo '127.0.0.1 localhost' > /etc/hosts\n",
            file.display()
        )
    }

    /// Devices of its own where there is a log to catch: never the machine's own, which others log to.
    fn devices(&self, directory: &Path) -> String {
        let socket = directory.join("log.socket");
        if !socket.exists() {
            return String::new();
        }
        let mut text = "mount -t tmpfs -o mode=755 none /dev\nmkdir /dev/shm /dev/pts\nln -s /proc/self/fd /dev/fd\n".to_owned();
        for (name, minor) in [("null", 3), ("zero", 5), ("full", 7), ("random", 8), ("urandom", 9)] {
            text.push_str(&format!("mknod -m 666 /dev/{name} c 1 {minor}\n"));
        }
        text + &format!("ln -s {} /dev/log\n", socket.display())
    }
}

/// Takes what is logged to `/dev/log` on machines whose directory this is, from now on, into its file `syslog`.
///
/// # Panics
/// If the socket or the file cannot be made.
pub fn catch_log(directory: &Path) {
    use std::io::Write as _;
    use std::os::unix::fs::PermissionsExt as _;
    let path = directory.join("log.socket");
    let socket = UnixDatagram::bind(&path).expect("a socket for the log");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).expect("permissions");
    let mut file = fs::File::create(directory.join("syslog")).expect("syslog");
    thread::spawn(move || {
        let mut buffer = [0u8; 16_384];
        while let Ok(length) = socket.recv(&mut buffer) {
            let line = String::from_utf8_lossy(&buffer[..length]).trim_end_matches(['\0', '\n']).to_owned();
            let _ = writeln!(file, "{line}");
        }
    });
}
