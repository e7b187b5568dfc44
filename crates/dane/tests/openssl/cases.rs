//! The matrix: chains, and the records that each is tried with.

use crate::pki::*;
use aws_lc_rs::digest::{SHA256, SHA512, digest};
use std::path::{Path, PathBuf};

/// The moment for which most cases are decided: 2026-01-01.
pub const NOW: i64 = 1_767_225_600;
const HOST: &str = "mail.example.com";

/// One chain on one server, and everything asked of it.
pub struct Group {
    pub id: usize,
    pub name: &'static str,
    pub chain: Vec<Cert>,
    pub cases: Vec<Case>,
}

/// One question.
pub struct Case {
    pub name: String,
    pub records: Vec<String>,
    pub host: &'static str,
    pub at: i64,
    pub ee_names: bool,
    pub roots: Vec<Cert>,
    roots_file: Option<PathBuf>,
}

impl Case {
    pub fn openssl_options(&self) -> Vec<&str> {
        let mut options = vec![];
        if !self.ee_names {
            options.push("-dane_ee_no_namechecks");
        }
        if let Some(file) = &self.roots_file {
            options.extend(["-CAfile", file.to_str().unwrap()]);
        }
        options
    }
}

/// All of them.
pub fn all(pki: &Pki, directory: &Path) -> Vec<Group> {
    let mut all = Matrix { pki, directory, groups: vec![], usual: Usual::new(pki) };
    all.records();
    all.not_sent();
    all.orders();
    all.cross_signs();
    all.self_signed();
    all.times();
    all.issuers();
    all.purposes();
    all.constraints();
    all.algorithms();
    all.broken();
    all.names();
    all.roots();
    for (id, group) in all.groups.iter_mut().enumerate() {
        group.id = id;
    }
    all.groups
}

/// A record that names the certificate.
fn record(usage: u8, selector: u8, matching: u8, cert: &Cert) -> String {
    let full = if selector == 0 { &cert.der } else { &cert.key.spki };
    let data = match matching {
        1 => digest(&SHA256, full).as_ref().to_vec(),
        2 => digest(&SHA512, full).as_ref().to_vec(),
        _ => full.clone(),
    };
    with_data(usage, selector, matching, &data)
}

fn with_data(usage: u8, selector: u8, matching: u8, data: &[u8]) -> String {
    format!("{usage} {selector} {matching} {}", data_encoding::HEXLOWER.encode(data))
}

/// The chain that everything else varies.
struct Usual {
    root: Cert,
    issuer: Cert,
    leaf: Cert,
    /// Has nothing to do with the others.
    stranger: Cert,
}

impl Usual {
    fn new(pki: &Pki) -> Self {
        let root = pki.self_sign(&Template::ca("Root"), &pki.key(Kind::P256));
        let issuer = pki.issue(&Template::ca("Issuer"), &pki.key(Kind::P256), &root);
        let leaf = pki.issue(&Template::leaf(&[HOST]), &pki.key(Kind::P256), &issuer);
        let stranger = pki.self_sign(&Template::ca("Stranger"), &pki.key(Kind::P256));
        Self { root, issuer, leaf, stranger }
    }
}

struct Matrix<'a> {
    pki: &'a Pki,
    directory: &'a Path,
    groups: Vec<Group>,
    usual: Usual,
}

