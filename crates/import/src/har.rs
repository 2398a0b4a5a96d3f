//! HAR, the HTTP archive 1.2 (Jan Odvarko's specification) in every dialect: what stands in an
//! archive is found out by what is there, not by who wrote it.
//!
//! An archive is read twice. First every entry becomes a [`sketch`](sketch::Sketch), its texts
//! become bodies, and what remains of it is kept as it stood, one entry a line ([`read`]). Then the
//! sketches are put in order, [connections] and [causes](cause) are found, and the entries are read
//! back one by one in the order of their starts to become events ([`emit`]).

mod cause;
mod connections;
mod date;
mod emit;
mod entry;
mod lenient;
mod message;
mod opening;
mod pages;
mod read;
mod redact;
mod sketch;
mod state;
mod times;

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};

use roundtrip_record::{BodyRef, ImportedFile, Log, PageNote, PagePainted, Time, Trace as _, What};
use serde_json::Value;

use crate::error::ImportError;
use crate::input::Input;
use crate::json::Json;
use crate::notes::Notes;
use crate::options::{Imported, Observed, Options, Picture};
use crate::run::{self, Run};
use crate::text::Text;
use cause::Causes;
use connections::Connections;
use entry::Entry;
use read::{Archive, Head};
use sketch::Sketch;
use state::Emitter;

/// Reads an archive into `log`.
pub(crate) fn import(input: Input, options: &Options, log: &Log) -> Result<Imported, ImportError> {
    let mut notes = Notes::default();
    let mut json = Json::new(Text::new(input));
    if let Some(unusual) = json.input().unusual {
        notes.add(unusual);
    }
    let archive = read::archive(&mut json, log, &mut notes)?;
    notes.add_many("strings hold what JSON does not allow there; it was replaced", json.repaired);
    let path = json.input().input().path().to_owned();
    let digest = json.input().input().digest()?;
    let Archive { head, mut sketches, entries, count, refused } = archive;
    if let Some(refused) = &refused {
        notes.add(&format!("the first that could not be imported: {refused}"));
    }
    let page = pages::choose(&head.pages, &mut sketches, options, &path, &mut notes)?;
    sketches.sort_by_key(|sketch| (sketch.start, sketch.place));
    let Some(first) = sketches.first() else {
        let why = match refused {
            Some(refused) => format!("none of its {count} entries can be imported; {refused}"),
            None => "it has no entries".into(),
        };
        return Err(ImportError::Nothing { path, why });
    };
    let page = page.map(|page| &head.pages[page]);
    let started = page.and_then(|page| date::parse(page.started_date_time.as_deref()?));
    // A page that says it began long before its first request, or after it, is not believed.
    let started = started.filter(|at| *at <= first.start && first.start - at < 600_000_000_000);
    let epoch = started.unwrap_or(first.start);
    let causes = Causes::of(&sketches, page, !head.writer.starts_with("roundtrip"));
    let connections = Connections::of(&sketches);
    let subject = causes.document.map(|n| sketches[n].url.clone()).unwrap_or_default();
    let archive = [log.body(&head.text), entries.clone()];
    run(&head, digest, subject, epoch, archive).begin(log);
    let mut emitter = Emitter::new(log, &mut notes, &sketches, &causes, &connections, epoch);
    let mut kept = Kept::open(log, entries.as_ref(), &path)?;
    if let Some(page) = page {
        pages::milestones(&mut emitter.agenda, page, started.unwrap_or(first.start), epoch);
    }
    for (n, sketch) in sketches.iter().enumerate() {
        if let Some(entry) = kept.entry(sketch)? {
            emitter.entry(n, &entry);
        }
    }
    emitter.agenda.finish();
    let (latest, exit) = (emitter.agenda.latest, emitter.exit);
    observed(log, latest, &options.observed);
    Ok(run::end(log, &notes, latest, exit, sketches.len() as u64))
}

/// Records what was seen besides.
fn observed(log: &Log, latest: Time, observed: &Observed) {
    let mut log = log.clone();
    if let Some(picture) = &observed.picture
        && let Some(kept) = log.body(&picture.png)
    {
        let Picture { width, height, title, .. } = picture.clone();
        let painted = PagePainted { picture: kept, width, height, title };
        log.emit(latest, None, || What::PagePainted(painted));
    }
    for note in &observed.notes {
        log.emit(latest, None, || What::PageNote(PageNote { note: note.clone() }));
    }
}

/// What is known of the record before its first event.
fn run(
    head: &Head,
    digest: String,
    subject: String,
    epoch: u64,
    archive: [Option<BodyRef>; 2],
) -> Run {
    let writer = if head.browser.is_empty() { &head.writer } else { &head.browser };
    let [archive, entries] = archive;
    Run {
        subject,
        source: if writer.is_empty() { "HAR".to_owned() } else { format!("HAR, {writer}") },
        digest,
        epoch,
        file: ImportedFile {
            format: format!("HAR {}", head.version).trim().to_owned(),
            writer: head.writer.clone(),
            browser: head.browser.clone(),
            archive,
            entries,
        },
        unseen: run::unseen(
            "packets, states of TCP, the other end",
            "a capture of the same visit (roundtrip import FILE.pcapng --keys FILE)",
        ),
    }
}

/// The entries as they were kept, to be read back one by one.
enum Kept {
    File(File),
    Memory(Vec<u8>),
}

impl Kept {
    fn open(
        log: &Log,
        entries: Option<&BodyRef>,
        path: &std::path::Path,
    ) -> Result<Self, ImportError> {
        let Some(entries) = entries else { return Ok(Self::Memory(Vec::new())) };
        let bodies = log.bodies();
        match bodies.path(entries) {
            Some(kept) => File::open(&kept)
                .map(Self::File)
                .map_err(|source| ImportError::Io { path: kept, source }),
            None => bodies.get(entries).map(Self::Memory).map_err(|error| ImportError::Nothing {
                path: path.to_owned(),
                why: format!("its entries could not be kept: {error}"),
            }),
        }
    }

    /// Reads an entry back. It was understood once, so it is again.
    fn entry(&mut self, sketch: &Sketch) -> Result<Option<Entry>, ImportError> {
        let (at, length) = sketch.text;
        let value: Option<Value> = match self {
            Self::File(file) => {
                let mut text = vec![0; length as usize];
                let read = file.seek(SeekFrom::Start(at)).and_then(|_| file.read_exact(&mut text));
                read.map_err(|source| ImportError::Io { path: "bodies".into(), source })?;
                serde_json::from_slice(&text).ok()
            }
            Self::Memory(all) => all
                .get(at as usize..(at + length) as usize)
                .and_then(|text| serde_json::from_slice(text).ok()),
        };
        Ok(value.and_then(|value| Entry::read(&value).ok()))
    }
}
