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
const FILER: u16 = 8888;
const S3: u16 = 8333;
/// How long buckets may take to be known.
const PATIENCE: Duration = Duration::from_secs(30);

/// A service on an address of its own.
pub struct Service {
    server: Server,
    address: IpAddr,
}

impl Service {
    /// Starts it with its files below `place`, without any bucket.
    ///
    /// # Panics
    /// If it cannot be had or does not start.
    #[must_use]
    pub fn start(place: &Path) -> Self {
        static NUMBER: AtomicU8 = AtomicU8::new(0);
        let [.., high, low] = std::process::id().to_be_bytes();
        let address = IpAddr::V4(Ipv4Addr::new(127, 83 + NUMBER.fetch_add(1, Ordering::Relaxed) % 32, high, low));
        let identity = format!(
            r#"{{"identities":[{{"name":"t","credentials":[{{"accessKey":"{KEY}","secretKey":"{SECRET}"}}],"actions":["Read","Write","List"]}}]}}"#
        );
        std::fs::write(place.join("s3.json"), identity).expect("a file");
        let mut command = python::seaweedfs();
        command.current_dir(place).args(["server", "-dir=.", "-s3", "-s3.config=s3.json", "-s3.autoCreateBucket=false"]);
        command.arg(format!("-ip={address}")).arg(format!("-ip.bind={address}"));
        command.args([format!("-s3.port={S3}"), format!("-filer.port={FILER}")]);
        command.args(["-s3.port.iceberg=0", "-s3.port.lance=0", "-volume.max=8", "-master.volumeSizeLimitMB=64"]);
        let server = Server::start(command, &place.join("weed.log"), SocketAddr::new(address, S3));
        Self { server, address }
    }

    /// Makes a bucket.
    ///
    /// # Panics
    /// If it does not come to be.
    pub fn make_bucket(&self, name: &str) {
        let begun = Instant::now();
        // A bucket is a directory of the filer, which asks nobody for a key.
        while !self.ask("POST", FILER, &format!("/buckets/{name}/")).is_some_and(|(status, _)| status / 100 == 2) {
            assert!(begun.elapsed() < PATIENCE, "no bucket:\n{}", self.server.log());
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// What lies directly below a prefix, by its last name: objects and prefixes.
    ///
    /// # Panics
    /// If the service does not answer.
    #[must_use]
    pub fn list(&self, prefix: &str) -> Vec<String> {
        let (_, body) = self.ask("GET", FILER, &format!("/buckets/{prefix}/?limit=10000")).expect("an answer of the filer");
        let listed: Value = serde_json::from_str(&body).unwrap_or_else(|e| panic!("{e}: {body}"));
        let names = listed["Entries"].as_array().into_iter().flatten().filter_map(|entry| entry["FullPath"].as_str());
        names.filter_map(|path| path.rsplit('/').next()).map(str::to_owned).collect()
    }

    /// Status and body of a request without content and without a key.
    fn ask(&self, method: &str, port: u16, path: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect((self.address, port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
        let headers = "Host: x\r\nAccept: application/json\r\nContent-Length: 0\r\nConnection: close";
        write!(stream, "{method} {path} HTTP/1.0\r\n{headers}\r\n\r\n").ok()?;
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
        command.env("XDG_STATE_HOME", home).env("AWS_ENDPOINT_URL", format!("http://{}:{S3}", self.address));
        command.env("AWS_ACCESS_KEY_ID", KEY).env("AWS_SECRET_ACCESS_KEY", SECRET).env("AWS_REGION", "us-east-1");
        command
    }
}
