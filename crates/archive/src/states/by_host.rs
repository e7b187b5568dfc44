//! States of servers host by host. Every file is in the order of hosts, so all are read side by side, and memory holds a little of each.

use super::file::{self, Reading};
use super::manifest::Entry;
use super::model::{Id, ServerId, ServerKey, ServerState, WordId};
use super::parts::Parts;
use super::store::{Archive, Columns};
use super::table::Table;
use crate::Error;
use std::cmp::Reverse;

/// Rows that are read of a file at a time: there are as many files as months.
const BATCH_ROWS: usize = 1024;
/// Files that are open at a time: what was not compacted for long may have more than a process may open. The smallest are read whole.
const OPEN_FILES: usize = if cfg!(test) { 2 } else { 256 };

impl Archive {
    /// Every state of every server, from one vantage point or from all; those of one host and port come together, in no order,
    /// and may be put into one. Those of servers that
    /// have no name come last. The columns have to have the vantage point.
    ///
    /// # Errors
    /// If a file cannot be read, or is not in the order of hosts.
    pub fn server_states_by_host(
        &self,
        columns: Columns<'_>,
        only: Option<WordId>,
        mut each: impl FnMut(&mut [ServerState]),
    ) -> Result<(), Error> {
        let order = order(self.servers());
        let mut sources = self.side_by_side(columns, only, &order)?;
        let mut states = Vec::new();
        while let Some(host) = sources.iter().filter_map(|source| source.host).min() {
            states.clear();
            for source in &mut sources {
                source.take(host, &order, &self.parts, &mut states)?;
            }
            each(&mut states);
        }
        Ok(())
    }

    /// Everything that has states, each in the order of hosts.
    fn side_by_side(&self, columns: Columns<'_>, only: Option<WordId>, order: &[u32]) -> Result<Vec<Source>, Error> {
        let has_news = self.log.lines.iter().any(|line| line.servers.is_some());
        let mut files: Vec<&Entry> = self.manifest.of(ServerState::NAME).filter(|entry| !(has_news && entry.is_open())).collect();
        files.sort_by_key(|entry| Reverse(entry.rows));
        let (large, small) = files.split_at(files.len().min(OPEN_FILES));
        let mut sources = Vec::new();
        for entry in large {
            let mut reading = Reading::open(&self.place, entry, columns.names())?;
            if let Some(only) = only {
                reading = reading.only("vantage", self.parts.text(only));
            }
            sources.push(Source::new(Some(reading), Vec::new()));
        }
        let mut states: Vec<ServerState> = Vec::new();
        for entry in small {
            file::read(&self.place, entry, columns.names(), &self.parts, |rows| states.extend_from_slice(rows))?;
        }
        if has_news {
            let mut streams = self.streams()?;
            states.append(&mut streams.over);
            states.extend(streams.open());
        }
        states.retain(|state| only.is_none_or(|only| state.vantage == only));
        states.sort_by_key(|state| place(order, state.key));
        sources.push(Source::new(None, states));
        for source in &mut sources {
            source.refill(order, &self.parts)?;
        }
        Ok(sources)
    }
}

/// By server: the place of its host and port among all.
fn order(servers: &[ServerKey]) -> Vec<u32> {
    let host = |server: &usize| servers.get(*server).map(|key| (&*key.host, key.port));
    let mut sorted: Vec<usize> = (0..servers.len()).collect();
    sorted.sort_unstable_by_key(host);
    let mut order = vec![0; servers.len()];
    let (mut place, mut last) = (0, None);
    for server in sorted {
        place += u32::from(last.is_some_and(|last| last != host(&server)));
        last = Some(host(&server));
        order[server] = place;
    }
    order
}

fn place(order: &[u32], server: ServerId) -> u32 {
    order.get(server.index()).copied().unwrap_or(u32::MAX)
}

/// States in the order of hosts.
struct Source {
    /// Where more come from.
    file: Option<Reading<ServerState>>,
    /// Those at hand.
    rows: Vec<ServerState>,
    /// The first of them that was not taken.
    at: usize,
    /// The place of its host. `None`: there are no more.
    host: Option<u32>,
}

impl Source {
    fn new(file: Option<Reading<ServerState>>, rows: Vec<ServerState>) -> Self {
        Self { file, rows, at: 0, host: None }
    }

    /// Takes all states of a host that comes next, if it does.
    fn take(&mut self, host: u32, order: &[u32], parts: &Parts, states: &mut Vec<ServerState>) -> Result<(), Error> {
        while self.host == Some(host) {
            let rest = self.rows.get(self.at..).unwrap_or_default();
            let count = rest.iter().take_while(|state| place(order, state.key) == host).count();
            states.extend_from_slice(&rest[..count]);
            self.at += count;
            self.refill(order, parts)?;
        }
        Ok(())
    }

    /// Reads on, if nothing is left at hand.
    fn refill(&mut self, order: &[u32], parts: &Parts) -> Result<(), Error> {
        while self.at >= self.rows.len() {
            let more = self.file.as_mut().map(|file| file.next(BATCH_ROWS, parts, &mut self.rows)).transpose()?;
            self.at = 0;
            if more != Some(true) {
                self.rows.clear();
                self.host = None;
                return Ok(());
            }
        }
        let next = self.rows.get(self.at).map(|state| place(order, state.key));
        match &self.file {
            Some(file) if next < self.host => return Err(file.damaged("its rows are not in the order of their hosts")),
            _ => self.host = next,
        }
        Ok(())
    }
}
