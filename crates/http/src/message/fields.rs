//! Header and trailer fields, in the order and the case in which they stand on the wire.

use core::fmt;

use roundtrip_record::Field;

use super::error::{Defect, MessageError};

/// A list of field lines. Names are compared without regard to case; order, case and repetition
/// are kept. All text lies in one buffer.
#[derive(Clone, Default)]
pub struct Fields {
    text: Vec<u8>,
    lines: Vec<Line>,
}

/// Where a field lies in the text: `start..colon` is its name, `colon..end` its value.
#[derive(Clone, Copy)]
struct Line {
    start: u32,
    colon: u32,
    end: u32,
    /// Where it stood in the message that it came in.
    offset: u32,
}

impl Fields {
    /// None.
    pub const fn new() -> Self {
        Self { text: Vec::new(), lines: Vec::new() }
    }

    pub(crate) fn with_capacity(text: usize, lines: usize) -> Self {
        Self { text: Vec::with_capacity(text), lines: Vec::with_capacity(lines) }
    }

    /// How many field lines there are.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Adds a field line that somebody else wrote.
    ///
    /// # Errors
    /// When the name is no token or the value has a control character (RFC 9110 §5.1, §5.5); the
    /// offset counts from the start of `name: value`.
    pub fn push(&mut self, name: &str, value: &[u8]) -> Result<(), MessageError> {
        self.push_as_is(name, value.trim_ascii())
    }

    /// Adds a field line that somebody else wrote, blanks around its value included: they mean nothing,
    /// and whoever wrote them may want to see what becomes of them.
    ///
    /// # Errors
    /// As [`Fields::push`]; a line end is no blank.
    pub fn push_as_is(&mut self, name: &str, value: &[u8]) -> Result<(), MessageError> {
        if !is_token(name.as_bytes()) {
            return Err(MessageError::new(Defect::BadFieldName, 0));
        }
        if let Some(at) = value.iter().position(|&byte| !is_field_value(byte)) {
            let offset = (name.len() + 2 + at) as u64;
            return Err(MessageError::new(Defect::BadFieldValue, offset));
        }
        self.append(name.as_bytes(), value, 0);
        Ok(())
    }

    /// Adds a field line whose name we wrote. Control characters in the value become spaces, as
    /// RFC 9110 §5.5 has it, so that no value can end its line.
    pub fn add(&mut self, name: &'static str, value: impl AsRef<[u8]>) -> &mut Self {
        debug_assert!(is_token(name.as_bytes()));
        let before = self.text.len() + name.len();
        self.append(name.as_bytes(), value.as_ref().trim_ascii(), 0);
        for byte in &mut self.text[before..] {
            if !is_field_value(*byte) {
                *byte = b' ';
            }
        }
        self
    }

    /// Adds a pseudo-field of HTTP/2 (RFC 9113 §8.3), whose name no other field can have. It is for
    /// the record alone: HTTP/1 could not write it.
    pub(crate) fn add_pseudo(&mut self, name: &'static str, value: &[u8]) {
        self.append(name.as_bytes(), value.trim_ascii(), 0);
    }

    /// Takes all lines with this name out and adds one.
    pub fn set(&mut self, name: &'static str, value: impl AsRef<[u8]>) -> &mut Self {
        self.remove(name);
        self.add(name, value)
    }

    /// Takes all lines with this name out; answers whether there were any.
    pub fn remove(&mut self, name: &str) -> bool {
        let before = self.lines.len();
        let text = &self.text;
        self.lines.retain(|line| !line.name(text).eq_ignore_ascii_case(name.as_bytes()));
        self.lines.len() < before
    }

