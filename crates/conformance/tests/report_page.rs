//! The page of a history in Chromium: on a desk and on a telephone, light and dark, by itself and with another beside it.

#[path = "../../present/tests/study/answers.rs"]
mod answers;

use answers::{answers, holdings};
use conformance::browser::{Scheme, document, picture};
use present::{Side, Study, study_page};
use serde_json::Value;
use std::path::{Path, PathBuf};

const ERRORS: &str = include_str!("report_page/errors.js");
const CHECK: &str = include_str!("report_page/check.js");
/// A name of a host as long as some are.
const WORD: &str = "mx-01.a-very-long-name-of-a-mail-host.example-hosting-company.co.uk";

fn page(compared: bool) -> String {
    let (answers, holdings) = (answers(WORD), holdings(WORD));
    let side = |name| Side { name, holdings: &holdings, answers: &answers };
    let other = compared.then(|| side("2020-01-01 to 2021-01-01"));
    study_page(&Study { side: side("2019-01-01 to 2020-01-01"), other, latest: None, made: 1_795_255_430 }).unwrap()
}

/// The page in a frame of a width, with eyes of ours in it: what they tell stands in the document around it.
fn framed(directory: &Path, page: &str, width: u32) -> PathBuf {
    let watched = page.replacen("<head>", &format!("<head><script>{ERRORS}</script>"), 1);
    let watched = watched.replacen("</body>", &format!("<script>{CHECK}</script></body>"), 1);
    std::fs::write(directory.join("page.html"), watched).unwrap();
    let around = directory.join("around.html");
    let frame = format!(
        "<!doctype html><meta charset=\"utf-8\"><body style=\"margin:0\"><pre id=\"found\"></pre>\
         <script>addEventListener('message',e=>{{document.getElementById('found').textContent=e.data}})</script>\
         <iframe src=\"page.html\" style=\"width:{width}px;height:2900px;border:0\"></iframe>"
    );
    std::fs::write(&around, frame).unwrap();
    around
}

fn found(page: &str, width: u32, scheme: Scheme, name: &str) -> Value {
    let directory = tempfile::tempdir().unwrap();
    let around = framed(directory.path(), page, width);
    let (document, log) = document(&around, width + 100, scheme);
    if let Some(pictures) = std::env::var_os("DANELAW_PICTURES") {
        picture(&around, width, scheme, &Path::new(&pictures).join(format!("{name}-{width}-{scheme:?}.png")));
    }
    let text = document.split("<pre id=\"found\">").nth(1).and_then(|rest| rest.split("</pre>").next()).unwrap_or_default();
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
    let mut found: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("the page told nothing ({e}): {text}\n{log}"));
    let consoles = log.lines().filter(|line| line.contains("CONSOLE")).map(Value::from);
    found["wrong"].as_array_mut().unwrap().extend(consoles);
    found
}

fn sound(compared: bool) {
    let page = page(compared);
    let name = if compared { "compared" } else { "study" };
    for (width, scheme) in [(1280, Scheme::Light), (1280, Scheme::Dark), (360, Scheme::Light), (360, Scheme::Dark)] {
        let found = found(&page, width, scheme, name);
        let shown = serde_json::to_string_pretty(&found["wrong"]).unwrap();
        assert_eq!(found["wrong"].as_array().map(Vec::len), Some(0), "{name}, {width} wide, {scheme:?}: {shown}");
        assert_eq!(found["width"], width);
        let dark = found["ground"].as_f64().unwrap() < 0.1;
        assert_eq!(dark, scheme == Scheme::Dark, "the page is not {scheme:?}");
        let at_least = |what: &str, count: u64| assert!(found[what].as_u64().unwrap() >= count, "{what}: {}", found[what]);
        at_least("charts", 10);
        at_least("texts", 100);
        at_least("shown", if compared { 2 } else { 4 });
        at_least("zoomed", if compared { 2 } else { 3 });
    }
}

#[test]
fn every_chart_is_drawn_and_every_text_fits() {
    sound(false);
}

#[test]
fn two_sides_fit_as_well() {
    sound(true);
}

/// The eyes see: of a page with faults each is told.
#[test]
fn what_is_wrong_is_found() {
    let broken = page(false)
        .replacen("<main", "<p style=\"width:3000px\">wide</p><script>nothing.here()</script><main", 1)
        .replacen("class=\"t e\" x=\"", "class=\"t e\" x=\"-", 3)
        .replacen(".chart text{font-size:12px", ".chart text{font-size:40px", 1);
    let found = found(&broken, 1280, Scheme::Light, "broken");
    let wrong = found["wrong"].to_string();
    for there in ["nothing is not defined", "CONSOLE", "page: is ", "leaves the picture", "overlap"] {
        assert!(wrong.contains(there), "{there}: {wrong}");
    }
}
