//! SeaweedFS as an S3 service: a real one that knows keys and heeds If-Match and If-None-Match.

use crate::process::Server;
use crate::python;
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const KEY: &str = "danelaw";
const SECRET: &str = "not a secret";
/// How long buckets may take to be known.
const PATIENCE: Duration = Duration::from_secs(30);

/// A service on an address of its own.
pub struct Service {
    server: Server,
    address: IpAddr,
    /// Of the S3 service; the filer has the next.
    port: u16,
}

impl Service {
    /// Starts it with its files below `place`, without any bucket.
    ///
    /// # Panics
    /// If it cannot be had or does not start.
    #[must_use]
    pub fn start(place: &Path) -> Self {
        static NUMBER: AtomicU8 = AtomicU8::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed) % 32;
        let [.., high, low] = std::process::id().to_be_bytes();
        let address = IpAddr::V4(Ipv4Addr::new(127, 83 + number, high, low));
        // Its parts find each other by sockets in /tmp that are named by port, and by ports that are higher by 10,000.
        let port = 21_000 + u16::try_from((std::process::id() * 32 + u32::from(number)) % 2_000).unwrap_or(0) * 4;
        let identity = format!(
            r#"{{"identities":[{{"name":"t","credentials":[{{"accessKey":"{KEY}","secretKey":"{SECRET}"}}],"actions":["Read","Write","List"]}}]}}"#
        );
        std::fs::write(place.join("s3.json"), identity).expect("a file");
        let mut command = python::seaweedfs();
        command.current_dir(place).args(["server", "-dir=.", "-s3", "-s3.config=s3.json", "-s3.autoCreateBucket=false"]);
        command.arg(format!("-ip={address}")).arg(format!("-ip.bind={address}"));
        for (part, port) in ["s3", "filer", "master", "volume"].into_iter().zip(port..) {
            command.arg(format!("-{part}.port={port}"));
        }
        command.args(["-s3.port.iceberg=0", "-s3.port.lance=0", "-volume.max=8", "-master.volumeSizeLimitMB=64"]);
        let server = Server::start(command, &place.join("weed.log"), SocketAddr::new(address, port));
        Self { server, address, port }
    }

    /// Makes a bucket that can be written to.
    ///
    /// # Panics
    /// If it does not come to be.
    pub fn make_bucket(&self, name: &str) {
        // A bucket is a directory of the filer, which asks nobody for a key. It answers before there is room for any file.
        for (method, path, body) in [("PUT", "/ready", "yes"), ("POST", format!("/buckets/{name}/").as_str(), "")] {
            let begun = Instant::now();
            while self.ask(method, path, body).is_none_or(|(status, _)| status / 100 != 2) {
                assert!(begun.elapsed() < PATIENCE, "{method} {path}:\n{}", self.server.log());
                thread::sleep(Duration::from_millis(100));
            }
        }
    }

    /// What lies directly below a prefix, by its last name: objects and prefixes.
    ///
    /// # Panics
    /// If the service does not answer.
    #[must_use]
    pub fn list(&self, prefix: &str) -> Vec<String> {
        let (status, body) = self.ask("GET", &format!("/buckets/{prefix}/?limit=10000"), "").expect("an answer of the filer");
        if status == 404 {
            return Vec::new();
        }
        let listed: Value = serde_json::from_str(&body).unwrap_or_else(|e| panic!("{e}: {body}"));
        let names = listed["Entries"].as_array().into_iter().flatten().filter_map(|entry| entry["FullPath"].as_str());
        names.filter_map(|path| path.rsplit('/').next()).map(str::to_owned).collect()
    }

    /// Status and body of what the filer answers.
    fn ask(&self, method: &str, path: &str, body: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect((self.address, self.port + 1)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
        let headers = format!("Host: x\r\nAccept: application/json\r\nContent-Length: {}\r\nConnection: close", body.len());
        write!(stream, "{method} {path} HTTP/1.0\r\n{headers}\r\n\r\n{body}").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
    }

    /// A `danelaw` that knows the service and the key, and has its working files below `home`: a machine of its own.
    #[must_use]
    pub fn danelaw(&self, home: &Path) -> Command {
        let mut command = crate::danelaw::command();
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_")) {
            command.env_remove(name);
        }
        command.env("XDG_STATE_HOME", home).env("AWS_ENDPOINT_URL", format!("http://{}:{}", self.address, self.port));
        command.env("AWS_ACCESS_KEY_ID", KEY).env("AWS_SECRET_ACCESS_KEY", SECRET).env("AWS_REGION", "us-east-1");
        command
    }
}
