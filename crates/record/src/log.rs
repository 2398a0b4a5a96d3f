//! `Log`: the handle through which everything above the wire records.

use core::cell::{Cell, RefCell};
use core::fmt;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::net::IpAddr;
use std::path::PathBuf;
use std::rc::Rc;

use sha2::{Digest, Sha256};

use crate::hex::hex;
use crate::secret::StreamRedactor;
use crate::secret_names::SecretNames;
use crate::{
    Bodies, BodyRef, ConnectionId, Direction, Event, EventId, ExchangeId, FolderError,
    HostDeclared, HostId, Interface, InterfaceId, LinkId, LookupId, Recorder, Role, Settings, Time,
    Trace, What,
};

/// A cloneable handle on one [`Recorder`], which speaks for one host. It also gives out ids, which
/// are unique whether anything is recorded or not.
#[derive(Clone)]
pub struct Log {
    shared: Rc<Shared>,
    host: HostId,
}

#[derive(Default)]
struct Shared {
    ids: Ids,
    recorder: Option<RefCell<Recorder>>,
}

/// The next id of each kind.
#[derive(Default)]
struct Ids {
    host: Cell<u16>,
    interface: Cell<u32>,
    link: Cell<u16>,
    lookup: Cell<u32>,
    connection: Cell<u64>,
    exchange: Cell<u32>,
}

macro_rules! next {
    ($cell:expr) => {{
        let id = $cell.get();
        $cell.set(id.wrapping_add(1));
        id
    }};
}

impl Log {
    /// A log that hands events to `recorder`, speaking for the first host.
    pub fn new(recorder: Recorder) -> Self {
        let shared = Shared { recorder: Some(RefCell::new(recorder)), ..Shared::default() };
        Self { shared: Rc::new(shared), host: HostId(0) }
    }

    /// A log that records nothing and only gives out ids.
    pub fn off() -> Self {
        Self { shared: Rc::default(), host: HostId(0) }
    }

    /// A log that keeps events and bodies in memory.
    pub fn memory() -> Self {
        // Only a folder could make this fail, and there is none.
        Recorder::new(Settings::in_memory()).map_or_else(|_| Self::off(), Self::new)
    }

    /// Whether anything is recorded.
    #[inline]
    pub fn is_on(&self) -> bool {
        self.shared.recorder.is_some()
    }

    /// The host that this handle speaks for.
    pub fn host_id(&self) -> HostId {
        self.host
    }

    /// A handle on the same recorder, speaking for another host.
    #[must_use]
    pub fn of(&self, host: HostId) -> Self {
        Self { shared: Rc::clone(&self.shared), host }
    }

    /// Declares a host with its interfaces, whose ids come from [`Log::interface_id`]. A new log
    /// speaks for the host that is declared first.
    pub fn host(&self, name: &str, role: Role, interfaces: &[Interface]) -> HostId {
        let id = HostId(next!(self.shared.ids.host));
        self.with(|recorder| {
            let declared =
                HostDeclared { id, name: name.to_owned(), role, interfaces: interfaces.to_vec() };
            recorder.event(recorder.latest(), None, id, What::HostDeclared(declared));
        });
        id
    }

    /// Adds an interface to a host that was declared, and declares the host again with it. `mac` is
    /// empty where packets have no link-layer header.
    pub fn interface(
        &self,
        host: HostId,
        name: &str,
        mac: &str,
        addresses: &[IpAddr],
    ) -> InterfaceId {
        let id = self.interface_id();
        self.with(|recorder| {
            if let Some(mut declared) = recorder.host(host).cloned() {
                declared.interfaces.push(Interface {
                    id,
                    name: name.to_owned(),
                    mac: mac.to_owned(),
                    addresses: addresses.to_vec(),
                });
                recorder.event(recorder.latest(), None, host, What::HostDeclared(declared));
            }
        });
        id
    }

    /// The next interface's id, from 0.
    pub fn interface_id(&self) -> InterfaceId {
        InterfaceId(next!(self.shared.ids.interface))
    }

    /// The next link's id, from 0.
    pub fn link_id(&self) -> LinkId {
        LinkId(next!(self.shared.ids.link))
    }