impl Matrix<'_> {
    fn group(&mut self, name: &'static str, chain: &[&Cert]) -> &mut Group {
        let chain = chain.iter().map(|c| (*c).clone()).collect();
        self.groups.push(Group { id: 0, name, chain, cases: vec![] });
        self.groups.last_mut().unwrap()
    }

    /// A chain with records for its leaf, its topmost certificate and, if there is one, the one between.
    fn usual_questions(&mut self, name: &'static str, chain: &[&Cert]) -> &mut Group {
        let (leaf, top) = (chain[0].clone(), chain[chain.len() - 1].clone());
        let next = chain.get(1).map(|c| (*c).clone()).filter(|_| chain.len() > 2);
        let group = self.group(name, chain);
        group.ask("leaf", &[record(3, 1, 1, &leaf)]);
        group.ask("top key", &[record(2, 1, 1, &top)]);
        group.ask("top certificate", &[record(2, 0, 1, &top)]);
        group.ask("top in full", &[record(2, 0, 0, &top)]);
        group.ask("top bare key", &[record(2, 1, 0, &top)]);
        if let Some(next) = next {
            group.ask("next", &[record(2, 0, 1, &next)]);
        }
        group
    }

    fn roots_file(&self, roots: &[&Cert]) -> PathBuf {
        let file = self.directory.join(format!("roots{}", self.groups.len()));
        std::fs::write(&file, roots.iter().map(|c| pem(&c.der)).collect::<String>()).unwrap();
        file
    }

    /// what records say.
    fn records(&mut self) {
        let Usual { root, issuer, leaf, stranger } = &self.usual;
        let (root, issuer, leaf, stranger) = (root.clone(), issuer.clone(), leaf.clone(), stranger.clone());
        let roots_file = self.roots_file(&[&root]);
        let group = self.group("usual", &[&leaf, &issuer, &root]);
        for (who, cert) in [("leaf", &leaf), ("issuer", &issuer), ("root", &root), ("stranger", &stranger)] {
            for (usage, selector, matching) in combinations() {
                let case = group.ask(format!("{usage} {selector} {matching} {who}"), &[record(usage, selector, matching, cert)]);
                if usage < 2 {
                    (case.roots, case.roots_file) = (vec![root.clone()], Some(roots_file.clone()));
                }
            }
        }
        alternatives(group, &leaf, &issuer, &root, &stranger);
        unusable(group, &leaf, &root);
        let case = group.ask("leaf, other name, checked", &[record(3, 1, 1, &leaf)]);
        (case.host, case.ee_names) = ("other.example.com", true);
        group.ask("leaf, other name, ignored", &[record(3, 1, 1, &leaf)]).host = "other.example.com";
        group.ask("leaf, right name, checked", &[record(3, 1, 1, &leaf)]).ee_names = true;
        group.ask("issuer, other name", &[record(2, 1, 1, &issuer)]).host = "other.example.com";
        group.ask("issuer, name in capitals", &[record(2, 1, 1, &issuer)]).host = "MAIL.Example.COM";
        for (name, at) in
            [("before", 1_577_836_799), ("first second", 1_577_836_800), ("last second but one", 2_208_988_799), ("after", 2_208_988_801)]
        {
            group.ask(format!("time {name} leaf"), &[record(3, 1, 1, &leaf)]).at = at;
            group.ask(format!("time {name} issuer"), &[record(2, 1, 1, &issuer)]).at = at;
            group.ask(format!("time {name} root"), &[record(2, 1, 1, &root)]).at = at;
        }
        group.ask("time very last second", &[record(2, 1, 1, &issuer)]).at = 2_208_988_800;
    }

    /// the issuer is not sent.
    fn not_sent(&mut self) {
        let Usual { root, issuer, leaf, .. } = &self.usual;
        let (root, issuer, leaf) = (root.clone(), issuer.clone(), leaf.clone());
        for (name, chain) in [("root not sent", vec![&leaf, &issuer]), ("no issuer sent", vec![&leaf])] {
            let group = self.group(name, &chain);
            for (_, selector, matching) in combinations().filter(|c| c.0 == 2) {
                group.ask(format!("root {selector} {matching}"), &[record(2, selector, matching, &root)]);
                group.ask(format!("issuer {selector} {matching}"), &[record(2, selector, matching, &issuer)]);
            }
            group.ask("both in full", &[record(2, 0, 0, &issuer), record(2, 0, 0, &root)]);
            group.ask("issuer in full, root digest", &[record(2, 0, 0, &root), record(2, 0, 1, &root)]);
        }
    }

    /// any order, anything besides.
    fn orders(&mut self) {
        let Usual { root, issuer, leaf, stranger } = &self.usual;
        let (root, issuer, leaf, stranger) = (root.clone(), issuer.clone(), leaf.clone(), stranger.clone());
        let namesake = self.pki.issue(&Template::ca("Issuer"), &self.pki.key(Kind::P256), &root);
        // Its key cannot have made the leaf's signature, so nobody takes it for the issuer.
        let other_kind = self.pki.issue(&Template::ca("Issuer"), &self.pki.key(Kind::Rsa(2048)), &root);
        for (name, chain) in [
            ("reordered", vec![&leaf, &root, &issuer]),
            ("duplicated", vec![&leaf, &leaf, &issuer, &issuer, &root, &root]),
            ("with a stranger", vec![&leaf, &stranger, &issuer, &root]),
            ("stranger last", vec![&leaf, &issuer, &root, &stranger]),
            ("namesake after the issuer", vec![&leaf, &issuer, &namesake, &root]),
            ("namesake before the issuer", vec![&leaf, &namesake, &issuer, &root]),
            ("namesake with an RSA key", vec![&leaf, &other_kind, &issuer, &root]),
        ] {
            let group = self.group(name, &chain);
            for (who, cert) in [("leaf", &leaf), ("issuer", &issuer), ("root", &root), ("stranger", &stranger), ("namesake", &namesake)] {
                let usage = if who == "leaf" { 3 } else { 2 };
                group.ask(format!("{who} certificate"), &[record(usage, 0, 1, cert)]);
                group.ask(format!("{who} key"), &[record(usage, 1, 1, cert)]);
            }
            group.ask("leaf as issuer", &[record(2, 0, 1, &leaf)]);
        }
        // A certificate with the right hash that issued nothing.
        self.usual_questions("unrelated top", &[&leaf, &stranger]);
        // Names that are equal though not in the same octets. (RFC 5280 section 7.1)
        let mut other_case = Template::ca("x");
        other_case.subject = printable_dn("  rOOT   ca ");
        let spelled = self.pki.self_sign(&other_case, &root.key);
        let below = self.pki.sign(&Template::leaf(&[HOST]), &leaf.key, &root.key, &dn("Root CA"));
        self.usual_questions("names spelled differently", &[&below, &spelled]);
        // Deep.
        let mut chain = vec![self.pki.self_sign(&Template::ca("Deep 0"), &self.pki.key(Kind::P256))];
        for (i, name) in ["Deep 1", "Deep 2", "Deep 3", "Deep 4", "Deep 5"].iter().enumerate() {
            chain.push(self.pki.issue(&Template::ca(name), &self.pki.key(Kind::P256), &chain[i]));
        }
        chain.push(self.pki.issue(&Template::leaf(&[HOST]), &self.pki.key(Kind::P256), &chain[5]));
        chain.reverse();
        let group = self.group("deep", &chain.iter().collect::<Vec<_>>());
        for (depth, issuer) in chain.iter().enumerate().skip(1) {
            group.ask(format!("depth {depth}"), &[record(2, 1, 1, issuer)]);
        }
    }

    /// more than one issuer for the same name and key.
    fn cross_signs(&mut self) {
        let Usual { root, issuer, leaf, .. } = &self.usual;
        let (root, issuer, leaf) = (root.clone(), issuer.clone(), leaf.clone());
        let other = self.pki.self_sign(&Template::ca("Other root"), &self.pki.key(Kind::P256));
        let root_by_other = self.pki.issue(&Template::ca("Root"), &root.key, &other);
        let issuer_by_other = self.pki.issue(&Template::ca("Issuer"), &issuer.key, &other);
        for (name, chain) in [
            ("cross root", vec![&leaf, &issuer, &root_by_other, &other]),
            ("cross root and root", vec![&leaf, &issuer, &root_by_other, &other, &root]),
            ("root and cross root", vec![&leaf, &issuer, &root, &root_by_other, &other]),
            ("cross issuer first", vec![&leaf, &issuer_by_other, &issuer, &root, &other]),
            ("cross issuer second", vec![&leaf, &issuer, &issuer_by_other, &root, &other]),
        ] {
            let group = self.group(name, &chain);
            for (who, cert) in [
                ("root", &root),
                ("other", &other),
                ("root-by-other", &root_by_other),
                ("issuer", &issuer),
                ("issuer-by-other", &issuer_by_other),
            ] {
                group.ask(format!("{who} certificate"), &[record(2, 0, 1, cert)]);
                group.ask(format!("{who} key"), &[record(2, 1, 1, cert)]);
                group.ask(format!("{who} in full"), &[record(2, 0, 0, cert)]);
            }
        }
    }

    /// a leaf that signed itself.
    fn self_signed(&mut self) {
        let key = self.pki.key(Kind::P256);
        let plain = self.pki.self_sign(&Template::leaf(&[HOST]), &key);
        let as_ca = self.pki.self_sign(&Template::leaf(&[HOST]).and(basic_constraints(true, None)).and(key_usage(0x84)), &key);
        let as_ca_plain = self.pki.self_sign(&Template::ca(HOST).with(&[basic_constraints(true, None), dns_names(&[HOST])]), &key);
        let twin = self
            .pki
            .self_sign(&Template::ca(HOST).with(&[basic_constraints(true, None), dns_names(&[HOST])]).change(|t| t.serial = vec![8]), &key);
        let expired = self.pki.self_sign(&Template::leaf(&[HOST]).valid("20200101000000Z", "20210101000000Z"), &key);
        let bare = self.pki.self_sign(&Template::leaf(&[HOST]).with(&[]).change(|t| t.version = 1), &key);
        for (name, chain) in [
            ("self-signed", vec![&plain]),
            ("self-signed twice", vec![&plain, &plain]),
            ("self-signed with keyUsage twice", vec![&as_ca]),
            ("self-signed issuer", vec![&as_ca_plain]),
            ("self-signed and its twin", vec![&as_ca_plain, &twin]),
            ("self-signed expired", vec![&expired]),
            ("self-signed v1", vec![&bare]),
        ] {
            let group = self.usual_questions(name, &chain);
            group.ask("other name, leaf", &[record(3, 1, 1, chain[0])]).host = "other.example.com";
            group.ask("other name, bare key", &[record(2, 1, 0, chain[0])]).host = "other.example.com";
            group.ask("leaf key digest as issuer", &[record(2, 1, 2, chain[0])]);
        }
    }

    /// validity on a path.
    fn times(&mut self) {
        let Usual { root, issuer, leaf, .. } = &self.usual;
        let (root, issuer, leaf) = (root.clone(), issuer.clone(), leaf.clone());
        let pki = self.pki;
        let (past, future) = (("20200101000000Z", "20210101000000Z"), ("20300101000000Z", "20500101000000Z"));
        for (name, (from, to)) in [("expired", past), ("not yet valid", future)] {
            let (a, b, c) = match name {
                "expired" => ("expired leaf", "expired issuer", "expired root"),
                _ => ("early leaf", "early issuer", "early root"),
            };
            let off_leaf = pki.issue(&Template::leaf(&[HOST]).valid(from, to), &leaf.key, &issuer);
            self.usual_questions(a, &[&off_leaf, &issuer, &root]);
            let off_issuer = pki.issue(&Template::ca("Issuer").valid(from, to), &issuer.key, &root);
            self.usual_questions(b, &[&leaf, &off_issuer, &root]).ask("bare root key", &[record(2, 1, 0, &root)]);
            let off_root = pki.self_sign(&Template::ca("Root").valid(from, to), &root.key);
            self.usual_questions(c, &[&leaf, &issuer, &off_root]);
            let group = self.group(
                if name == "expired" { "expired issuer, root not sent" } else { "early issuer, root not sent" },
                &[&leaf, &off_issuer],
            );
            group.ask("bare root key", &[record(2, 1, 0, &root)]);
            group.ask("issuer", &[record(2, 0, 1, &off_issuer)]);
            group.ask("fresh issuer in full", &[record(2, 0, 0, &issuer)]);
            // The same issuer once expired and once fresh.
            self.usual_questions(
                if name == "expired" { "expired and fresh issuer" } else { "early and fresh issuer" },
                &[&leaf, &off_issuer, &issuer, &root],
            );
        }
        let reversed = pki.issue(&Template::leaf(&[HOST]).valid("20300101000000Z", "20200101000000Z"), &leaf.key, &issuer);
        self.usual_questions("never valid leaf", &[&reversed, &issuer, &root]);
        let far = pki.issue(&Template::leaf(&[HOST]).valid("19500101000000Z", "30150415232352Z"), &leaf.key, &issuer);
        self.usual_questions("valid for a thousand years", &[&far, &issuer, &root]);
    }

    /// who may issue.
    fn issuers(&mut self) {
        let pki = self.pki;
        let root = self.usual.root.clone();
        let ca = |extensions: &[Vec<u8>]| Template::ca("Issuer").with(extensions);
        for (name, template) in [
            ("issuer CA:FALSE", ca(&[basic_constraints(false, None), key_usage(0x06)])),
            ("issuer without basicConstraints", ca(&[key_usage(0x06)])),
            ("issuer without extensions", ca(&[])),
            ("issuer v1", ca(&[]).change(|t| t.version = 1)),
            ("issuer without keyUsage", ca(&[basic_constraints(true, None)])),
            ("issuer without keyCertSign", ca(&[basic_constraints(true, None), key_usage(0x02)])),
            ("issuer pathLen 0", ca(&[basic_constraints(true, Some(0)), key_usage(0x06)])),
            ("issuer with a pathLen and no CA", ca(&[basic_constraints(false, Some(3)), key_usage(0x06)])),
        ] {
            let issuer = pki.issue(&template, &pki.key(Kind::P256), &root);
            let leaf = pki.issue(&Template::leaf(&[HOST]), &pki.key(Kind::P256), &issuer);
            self.usual_questions(name, &[&leaf, &issuer, &root]);
            if name == "issuer without extensions" || name == "issuer CA:FALSE" {
                let group =
                    self.group(if name == "issuer CA:FALSE" { "top CA:FALSE" } else { "top without extensions" }, &[&leaf, &issuer]);
                group.ask("issuer", &[record(2, 0, 1, &issuer)]);
                group.ask("bare root key", &[record(2, 1, 0, &root)]);
            }
        }
        for (name, template) in [
            ("root CA:FALSE", ca(&[basic_constraints(false, None)])),
            ("root with keyCertSign only", ca(&[key_usage(0x06)])),
            ("root without extensions", ca(&[])),
            ("root v1", ca(&[]).change(|t| t.version = 1)),
            ("root without keyCertSign", ca(&[basic_constraints(true, None), key_usage(0x02)])),
            ("root pathLen 0", ca(&[basic_constraints(true, Some(0)), key_usage(0x06)])),
            ("root pathLen 1", ca(&[basic_constraints(true, Some(1)), key_usage(0x06)])),
        ] {
            let root = pki.self_sign(&template, &pki.key(Kind::P256));
            let issuer = pki.issue(&Template::ca("Below"), &pki.key(Kind::P256), &root);
            let leaf = pki.issue(&Template::leaf(&[HOST]), &pki.key(Kind::P256), &issuer);
            self.usual_questions(name, &[&leaf, &issuer, &root]);
            let direct = pki.issue(&Template::leaf(&[HOST]), &pki.key(Kind::P256), &root);
            if name.contains("pathLen") || name.contains("v1") {
                self.usual_questions("directly below", &[&direct, &root]);
            }
        }
        // RFC 5280 section 6.1.4 (l): a self-issued issuer does not count for pathLen.
        let old = pki.self_sign(
            &Template::ca("Rolling").with(&[basic_constraints(true, Some(0)), key_usage(0x06), subject_key_id(b"old")]),
            &pki.key(Kind::P256),
        );
        let new = Template::ca("Rolling").with(&[
            basic_constraints(true, Some(0)),
            key_usage(0x06),
            subject_key_id(b"new"),
            authority_key_id(b"old"),
        ]);
        let new = pki.issue(&new, &pki.key(Kind::P256), &old);
        let leaf = pki.issue(&Template::leaf(&[HOST]).and(authority_key_id(b"new")), &pki.key(Kind::P256), &new);
        self.usual_questions("self-issued issuer", &[&leaf, &new, &old]);
        let server = pki.issue(&Template::leaf(&[HOST]).and(basic_constraints(false, None)), &pki.key(Kind::P256), &root);
        let below_server = pki.issue(&Template::leaf(&[HOST]), &pki.key(Kind::P256), &server);
        self.usual_questions("a server as issuer", &[&below_server, &server, &root]);
    }

    /// keyUsage and extendedKeyUsage.
    fn purposes(&mut self) {
        let pki = self.pki;
        let Usual { root, issuer, .. } = &self.usual;
        let (root, issuer) = (root.clone(), issuer.clone());
        let client: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 2];
        let server: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 1];
        let any: &[u8] = &[0x55, 0x1d, 37, 0];
        let named = || dns_names(&[HOST]);
        for (name, extensions) in [
            ("leaf for clients", vec![key_usage(0x80), extended_key_usage(&[client]), named()]),
            ("leaf for both", vec![key_usage(0x80), extended_key_usage(&[client, server]), named()]),
            ("leaf for any", vec![key_usage(0x80), extended_key_usage(&[any]), named()]),
            ("leaf without purpose", vec![key_usage(0x80), named()]),
            ("leaf without keyUsage", vec![server_auth(), named()]),
            ("leaf for signing certificates", vec![key_usage(0x04), server_auth(), named()]),
            ("leaf for nonRepudiation", vec![key_usage(0xc0), server_auth(), named()]),
            ("leaf CA:TRUE", vec![basic_constraints(true, None), key_usage(0x84), named()]),
        ] {
            let leaf = pki.issue(&Template::leaf(&[HOST]).with(&extensions), &pki.key(Kind::P256), &issuer);
            self.usual_questions(name, &[&leaf, &issuer, &root]);
        }
        for (name, purpose) in [("issuer for clients", client), ("issuer for servers", server), ("issuer for any", any)] {
            let issuer = pki.issue(&Template::ca("Issuer").and(extended_key_usage(&[purpose])), &pki.key(Kind::P256), &root);
            let leaf = pki.issue(&Template::leaf(&[HOST]), &pki.key(Kind::P256), &issuer);
            self.usual_questions(name, &[&leaf, &issuer, &root]);
        }
        let limited = pki.self_sign(&Template::ca("Limited").and(extended_key_usage(&[client])), &pki.key(Kind::P256));
        let leaf = pki.issue(&Template::leaf(&[HOST]), &pki.key(Kind::P256), &limited);
        self.usual_questions("root for clients", &[&leaf, &limited]);
    }

    /// name constraints.
    fn constraints(&mut self) {
        let pki = self.pki;
        let root = self.usual.root.clone();
        let dns = |name: &str| tlv(0x82, &[name.as_bytes()]);
        let mail = |name: &str| tlv(0x81, &[name.as_bytes()]);
        let address = |octets: &[u8]| tlv(0x87, &[octets]);
        let directory = |name: &str| tlv(0xa4, &[&dn(name)]);
        let with_address = || extension(17, false, &tlv(0x30, &[&dns(HOST), &address(&[192, 0, 2, 1])]));
        let plain = || Template::leaf(&[HOST]);
        for (name, permitted, excluded, template) in [
            ("permitted domain", vec![dns("example.com")], vec![], plain()),
            ("permitted host", vec![dns(HOST)], vec![], plain()),
            ("permitted with dot", vec![dns(".example.com")], vec![], plain()),
            ("permitted other", vec![dns("example.org")], vec![], plain()),
            ("permitted part of a label", vec![dns("ple.com")], vec![], plain()),
            ("permitted one of two", vec![dns("example.org"), dns("EXAMPLE.com")], vec![], plain()),
            ("permitted everything", vec![dns("")], vec![], plain()),
            ("excluded domain", vec![], vec![dns("example.com")], plain()),
            ("excluded other", vec![], vec![dns("example.org")], plain()),
            ("excluded everything", vec![], vec![dns("")], plain()),
            ("permitted and excluded", vec![dns("example.com")], vec![dns(HOST)], plain()),
            ("permitted, second name outside", vec![dns("example.com")], vec![], Template::leaf(&[HOST, "mail.example.org"])),
            ("permitted, name in CN", vec![dns("example.com")], vec![], Template::leaf(&[HOST]).with(&[server_auth()])),
            ("permitted other, name in CN", vec![dns("example.org")], vec![], Template::leaf(&[HOST]).with(&[server_auth()])),
            ("permitted mail, no mail", vec![mail("example.org")], vec![], plain()),
            ("permitted mail, other mail", vec![mail("example.org")], vec![], Template::leaf(&[HOST]).with(&[mail_name("a@example.com")])),
            ("permitted mail, right mail", vec![mail("example.com")], vec![], Template::leaf(&[HOST]).with(&[mail_name("a@Example.com")])),
            ("permitted directory", vec![directory(HOST)], vec![], plain()),
            ("permitted other directory", vec![directory("Nobody")], vec![], plain()),
            ("excluded directory", vec![], vec![directory("MAIL.example.com")], plain()),
            ("permitted address", vec![address(&[192, 0, 2, 0, 255, 255, 255, 0])], vec![], plain().with(&[with_address()])),
            ("permitted other address", vec![address(&[10, 0, 0, 0, 255, 0, 0, 0])], vec![], plain().with(&[with_address()])),
            ("excluded address", vec![], vec![address(&[192, 0, 0, 0, 255, 0, 0, 0])], plain().with(&[with_address()])),
            ("excluded address family", vec![], vec![address(&[0; 32])], plain().with(&[with_address()])),
            ("wildcard within", vec![dns("example.com")], vec![], Template::leaf(&["*.example.com"])),
        ] {
            let issuer = pki.issue(&Template::ca("Issuer").and(name_constraints(&permitted, &excluded)), &pki.key(Kind::P256), &root);
            let leaf = pki.issue(&template, &pki.key(Kind::P256), &issuer);
            let group = self.group(name, &[&leaf, &issuer, &root]);
            group.ask("issuer", &[record(2, 1, 1, &issuer)]);
            group.ask("root", &[record(2, 0, 1, &root)]);
            group.ask("leaf", &[record(3, 1, 1, &leaf)]);
        }
        let strict = pki.self_sign(&Template::ca("Strict").and(name_constraints(&[dns("example.org")], &[])), &pki.key(Kind::P256));
        let leaf = pki.issue(&Template::leaf(&[HOST]), &pki.key(Kind::P256), &strict);
        self.usual_questions("constrained root", &[&leaf, &strict]);
    }

    /// Algorithms of issuers and of leaves.
    fn algorithms(&mut self) {
        let pki = self.pki;
        for (name, kind) in [
            ("RSA 2048", Kind::Rsa(2048)),
            ("RSA 1024", Kind::Rsa(1024)),
            ("RSA 768", Kind::Rsa(768)),
            ("RSA 2048 SHA-1", Kind::RsaSha1(2048)),
            ("RSA 1024 SHA-1", Kind::RsaSha1(1024)),
            ("RSA 2048 MD5", Kind::RsaMd5(2048)),
            ("RSA-PSS", Kind::RsaPss),
            ("P-384", Kind::P384),
            ("P-521", Kind::P521),
            ("P-256 with SHA-384", Kind::P256Sha384),
            ("secp256k1", Kind::Secp256k1),
            ("Ed25519", Kind::Ed25519),
        ] {
            let root = pki.self_sign(&Template::ca("Root"), &pki.key(kind));
            let leaf = pki.issue(&Template::leaf(&[HOST]), &pki.key(Kind::P256), &root);
            self.usual_questions(name, &[&leaf, &root]);
            self.group("bare key", &[&leaf]).ask(name, &[record(2, 1, 0, &root)]);
        }
        let root = self.usual.root.clone();
        for (name, kind) in [("leaf RSA 1024", Kind::Rsa(1024)), ("leaf Ed25519", Kind::Ed25519), ("leaf P-384", Kind::P384)] {
            let leaf = pki.issue(&Template::leaf(&[HOST]), &pki.key(kind), &root);
            let group = self.usual_questions(name, &[&leaf, &root]);
            group.ask("leaf in full", &[record(3, 0, 0, &leaf)]);
            group.ask("leaf key in full", &[record(3, 1, 0, &leaf)]);
        }
    }

    /// Certificates that are wrong in themselves.
    fn broken(&mut self) {
        let pki = self.pki;
        let Usual { root, issuer, .. } = &self.usual;
        let (root, issuer) = (root.clone(), issuer.clone());
        let key = pki.key(Kind::P256);
        let unknown = |critical| extension(99, critical, &[5, 0]);
        for (name, template) in [
            ("leaf with a bad signature", Template::leaf(&[HOST]).change(|t| t.bad_signature = true)),
            ("leaf with two algorithms", Template::leaf(&[HOST]).change(|t| t.two_algorithms = true)),
            ("leaf with an unknown critical extension", Template::leaf(&[HOST]).and(unknown(true))),
            ("leaf with an unknown extension", Template::leaf(&[HOST]).and(unknown(false))),
            ("leaf with a negative serial", Template::leaf(&[HOST]).change(|t| t.serial = vec![0x80, 1])),
            ("leaf with serial 0", Template::leaf(&[HOST]).change(|t| t.serial = vec![0])),
            ("leaf with a long serial", Template::leaf(&[HOST]).change(|t| t.serial = vec![1; 40])),
            ("leaf with one extension twice", Template::leaf(&[HOST]).and(key_usage(0x80))),
            ("leaf with broken basicConstraints", Template::leaf(&[HOST]).and(extension(19, true, &[4, 1, 7]))),
            ("leaf with empty keyUsage", Template::leaf(&[HOST]).with(&[extension(15, true, &[3, 1, 0]), dns_names(&[HOST])])),
            ("leaf v1", Template::leaf(&[HOST]).with(&[]).change(|t| t.version = 1)),
            ("leaf without subject", Template::leaf(&[HOST]).change(|t| t.subject = dn(""))),
            ("leaf with a wrong authority key", Template::leaf(&[HOST]).and(authority_key_id(b"nobody"))),
        ] {
            let leaf = pki.issue(&template, &key, &issuer);
            self.usual_questions(name, &[&leaf, &issuer, &root]);
        }
        for (name, template) in [
            ("issuer with a bad signature", Template::ca("Issuer").change(|t| t.bad_signature = true)),
            ("issuer with an unknown critical extension", Template::ca("Issuer").and(unknown(true))),
            ("issuer with a wrong authority key", Template::ca("Issuer").and(authority_key_id(b"nobody"))),
            ("issuer with one extension twice", Template::ca("Issuer").and(key_usage(0x06))),
            ("issuer with a subject key", Template::ca("Issuer").and(subject_key_id(b"me"))),
        ] {
            let issuer = pki.issue(&template, &issuer.key, &root);
            let leaf = pki.issue(&Template::leaf(&[HOST]).and(authority_key_id(b"me")), &key, &issuer);
            self.usual_questions(name, &[&leaf, &issuer, &root]);
        }
        let root = pki.self_sign(&Template::ca("Root").change(|t| t.bad_signature = true), &root.key);
        let leaf = pki.issue(&Template::leaf(&[HOST]), &key, &root);
        self.usual_questions("root with a bad signature", &[&leaf, &root]);
        // The right name, another key.
        let forged = pki.self_sign(&Template::ca("Root"), &pki.key(Kind::P256));
        self.usual_questions("forged root", &[&leaf, &forged]);
    }

    ///
    fn names(&mut self) {
        let pki = self.pki;
        let root = self.usual.root.clone();
        let key = pki.key(Kind::P256);
        let in_cn = |cn: &str| Template::leaf(&[cn]).with(&[server_auth()]);
        for (name, template, host) in [
            ("wildcard", Template::leaf(&["*.example.com"]), HOST),
            ("wildcard in capitals", Template::leaf(&["*.EXAMPLE.com"]), HOST),
            ("wildcard two labels", Template::leaf(&["*.example.com"]), "a.mail.example.com"),
            ("wildcard no label", Template::leaf(&["*.example.com"]), "example.com"),
            ("wildcard of a TLD", Template::leaf(&["*.com"]), "example.com"),
            ("wildcard alone", Template::leaf(&["*"]), HOST),
            ("wildcard inside", Template::leaf(&["mail.*.com"]), HOST),
            ("two wildcards", Template::leaf(&["*.*.com"]), HOST),
            ("wildcard for an A-label", Template::leaf(&["*.example.com"]), "xn--bcher-kva.example.com"),
            ("wildcard of an A-label", Template::leaf(&["*.xn--bcher-kva.example"]), "mail.xn--bcher-kva.example"),
            ("wildcard for an underscore", Template::leaf(&["*.example.com"]), "my_mail.example.com"),
            ("partial wildcard front", Template::leaf(&["*il.example.com"]), HOST),
            ("partial wildcard back", Template::leaf(&["ma*.example.com"]), HOST),
            ("partial wildcard middle", Template::leaf(&["m*l.example.com"]), HOST),
            ("wildcard in CN", in_cn("*.example.com"), HOST),
            ("name in CN", in_cn(HOST), HOST),
            ("other name in CN", in_cn("other.example.com"), HOST),
            ("name in CN, other DNS name", Template::leaf(&["other.example.com"]).change(|t| t.subject = dn(HOST)), HOST),
            ("name in CN, only a mail name", Template::leaf(&[HOST]).with(&[mail_name("a@example.com")]), HOST),
            ("second of two names", Template::leaf(&["other.example.com", HOST]), HOST),
            ("A-label", Template::leaf(&["xn--bcher-kva.example"]), "xn--bcher-kva.example"),
            ("U-label in the certificate", Template::leaf(&["bücher.example"]), "xn--bcher-kva.example"),
            ("final dot in the certificate", Template::leaf(&["mail.example.com."]), HOST),
            ("leading dot in the certificate", Template::leaf(&[".example.com"]), HOST),
            ("NUL in the certificate", Template::leaf(&["mail.example.com\0.evil.example"]), HOST),
            ("no name at all", Template::leaf(&[""]).with(&[server_auth()]), HOST),
            ("empty DNS name", Template::leaf(&[""]), HOST),
            ("underscore", Template::leaf(&["my_mail.example.com"]), "my_mail.example.com"),
        ] {
            let leaf = pki.issue(&template, &key, &root);
            let group = self.group(name, &[&leaf, &root]);
            group.ask("root", &[record(2, 1, 1, &root)]).host = host;
            let case = group.ask("leaf, checked", &[record(3, 1, 1, &leaf)]);
            (case.host, case.ee_names) = (host, true);
            group.ask("leaf", &[record(3, 1, 1, &leaf)]).host = host;
        }
    }

    /// Usages 0 and 1 with and without a trusted root. (RFC 7671 sections 5.3 and 5.4)
    fn roots(&mut self) {
        let Usual { root, issuer, leaf, stranger } = &self.usual;
        let (root, issuer, leaf, stranger) = (root.clone(), issuer.clone(), leaf.clone(), stranger.clone());
        for (name, chain, trusted) in [
            ("root sent and trusted", vec![&leaf, &issuer, &root], vec![&root]),
            ("root trusted, not sent", vec![&leaf, &issuer], vec![&root, &stranger]),
            ("root not trusted", vec![&leaf, &issuer, &root], vec![&stranger]),
            ("issuer missing", vec![&leaf], vec![&root]),
        ] {
            let file = self.directory.join(name);
            std::fs::write(&file, trusted.iter().map(|c| pem(&c.der)).collect::<String>()).unwrap();
            let trusted: Vec<Cert> = trusted.into_iter().cloned().collect();
            let group = self.group(name, &chain);
            for (who, records) in [
                ("1 leaf", vec![record(1, 1, 1, &leaf)]),
                ("1 issuer", vec![record(1, 0, 1, &issuer)]),
                ("0 issuer", vec![record(0, 1, 1, &issuer)]),
                ("0 root", vec![record(0, 0, 1, &root)]),
                ("0 leaf", vec![record(0, 0, 1, &leaf)]),
                ("0 issuer in full", vec![record(0, 0, 0, &issuer)]),
                ("1 leaf and 0 issuer in full", vec![record(1, 1, 1, &leaf), record(0, 0, 0, &issuer)]),
                ("1 leaf and wrong 3", vec![record(1, 1, 1, &leaf), record(3, 1, 1, &stranger)]),
                ("0 wrong and 2 issuer", vec![record(0, 1, 1, &stranger), record(2, 1, 1, &issuer)]),
            ] {
                for (when, host, at) in [("", HOST, NOW), (" other name", "other.example.com", NOW), (" later", HOST, 2_300_000_000)] {
                    let case = group.ask(format!("{who}{when}"), &records);
                    (case.host, case.at, case.roots, case.roots_file) = (host, at, trusted.clone(), Some(file.clone()));
                }
            }
        }
    }
}

