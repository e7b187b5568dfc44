//! How we were called, so that a command which we print can be run as it stands.

/// `danelaw` if it is found by the shell, its path otherwise, as after `cargo run`.
#[must_use]
pub fn program() -> String {
    let name = std::env::args().next().filter(|name| !name.is_empty() && !name.contains(char::is_whitespace));
    name.unwrap_or_else(|| "danelaw".to_owned())
}
