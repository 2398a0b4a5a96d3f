//! The first reading of an archive: every entry becomes a [`Sketch`], its texts become bodies of the
//! record, and the rest of it is kept as it stood.

use data_encoding::{BASE64, BASE64_MIME_PERMISSIVE};
use roundtrip_record::{BodyRef, BodyWriter, Log, SecretNames};
use serde::Deserialize as _;
use serde_json::Value;

use super::entry::{Entry, Page};
use super::redact;
use super::sketch::Sketch;
use crate::error::ImportError;
use crate::json::{Bounded, DEEPEST, Json, JsonError, Piece, Sink, put_string, separate};
use crate::notes::Notes;
use crate::text::{Text, located};

/// The largest entry that is read, in bytes, its texts not counted. In memory it may take a hundred
/// times as much; entries of real archives have some kilobytes.
const LARGEST_ENTRY: usize = 4 << 20;

/// The most that an archive may have besides its entries, in bytes: pages, and what writers add.
const LARGEST_HEAD: usize = 16 << 20;

/// Up to this length, a text is held until it is known whether it is coded in base64.
const HELD: usize = 1 << 20;

/// What an archive says besides its entries.
#[derive(Debug, Default)]
pub(crate) struct Head {
    /// The archive's own JSON, without entries.
    pub(crate) text: Vec<u8>,
    /// Version of the format.
    pub(crate) version: String,
    /// Name and version of the program that wrote it.
    pub(crate) writer: String,
    /// Name and version of the browser.
    pub(crate) browser: String,
    pub(crate) pages: Vec<Page>,
}

/// An archive that was read.
pub(crate) struct Archive {
    pub(crate) head: Head,
    /// The entries that can be imported, in the order of the archive.
    pub(crate) sketches: Vec<Sketch>,
    /// The entries' texts, one a line.
    pub(crate) entries: Option<BodyRef>,
    /// How many entries there were, and the first reason for which one was refused.
    pub(crate) count: u64,
    pub(crate) refused: Option<String>,
}

struct Reader<'a> {
    log: &'a Log,
    /// The names of credentials; `None` where they are kept.
    secrets: Option<SecretNames>,
    notes: &'a mut Notes,
    entries: BodyWriter,
    written: u64,
    archive: Archive,
    /// Whether there was a `log`.
    met: bool,
}

/// Reads an archive.
pub(crate) fn archive(
    json: &mut Json<Text>,
    log: &Log,
    notes: &mut Notes,
) -> Result<Archive, ImportError> {
    let archive = Archive {
        head: Head::default(),
        sketches: Vec::new(),
        entries: None,
        count: 0,
        refused: None,
    };
    let entries = log.body_writer();
    let secrets = log.secret_names();
    let mut reader = Reader { log, secrets, notes, entries, written: 0, archive, met: false };
    let read = reader.root(json);
    let Reader { entries, mut archive, met, .. } = reader;
    read.and_then(|()| match json.peek()? {
        Some(_) => json.wrong("there is more text after the end of the archive"),
        None => Ok(()),
    })
    .map_err(|error| located(json, error))?;
    let path = json.input().input().path().to_owned();
    if !met {
        let what = "JSON, but neither a HAR, which has an object `log`, nor a NetLog of Chrome's, which begins with `constants`".to_owned();
        return Err(ImportError::Unknown { path, what });
    }
    archive.entries = entries.finish();
    archive.head.understand(notes);
    Ok(archive)
}

