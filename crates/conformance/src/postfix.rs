//! Postfix receives: one `smtpd` for every address, with the certificate of that address.

use crate::process::Server;
use crate::software::{libraries, unpacked};
use std::fmt::Write as _;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

/// What Postfix presents at one address.
pub struct Listener {
    /// Where.
    pub address: IpAddr,
    /// The name in its greeting.
    pub host: String,
    /// PEM files with a key and its chain; none: no STARTTLS.
    pub chains: Vec<PathBuf>,
    /// What else is said in its configuration: parameters and values.
    pub parameters: Vec<(&'static str, String)>,
}

/// Starts a Postfix of its own, with its configuration, queue and data below `directory`, listening at `port` of every address.
///
/// Postfix starts only as root. It takes two ordinary accounts of Debian's base system for its unprivileged parts, so that none has to be
/// made.
///
/// # Panics
/// If it does not start.
#[must_use]
pub fn start(listeners: &[Listener], port: u16, directory: &Path) -> Server {
    let home = directory.join("postfix");
    for part in ["conf", "queue", "data"] {
        fs::create_dir_all(home.join(part)).expect("directory");
    }
    // Its unprivileged parts have to get at their files.
    fs::set_permissions(directory, fs::Permissions::from_mode(0o711)).expect("permissions");
    let account = account("uucp");
    chown(home.join("data"), Some(account), None).expect("only root can start Postfix");
    queue(&home.join("queue"), account);
    fs::write(home.join("conf/main.cf"), main_cf(&home)).expect("main.cf");
    fs::write(home.join("conf/master.cf"), master_cf(listeners, port)).expect("master.cf");
    fs::write(home.join("conf/dynamicmaps.cf"), "").expect("dynamicmaps.cf");
    // `master` is in no search path; `postfix` is, and knows where it came from.
    let mut command = std::process::Command::new(daemons().join("master"));
    command.env_clear().env("PATH", "/usr/bin:/bin").env("MAIL_CONFIG", home.join("conf")).env("LD_LIBRARY_PATH", libraries(&unpacked()));
    command.arg("-d").arg("-c").arg(home.join("conf"));
    let first = listeners.first().expect("a listener");
    Server::start(command, &home.join("log"), SocketAddr::new(first.address, port))
}

/// Where Postfix's daemons are: unpacked, or installed.
fn daemons() -> PathBuf {
    let ours = unpacked().join("usr/lib/postfix/sbin");
    if ours.is_dir() { ours } else { PathBuf::from("/usr/lib/postfix/sbin") }
}

/// The user id of an account.
fn account(name: &str) -> u32 {
    let accounts = fs::read_to_string("/etc/passwd").expect("/etc/passwd");
    let line = accounts.lines().find(|line| line.split(':').next() == Some(name)).expect("an account of the base system");
    line.split(':').nth(2).and_then(|id| id.parse().ok()).expect("a user id")
}

/// The queue's directories, as `postfix check` would make them.
fn queue(queue: &Path, account: u32) {
    for name in
        ["active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved", "trace", "maildrop", "public"]
    {
        let directory = queue.join(name);
        fs::create_dir_all(&directory).expect("queue");
        chown(&directory, Some(account), None).expect("owner");
    }
    fs::create_dir_all(queue.join("pid")).expect("queue");
}

fn main_cf(home: &Path) -> String {
    let root = unpacked();
    let installed = |path: &str| if root.join(path).exists() { root.join(path) } else { Path::new("/").join(path) };
    format!(
        "compatibility_level = 3.6\nqueue_directory = {home}/queue\ndata_directory = {home}/data\ndaemon_directory = {daemons}\n\
         command_directory = {commands}\nshlib_directory = {libraries}\nmeta_directory = {home}/conf\nmail_owner = uucp\nsetgid_group = proxy\n\
         default_privs = nobody\nmyhostname = mx.lab.example\nmydestination =\nlocal_recipient_maps =\nalias_maps =\nalias_database =\n\
         inet_protocols = all\nmynetworks =\nmaillog_file_prefixes = {home}\nmaillog_file = {home}/data/mail.log\n\
         import_environment = MAIL_CONFIG MAIL_DEBUG MAIL_LOGTAG LD_LIBRARY_PATH TZ=UTC LANG=C\n\
         export_environment = LD_LIBRARY_PATH TZ=UTC LANG=C\nsmtpd_peername_lookup = no\nsmtpd_tls_security_level = may\n\
         smtpd_relay_restrictions = reject\nsmtpd_recipient_restrictions = reject\ndefault_process_limit = 40\n\
         smtpd_client_connection_count_limit = 0\nsmtpd_client_connection_rate_limit = 0\nsmtpd_tls_loglevel = 1\n",
        home = home.display(),
        daemons = daemons().display(),
        commands = installed("usr/sbin").display(),
        libraries = installed("usr/lib/postfix").display(),
    )
}

fn master_cf(listeners: &[Listener], port: u16) -> String {
    let mut text = String::new();
    for listener in listeners {
        let at = SocketAddr::new(listener.address, port);
        let _ = writeln!(text, "{at} inet n - n - - smtpd\n  -o myhostname={}", listener.host);
        let files: Vec<String> = listener.chains.iter().map(|file| file.display().to_string()).collect();
        match files.is_empty() {
            true => text.push_str("  -o smtpd_tls_security_level=none\n"),
            false => {
                let _ = writeln!(text, "  -o smtpd_tls_chain_files={}", files.join(","));
            }
        }
        for (name, value) in &listener.parameters {
            let _ = writeln!(text, "  -o {{ {name} = {value} }}");
        }
    }
    text + SERVICES
}

/// The services of every Postfix besides those that listen, as lines of `master.cf`.
pub(crate) const SERVICES: &str = "postlog unix-dgram n - n - 1 postlogd\npickup unix n - n 60 1 pickup\ncleanup unix n - n - 0 cleanup\nqmgr unix n - n 300 1 qmgr\n\
     tlsmgr unix - - n 1000? 1 tlsmgr\nrewrite unix - - n - - trivial-rewrite\nproxymap unix - - n - - proxymap\n\
     anvil unix - - n - 1 anvil\nbounce unix - - n - 0 bounce\ndefer unix - - n - 0 bounce\ntrace unix - - n - 0 bounce\n\
     verify unix - - n - 1 verify\nflush unix n - n 1000? 0 flush\nerror unix - - n - - error\nretry unix - - n - - error\n\
     discard unix - - n - - discard\n";
