//! The page of a study, of answers made by hand.

mod answers;

use analysis::study::Holdings;
use answers::{answers, holdings};
use present::{Side, Study, figures, study_page};

const HOSTILE: &str = "</script><script>alert(1)</script>\"'&,\u{1b}[2J\u{202e}";

fn page(word: &str, compared: Option<&str>) -> String {
    let (answers, holdings) = (answers(word), holdings(word));
    let side = |name| Side { name, holdings: &holdings, answers: &answers };
    let other = compared.map(side);
    study_page(&Study { side: side("2019"), other, latest: Some("latest.html"), made: 1_795_255_430 }).unwrap()
}

fn keep(name: &str, page: &str) {
    if let Some(directory) = std::env::var_os("DANELAW_TEST_PAGES") {
        std::fs::write(std::path::Path::new(&directory).join(name), page).unwrap();
    }
}

#[test]
fn foreign_text_stays_text() {
    for compared in [None, Some(HOSTILE)] {
        let page = page(HOSTILE, compared);
        assert_eq!(page.matches("<script").count(), 1, "only our own");
        assert_eq!(page.matches("</script").count(), 1);
        assert!(page.contains("&#60;script&#62;alert(1)") || page.contains("&lt;script&gt;alert(1)"));
        assert!(!page.contains('\u{1b}') && !page.contains('\u{202e}'));
    }
}

#[test]
fn the_page_stands_alone_and_tells_all() {
    let page = page("example", None);
    keep("study.html", &page);
    for outside in ["src=", "@import", "url(", "<link", "fetch(", "XMLHttp", "eval("] {
        assert!(!page.contains(outside), "{outside}");
    }
    let addresses = page.split("http").skip(1).filter(|rest| rest.starts_with("://") || rest.starts_with("s://")).count();
    assert_eq!(addresses, page.matches("http://www.w3.org/2000/svg").count(), "no address but the name of SVG");
    for there in [
        "A history of DANE for SMTP",
        "<a href=\"latest.html\">",
        "96.4% at the end",
        "24 rounds are missing",
        "The archive has nothing about this",
        "The last 40 of 2,876 rows.",
        "The last 40 of 4,800 rows.",
        "12 of 40 are drawn",
        "amsterdam",
        "download=\"q-lines-by-round-paper.csv\"",
        "data:text/csv;charset=utf-8,time,valid,valid_of",
        "up to 1 domain, seen from 2 vantage points in 552 rounds",
    ] {
        assert!(page.contains(there), "{there}");
    }
    // Eight charts, one of them in both views, each in two sizes.
    assert_eq!(page.matches("<svg class=\"chart").count(), 2 * 10);
    let ids: Vec<&str> = page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let different: std::collections::BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(ids.len(), different.len(), "no name twice");
    for target in page.split("data-table=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(different.contains(target), "{target}");
    }
}

#[test]
fn two_sides_share_charts_and_differ_in_tables() {
    let page = page("example", Some("2020"));
    keep("compared.html", &page);
    for there in ["2019 and 2020", "valid (difference)", "0.0 pp", "· 2020</text>", "2020: amsterdam", "-compared.csv"] {
        assert!(page.contains(there), "{there}");
    }
}

#[test]
fn missed_rounds_are_counted() {
    let holdings = holdings("x");
    let watch = holdings.watches.iter().find(|watch| watch.name == "amsterdam").unwrap();
    assert_eq!((watch.grid.len(), watch.missed(), watch.incomplete()), (276, 24, 5));
    assert_eq!(Holdings::default().period(), None);
}

#[test]
fn every_chart_is_a_file_for_a_paper() {
    let files = figures(&answers(HOSTILE));
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names[..4], ["q-lines-valid-paper.svg", "q-lines-valid-ours.svg", "q-many-lines-paper.svg", "q-many-bars-paper.svg"]);
    assert_eq!(names.len(), 10);
    for (name, svg) in &files {
        assert!(svg.starts_with("<svg ") && svg.contains("xmlns=\"http://www.w3.org/2000/svg\"") && svg.contains("sans-serif"), "{name}");
        assert!(!svg.contains("var(") && !svg.contains("<script") && !svg.contains('\u{202e}'), "{name}");
    }
}
