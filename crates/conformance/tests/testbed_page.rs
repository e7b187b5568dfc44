//! The pages of the test bed for senders in Chromium: on a desk and on a telephone, light and dark, and while a message comes in.

use conformance::browser::{Scheme, document, document_at, picture};
use conformance::danelaw;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

const ERRORS: &str = include_str!("report_page/errors.js");
/// What a careful reader would look at: told in the title.
const CHECK: &str = "addEventListener('load',()=>{const d=document.documentElement;if(d.scrollWidth>d.clientWidth)wrong.push('wider than the \
                     screen: '+d.scrollWidth);document.title=JSON.stringify(wrong)})";
const MAIL: &str = "127.57.9.1";

struct TestBed {
    process: Child,
    directory: tempfile::TempDir,
    /// Port of its pages; of its names and mail the two before.
    port: u16,
}

impl Drop for TestBed {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl TestBed {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let port = 40_000 + u16::try_from(std::process::id() % 10_000).unwrap();
        let mut command = danelaw::command();
        command.args(["testbed", "serve", "--zone", "dane-test.lab", "--json", "--duration", "300", "--address", MAIL, "--state"]);
        command.arg(directory.path()).args(["--dns-port", &(port - 2).to_string(), "--smtp-port", &(port - 1).to_string()]);
        command.args(["--web", &format!("127.0.0.1:{port}")]).stdout(Stdio::piped()).stderr(Stdio::piped()).stdin(Stdio::null());
        let mut process = command.spawn().unwrap();
        // The last thing that it says before it serves.
        let mut line = String::new();
        BufReader::new(process.stderr.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains("tests begin at"), "{line}");
        Self { process, directory, port }
    }

    fn get(&self, path: &str) -> String {
        request(self.port, &format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"))
    }

    /// Sends a message in clear to the scenario `valid`.
    fn deliver(&self, token: &str) {
        let stream = TcpStream::connect((MAIL, self.port - 1)).unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let to = format!("RCPT TO:<test@{token}.valid.dane-test.lab>");
        for command in ["", "EHLO sender.example", "MAIL FROM:<a@sender.example>", &to, "DATA", "Subject: hello\r\n\r\nhello\r\n.", "QUIT"]
        {
            if !command.is_empty() {
                (&stream).write_all(format!("{command}\r\n").as_bytes()).unwrap();
            }
            let mut line = String::from("-");
            while line.as_bytes().get(3).is_none_or(|c| *c == b'-') {
                line.clear();
                reader.read_line(&mut line).unwrap();
                assert!(line.starts_with(['2', '3']), "{command}: {line}");
            }
        }
        // A visit is written down when it is over.
        let told = || std::fs::read_to_string(self.directory.path().join("events.jsonl")).is_ok_and(|all| all.contains("Subject: hello"));
        for _ in 0..1000 {
            if told() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("the visit is not written down");
    }
}

fn request(port: u16, text: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// A page as it was sent, with eyes of ours in it.
fn look(page: &str, name: &str) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("page.html");
    let watched = page.replacen("<head>", &format!("<head><script>{ERRORS}</script>"), 1);
    std::fs::write(&file, watched.replacen("</body>", &format!("<script>{CHECK}</script></body>"), 1)).unwrap();
    for (width, scheme) in [(1280, Scheme::Light), (360, Scheme::Light), (360, Scheme::Dark)] {
        let (document, log) = document(&file, width, scheme);
        assert!(document.contains("<title>[]</title>"), "{name}, {width} wide: {}\n{log}", document.split("</title>").next().unwrap_or(""));
        if let Some(pictures) = std::env::var_os("DANELAW_PICTURES") {
            picture(&file, width, scheme, &Path::new(&pictures).join(format!("testbed-{name}-{width}-{scheme:?}.png")));
        }
    }
}

#[test]
fn a_test_is_begun_and_followed() {
    let bed = TestBed::start();
    let begin = bed.get("/");
    let (head, page) = begin.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 ") && !page.contains("<script"), "{head}");
    look(page, "begin");
    // Without scripts: a form, and then a page that comes again by itself.
    let begun = request(bed.port, "POST /new HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
    let path = begun.lines().find_map(|line| line.strip_prefix("Location: ")).expect("a place to go").to_owned();
    let token = path.strip_prefix("/t/").unwrap().to_owned();
    assert!(bed.get("/t/aaaaaaaaaaaa").starts_with("HTTP/1.1 404 "), "nobody was given that");
    let empty = bed.get(&path);
    assert!(empty.contains("http-equiv=\"refresh\"") && empty.contains("Nothing can be said yet."));
    look(empty.split_once("\r\n\r\n").unwrap().1, "empty");
    // With scripts: while the page is open a message arrives, before it looks for the second time.
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    let (at, seen) = (proxy.local_addr().unwrap(), AtomicUsize::new(0));
    let forward = |mut stream: TcpStream| {
        // Browsers open connections that they may need, and say nothing.
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let (mut octets, mut buffer) = (Vec::new(), [0; 2048]);
        while !octets.ends_with(b"\r\n\r\n") {
            match stream.read(&mut buffer) {
                Ok(length) if length > 0 => octets.extend_from_slice(&buffer[..length]),
                _ => return,
            }
        }
        let text = String::from_utf8(octets).unwrap();
        let wanted = text.split(' ').nth(1).unwrap();
        if wanted == path && seen.fetch_add(1, Ordering::SeqCst) == 1 {
            bed.deliver(&token);
        }
        let _ = stream.write_all(bed.get(wanted).as_bytes());
    };
    let over = AtomicBool::new(false);
    let shown = std::thread::scope(|scope| {
        scope.spawn(|| {
            while let Ok((stream, _)) = proxy.accept() {
                if over.load(Ordering::SeqCst) {
                    return;
                }
                scope.spawn(|| forward(stream));
            }
        });
        let shown = document_at(&format!("http://{at}{path}"), 1280, Scheme::Light);
        over.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(at).unwrap());
        shown
    });
    let (document, log) = shown;
    assert!(seen.load(Ordering::SeqCst) >= 2, "it looked but once");
    assert!(document.contains("delivered in clear") && document.contains("wrong: must not be delivered so"), "{log}");
    assert!(document.contains("RFC 7672 forbids it"), "what to tell the provider");
    let errors: Vec<&str> = log.lines().filter(|line| line.contains("CONSOLE") && !line.contains("favicon")).collect();
    assert!(errors.is_empty(), "{errors:?}");
    look(bed.get(&path).split_once("\r\n\r\n").unwrap().1, "seen");
    let json = bed.get(&format!("{path}.json"));
    let verdict: serde_json::Value = serde_json::from_str(json.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(verdict["trials"][0]["outcome"], "delivered-in-clear");
}
