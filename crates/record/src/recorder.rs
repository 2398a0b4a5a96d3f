//! `Recorder`: numbers events and frames and keeps them, on disk or in memory.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::folder::{self, BODIES, EVENTS, FRAMES, MACHINE};
use crate::observer::Observer;
use crate::pcapng::{LinkType, Packet, with_secrets_first};
use crate::secret::Secrets;
use crate::secret_names::SecretNames;
use crate::{
    Bodies, Direction, Event, EventId, FolderError, FrameSeen, HostDeclared, HostId, Interface,
    InterfaceId, PcapngWriter, Role, Time, What, WireKind,
};

/// Which hosts' frames are captured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Capture {
    /// The frames of hosts with [`Role::Client`], as tcpdump would capture them there.
    #[default]
    Client,
    /// The frames of all hosts; a frame then appears once for each interface it passes.
    All,
    /// No frames.
    Nothing,
}

impl Capture {
    fn takes(self, role: Role) -> bool {
        match self {
            Self::Client => role == Role::Client,
            Self::All => true,
            Self::Nothing => false,
        }
    }
}

/// How a record is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Keep events in memory, and bodies too where there is no folder.
    pub memory: bool,
    /// Stream everything to this folder.
    pub folder: Option<PathBuf>,
    /// Which hosts' frames are captured.
    pub capture: Capture,
    /// The bytes kept of each captured frame; `None` for all.
    pub snaplen: Option<u32>,
    /// Keep credentials and TLS session keys instead of blanking them.
    pub keep_secrets: bool,
    /// Names of header fields and query values that carry credentials, besides those that are known
    /// to ([`SecretNames`]).
    pub redact: Vec<String>,
    /// One who is told of each event, if anybody.
    pub observer: Option<Observer>,
    /// Whether frames, segments and congestion samples become events. Without it, captured frames
    /// only go to `trace.pcapng`, and no event can name them as its cause: for runs of very many
    /// frames.
    pub frame_events: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            memory: false,
            folder: None,
            capture: Capture::default(),
            snaplen: None,
            keep_secrets: false,
            redact: Vec::new(),
            observer: None,
            frame_events: true,
        }
    }
}

impl Settings {
    /// Settings that keep events and bodies in memory, and no frames.
    pub fn in_memory() -> Self {
        Self { memory: true, capture: Capture::Nothing, ..Self::default() }
    }

    /// Settings that stream everything to the folder `path`.
    pub fn in_folder(path: impl Into<PathBuf>) -> Self {
        Self { folder: Some(path.into()), ..Self::default() }
    }
}

/// Takes events and frames, numbers them and keeps them; the layers share one through
/// [`Log`](crate::Log).
///
/// A write error (a full disk) ends the recording but not the run: the first error is kept, nothing
/// more is written, and [`Recorder::finish`] returns the error.
#[derive(Debug)]
pub struct Recorder {
    settings: Settings,
    last_id: u64,
    /// The latest time of any event or frame.
    last_at: Time,
    events: Vec<Event>,
    bodies: BTreeMap<String, Vec<u8>>,
    hosts: BTreeMap<HostId, HostDeclared>,
    interfaces: Vec<KnownInterface>,
    /// The calendar time of the record's epoch, in nanoseconds since 1970.
    wall: u64,
    wire: Option<WireKind>,
    lines: Option<BufWriter<File>>,
    frames: Option<PcapngWriter<BufWriter<File>>>,
    machine: BTreeMap<String, serde_json::Value>,
    secrets: Secrets,
    error: Option<FolderError>,
    line: Vec<u8>,
    comment: String,
    parts: u64,
    /// Keys of TLS sessions that were kept with the frames.
    key_log: Vec<u8>,
    /// Whether some of them stand behind packets that they are needed for.
    late_keys: bool,
}

/// Whether events of this kind occur about once for every frame.
fn is_bulk(what: &What) -> bool {
    matches!(what, What::TcpSegment(_) | What::TcpCongestion(_))
}

/// What capturing a frame needs to know of its interface.
#[derive(Clone, Debug, Default)]
struct KnownInterface {
    name: String,
    host: String,
    raw: bool,
    captured: bool,
}

