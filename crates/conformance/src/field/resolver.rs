//! Other people's resolvers, at an address of their own in the lab's network.

use super::place::{Network, Place, address};
use crate::apart::Machine;
use crate::process::Server;
use crate::unbound::bind_anchor;
use std::fmt::Write as _;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

/// A resolver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resolver {
    /// NLnet Labs' resolver.
    Unbound,
    /// BIND.
    Bind,
    /// PowerDNS Recursor.
    Pdns,
    /// Knot Resolver.
    Knot,
    /// djbdns' resolver.
    Dnscache,
    /// MaraDNS' resolver.
    Deadwood,
}

impl Resolver {
    /// All that there are.
    pub const ALL: [Self; 6] = [Self::Unbound, Self::Bind, Self::Pdns, Self::Knot, Self::Dnscache, Self::Deadwood];

    /// A word for file names and host names.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Unbound => "unbound",
            Self::Bind => "bind",
            Self::Pdns => "pdns-recursor",
            Self::Knot => "knot-resolver",
            Self::Dnscache => "dnscache",
            Self::Deadwood => "deadwood",
        }
    }

    /// The package that it is in, and the package's directory if it has its own.
    #[must_use]
    pub fn package(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Unbound => ("unbound", None),
            Self::Bind => ("bind9", None),
            Self::Pdns => ("pdns-recursor", None),
            Self::Knot => ("knot-resolver", None),
            Self::Dnscache => ("dnscache", None),
            Self::Deadwood => ("maradns-deadwood", Some("maradns")),
        }
    }

    /// Where it listens, and asks from.
    #[must_use]
    pub fn address(self) -> Ipv4Addr {
        address(Network::Resolver, 0, 1 + self as u8)
    }

    /// Starts it.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start(self, place: &Place) -> Server {
        let room = place.room(self.word());
        fs::write(room.join("hints"), place.world.lab.root_hints()).expect("hints");
        fs::write(room.join("anchor"), place.world.anchor()).expect("anchor");
        let roots: Vec<IpAddr> = place.world.lab.roots().into_iter().flat_map(|(_, addresses)| addresses).collect();
        let script = self.script(&room, &place.world.anchor(), &roots);
        let machine = Machine { accounts: &["resolver"], tree: self.package().1, resolver: None };
        Server::start(machine.command(&script, &room), &room.join("log"), SocketAddr::from((self.address(), 53)))
    }

    /// Writes its configuration and returns the commands that start it.
    fn script(self, room: &Path, anchor: &str, roots: &[IpAddr]) -> String {
        let (home, at) = (room.display().to_string(), self.address().to_string());
        let text = |template: &str| template.replace("HOME", &home).replace("ADDRESS", &at);
        let file = |name: &str, content: String| fs::write(room.join(name), content).expect("configuration");
        let root = roots.first().expect("a root server").to_string();
        match self {
            Self::Unbound => {
                file("unbound.conf", text(UNBOUND));
                text("exec unbound -d -c HOME/unbound.conf\n")
            }
            Self::Bind => {
                file("named.conf", text(BIND) + &bind_anchor(anchor));
                text("exec named -g -n 1 -c HOME/named.conf\n")
            }
            Self::Pdns => {
                let ds: Vec<&str> = anchor.split_whitespace().skip_while(|word| *word != "DS").skip(1).collect();
                file("anchor.lua", format!("addTA('.', \"{}\")\n", ds.join(" ")));
                file("recursor.conf", text(PDNS));
                text("exec pdns_recursor --config-dir=HOME --daemon=no\n")
            }
            Self::Knot => {
                let mut names = String::new();
                for line in fs::read_to_string(room.join("hints")).expect("hints").lines() {
                    let words: Vec<&str> = line.split_whitespace().collect();
                    if let [name, _, _, "A", address] = words[..] {
                        let _ = write!(names, "['{name}'] = '{address}', ");
                    }
                }
                file("kresd.conf", text(KNOT).replace("NAMES", &names));
                text("exec kresd -n -c HOME/kresd.conf HOME\n")
            }
            Self::Dnscache => {
                let list: String = roots.iter().map(|root| format!("{root}\n")).collect();
                for part in ["root/ip", "root/servers"] {
                    fs::create_dir_all(room.join(part)).expect("directory");
                }
                file("root/ip/127", String::new());
                file("root/servers/@", list);
                text(DNSCACHE)
            }
            Self::Deadwood => {
                file("dwood3rc", text(DEADWOOD).replace("ROOT", &root));
                text("exec deadwood -f HOME/dwood3rc\n")
            }
        }
    }
}

const UNBOUND: &str = r#"server:
 interface: ADDRESS
 outgoing-interface: ADDRESS
 access-control: 127.0.0.0/8 allow
 do-ip6: no
 do-daemonize: no
 username: ""
 chroot: ""
 directory: "HOME"
 pidfile: ""
 use-syslog: no
 logfile: ""
 num-threads: 1
 val-log-level: 2
 root-hints: "HOME/hints"
 trust-anchor-file: "HOME/anchor"
 do-not-query-localhost: no
 module-config: "validator iterator"
remote-control:
 control-enable: no
"#;

const BIND: &str = r#"options { directory "HOME"; listen-on { ADDRESS; }; listen-on-v6 { none; }; query-source address ADDRESS; recursion yes;
 allow-query { any; }; dnssec-validation yes; pid-file none; session-keyfile none; lock-file none; empty-zones-enable no; };
zone "." { type hint; file "HOME/hints"; };
controls { };
"#;

const PDNS: &str = "local-address=ADDRESS
local-port=53
query-local-address=ADDRESS
hint-file=HOME/hints
lua-config-file=HOME/anchor.lua
dnssec=validate
socket-dir=HOME
quiet=yes
dont-query=
allow-from=127.0.0.0/8
disable-syslog=yes
threads=1
security-poll-suffix=
";

const KNOT: &str = "net.ipv6 = false
net.listen('ADDRESS', 53, { kind = 'dns' })
net.outgoing_v4('ADDRESS')
log_target('stderr')
modules = { 'hints > iterate' }
option('ALLOW_LOCAL', true)
trust_anchors.remove('.')
trust_anchors.add_file('HOME/anchor', true)
hints.root({ NAMES })
cache.open(10 * MB, 'lmdb://HOME/cache')
";

const DNSCACHE: &str = "cd HOME
head -c 256 /dev/urandom > seed
exec env UID=0 GID=0 ROOT=HOME/root IP=ADDRESS IPSEND=ADDRESS CACHESIZE=1000000 DATALIMIT=30000000 dnscache < seed
";

const DEADWOOD: &str = r#"chroot_dir = "HOME"
bind_address = "ADDRESS"
recursive_acl = "127.0.0.0/8"
tcp_listen = 1
maradns_uid = 60900
maradns_gid = 60900
random_seed_file = "/dev/urandom"
root_servers = {}
root_servers["."] = "ROOT"
filter_rfc1918 = 0
reject_mx = 0
reject_aaaa = 0
"#;