impl Reader<'_> {
    /// Reads the whole text: an object with `log`.
    fn root(&mut self, json: &mut Json<Text>) -> Result<(), JsonError> {
        match json.peek()? {
            Some(b'{') => {}
            Some(byte) if byte.is_ascii_alphabetic() || byte == b'_' => {
                return json.wrong("a HAR begins with `{`; a call of a function around it (JSONP) has to be taken off");
            }
            Some(_) => return json.wrong("a HAR begins with `{`"),
            None => return json.wrong("the file is empty"),
        }
        let mut head = Bounded::new(LARGEST_HEAD);
        let mut first = true;
        head.put(b"{");
        json.object(|json, name| {
            separate(&mut head, &mut first);
            put_string(&mut head, name);
            head.put(b":");
            if name == "log" && json.peek()? == Some(b'{') {
                self.met = true;
                self.log(json, &mut head)
            } else {
                json.copy(&mut head)
            }
        })?;
        head.put(b"}");
        if head.over {
            return json.wrong(format!(
                "there are more than {} MiB besides the entries",
                LARGEST_HEAD >> 20
            ));
        }
        if head.deep {
            self.notes.add(&format!(
                "values besides the entries are nested deeper than {DEEPEST} levels; null is there instead"
            ));
        }
        self.archive.head.text = head.bytes;
        Ok(())
    }

    fn log(&mut self, json: &mut Json<Text>, head: &mut Bounded) -> Result<(), JsonError> {
        let mut first = true;
        head.put(b"{");
        json.object(|json, name| {
            if name == "entries" && json.peek()? == Some(b'[') {
                return json.array(|json| self.entry(json));
            }
            separate(head, &mut first);
            put_string(head, name);
            head.put(b":");
            json.copy(head)
        })?;
        head.put(b"}");
        Ok(())
    }

    /// Reads one entry.
    fn entry(&mut self, json: &mut Json<Text>) -> Result<(), JsonError> {
        let place = self.archive.count;
        self.archive.count += 1;
        if json.peek()? != Some(b'{') {
            self.refuse(place, "it is no object");
            return json.skip();
        }
        let mut text = Bounded::new(LARGEST_ENTRY);
        self.object(json, &mut text, Part::Entry)?;
        if text.over {
            let most = LARGEST_ENTRY >> 20;
            self.refuse(place, &format!("it is larger than {most} MiB, its texts not counted"));
            return Ok(());
        }
        if text.deep {
            self.refuse(place, &format!("its values are nested deeper than {DEEPEST} levels"));
            return Ok(());
        }
        let text = match String::from_utf8(text.bytes) {
            Ok(text) => text,
            Err(error) => {
                self.notes.add("not UTF-8; what is not was replaced by U+FFFD");
                String::from_utf8_lossy(error.as_bytes()).into_owned()
            }
        };
        let mut value: Value = match serde_json::from_str(&text) {
            Ok(value) => value,
            Err(error) => {
                self.refuse(place, &error.to_string());
                return Ok(());
            }
        };
        let secrets = self.secrets.as_ref();
        let changed = secrets.is_some_and(|names| redact::entry(&mut value, names));
        let line = if changed { value.to_string() } else { text };
        let at = self.written;
        self.entries.write(line.as_bytes());
        self.entries.write(b"\n");
        self.written += line.len() as u64 + 1;
        let sketch = Entry::read(&value)
            .map_err(|error| error.to_string())
            .and_then(|entry| Sketch::of(&entry, place, (at, line.len() as u64), self.notes));
        match sketch {
            Ok(sketch) => self.archive.sketches.push(sketch),
            Err(why) => self.refuse(place, &why),
        }
        Ok(())
    }

    fn refuse(&mut self, place: u64, why: &str) {
        self.notes.add("entries could not be imported");
        self.archive.refused.get_or_insert_with(|| format!("entry {place}: {why}"));
    }

    /// Copies an object of an entry; texts of bodies are taken out.
    fn object(
        &mut self,
        json: &mut Json<Text>,
        out: &mut Bounded,
        part: Part,
    ) -> Result<(), JsonError> {
        let mut first = true;
        let mut text: Option<Held> = None;
        let mut base64 = false;
        out.put(b"{");
        json.object(|json, name| {
            let next = json.peek()?;
            if let (Some(part), Some(b'{')) = (part.within(name), next) {
                separate(out, &mut first);
                put_string(out, name);
                out.put(b":");
                return self.object(json, out, part);
            }
            if part.has_text() && name == "text" && next == Some(b'"') {
                text = Some(Held::read(json, self.log)?);
                return Ok(());
            }
            separate(out, &mut first);
            put_string(out, name);
            out.put(b":");
            if part.has_text() && name == "encoding" && next == Some(b'"') {
                let mut coding = Vec::new();
                json.copy(&mut coding)?;
                base64 = coding.eq_ignore_ascii_case(b"\"base64\"");
                out.put(&coding);
                return Ok(());
            }
            json.copy(out)
        })?;
        if let Some(text) = text {
            separate(out, &mut first);
            out.put(b"\"text\":");
            self.keep(text, base64, out);
        }
        out.put(b"}");
        Ok(())
    }

    /// Keeps a text as a body, and puts the body's reference in its place.
    fn keep(&mut self, text: Held, base64: bool, out: &mut Bounded) {
        let body = match text.finish(base64, self.log) {
            Ok(body) => body,
            Err((body, why)) => {
                self.notes.add(why);
                body
            }
        };
        let reference = body.and_then(|body| serde_json::to_vec(&body).ok());
        out.put(reference.as_deref().unwrap_or(b"null"));
    }
}

/// The parts of an entry on the way to its texts.
#[derive(Clone, Copy)]
enum Part {
    Entry,
    Request,
    Response,
    PostData,
    Content,
}

impl Part {
    fn within(self, name: &str) -> Option<Self> {
        match (self, name) {
            (Self::Entry, "request") => Some(Self::Request),
            (Self::Entry, "response") => Some(Self::Response),
            (Self::Request, "postData") => Some(Self::PostData),
            (Self::Response, "content") => Some(Self::Content),
            _ => None,
        }
    }