    /// The value of the first line with this name.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.get_all(name).next()
    }

    /// The value of the first line with this name, where it is ASCII or UTF-8.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(|value| core::str::from_utf8(value).ok())
    }

    /// The values of all lines with this name.
    pub fn get_all<'a, 'n>(&'a self, name: &'n str) -> Values<'a, 'n> {
        Values { fields: self, name, next: 0 }
    }

    /// Whether there is a line with this name.
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The elements of the list that all lines with this name make together (RFC 9110 §5.6.1);
    /// empty elements are left out. Not for fields with quoted strings or dates in them.
    pub fn list<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        self.get_all(name)
            .flat_map(|value| value.split(|&byte| byte == b','))
            .map(<[u8]>::trim_ascii)
            .filter(|element| !element.is_empty())
    }

    /// Whether that list has this element, without regard to case.
    pub fn has(&self, name: &str, element: &str) -> bool {
        self.list(name).any(|other| other.eq_ignore_ascii_case(element.as_bytes()))
    }

    /// Name and value of each line, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.lines.iter().map(|line| (line.name_text(&self.text), line.value(&self.text)))
    }

    /// As the record keeps them. Bytes beyond ASCII that are not UTF-8 are read as Latin-1.
    pub fn to_record(&self) -> Vec<Field> {
        self.iter().map(|(name, value)| Field(name.to_owned(), to_text(value))).collect()
    }

    /// Writes the lines as they stand on the wire, without the blank line after them.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.reserve(self.text.len() + 4 * self.lines.len());
        for line in &self.lines {
            out.extend_from_slice(line.name(&self.text));
            out.push(b':');
            let value = line.value(&self.text);
            if !value.is_empty() {
                out.push(b' ');
                out.extend_from_slice(value);
            }
            out.extend_from_slice(b"\r\n");
        }
    }

    /// Where the first line with this name stood in its message.
    pub(crate) fn offset(&self, name: &str) -> u64 {
        let line = self
            .lines
            .iter()
            .find(|line| line.name(&self.text).eq_ignore_ascii_case(name.as_bytes()));
        line.map_or(0, |line| u64::from(line.offset))
    }

    /// Takes a field line without its line end, which stands at `offset` of its message.
    pub(crate) fn parse_line(&mut self, line: &[u8], offset: u64) -> Result<(), MessageError> {
        let fail = |defect, at: usize| Err(MessageError::new(defect, offset + at as u64));
        if line.first().is_some_and(|&byte| byte == b' ' || byte == b'\t') {
            return fail(Defect::ObsoleteFold, 0);
        }
        let Some(colon) = line.iter().position(|&byte| !TOKEN[byte as usize]) else {
            return fail(Defect::NoColon, line.len());
        };
        match line[colon] {
            b':' if colon == 0 => return fail(Defect::BadFieldName, 0),
            b':' => {}
            b' ' | b'\t' if line[colon..].trim_ascii_start().first() == Some(&b':') => {
                return fail(Defect::SpaceBeforeColon, colon);
            }
            b'\r' => return fail(Defect::BareCarriageReturn, colon),
            _ if !line.contains(&b':') => return fail(Defect::NoColon, colon),
            _ => return fail(Defect::BadFieldName, colon),
        }
        let rest = &line[colon + 1..];
        if let Some(at) = rest.iter().position(|&byte| !is_field_value(byte)) {
            let defect = match rest[at] {
                b'\r' => Defect::BareCarriageReturn,
                _ => Defect::BadFieldValue,
            };
            return fail(defect, colon + 1 + at);
        }
        self.append(&line[..colon], trim(rest), offset);
        Ok(())
    }

    /// Takes a field line as browsers do: what cannot be a field is passed over, white space before
    /// the colon is not part of the name, a folded line goes on with the one before it, and control
    /// characters become spaces (RFC 9112 §5.1, §5.2; RFC 9110 §5.5). Answers what was tolerated.
    pub(crate) fn take_line(&mut self, line: &[u8], offset: u64) -> Option<MessageError> {
        let error = match self.parse_line(line, offset) {
            Ok(()) => return None,
            Err(error) => error,
        };
        if error.defect == Defect::ObsoleteFold {
            self.unfold(line);
            return Some(error);
        }
        let colon = line.iter().position(|&byte| byte == b':');
        if let Some(colon) = colon {
            let name = line[..colon].trim_ascii_end();
            if is_token(name) {
                let value: Vec<u8> =
                    line[colon + 1..].iter().map(|&byte| printable(byte)).collect();
                self.append(name, trim(&value), offset);
            }
        }
        Some(error)
    }

    /// Puts a folded line behind the value of the last field, with one space between.
    fn unfold(&mut self, line: &[u8]) {
        let Some(last) = self.lines.last_mut() else { return };
        let more = trim(line);
        if !more.is_empty() {
            if last.end > last.colon {
                self.text.push(b' ');
            }
            self.text.extend(more.iter().map(|&byte| printable(byte)));
            last.end = self.text.len() as u32;
        }
    }

    fn append(&mut self, name: &[u8], value: &[u8], offset: u64) {
        let start = self.text.len();
        self.text.extend_from_slice(name);
        let colon = self.text.len();
        self.text.extend_from_slice(value);
        self.lines.push(Line {
            start: start as u32,
            colon: colon as u32,
            end: self.text.len() as u32,
            offset: offset as u32,
        });
    }
}