    /// The next lookup's id, from 1.
    pub fn lookup_id(&self) -> LookupId {
        LookupId(next!(self.shared.ids.lookup).wrapping_add(1))
    }

    /// The next connection's id, from 1.
    pub fn connection_id(&self) -> ConnectionId {
        ConnectionId(next!(self.shared.ids.connection).wrapping_add(1))
    }

    /// The next exchange's id, from 1.
    pub fn exchange_id(&self) -> ExchangeId {
        ExchangeId(next!(self.shared.ids.exchange).wrapping_add(1))
    }

    /// Keeps a body and returns a reference to it; `None` when nothing is recorded.
    pub fn body(&self, bytes: &[u8]) -> Option<BodyRef> {
        let mut writer = self.body_writer();
        writer.write(bytes);
        writer.finish()
    }

    /// A writer for a body that comes in pieces.
    pub fn body_writer(&self) -> BodyWriter {
        BodyWriter { open: self.is_on().then(|| OpenBody::new(self)) }
    }

    /// Blanks this text in everything that is kept from now on: events, bodies and frames.
    pub fn secret(&self, text: &str) {
        self.with(|recorder| recorder.secret(text));
    }

    /// The names by which this log knows credentials, for texts that only their writer understands;
    /// `None` where credentials are kept.
    pub fn secret_names(&self) -> Option<SecretNames> {
        match &self.shared.recorder {
            Some(recorder) => recorder.borrow().secrets().names().cloned(),
            None => Some(SecretNames::default()),
        }
    }

    /// Keeps lines of an NSS key log with the frames, and returns whether they were kept.
    pub fn tls_secrets(&self, key_log: &str) -> bool {
        self.with(|recorder| recorder.tls_secrets(key_log)).unwrap_or(false)
    }

    /// Adds an entry to `machine.json`, the one file that may differ between two runs with the same
    /// seed.
    pub fn machine(&self, name: &str, value: impl Into<serde_json::Value>) {
        self.with(|recorder| recorder.machine(name, value));
    }

    /// The events kept in memory so far.
    pub fn events(&self) -> Vec<Event> {
        self.events_from(0)
    }

    /// The events kept in memory so far, but for the first `count`.
    pub fn events_from(&self, count: usize) -> Vec<Event> {
        let rest = |recorder: &mut Recorder| recorder.events().get(count..).map(<[_]>::to_vec);
        self.with(rest).flatten().unwrap_or_default()
    }

    /// How many events are kept in memory so far.
    pub fn event_count(&self) -> usize {
        self.with(|recorder| recorder.events().len()).unwrap_or(0)
    }

    /// The bodies kept so far.
    pub fn bodies(&self) -> Bodies {
        self.with(|recorder| recorder.bodies()).unwrap_or_else(Bodies::none)
    }

    /// Why nothing is kept any more, if so: the disk is full. What is done goes on without it.
    pub fn stopped(&self) -> Option<String> {
        self.with(|recorder| recorder.stopped().map(ToString::to_string)).flatten()
    }

    /// Flushes everything to disk.
    ///
    /// # Errors
    /// The first error since the recording began, as of [`Recorder::finish`].
    pub fn finish(&self) -> Result<(), FolderError> {
        self.with(Recorder::finish).unwrap_or(Ok(()))
    }

    /// Calls `act` with the recorder, if there is one. `act` must not reach the log again, since a
    /// recorder can be borrowed only once.
    fn with<T>(&self, act: impl FnOnce(&mut Recorder) -> T) -> Option<T> {
        self.shared.recorder.as_ref().map(|recorder| act(&mut recorder.borrow_mut()))
    }
}

impl Trace for Log {
    #[inline]
    fn emit(
        &mut self,
        at: Time,
        cause: Option<EventId>,
        what: impl FnOnce() -> What,
    ) -> Option<EventId> {
        let recorder = self.shared.recorder.as_ref()?;
        let what = what();
        recorder.borrow_mut().event(at, cause, self.host, what)
    }

    #[inline]
    fn frame(
        &mut self,
        at: Time,
        cause: Option<EventId>,
        interface: InterfaceId,
        direction: Direction,
        bytes: &[u8],
    ) -> Option<EventId> {
        let recorder = self.shared.recorder.as_ref()?;
        recorder.borrow_mut().frame(at, cause, self.host, interface, direction, bytes)
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log")
            .field("host", &self.host)
            .field("on", &self.is_on())
            .finish_non_exhaustive()
    }
}