impl Recorder {
    /// Begins a record, and makes its folder where the settings name one.
    ///
    /// # Errors
    /// When the folder or `record.jsonl` cannot be made.
    pub fn new(settings: Settings) -> Result<Self, FolderError> {
        let mut lines = None;
        if let Some(path) = &settings.folder {
            folder::prepare(path)?;
            let file = folder::make_private_file(&path.join(EVENTS))?;
            lines = Some(BufWriter::with_capacity(1 << 18, file));
        }
        Ok(Self {
            secrets: Secrets::new(settings.keep_secrets, SecretNames::with(&settings.redact)),
            settings,
            last_id: 0,
            last_at: Time::ZERO,
            events: Vec::new(),
            bodies: BTreeMap::new(),
            hosts: BTreeMap::new(),
            interfaces: Vec::new(),
            wall: 0,
            wire: None,
            lines,
            frames: None,
            machine: BTreeMap::new(),
            error: None,
            line: Vec::new(),
            comment: String::new(),
            parts: 0,
            key_log: Vec::new(),
            late_keys: false,
        })
    }

    /// The settings the recorder was made with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The latest time of any event or frame so far.
    pub fn latest(&self) -> Time {
        self.last_at
    }

    /// Records an event and returns its id; `None` if the settings leave out events of this kind.
    pub fn event(
        &mut self,
        at: Time,
        cause: Option<EventId>,
        host: HostId,
        what: What,
    ) -> Option<EventId> {
        if !self.settings.frame_events && is_bulk(&what) {
            return None;
        }
        let id = self.next_id()?;
        self.last_at = self.last_at.max(at);
        let event = self.secrets.redact(Event { id, at, cause, host, what });
        self.learn(&event.what);
        self.keep(event);
        Some(id)
    }

    /// Records a frame and returns its event's id; `None` if frames do not become events. Its bytes
    /// go to the capture where the interface's frames are captured.
    pub fn frame(
        &mut self,
        at: Time,
        cause: Option<EventId>,
        host: HostId,
        interface: InterfaceId,
        direction: Direction,
        bytes: &[u8],
    ) -> Option<EventId> {
        let id = if self.settings.frame_events { self.next_id() } else { None };
        self.last_at = self.last_at.max(at);
        let captured = self.settings.folder.is_some()
            && self.error.is_none()
            && self.interfaces.get(interface.0 as usize).is_some_and(|known| known.captured);
        let packet =
            if captured { self.capture(at, id, interface, direction, bytes) } else { None };
        let id = id?;
        let what =
            What::Frame(FrameSeen { interface, direction, length: bytes.len() as u32, packet });
        self.keep(Event { id, at, cause, host, what });
        Some(id)
    }

    /// Keeps lines of an NSS key log with the frames that follow, and returns whether they were
    /// kept. Outside the lab they are kept only where the settings keep secrets.
    pub fn tls_secrets(&mut self, key_log: &str) -> bool {
        let allowed = self.settings.keep_secrets || self.wire == Some(WireKind::Lab);
        let wanted = self.settings.folder.is_some() && self.settings.capture != Capture::Nothing;
        if !allowed || !wanted || self.error.is_some() {
            return false;
        }
        let written = self.frame_writer().and_then(|(frames, path)| {
            frames.secrets(key_log.as_bytes()).map_err(FolderError::io(&path))?;
            Ok(frames.packets() > 0)
        });
        let Some(is_late) = self.note(written) else { return false };
        self.key_log.extend_from_slice(key_log.as_bytes());
        self.late_keys |= is_late;
        true
    }

    /// Blanks this text in everything that is kept from now on: events, bodies and frames. A text
    /// of fewer than four bytes is ignored, since it would occur everywhere.
    pub fn secret(&mut self, text: &str) {
        self.secrets.add(text);
    }

    /// Adds an entry to `machine.json`, the one file that may differ between two runs with the same
    /// seed.
    pub fn machine(&mut self, name: &str, value: impl Into<serde_json::Value>) {
        self.machine.insert(name.to_owned(), value.into());
    }

    /// The events kept in memory.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The bodies kept so far.
    pub fn bodies(&self) -> Bodies {
        match &self.settings.folder {
            Some(path) => crate::Folder::at(path).bodies(),
            None => Bodies::in_memory(self.bodies.clone()),
        }
    }

    /// The error that ended the recording, if one did; [`Recorder::finish`] gives it.
    pub fn stopped(&self) -> Option<&FolderError> {
        self.error.as_ref()
    }

    /// Flushes everything to disk. Recording may go on afterwards.
    ///
    /// # Errors
    /// The first error that occurred since the recording began, or since the last call.
    pub fn finish(&mut self) -> Result<(), FolderError> {
        let written = self.flush();
        self.note(written);
        self.error.take().map_or(Ok(()), Err)
    }

