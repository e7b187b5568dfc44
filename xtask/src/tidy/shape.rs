//! The shape of functions: length, parameters, and how they may fail.

use super::Complaint;
use crate::source::Rust;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

const MOST_FUNCTION_LINES: usize = 60;

/// Crates that read hostile bytes and promise never to panic.
const PURE: [&str; 4] = ["dane", "dnssec", "rollover", "scenario"];

/// Functions of at most 60 lines, no `bool` parameters in public functions, and in pure crates nothing that panics outside tests.
pub fn check(rust: &Rust<'_>) -> Vec<Complaint> {
    let mut gate = Gate { rust, complaints: Vec::new(), pure: PURE.contains(&rust.file.krate()) };
    gate.visit_file(&rust.syntax);
    gate.complaints
}

struct Gate<'a> {
    rust: &'a Rust<'a>,
    complaints: Vec<Complaint>,
    pure: bool,
}

impl Gate<'_> {
    fn complain(&mut self, at: &impl Spanned, text: String) {
        self.complaints.push(Complaint::new(&self.rust.file.path, at.span().start().line, text));
    }

    fn function(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let lines = block.span().end().line + 1 - signature.span().start().line;
        if lines > MOST_FUNCTION_LINES {
            self.complain(&signature.ident, format!("{} has {lines} lines; at most {MOST_FUNCTION_LINES}", signature.ident));
        }
    }

    fn public(&mut self, visibility: &syn::Visibility, signature: &syn::Signature) {
        if !matches!(visibility, syn::Visibility::Public(_)) || self.rust.only_tests {
            return;
        }
        for input in &signature.inputs {
            if let syn::FnArg::Typed(typed) = input
                && let syn::Type::Path(path) = &*typed.ty
                && path.path.is_ident("bool")
            {
                self.complain(typed, format!("{} takes a bool: name the two cases with an enum", signature.ident));
            }
        }
    }

    fn panics(&mut self, at: &impl Spanned, what: &str) {
        if self.pure && !self.rust.in_test(at.span().start().line) {
            self.complain(at, format!("{what} may panic; this crate never does"));
        }
    }
}

impl<'ast> Visit<'ast> for Gate<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig, &item.block);
        self.public(&item.vis, &item.sig);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.sig, &item.block);
        self.public(&item.vis, &item.sig);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        if call.method == "unwrap" || call.method == "expect" {
            self.panics(&call.method, &call.method.to_string());
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_index(&mut self, index: &'ast syn::ExprIndex) {
        let whole = matches!(&*index.index, syn::Expr::Range(range) if range.start.is_none() && range.end.is_none());
        if !whole {
            self.panics(&index.index, "indexing");
        }
        visit::visit_expr_index(self, index);
    }

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        let name = item.path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
        if matches!(name.as_str(), "panic" | "unreachable" | "assert" | "assert_eq" | "assert_ne") {
            self.panics(item, &format!("{name}!"));
        }
        visit::visit_macro(self, item);
    }
}

#[cfg(test)]
mod tests {
    use super::super::complaints_about;
    use super::*;

    fn about(path: &str, text: &str) -> Vec<String> {
        complaints_about(path, text, check)
    }

    #[test]
    fn long_functions_are_reported() {
        let body = |lines| format!("fn f() {{\n{}}}\n", "    g();\n".repeat(lines));
        assert!(about("crates/probe/src/a.rs", &body(58)).is_empty());
        assert_eq!(about("crates/probe/src/a.rs", &body(59)).len(), 1);
        let method = format!("impl A {{\n{}}}", body(59));
        assert_eq!(about("crates/probe/src/a.rs", &method).len(), 1);
    }

    #[test]
    fn public_functions_take_no_bool() {
        assert_eq!(about("crates/probe/src/a.rs", "pub fn f(strict: bool) {}").len(), 1);
        assert_eq!(about("crates/probe/src/a.rs", "impl A { pub fn f(&self, strict: bool) {} }").len(), 1);
        assert!(about("crates/probe/src/a.rs", "fn f(strict: bool) {}").is_empty());
        assert!(about("crates/probe/src/a.rs", "pub(crate) fn f(strict: bool) {}").is_empty());
        assert!(about("crates/probe/src/a.rs", "pub fn f(strict: Strictness) -> bool { true }").is_empty());
        assert!(about("crates/probe/tests/a.rs", "pub fn f(strict: bool) {}").is_empty());
    }

    #[test]
    fn pure_crates_do_not_panic() {
        for bad in ["x.unwrap()", "x.expect(\"y\")", "x[1]", "x[1..2]", "panic!(\"y\")", "unreachable!()", "assert!(x)"] {
            let code = format!("fn f() {{ let _ = {bad}; }}");
            assert_eq!(about("crates/dane/src/a.rs", &code).len(), 1, "{bad}");
            assert!(about("crates/probe/src/a.rs", &code).is_empty(), "{bad}");
            assert!(about("crates/dane/tests/a.rs", &code).is_empty(), "{bad}");
            let test = format!("#[cfg(test)]\nmod tests {{ {code} }}");
            assert!(about("crates/dane/src/a.rs", &test).is_empty(), "{bad}");
        }
        for good in ["x.unwrap_or(1)", "x.get(1)", "&x[..]", "debug_assert!(x)"] {
            assert!(about("crates/dane/src/a.rs", &format!("fn f() {{ let _ = {good}; }}")).is_empty(), "{good}");
        }
    }
}