/// A writer for a body that comes in pieces. Dropped without [`BodyWriter::finish`], it leaves
/// nothing behind.
#[derive(Debug)]
pub struct BodyWriter {
    open: Option<OpenBody>,
}

impl BodyWriter {
    /// Takes the next bytes of the body.
    pub fn write(&mut self, bytes: &[u8]) {
        if let Some(open) = &mut self.open {
            open.write(bytes);
        }
    }

    /// Ends the body and returns a reference to it; `None` when nothing is recorded.
    pub fn finish(mut self) -> Option<BodyRef> {
        self.open.take().map(OpenBody::finish)
    }
}

#[derive(Debug)]
struct OpenBody {
    log: Log,
    hasher: Sha256,
    length: u64,
    stream_redactor: StreamRedactor,
    sink: Sink,
}

#[derive(Debug)]
enum Sink {
    Nowhere,
    Memory(Vec<u8>),
    /// On its way to a file that is made when it grows, or has ended: most bodies are small, and many are
    /// there already.
    Small(Vec<u8>),
    File {
        file: BufWriter<File>,
        path: PathBuf,
        written: std::io::Result<()>,
    },
}

impl OpenBody {
    fn new(log: &Log) -> Self {
        let (sink, stream_redactor) = log
            .with(|recorder| {
                let sink = match recorder.settings().folder {
                    Some(_) if recorder.stopped().is_some() => Sink::Nowhere,
                    Some(_) => Sink::Small(Vec::new()),
                    None => Sink::Memory(Vec::new()),
                };
                (sink, recorder.secrets().stream_redactor())
            })
            .unwrap_or((Sink::Nowhere, StreamRedactor::default()));
        Self { log: log.clone(), hasher: Sha256::new(), length: 0, stream_redactor, sink }
    }

    fn write(&mut self, bytes: &[u8]) {
        let Self { log, hasher, length, stream_redactor, sink } = self;
        stream_redactor.write(bytes, |bytes| take(log, hasher, length, sink, bytes));
    }

    fn finish(mut self) -> BodyRef {
        let Self { log, hasher, length, stream_redactor, sink } = &mut self;
        stream_redactor.finish(|bytes| take(log, hasher, length, sink, bytes));
        let sha256 = hex(&self.hasher.finalize_reset());
        match core::mem::replace(&mut self.sink, Sink::Nowhere) {
            Sink::Nowhere => {}
            Sink::Memory(bytes) => {
                self.log.with(|recorder| recorder.body_in_memory(&sha256, bytes));
            }
            Sink::Small(bytes) => {
                self.log.with(|recorder| recorder.body_whole(&sha256, &bytes));
            }
            Sink::File { mut file, path, written } => {
                let written = written.and_then(|()| file.flush());
                self.log.with(|recorder| recorder.body_done(&path, &sha256, written));
            }
        }
        BodyRef { sha256, length: self.length }
    }
}

/// The most bytes of a body that are held before a file is made for it.
const SMALL: usize = 64 * 1024;

fn take(log: &Log, hasher: &mut Sha256, length: &mut u64, sink: &mut Sink, bytes: &[u8]) {
    hasher.update(bytes);
    *length += bytes.len() as u64;
    if let Sink::Small(held) = sink
        && held.len() + bytes.len() > SMALL
    {
        let part = log.with(Recorder::body_part).flatten();
        *sink = match part {
            Some((mut file, path)) => {
                let written = file.write_all(held);
                Sink::File { file, path, written }
            }
            None => Sink::Nowhere,
        };
    }
    match sink {
        Sink::Small(held) => held.extend_from_slice(bytes),
        Sink::Nowhere => {}
        Sink::Memory(kept) => kept.extend_from_slice(bytes),
        Sink::File { file, written, .. } => {
            if written.is_ok() {
                *written = file.write_all(bytes);
            }
        }
    }
}

impl Drop for OpenBody {
    fn drop(&mut self) {
        if let Sink::File { path, .. } = &self.sink {
            let _ = fs::remove_file(path);
        }
    }
}