impl Group {
    fn ask(&mut self, name: impl Into<String>, records: &[String]) -> &mut Case {
        let case =
            Case { name: name.into(), records: records.to_vec(), host: HOST, at: NOW, ee_names: false, roots: vec![], roots_file: None };
        self.cases.push(case);
        self.cases.last_mut().unwrap()
    }
}

fn combinations() -> impl Iterator<Item = (u8, u8, u8)> {
    (0..4).flat_map(|usage| (0..2).flat_map(move |selector| (0..3).map(move |matching| (usage, selector, matching))))
}

/// several records.
fn alternatives(group: &mut Group, leaf: &Cert, issuer: &Cert, root: &Cert, stranger: &Cert) {
    for (name, good, bad) in [
        ("agility 311+ 312-", record(3, 1, 1, leaf), record(3, 1, 2, stranger)),
        ("agility 311- 312+", record(3, 1, 2, leaf), record(3, 1, 1, stranger)),
        ("agility 311+ 302-", record(3, 1, 1, leaf), record(3, 0, 2, stranger)),
        ("agility 211+ 312-", record(2, 1, 1, issuer), record(3, 1, 2, stranger)),
        ("agility 211+ 212-", record(2, 1, 1, issuer), record(2, 1, 2, stranger)),
        ("agility 201+ 212-", record(2, 0, 1, issuer), record(2, 1, 2, stranger)),
        ("agility 310+ 312-", record(3, 1, 0, leaf), record(3, 1, 2, stranger)),
        ("agility 310- 311+", record(3, 1, 1, leaf), record(3, 1, 0, stranger)),
        ("agility 311+ short 312", record(3, 1, 1, leaf), with_data(3, 1, 2, &[7; 63])),
        ("agility 210+ 212-", record(2, 1, 0, root), record(2, 1, 2, stranger)),
        ("agility 200+ 202-", record(2, 0, 0, root), record(2, 0, 2, stranger)),
        ("mixed 3- 2+", record(2, 1, 1, issuer), record(3, 1, 1, stranger)),
        ("mixed 3+ 2-", record(3, 1, 1, leaf), record(2, 1, 1, stranger)),
        ("mixed same digest 311+ 311-", record(3, 1, 1, leaf), record(3, 1, 1, stranger)),
        ("mixed usable+ unusable", record(3, 1, 1, leaf), with_data(3, 2, 1, &[7; 32])),
        ("mixed usable- unusable", record(3, 1, 1, stranger), with_data(3, 2, 1, &[7; 32])),
        ("mixed two issuers", record(2, 0, 1, root), record(2, 0, 1, issuer)),
    ] {
        group.ask(name, &[good.clone(), bad.clone()]);
        group.ask(format!("{name} reversed"), &[bad, good]);
    }
}

