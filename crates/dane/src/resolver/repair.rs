//! What to type, by what listens where.

use super::{Place, ServerReport};
use crate::observation::ResolverObservation;
use crate::verdict::{Repair, Step};

/// What a file needs that leads to a resolver on this machine.
const LOCAL: &str = "nameserver 127.0.0.1\noptions edns0 trust-ad";

fn step(what: impl Into<String>, line: impl Into<String>) -> Step {
    Step { what: what.into(), line: Some(line.into()), remove: Vec::new(), wait_s: None }
}

/// How a server comes to validate, or is replaced by one that does.
pub(super) fn validate(place: Place, file: &str) -> Option<Repair> {
    Some(match place {
        Place::ThisMachine => Repair {
            goal: "Let the resolver on this machine validate".to_owned(),
            steps: vec![
                step(
                    "If it is unbound: in its configuration; then restart it",
                    "server:\n    module-config: \"validator iterator\"\n    auto-trust-anchor-file: \"/var/lib/unbound/root.key\"",
                ),
                step(
                    "If it is BIND: among the options of named.conf, instead of any other dnssec-validation; then restart it",
                    "dnssec-validation auto;",
                ),
                step(
                    "If it is a forwarder, such as dnsmasq, put a resolver of its own in its place (Debian, Ubuntu)",
                    "apt install unbound",
                ),
            ],
        },
        Place::SystemdResolved => Repair {
            goal: "Let systemd-resolved validate; or better, use a resolver that does nothing else".to_owned(),
            steps: vec![
                step("In a new file /etc/systemd/resolved.conf.d/dnssec.conf", "[Resolve]\nDNSSEC=yes"),
                step("Then", "systemctl restart systemd-resolved"),
                step("Or instead, a resolver of its own (Debian, Ubuntu)", "apt install unbound"),
                step(format!("and what {file} is to say, in place of all that it says now"), LOCAL),
            ],
        },
        Place::Docker => docker(),
        Place::LocalNetwork | Place::Internet => own(file),
    })
}

/// A resolver on this machine instead of one across a network.
pub(super) fn own(file: &str) -> Repair {
    Repair {
        goal: "Run a resolver that validates on the machine of the mail server".to_owned(),
        steps: vec![
            step("Debian and Ubuntu; it validates and listens on 127.0.0.1", "apt install unbound"),
            step(format!("What {file} is to say (if another program writes that file, tell it so)"), LOCAL),
        ],
    }
}

/// Docker writes the container's file, and what it writes there is an option of the container.
pub(super) fn docker() -> Repair {
    Repair {
        goal: "Give the container a resolver that validates and is trusted".to_owned(),
        steps: vec![
            step("Best: a resolver in the mail server's own container or pod; there", LOCAL),
            step(
                "Or one in another container on the same host; in the mail server's part of compose.yaml, with that container's address",
                "    dns: [\"ADDRESS\"]\n    dns_opt: [\"edns0\", \"trust-ad\"]",
            ),
        ],
    }
}

/// Takes servers out of the file.
pub(super) fn leave_out(bad: &[String]) -> Option<Repair> {
    (!bad.is_empty()).then(|| Repair {
        goal: "Keep only name servers that validate".to_owned(),
        steps: vec![Step {
            what: "Take out these lines, or mend the servers".to_owned(),
            line: None,
            remove: bad.iter().map(|address| format!("nameserver {address}")).collect(),
            wait_s: None,
        }],
    })
}

/// The option that lets AD through, unless the servers do not deserve it.
pub(super) fn trust_ad(observation: &ResolverObservation, servers: &[ServerReport]) -> Option<Repair> {
    let deserved = |s: &ServerReport| s.ad == Some(true) && s.validates == Some(true) && s.place != Place::Internet;
    if !servers.iter().all(deserved) {
        return None;
    }
    let path = &observation.file.path;
    let words: Vec<&str> = observation.file.options.iter().map(String::as_str).filter(|o| !["edns0", "trust-ad"].contains(o)).collect();
    let line = ["options edns0 trust-ad"].into_iter().chain(words).collect::<Vec<_>>().join(" ");
    let goal = "Let the C library keep AD".to_owned();
    let mail = "Then restart the mail server; Postfix in a chroot makes its copy of the file when it starts".to_owned();
    let restart = Step { what: mail, line: None, remove: Vec::new(), wait_s: None };
    // An engine writes one file in its containers, and no other.
    let engine = observation.container.is_some() && path == "/etc/resolv.conf";
    let steps = match (servers.iter().map(|s| s.place).next(), engine) {
        (Some(Place::Docker), _) | (_, true) => vec![
            step("The container engine writes the file; in compose.yaml", "    dns_opt: [\"edns0\", \"trust-ad\"]"),
            step("or for a single container", "docker run --dns-option edns0 --dns-option trust-ad …"),
        ],
        (Some(Place::SystemdResolved), _) => {
            vec![
                step("The file that systemd-resolved keeps has the option", format!("ln -sf /run/systemd/resolve/stub-resolv.conf {path}")),
                restart,
            ]
        }
        _ => vec![step(format!("In {path}, instead of any options line"), line), restart],
    };
    Some(Repair { goal, steps })
}

/// Lets TCP and long UDP answers through.
pub(super) fn long(place: Place) -> Repair {
    let what = match place {
        Place::ThisMachine | Place::SystemdResolved | Place::Docker => "The server on this machine has to listen on TCP, too; for unbound",
        Place::LocalNetwork | Place::Internet => {
            "Let packets to and from port 53 pass over UDP and TCP, fragments included, in every filter between; and the server has to listen on TCP, too; for unbound"
        }
    };
    Repair { goal: "Let long answers through".to_owned(), steps: vec![step(what, "server:\n    do-tcp: yes\n    edns-buffer-size: 1232")] }
}
