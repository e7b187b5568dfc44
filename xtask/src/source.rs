//! Our own sources: which files there are, and which of their lines are test code.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// The workspace's root directory.
pub fn root() -> PathBuf {
    let manifest = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
    Path::new(&manifest).parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// Where build products and caches go: `$CARGO_TARGET_DIR` or `target`.
pub fn target_directory() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// One text file of the project.
pub struct File {
    /// Relative to the root, with `/`.
    pub path: String,
    /// All of it.
    pub text: String,
}

impl File {
    /// The crate's directory name (`dane` of `crates/dane/src/lib.rs`), `xtask`, or nothing.
    pub fn krate(&self) -> &str {
        let mut parts = self.path.split('/');
        match parts.next() {
            Some("crates") => parts.next().unwrap_or(""),
            Some("xtask") => "xtask",
            _ => "",
        }
    }

    /// Whether its whole content exists for tests only, judged by its place.
    pub fn is_test_file(&self) -> bool {
        let parts: Vec<&str> = self.path.split('/').collect();
        self.krate() == "conformance" || parts.contains(&"tests") || parts.contains(&"benches") || parts.last() == Some(&"tests.rs")
    }
}

const SKIPPED_DIRECTORIES: [&str; 8] = [".git", "target", "out", "tests/data", "corpus", "artifacts", "vendor", "snapshots"];
const TEXT: [&str; 9] = ["rs", "md", "toml", "txt", "sh", "html", "css", "js", "yml"];

/// Every text file of the project, sorted by path; generated lists, vendored files and test data are left out.
pub fn files() -> Result<Vec<File>, String> {
    let root = root();
    let mut files = Vec::new();
    walk(&root, &root, &mut files)?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn walk(root: &Path, directory: &Path, files: &mut Vec<File>) -> Result<(), String> {
    let entries = fs::read_dir(directory).map_err(|e| format!("{}: {e}", directory.display()))?;
    for entry in entries.flatten() {
        let path = entry.path();
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() && !SKIPPED_DIRECTORIES.iter().any(|skipped| path.ends_with(skipped)) {
            walk(root, &path, files)?;
        } else if kind.is_file() && is_text(&path) {
            let Ok(text) = fs::read_to_string(&path) else { continue };
            let relative = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            files.push(File { path: relative, text });
        }
    }
    Ok(())
}

fn is_text(path: &Path) -> bool {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or("");
    TEXT.contains(&extension) || path.ends_with(".ci/run")
}

/// A parsed Rust file, and which of its lines are test code.
pub struct Rust<'a> {
    /// The file.
    pub file: &'a File,
    /// Its syntax tree.
    pub syntax: syn::File,
    /// Whether all of it exists for tests only.
    pub only_tests: bool,
    test_lines: BTreeSet<usize>,
}

impl Rust<'_> {
    /// Whether this line (from 1) is test code.
    pub fn in_test(&self, line: usize) -> bool {
        self.only_tests || self.test_lines.contains(&line)
    }
}

/// Parses the Rust files; what does not parse is returned with its line and reason.
pub fn parse(files: &[File]) -> (Vec<Rust<'_>>, Vec<(&File, usize, String)>) {
    let (mut parsed, mut broken) = (Vec::new(), Vec::new());
    for file in files.iter().filter(|file| file.path.ends_with(".rs")) {
        match syn::parse_file(&file.text) {
            Ok(syntax) => parsed.push((file, syntax)),
            Err(error) => broken.push((file, error.span().start().line, error.to_string())),
        }
    }
    let declared: Vec<String> = parsed.iter().flat_map(|(file, syntax)| test_modules(file, syntax)).collect();
    let rust = parsed.into_iter().map(|(file, syntax)| {
        let only_tests = file.is_test_file() || declared.iter().any(|d| file.path == *d || (d.ends_with('/') && file.path.starts_with(d)));
        Rust { file, test_lines: test_lines(&syntax), syntax, only_tests }
    });
    (rust.collect(), broken)
}

