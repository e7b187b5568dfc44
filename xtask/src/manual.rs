//! A manual page out of what `--help` prints.

use std::fmt::Write as _;

/// What stands under a heading of the help.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Paragraphs, to be filled.
    Prose,
    /// Options, arguments or commands: each with its text.
    Entries,
    /// Examples and exit codes: as they stand.
    Verbatim,
}

/// The page of `danelaw verb subverb`: name, synopsis, and a section for every heading of the help.
pub fn page(name: &[String], help: &str) -> String {
    let (about, rest) = help.split_once("Usage: ").unwrap_or((help, ""));
    let (usage, rest) = rest.split_once('\n').unwrap_or((rest, ""));
    let (title, first) = (name.join("-"), about.trim().lines().next().unwrap_or_default());
    let mut page = format!(
        ".TH {} 1\n.SH NAME\n{} \\- {}\n.SH SYNOPSIS\n{}\n",
        plain(&title).to_uppercase(),
        plain(&title),
        plain(first.trim_end_matches('.')),
        plain(usage),
    );
    let mut part = Part::Prose;
    let mut in_verbatim = false;
    let mut gap = false;
    for line in ["DESCRIPTION"].into_iter().chain(about.trim().lines()).chain(rest.lines()) {
        if let Some((heading, kind)) = heading(line) {
            if std::mem::take(&mut in_verbatim) {
                page.push_str(".fi\n");
            }
            let _ = writeln!(page, ".SH {}", plain(&heading));
            (part, gap) = (kind, false);
            if kind == Part::Verbatim {
                page.push_str(".nf\n");
                in_verbatim = true;
            }
        } else if line.trim().is_empty() {
            gap = true;
        } else {
            write(&mut page, part, line, std::mem::take(&mut gap));
        }
    }
    if in_verbatim {
        page.push_str(".fi\n");
    }
    page
}

fn heading(line: &str) -> Option<(String, Part)> {
    let flush = !line.is_empty() && !line.starts_with(' ');
    let word = line.strip_suffix(':').filter(|word| flush && word.chars().all(|c| c.is_ascii_alphabetic() || c == ' '));
    let capitals = flush && line.chars().all(|c| c.is_ascii_uppercase() || c == ' ');
    match word {
        Some(word) => Some((word.to_uppercase(), Part::Entries)),
        None if line == "DESCRIPTION" => Some((line.to_owned(), Part::Prose)),
        None => capitals.then(|| (line.to_owned(), Part::Verbatim)),
    }
}

/// One line that is not empty; `gap`: after an empty one.
fn write(page: &mut String, part: Part, line: &str, gap: bool) {
    let text = line.trim_start();
    let depth = line.len() - text.len();
    match part {
        Part::Prose => {
            page.push_str(if gap { ".PP\n" } else { "" });
            let _ = writeln!(page, "{}", quoted(text));
        }
        // Deeper than any name: what is said about it.
        Part::Entries if depth >= 8 => {
            page.push_str(if gap { ".sp\n" } else { "" });
            page.push_str(if text.starts_with("- ") && !gap { ".br\n" } else { "" });
            let _ = writeln!(page, "{}", quoted(text));
        }
        Part::Entries => {
            // Commands have their text beside them.
            let (name, about) = text.split_once("  ").unwrap_or((text, ""));
            let _ = writeln!(page, ".TP\n.B {}", plain(name));
            if !about.is_empty() {
                let _ = writeln!(page, "{}", quoted(about.trim()));
            }
        }
        Part::Verbatim => {
            let _ = writeln!(page, "{}{}", if gap { "\n" } else { "" }, quoted(line.strip_prefix("  ").unwrap_or(line)));
        }
    }
}

fn plain(text: &str) -> String {
    text.replace('\\', "\\e").replace('-', "\\-")
}

/// A line of text that roff does not take for a request.
fn quoted(line: &str) -> String {
    if line.starts_with(['.', '\'']) { format!("\\&{}", plain(line)) } else { plain(line) }
}

#[cfg(test)]
mod tests {
    use super::page;

    #[test]
    fn every_heading_is_a_section_and_no_text_a_request() {
        let help = "About.\n\n.TH x\\y\n\nUsage: danelaw dns [OPTIONS]\n\nOptions:\n  -a, --all\n          All\n          of it\n\n          'or not\n\nEXAMPLES\n  one\n\n  two\nEXIT CODES\n  0  good\n";
        let shown = page(&["danelaw".to_owned(), "dns".to_owned()], help);
        let wanted = ".TH DANELAW\\-DNS 1\n.SH NAME\ndanelaw\\-dns \\- About\n.SH SYNOPSIS\ndanelaw dns [OPTIONS]\n.SH DESCRIPTION\nAbout.\n.PP\n\\&.TH x\\ey\n\
                      .SH OPTIONS\n.TP\n.B \\-a, \\-\\-all\nAll\nof it\n.sp\n\\&'or not\n.SH EXAMPLES\n.nf\none\n\ntwo\n.fi\n.SH EXIT CODES\n.nf\n0  good\n.fi\n";
        assert_eq!(shown, wanted);
    }
}