/// records that nobody can use.
fn unusable(group: &mut Group, leaf: &Cert, root: &Cert) {
    let pem_text = pem(&leaf.der).into_bytes();
    let trailing = |full: &[u8]| [full, &[0]].concat();
    for (name, record) in [
        ("usage 4", with_data(4, 1, 1, &[7; 32])),
        ("usage 255", with_data(255, 1, 1, &[7; 32])),
        ("selector 2", with_data(3, 2, 1, &[7; 32])),
        ("selector 255", with_data(3, 255, 1, &[7; 32])),
        ("matching 3", with_data(3, 1, 3, &[7; 32])),
        ("matching 255", with_data(3, 1, 255, &[7; 32])),
        ("31 octets", with_data(3, 1, 1, &digest(&SHA256, &leaf.key.spki).as_ref()[..31])),
        ("33 octets", with_data(3, 1, 1, &trailing(digest(&SHA256, &leaf.key.spki).as_ref()))),
        ("32 octets of 64", with_data(3, 1, 2, &[7; 32])),
        ("64 octets of 32", with_data(3, 1, 1, &[7; 64])),
        ("full garbage", with_data(3, 0, 0, b"garbage")),
        ("full key garbage", with_data(3, 1, 0, b"garbage")),
        ("full trailing", with_data(3, 0, 0, &trailing(&leaf.der))),
        ("full key trailing", with_data(3, 1, 0, &trailing(&leaf.key.spki))),
        ("full cut", with_data(3, 0, 0, &leaf.der[..leaf.der.len() - 1])),
        ("full is a key", with_data(3, 0, 0, &leaf.key.spki)),
        ("full key is a certificate", with_data(3, 1, 0, &leaf.der)),
        ("full PEM", with_data(3, 0, 0, &pem_text)),
        ("issuer in full trailing", with_data(2, 0, 0, &trailing(&root.der))),
    ] {
        group.ask(format!("unusable {name}"), &[record]);
    }
}
