//! Tokens: who was given one can be told from who made one up.

use crate::seed::Seed;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};

/// Letters and digits that nobody takes for each other.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// Characters that are random, and characters of the seal.
const LENGTHS: (usize, usize) = (8, 4);
/// The token that everybody has: for a first look.
const OPEN: &str = "open";

/// Issues tokens, and knows its own.
pub struct Tokens(Seed);

impl Tokens {
    /// By a secret.
    pub fn new(secret: Seed) -> Self {
        Self(secret)
    }

    /// A new one.
    pub fn issue(&self) -> String {
        let mut random = [0; LENGTHS.0];
        // Without randomness tokens repeat, and nothing worse.
        let _ = SystemRandom::new().fill(&mut random);
        let text: String = random.iter().map(letter).collect();
        format!("{text}{}", self.seal(&text))
    }

    /// Whether a token was issued here.
    pub fn holds(&self, token: &str) -> bool {
        token == OPEN || token.split_at_checked(LENGTHS.0).is_some_and(|(text, seal)| self.seal(text) == seal)
    }

    fn seal(&self, text: &str) -> String {
        self.0.child(text).bytes().iter().take(LENGTHS.1).map(letter).collect()
    }
}

fn letter(octet: &u8) -> char {
    char::from(ALPHABET[usize::from(octet % 32)])
}

#[cfg(test)]
mod tests {
    use super::Tokens;
    use crate::seed::Seed;

    #[test]
    fn only_what_was_issued_holds() {
        let tokens = Tokens::new(Seed::new(1));
        let token = tokens.issue();
        assert!(tokens.holds(&token) && tokens.holds("open"));
        assert_ne!(token, tokens.issue());
        let changed = if token.starts_with('a') { token.replacen('a', "b", 1) } else { format!("a{}", &token[1..]) };
        assert!(!tokens.holds(&changed) && !tokens.holds("") && !tokens.holds("k7") && !Tokens::new(Seed::new(2)).holds(&token));
    }
}
