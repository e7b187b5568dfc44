//! `analyse --arrow` and `--parts`: the same questions with the work shared out, as Spark does.

use super::Args;
use crate::common::study;
use crate::exit::UsageError;
use analysis::study::{Answer, Content, Entry, Needs, Partition, Study, whole};
use archive::states::arrow::{self, States};
use std::collections::HashMap;
use std::io::{BufReader, BufWriter, Read, Write, stdin, stdout};
use std::path::Path;

impl Args {
    /// Counts the states that come on stdin, and writes what was counted to stdout.
    pub(super) fn count(&self, directory: &Path, questions: &[Entry]) -> Result<(), UsageError> {
        let archive = study::open(directory)?;
        let settings = self.study.settings(&archive)?;
        let content = Content::read(&archive, Needs::of(questions)).map_err(UsageError::new)?;
        let study = Study::new(&archive, &settings, &content);
        let mut partition = Partition::new(&study, questions);
        let read = arrow::read(BufReader::new(stdin().lock()), archive.parts(), |states| match states {
            States::Servers(states) => partition.servers(states),
            States::Domains(states) => partition.domains(states),
        });
        read.map_err(|what| UsageError(format!("--arrow: stdin: {what}; give states of this archive as a stream of Arrow")))?;
        let parts = partition.parts().map_err(UsageError::new)?;
        let mut output = BufWriter::new(stdout().lock());
        let written = arrow::write_parts(&mut output, &parts).map_err(|e| e.to_string());
        written.and_then(|()| output.flush().map_err(|e| e.to_string())).map_err(|e| UsageError(format!("--arrow: stdout: {e}")))
    }

    /// Adds up what was counted elsewhere.
    pub(super) fn add_up(&self, directory: &Path, questions: &[Entry], file: &Path) -> Result<Vec<Answer>, UsageError> {
        let wrong = |what: String| UsageError(format!("--parts {}: {what}; give what 'analyse --arrow' wrote", file.display()));
        let input: Box<dyn Read> = match file.as_os_str().to_str() {
            Some("-") => Box::new(stdin().lock()),
            _ => Box::new(std::fs::File::open(file).map_err(|e| wrong(e.to_string()))?),
        };
        let mut by_question: HashMap<String, Vec<Vec<u8>>> = HashMap::new();
        for (question, part) in arrow::read_parts(BufReader::new(input)).map_err(wrong)? {
            by_question.entry(question).or_default().push(part);
        }
        let archive = study::open(directory)?;
        let settings = self.study.settings(&archive)?;
        let content = Content::read(&archive, Needs::of(questions)).map_err(UsageError::new)?;
        let study = Study::new(&archive, &settings, &content);
        let answer = |question: &Entry| {
            let parts = by_question.get(question.about.id).map_or(&[][..], Vec::as_slice);
            whole(&study, *question, parts.iter().map(Vec::as_slice))
                .map_err(|e| wrong(format!("a part of {} cannot be read ({e}), perhaps of another version of danelaw", question.about.id)))
        };
        questions.iter().map(answer).collect()
    }
}
