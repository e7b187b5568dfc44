//! Where danelaw and another program differ on purpose. Each case is named with the RFC text that decides it, and must really occur.

use crate::{Question, Status};

/// A known difference, or a question that neither answers.
pub struct Exception {
    /// A test over several questions: how the question's name ends.
    pub name_ends: &'static str,
    /// The types asked for; none means all.
    pub types: &'static [&'static str],
    /// The other program.
    pub judge: &'static str,
    /// What it says.
    pub theirs: Status,
    /// What danelaw says.
    pub ours: Status,
    /// Why danelaw is right, or why both may be.
    pub argument: &'static str,
}

impl Exception {
    /// Whether this is the case.
    #[must_use]
    pub fn covers(&self, judge: &str, question: &Question, theirs: Status, ours: Status) -> bool {
        let name = question.name.ends_with(self.name_ends);
        let rtype = self.types.is_empty() || self.types.contains(&question.rtype);
        name && rtype && judge == self.judge && theirs == self.theirs && ours == self.ours
    }
}

/// Compares verdicts and reports what no exception covers, and exceptions that did not occur.
#[derive(Default)]
pub struct Comparison {
    agreed: usize,
    covered: Vec<usize>,
    differences: Vec<String>,
}

impl Comparison {
    /// Takes one verdict of `judge` beside ours.
    pub fn take(&mut self, exceptions: &[Exception], judge: &str, question: &Question, theirs: &(Status, String), ours: &(Status, String)) {
        // Two who both have no answer agree about nothing.
        if theirs.0 == ours.0 && ours.0 != Status::Indeterminate {
            self.agreed += 1;
        } else if let Some(at) = exceptions.iter().position(|exception| exception.covers(judge, question, theirs.0, ours.0)) {
            self.covered.push(at);
        } else {
            let text = format!(
                "{question}: {judge} {:?}, danelaw {:?}\n  {judge}: {}\n  danelaw: {}",
                theirs.0,
                ours.0,
                theirs.1.trim(),
                ours.1.trim()
            );
            self.differences.push(text);
        }
    }

    /// How many verdicts were alike.
    ///
    /// # Panics
    /// With every difference that no exception covers, and with every exception that did not occur.
    #[must_use]
    pub fn finish(self, exceptions: &[Exception]) -> usize {
        for (at, exception) in exceptions.iter().enumerate() {
            assert!(self.covered.contains(&at), "the exception for *{} by {} no longer occurs", exception.name_ends, exception.judge);
        }
        assert!(self.differences.is_empty(), "{} differences:\n{}", self.differences.len(), self.differences.join("\n"));
        self.agreed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SILENT: Exception = Exception {
        name_ends: "loop.",
        types: &[],
        judge: "judge",
        theirs: Status::Indeterminate,
        ours: Status::Indeterminate,
        argument: "an alias loop has no end",
    };

    fn compared(exceptions: &[Exception]) -> Comparison {
        let nothing = (Status::Indeterminate, String::new());
        let mut comparison = Comparison::default();
        comparison.take(exceptions, "judge", &Question::new("loop.", "A"), &nothing, &nothing);
        comparison
    }

    #[test]
    fn silence_on_both_sides_must_be_listed() {
        assert_eq!(compared(&[SILENT]).finish(&[SILENT]), 0);
        assert_eq!(compared(&[]).differences.len(), 1);
    }
}
