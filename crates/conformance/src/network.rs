//! A network of a test's own: the machine's loopback has one IPv6 address, and a mail host may have several.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::process::Command;

/// Set in a network of our own.
const HERE: &str = "DANELAW_NETWORK";

/// Whether this process has a network of its own already, where these addresses are on loopback beside 127.0.0.0/8. If not, it runs the test of
/// this name once more in one, to its end, and the caller has nothing left to do.
///
/// The network ends with its last process. Only root can make one.
///
/// # Panics
/// If the network cannot be made, or the test fails in it.
#[must_use]
pub fn of_our_own(test: &str, addresses: &[Ipv6Addr]) -> bool {
    if std::env::var_os(HERE).is_some() {
        return true;
    }
    // A route for everything makes the machine one that has IPv6; nothing leaves it.
    let mut script = "set -e\nip link set lo up\n".to_owned();
    for address in addresses {
        script.push_str(&format!("ip -6 addr add {address}/128 dev lo\n"));
    }
    script.push_str("ip -6 route add default dev lo\nexec \"$@\"\n");
    let ourselves = std::env::current_exe().expect("a test has a file");
    let mut command = Command::new("unshare");
    command.args(["--net", "--pid", "--fork", "--kill-child", "sh", "-c", &script, "sh"]);
    command.arg(Path::new(&ourselves)).args(["--exact", test, "--nocapture"]).env(HERE, "1");
    let status = command.status().expect("unshare");
    assert!(status.success(), "{test} in a network of its own: {status}");
    false
}

/// Lists these addresses at the interface of a network of our own: of 127.0.0.0/8 all are there, but BIND looks for them.
///
/// # Panics
/// If that fails.
pub fn list(addresses: &[Ipv4Addr]) {
    assert!(std::env::var_os(HERE).is_some(), "only in a network of our own");
    for address in addresses {
        let status = Command::new("ip").args(["addr", "add", &format!("{address}/32"), "dev", "lo"]).status().expect("ip");
        assert!(status.success(), "{address}: {status}");
    }
}

/// Gives a network of our own an address beside those of loopback: some stub resolvers, OpenSMTPD's for one, ask for no IPv4 address where the
/// machine has none but those. Nothing leaves the network.
///
/// # Panics
/// If that fails.
pub fn reach_out() {
    assert!(std::env::var_os(HERE).is_some(), "only in a network of our own");
    let script =
        "ip link add out0 type veth peer name out1 && ip addr add 198.18.0.1/24 dev out0 && ip link set out0 up && ip link set out1 up";
    let status = Command::new("sh").args(["-c", script]).status().expect("sh");
    assert!(status.success(), "{status}");
}