impl Line {
    fn name<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        &text[self.start as usize..self.colon as usize]
    }

    fn value<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        &text[self.colon as usize..self.end as usize]
    }

    /// A token is ASCII, and nothing else is taken for a name.
    fn name_text<'a>(&self, text: &'a [u8]) -> &'a str {
        core::str::from_utf8(self.name(text)).unwrap_or_default()
    }
}

impl PartialEq for Fields {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Fields {}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|(name, value)| (name, to_text(value)))).finish()
    }
}

/// The values of all lines with one name.
#[derive(Debug)]
pub struct Values<'a, 'n> {
    fields: &'a Fields,
    name: &'n str,
    next: usize,
}

impl<'a> Iterator for Values<'a, '_> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let text = &self.fields.text;
        while let Some(line) = self.fields.lines.get(self.next) {
            self.next += 1;
            if line.name(text).eq_ignore_ascii_case(self.name.as_bytes()) {
                return Some(line.value(text));
            }
        }
        None
    }
}

/// Optional white space is space and tab (RFC 9110 §5.6.3).
fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = value {
        value = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// A value as text: UTF-8 where it is that, otherwise Latin-1, byte by byte.
pub fn to_text(value: &[u8]) -> String {
    match core::str::from_utf8(value) {
        Ok(text) => text.to_owned(),
        Err(_) => value.iter().map(|&byte| char::from(byte)).collect(),
    }
}

/// RFC 9110 §5.6.2.
pub(crate) const TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = (byte as u8).is_ascii_alphanumeric()
            || matches!(
                byte as u8,
                b'!' | b'#'
                    | b'$'
                    | b'%'
                    | b'&'
                    | b'\''
                    | b'*'
                    | b'+'
                    | b'-'
                    | b'.'
                    | b'^'
                    | b'_'
                    | b'`'
                    | b'|'
                    | b'~'
            );
        byte += 1;
    }
    table
};

pub(crate) fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|&byte| TOKEN[byte as usize])
}

/// A byte that a field value may have, or a space in its place.
pub(super) fn printable(byte: u8) -> u8 {
    if is_field_value(byte) { byte } else { b' ' }
}

/// A value that is to be read as a URL: bytes beyond ASCII are escaped one by one, as browsers do,
/// so that they are the same bytes in the request that follows.
pub fn escape(value: &[u8]) -> String {
    let mut out = String::with_capacity(value.len());
    for &byte in value {
        if byte.is_ascii() {
            out.push(char::from(byte));
        } else {
            use fmt::Write as _;
            // Writing to memory does not fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// Visible ASCII, space, tab and the bytes beyond ASCII (RFC 9110 §5.5).
pub(crate) fn is_field_value(byte: u8) -> bool {
    byte >= b' ' && byte != 0x7f || byte == b'\t'
}