    fn flush(&mut self) -> Result<(), FolderError> {
        let Some(path) = self.settings.folder.clone() else { return Ok(()) };
        if let Some(lines) = &mut self.lines {
            lines.flush().map_err(FolderError::io(&path.join(EVENTS)))?;
        }
        if let Some(frames) = &mut self.frames {
            frames.flush().map_err(FolderError::io(&path.join(FRAMES)))?;
        }
        if core::mem::take(&mut self.late_keys) {
            let frames = path.join(FRAMES);
            self.keys_first(&frames).map_err(FolderError::io(&frames))?;
        }
        if !self.machine.is_empty() {
            let path = path.join(MACHINE);
            let mut file = folder::make_private_file(&path)?;
            let text = serde_json::to_string_pretty(&self.machine).unwrap_or_default();
            file.write_all(text.as_bytes()).map_err(FolderError::io(&path))?;
        }
        Ok(())
    }

    /// Puts the keys of TLS sessions before all packets of the capture.
    fn keys_first(&mut self, path: &Path) -> std::io::Result<()> {
        let Some(frames) = &mut self.frames else { return Ok(()) };
        let part = path.with_extension("part");
        let mut input = BufReader::with_capacity(1 << 18, File::open(path)?);
        let made = folder::make_private_file(&part).map_err(std::io::Error::other)?;
        let output = BufWriter::with_capacity(1 << 18, made);
        with_secrets_first(&mut input, output, &self.key_log)?;
        fs::rename(&part, path)?;
        let file = File::options().append(true).open(path)?;
        frames.continue_in(BufWriter::with_capacity(1 << 18, file));
        Ok(())
    }

    fn next_id(&mut self) -> Option<EventId> {
        self.last_id += 1;
        EventId::new(self.last_id)
    }

    /// Remembers from an event what capturing later frames needs.
    fn learn(&mut self, what: &What) {
        match what {
            What::RunStarted(run) => {
                self.wall = run.wall;
                self.wire = Some(run.wire.clone());
            }
            What::HostDeclared(host) => {
                for interface in &host.interfaces {
                    self.learn_interface(host, interface);
                }
                self.hosts.insert(host.id, host.clone());
            }
            _ => {}
        }
    }

    fn learn_interface(&mut self, host: &HostDeclared, interface: &Interface) {
        let at = interface.id.0 as usize;
        // Interfaces are numbered from 0 without gaps, so a number far beyond the last one is a
        // mistake.
        if at > self.interfaces.len() + 4096 {
            return;
        }
        if at >= self.interfaces.len() {
            self.interfaces.resize(at + 1, KnownInterface::default());
        }
        self.interfaces[at] = KnownInterface {
            name: format!("{}:{}", host.name, interface.name),
            host: host.name.clone(),
            raw: interface.mac.is_empty(),
            captured: self.settings.capture.takes(host.role),
        };
    }

    /// The latest declaration of a host, to be declared again with more interfaces.
    pub(crate) fn host(&self, id: HostId) -> Option<&HostDeclared> {
        self.hosts.get(&id)
    }

    fn keep(&mut self, mut event: Event) {
        if !self.secrets.is_empty() {
            event = self.secrets.blank_event(event);
        }
        if let Some(observer) = &self.settings.observer {
            observer.tell(&event);
        }
        if self.lines.is_some() && self.error.is_none() {
            self.line.clear();
            let written = match serde_json::to_writer(&mut self.line, &event) {
                Ok(()) => {
                    self.line.push(b'\n');
                    self.lines.as_mut().map_or(Ok(()), |lines| lines.write_all(&self.line))
                }
                Err(error) => Err(error.into()),
            };
            if let Err(error) = written {
                let path = self.file(EVENTS);
                self.error.get_or_insert(FolderError::Io { path, source: error });
            }
        }
        if self.settings.memory {
            self.events.push(event);
        }
    }

    fn capture(
        &mut self,
        at: Time,
        id: Option<EventId>,
        interface: InterfaceId,
        direction: Direction,
        bytes: &[u8],
    ) -> Option<u64> {
        use core::fmt::Write;
        let raw = self.interfaces.get(interface.0 as usize).is_some_and(|known| known.raw);
        let mut comment = core::mem::take(&mut self.comment);
        comment.clear();
        if let Some(id) = id {
            let _ = write!(comment, "event {}", id.get());
        }
        let mut secrets = core::mem::take(&mut self.secrets);
        let blanked = secrets.blank_frame(interface, raw, bytes);
        if blanked.is_some() {
            let _ = write!(
                comment,
                "{}credentials blanked, checksum adjusted",
                if comment.is_empty() { "" } else { "; " }
            );
        }
        let nanos = self.wall.saturating_add(at.nanos());
        let packet = Packet {
            interface: interface.0,
            nanos,
            direction,
            bytes: blanked.unwrap_or(bytes),
            comment: &comment,
        };
        let written = self.write_packet(&packet);
        self.secrets = secrets;
        self.comment = comment;
        self.note(written)
    }

