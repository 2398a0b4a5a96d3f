//! The begin and the end of the record that a recording becomes.

use roundtrip_record::{
    HostId, ImportNote, ImportedFile, Log, Role, RunEnded, RunStarted, SCHEMA, Step, Time,
    Trace as _, Unseen, What, WireKind,
};

use crate::notes::Notes;
use crate::options::Imported;

/// What is known of a recording before its first event.
pub(crate) struct Run {
    /// What was visited: a URL, or the file's name.
    pub(crate) subject: String,
    /// What recorded it.
    pub(crate) source: String,
    /// SHA-256 of the file, in hexadecimal.
    pub(crate) digest: String,
    /// When it began, nanoseconds since 1970.
    pub(crate) epoch: u64,
    pub(crate) file: ImportedFile,
    /// What no such recording shows.
    pub(crate) unseen: Unseen,
}

impl Run {
    /// Records the first events, and returns the client's host.
    pub(crate) fn begin(self, log: &Log) -> HostId {
        let mut log = log.clone();
        let started = RunStarted {
            schema: SCHEMA,
            tool: env!("CARGO_PKG_VERSION").into(),
            command: "import".into(),
            subject: self.subject,
            wire: WireKind::Imported { source: self.source, digest: self.digest },
            net: None,
            seed: None,
            wall: self.epoch,
            replay_of: None,
        };
        log.emit(Time::ZERO, None, || What::RunStarted(started));
        let host = log.host("client", Role::Client, &[]);
        log.emit(Time::ZERO, None, || What::ImportedFile(self.file));
        log.emit(Time::ZERO, None, || What::Unseen(self.unseen));
        host
    }
}

/// What a recording does not show of connecting, and what would.
pub(crate) fn unseen(what: &str, needs: &str) -> Unseen {
    Unseen { step: Step::Connect, what: what.into(), needs: needs.into() }
}

/// Records the last events, at the time of the latest one.
pub(crate) fn end(log: &Log, notes: &Notes, latest: Time, exit: u8, entries: u64) -> Imported {
    let mut log = log.clone();
    let notes: Vec<ImportNote> = notes
        .sorted()
        .into_iter()
        .map(|(note, count)| ImportNote { note: note.to_owned(), count })
        .collect();
    for note in &notes {
        log.emit(latest, None, || What::ImportNote(note.clone()));
    }
    let ended = RunEnded { exit, interrupted: false, among: None };
    log.emit(latest, None, || What::RunEnded(ended));
    Imported { exit, notes, entries }
}