/// The lines (from 1) of `syntax` that are compiled for tests only: `#[cfg(test)]` and `#[test]` items.
fn test_lines(syntax: &syn::File) -> BTreeSet<usize> {
    let mut finder = TestFinder::default();
    finder.visit_file(syntax);
    finder.lines
}

/// Files that are test code because another file declares them `#[cfg(test)] mod name;`.
fn test_modules(file: &File, syntax: &syn::File) -> Vec<String> {
    let (directory, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
    let stem = name.trim_end_matches(".rs");
    let base = if matches!(stem, "lib" | "main" | "mod") { directory.to_owned() } else { format!("{directory}/{stem}") };
    let declared = |item: &syn::Item| match item {
        syn::Item::Mod(module) if module.content.is_none() && is_test(&module.attrs) => Some(module.ident.to_string()),
        _ => None,
    };
    let modules = syntax.items.iter().filter_map(declared);
    modules.flat_map(|module| [format!("{base}/{module}.rs"), format!("{base}/{module}/")]).collect()
}

/// Whether these attributes make an item test code.
fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        syn::Meta::List(list) if list.path.is_ident("cfg") => {
            list.tokens.clone().into_iter().any(|token| matches!(token, proc_macro2::TokenTree::Ident(ref ident) if ident == "test"))
        }
        meta => meta.path().segments.last().is_some_and(|segment| segment.ident == "test"),
    })
}

#[derive(Default)]
struct TestFinder {
    lines: BTreeSet<usize>,
}

impl TestFinder {
    fn take(&mut self, attributes: &[syn::Attribute], item: &impl Spanned) -> bool {
        let found = is_test(attributes);
        if found {
            let span = item.span();
            self.lines.extend(span.start().line..=span.end().line);
        }
        found
    }
}

impl<'ast> Visit<'ast> for TestFinder {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !self.take(&item.attrs, item) {
            visit::visit_item_mod(self, item);
        }
    }
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.take(&item.attrs, item);
    }
    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        if !self.take(&item.attrs, item) {
            visit::visit_item_impl(self, item);
        }
    }
    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.take(&item.attrs, item);
    }
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.take(&item.attrs, item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn test_code_is_told_from_code() {
        let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\n#[test]\nfn c() {}\n";
        let lines = test_lines(&syn::parse_file(text).unwrap());
        assert_eq!(lines.into_iter().collect::<Vec<_>>(), [2, 3, 4, 5, 6, 7]);
    }

    #[test]
    fn cfg_not_about_tests_is_code() {
        let text = "#[cfg(unix)]\nmod a {\n    fn b() {}\n}\n";
        assert!(test_lines(&syn::parse_file(text).unwrap()).is_empty());
    }

    #[test]
    fn modules_declared_for_tests_are_found() {
        let declaring = file("crates/dane/src/lib.rs", "#[cfg(test)]\nmod vectors;\nmod code;\n");
        let modules = test_modules(&declaring, &syn::parse_file(&declaring.text).unwrap());
        assert_eq!(modules, ["crates/dane/src/vectors.rs", "crates/dane/src/vectors/"]);
        let nested = file("crates/dane/src/judge.rs", "#[cfg(test)]\nmod samples;\n");
        let modules = test_modules(&nested, &syn::parse_file(&nested.text).unwrap());
        assert_eq!(modules, ["crates/dane/src/judge/samples.rs", "crates/dane/src/judge/samples/"]);
    }

    #[test]
    fn places_of_tests() {
        assert!(file("crates/dane/tests/matching.rs", "").is_test_file());
        assert!(file("crates/conformance/src/nsd.rs", "").is_test_file());
        assert!(!file("crates/dane/src/matching.rs", "").is_test_file());
        assert_eq!(file("crates/dane/src/matching.rs", "").krate(), "dane");
    }
}