    fn write_packet(&mut self, packet: &Packet<'_>) -> Result<u64, FolderError> {
        let described = self.frames.as_ref().map_or(0, PcapngWriter::interfaces);
        if described <= packet.interface as usize {
            self.describe_up_to(InterfaceId(packet.interface))?;
        }
        let written = match &mut self.frames {
            Some(frames) => frames.packet(packet),
            None => Err(std::io::ErrorKind::NotFound.into()),
        };
        written.map_err(|source| FolderError::Io { path: self.file(FRAMES), source })
    }

    /// Describes interfaces in the capture up to this one. Numbers in the capture are those of
    /// [`InterfaceId`], so every interface below it is described too.
    fn describe_up_to(&mut self, interface: InterfaceId) -> Result<(), FolderError> {
        let snaplen = self.settings.snaplen;
        while self.frame_writer()?.0.interfaces() <= interface.0 as usize {
            let next = self.frame_writer()?.0.interfaces();
            let known = self.interfaces.get(next).cloned().unwrap_or_default();
            let link = if known.raw { LinkType::Raw } else { LinkType::Ethernet };
            let (frames, path) = self.frame_writer()?;
            frames
                .interface(&known.name, &known.host, link, snaplen)
                .map_err(FolderError::io(&path))?;
        }
        Ok(())
    }

    fn frame_writer(
        &mut self,
    ) -> Result<(&mut PcapngWriter<BufWriter<File>>, PathBuf), FolderError> {
        let path = self.file(FRAMES);
        let frames = if let Some(frames) = self.frames.take() {
            frames
        } else {
            let file = BufWriter::with_capacity(1 << 18, folder::make_private_file(&path)?);
            PcapngWriter::new(file, concat!("roundtrip ", env!("CARGO_PKG_VERSION")))
                .map_err(FolderError::io(&path))?
        };
        Ok((self.frames.insert(frames), path))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.settings.folder.as_deref().unwrap_or(Path::new("")).join(name)
    }

    /// Remembers the first error, which ends the recording.
    fn note<T>(&mut self, result: Result<T, FolderError>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.error.get_or_insert(error);
                None
            }
        }
    }

    /// Creates the file of a body whose hash is not known yet.
    pub(crate) fn body_part(&mut self) -> Option<(BufWriter<File>, PathBuf)> {
        let folder = self.settings.folder.as_ref()?;
        if self.error.is_some() {
            return None;
        }
        self.parts += 1;
        let path = folder.join(BODIES).join(format!(".part-{}", self.parts));
        let made = folder::make_private_file(&path);
        self.note(made).map(|file| (BufWriter::with_capacity(1 << 16, file), path))
    }

    /// Renames the file of a complete body to the body's hash.
    pub(crate) fn body_done(&mut self, part: &Path, sha256: &str, written: std::io::Result<()>) {
        let to = self.file(BODIES).join(sha256);
        let moved = written.and_then(|()| fs::rename(part, &to)).map_err(FolderError::io(&to));
        self.note(moved);
    }

    /// Writes a complete body, where none with its hash is there.
    pub(crate) fn body_whole(&mut self, sha256: &str, bytes: &[u8]) {
        if self.file(BODIES).join(sha256).is_file() {
            return;
        }
        if let Some((mut file, path)) = self.body_part() {
            let written = file.write_all(bytes).and_then(|()| file.flush());
            self.body_done(&path, sha256, written);
        }
    }

    /// Keeps a complete body in memory.
    pub(crate) fn body_in_memory(&mut self, sha256: &str, bytes: Vec<u8>) {
        self.bodies.insert(sha256.to_owned(), bytes);
    }

    pub(crate) fn secrets(&self) -> &Secrets {
        &self.secrets
    }
}

impl Drop for Recorder {
    /// Flushes what is buffered, even where nobody asks for errors by [`Recorder::finish`].
    fn drop(&mut self) {
        let _ = self.flush();
    }
}
