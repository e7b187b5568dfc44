//! Programs that want to be installed, with files at fixed places and accounts of their own: they see a machine on which the unpacked
//! packages are installed. What they write outside of their directory is in memory, and gone with them.

use crate::software::unpacked;
use std::fs;
use std::path::Path;
use std::process::Command;

/// A command that runs a shell script on such a machine, with these accounts, its files in `directory`. Only root can.
///
/// # Panics
/// If the script cannot be written.
#[must_use]
pub fn command(script: &str, accounts: &[&str], directory: &Path) -> Command {
    let (inside, outside) = (directory.join("inside.sh"), directory.join("outside.sh"));
    fs::write(&inside, script).expect("script");
    let mut lines = String::new();
    for (number, account) in accounts.iter().enumerate() {
        let id = 60_900 + number;
        lines.push_str(&format!(
            "echo '{account}:x:{id}:{id}::/nonexistent:/usr/sbin/nologin' >> /etc/passwd\necho '{account}:x:{id}:' >> /etc/group\n"
        ));
    }
    let text = format!(
        "set -e\nmount -t tmpfs none /mnt\nmkdir -p /mnt/etc /mnt/var /mnt/scratch/etc /mnt/scratch/var {unpacked}/etc\n\
         mount -t overlay none -o lowerdir=/usr:{unpacked}/usr /usr\n\
         mount -t overlay none -o lowerdir=/etc:{unpacked}/etc,upperdir=/mnt/etc,workdir=/mnt/scratch/etc /etc\n\
         mount -t overlay none -o lowerdir=/var,upperdir=/mnt/var,workdir=/mnt/scratch/var /var\n\
         {lines}exec sh {inside}\n",
        unpacked = unpacked().display(),
        inside = inside.display(),
    );
    fs::write(&outside, text).expect("script");
    let mut command = Command::new("unshare");
    command.args(["--mount", "--pid", "--fork", "--kill-child", "sh"]).arg(outside);
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("LC_ALL", "C");
    command
}
