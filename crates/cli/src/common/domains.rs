//! Domains as arguments.

use crate::exit::{Exit, UsageError};
use dane::name::{Name, parse_mail_domain};

/// The names among the arguments. What is none has its line on stderr and makes the exit code 2, but does not keep us from the others.
///
/// # Errors
/// If the only argument is none.
pub fn parse(texts: &[String]) -> Result<(Vec<Name>, Exit), UsageError> {
    let mut exit = Exit::Good;
    let mut names = Vec::with_capacity(texts.len());
    for text in texts {
        match parse_mail_domain(text) {
            Ok(name) => names.push(name),
            Err(error) if texts.len() == 1 => return Err(UsageError::new(error)),
            Err(error) => {
                anstream::eprintln!("danelaw: {error}");
                exit = Exit::Usage;
            }
        }
    }
    Ok((names, exit))
}

/// A domain that nobody looks at has its line, too, and counts as one about which we cannot tell.
#[must_use]
pub fn opted_out(name: &Name) -> Exit {
    anstream::eprintln!("danelaw: {name}: is on the opt-out list, not looked at");
    Exit::Unknown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_refused_as_what_is_no_name_is() {
        assert!(parse(&[".".to_owned()]).is_err());
        let (names, exit) = parse(&[".".to_owned(), "example.org".to_owned()]).unwrap();
        assert_eq!((names.len(), exit), (1, Exit::Usage));
    }
}
