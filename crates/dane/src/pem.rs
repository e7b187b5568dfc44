//! PEM files as people have them: blocks with text between and around. (RFC 7468)

/// Blocks read from one file: more is not a chain or a key, but a mistake (or a root store, which has some hundreds).
const MAX_BLOCKS: usize = 10_000;

/// One block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// What it says it is: `CERTIFICATE`, `PRIVATE KEY`, …
    pub label: String,
    /// Its octets.
    pub der: Vec<u8>,
    /// Line on which it begins, from 1.
    pub line: usize,
    /// It is encrypted with a pass phrase, by the old method that says so in a header. (RFC 1421 `Proc-Type: 4,ENCRYPTED`)
    pub encrypted: bool,
}

/// What is broken, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("PEM block {block} ({label}, line {line}) is broken: {what}")]
pub struct PemError {
    /// Number of the block, from 1.
    pub block: usize,
    /// Its label.
    pub label: String,
    /// Line on which it begins, from 1.
    pub line: usize,
    /// What is broken.
    pub what: &'static str,
}

/// Whether a file has at least the beginning of a block.
#[must_use]
pub fn is_pem(file: &[u8]) -> bool {
    file.windows(11).any(|w| w == b"-----BEGIN ")
}

/// All blocks of a file, in order. Text between them is passed over.
///
/// # Errors
/// The first block that is broken.
pub fn blocks(file: &[u8]) -> Result<Vec<Block>, PemError> {
    let text = String::from_utf8_lossy(file);
    // Some editors begin a file with a byte-order mark.
    let mut lines = text.trim_start_matches('\u{feff}').lines().enumerate().map(|(i, l)| (i + 1, l.trim()));
    let mut blocks: Vec<Block> = Vec::new();
    while let Some((line, opening)) = lines.next() {
        let Some(label) = opening.strip_prefix("-----BEGIN ").and_then(|l| l.strip_suffix("-----")) else { continue };
        let broken = |what| PemError { block: blocks.len() + 1, label: label.chars().take(40).collect(), line, what };
        if blocks.len() >= MAX_BLOCKS {
            return Err(broken("the file has too many blocks"));
        }
        let (mut digits, mut encrypted, mut end) = (String::new(), false, None);
        for (_, inner) in lines.by_ref() {
            if let Some(marker) = inner.strip_prefix("-----END ") {
                end = marker.strip_suffix("-----");
                break;
            }
            if inner.starts_with("-----BEGIN ") {
                break;
            }
            // Headers are of the old kind: `Proc-Type`, `DEK-Info`.
            if inner.contains(':') {
                encrypted |= inner.starts_with("Proc-Type:") && inner.contains("ENCRYPTED");
            } else {
                digits.push_str(inner);
            }
        }
        match end {
            None => return Err(broken("its END line is missing")),
            Some(other) if other != label => return Err(broken("its END line is that of another kind of block")),
            Some(_) => {}
        }
        let der = data_encoding::BASE64.decode(digits.as_bytes()).map_err(|_| broken("it is not base64"))?;
        blocks.push(Block { label: label.to_owned(), der, line, encrypted });
    }
    Ok(blocks)
}

#[cfg(test)]
mod tests {
    use super::{blocks, is_pem};

    #[test]
    fn reads_blocks_between_text() {
        let file = "subject=x\n-----BEGIN CERTIFICATE-----\r\nAAEC\r\nAw==\r\n-----END CERTIFICATE-----\ntext\n-----BEGIN X-----\nProc-Type: 4,ENCRYPTED\n\n-----END X-----";
        let found = blocks(file.as_bytes()).unwrap();
        assert_eq!(
            found.iter().map(|b| (b.label.as_str(), b.der.clone(), b.line, b.encrypted)).collect::<Vec<_>>(),
            [("CERTIFICATE", vec![0, 1, 2, 3], 2, false), ("X", vec![], 7, true),]
        );
        assert!(is_pem(file.as_bytes()));
        assert_eq!(blocks(b"no pem"), Ok(vec![]));
        let marked = "\u{feff}-----BEGIN CERTIFICATE-----\nAAEC\n-----END CERTIFICATE-----\n";
        assert_eq!(blocks(marked.as_bytes()).unwrap()[0].der, [0, 1, 2]);
    }

    #[test]
    fn says_what_is_broken_and_where() {
        let good = "-----BEGIN A-----\nAAEC\n-----END A-----\n";
        for (bad, what) in [
            ("-----BEGIN B-----\nAAEC\n", "END line is missing"),
            ("-----BEGIN B-----\nAAEC\n-----BEGIN A-----\nAAEC\n-----END A-----\n", "END line is missing"),
            ("-----BEGIN B-----\nAAEC\n-----END A-----\n", "another kind"),
            ("-----BEGIN B-----\nA!EC\n-----END B-----\n", "not base64"),
            ("-----BEGIN B-----\nAAE\n-----END B-----\n", "not base64"),
        ] {
            let error = blocks(format!("{good}{bad}").as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with("PEM block 2 (B, line 4) is broken: ") && error.contains(what), "{error}");
        }
    }
}
