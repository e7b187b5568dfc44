//! `resolv.conf`, as glibc reads it: a keyword in the first column, `#` and `;` begin a comment, what is not known is passed over.

use dane::observation::ResolvConf;
use std::net::{IpAddr, SocketAddr};

/// Lines that are read.
const LINES: usize = 1000;
/// Name servers, unusable ones, options and search domains that are kept, of each.
const KEPT: usize = 64;
/// Characters that are kept of a word.
const WORD: usize = 256;

/// Reads the file. Every server is asked at `port`, for the file has none. `path` is what the file is called.
#[must_use]
pub fn parse(text: &str, path: &str, port: u16) -> ResolvConf {
    let mut file = ResolvConf { path: path.to_owned(), ..ResolvConf::default() };
    for line in text.lines().take(LINES) {
        let mut words = line.split_ascii_whitespace();
        let keyword = words.next().filter(|_| !line.starts_with([' ', '\t', '#', ';']));
        match keyword {
            Some("nameserver") => server(words.next(), port, &mut file),
            Some("options") => {
                let room = KEPT.saturating_sub(file.options.len());
                file.options.extend(words.take(room).map(cut));
            }
            // The last one counts. (resolv.conf(5))
            Some("search") => file.search = words.take(KEPT).map(cut).collect(),
            Some("domain") => file.search = words.take(1).map(cut).collect(),
            _ => {}
        }
    }
    file
}

/// Addresses of an interface (`fe80::1%eth0`) are for the C library: they are told as not asked.
fn server(word: Option<&str>, port: u16, file: &mut ResolvConf) {
    let Some(word) = word else { return };
    match word.parse::<IpAddr>() {
        Ok(ip) if file.servers.len() < KEPT => file.servers.push(SocketAddr::new(ip, port)),
        Err(_) if file.unusable.len() < KEPT => file.unusable.push(cut(word)),
        _ => {}
    }
}

fn cut(word: &str) -> String {
    word.chars().take(WORD).collect()
}

#[cfg(test)]
mod tests {
    use super::{KEPT, WORD, parse};
    use proptest::prelude::*;

    /// The example is after resolv.conf(5).
    #[test]
    fn reads_what_glibc_reads() {
        let text = "# made by hand\n; or so\nnameserver 127.0.0.1\nnameserver\t::1 # local\n nameserver 192.0.2.1\nsearch a.example b.example\n\
                    domain c.example\noptions ndots:2  edns0\noptions trust-ad\nsortlist 130.155.160.0\nnameserver fe80::1%eth0\nnameserver\n\
                    nameservers 192.0.2.2\n";
        let file = parse(text, "file", 5300);
        assert_eq!(file.servers, ["127.0.0.1:5300".parse().unwrap(), "[::1]:5300".parse().unwrap()]);
        assert_eq!(file.options, ["ndots:2", "edns0", "trust-ad"]);
        assert_eq!(file.search, ["c.example"]);
        assert_eq!(file.unusable, ["fe80::1%eth0"]);
        assert_eq!((file.path.as_str(), parse("", "f", 53).servers.len()), ("file", 0));
    }

    proptest! {
        #[test]
        fn keeps_no_more_than_it_may(text in "((nameserver|options|search|) [a-z0-9.:% \n]{0,400}\n?){0,200}") {
            let file = parse(&text, "f", 53);
            for words in [&file.options, &file.search, &file.unusable] {
                prop_assert!(words.len() <= KEPT && words.iter().all(|w| w.chars().count() <= WORD));
            }
            prop_assert!(file.servers.len() <= KEPT);
        }
    }
}