    fn has_text(self) -> bool {
        matches!(self, Self::PostData | Self::Content)
    }
}

/// A text that is not known yet to be coded in base64 or not, since `encoding` may come after it.
enum Held {
    /// A short one, in memory.
    Short(Vec<u8>),
    /// A long one, written both ways.
    Long { plain: Box<BodyWriter>, decoded: Option<Box<Base64>> },
}

impl Held {
    /// Reads a text.
    fn read(json: &mut Json<Text>, log: &Log) -> Result<Self, JsonError> {
        let mut held = Self::Short(Vec::new());
        json.string(|piece| match piece {
            Piece::Plain(bytes) => held.write(bytes, log),
            Piece::Char(char) => held.write(char.encode_utf8(&mut [0; 4]).as_bytes(), log),
        })?;
        Ok(held)
    }

    fn write(&mut self, bytes: &[u8], log: &Log) {
        match self {
            Self::Short(held) => {
                held.extend_from_slice(bytes);
                if held.len() > HELD {
                    let held = core::mem::take(held);
                    let decoded = Base64 { body: log.body_writer(), held: Vec::new() };
                    let decoded = Some(Box::new(decoded));
                    *self = Self::Long { plain: Box::new(log.body_writer()), decoded };
                    self.write(&held, log);
                }
            }
            Self::Long { plain, decoded } => {
                plain.write(bytes);
                if decoded.as_mut().is_some_and(|decoded| decoded.write(bytes).is_err()) {
                    *decoded = None;
                }
            }
        }
    }

    /// The body; with an error, the body of the text as it stood and a note.
    fn finish(
        self,
        base64: bool,
        log: &Log,
    ) -> Result<Option<BodyRef>, (Option<BodyRef>, &'static str)> {
        const NOT_BASE64: &str = "a text said to be in base64 is not; it is kept as it stood";
        match self {
            Self::Short(text) if base64 => match decode(&text) {
                Some(bytes) => Ok(log.body(&bytes)),
                None => Err((log.body(&text), NOT_BASE64)),
            },
            Self::Short(text) => Ok(log.body(&text)),
            Self::Long { plain, decoded } if base64 => {
                match decoded.and_then(|decoded| decoded.finish().ok()) {
                    Some(body) => Ok(body),
                    None => Err((plain.finish(), NOT_BASE64)),
                }
            }
            Self::Long { plain, .. } => Ok(plain.finish()),
        }
    }
}

/// Base64 with or without padding and line breaks.
fn decode(text: &[u8]) -> Option<Vec<u8>> {
    if let Ok(bytes) = BASE64.decode(text) {
        return Some(bytes);
    }
    let mut plain: Vec<u8> =
        text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    while !plain.len().is_multiple_of(4) {
        plain.push(b'=');
    }
    BASE64_MIME_PERMISSIVE.decode(&plain).ok()
}

/// A body that is decoded from base64 as it comes.
struct Base64 {
    body: BodyWriter,
    held: Vec<u8>,
}

impl Base64 {
    fn write(&mut self, bytes: &[u8]) -> Result<(), ()> {
        self.held.extend(bytes.iter().copied().filter(|byte| !byte.is_ascii_whitespace()));
        // The last group may be padded, so it waits for the end.
        let whole = self.held.len().saturating_sub(4) / 4 * 4;
        let decoded = BASE64.decode(&self.held[..whole]).map_err(|_| ())?;
        self.body.write(&decoded);
        self.held.drain(..whole);
        Ok(())
    }

    fn finish(mut self) -> Result<Option<BodyRef>, ()> {
        let last = decode(&self.held).ok_or(())?;
        self.body.write(&last);
        Ok(self.body.finish())
    }
}

impl Head {
    /// Reads the archive's own fields.
    fn understand(&mut self, notes: &mut Notes) {
        let text = core::mem::take(&mut self.text);
        let text = match String::from_utf8(text) {
            Ok(text) => text.into_bytes(),
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned().into_bytes(),
        };
        let root: Value = serde_json::from_slice(&text).unwrap_or_else(|error| {
            notes.add(&format!("what stands besides the entries cannot be understood: {error}"));
            Value::Null
        });
        let log = &root["log"];
        let program = |value: &Value| {
            let part = |name: &str| match &value[name] {
                Value::String(text) => text.trim().to_owned(),
                Value::Number(number) => number.to_string(),
                _ => String::new(),
            };
            format!("{} {}", part("name"), part("version")).trim().to_owned()
        };
        log["version"].as_str().unwrap_or_default().clone_into(&mut self.version);
        self.writer = program(&log["creator"]);
        self.browser = program(&log["browser"]);
        let pages = log["pages"].as_array().map_or(&[][..], Vec::as_slice);
        self.pages = pages.iter().filter_map(|page| Page::deserialize(page).ok()).collect();
        self.text = text;
    }
}
