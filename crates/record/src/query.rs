//! `QueryScanner`: finds secret query values in bytes that come in pieces.

use std::ops::Range;

use crate::secret_names::SecretNames;

/// The longest name of a query value that is looked at, in bytes.
const LONGEST_NAME: usize = 64;

/// Finds the values of secret query parameters (`?token=…`, `&sig=…`) in bytes, and remembers its
/// place from one piece to the next.
#[derive(Clone, Debug)]
pub(crate) struct QueryScanner {
    place: Place,
    source: Source,
    /// The line breaks since the last other byte.
    breaks: u8,
}

/// What the bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    /// A URL, or a text that may quote some: a value may also follow `#`.
    Text,
    /// The body of a message.
    Body,
    /// Messages with heads and bodies: a form may begin after an empty line.
    Stream,
}

/// Where the scanner is.
#[derive(Clone, Debug)]
enum Place {
    /// In a name that follows one of `?`, `&`, `;` and `#`.
    Name { after: u8, name: Vec<u8> },
    /// In the value of a secret parameter.
    Value,
    /// Anywhere else.
    Other,
}

/// The bytes that tell something outside of names and values, in a table: what is searched may be gigabytes, and what was
/// compressed has one every fifty bytes, so that looking at blocks of them costs more than it saves.
struct Stops([bool; 256]);

impl Stops {
    const fn new(list: &[u8]) -> Self {
        let mut table = [false; 256];
        let mut n = 0;
        while n < list.len() {
            table[list[n] as usize] = true;
            n += 1;
        }
        Self(table)
    }

    /// The place of the first of these bytes.
    fn first(&self, bytes: &[u8]) -> Option<usize> {
        bytes.iter().position(|byte| self.0[usize::from(*byte)])
    }
}

impl Source {
    fn stops(self) -> &'static Stops {
        static TEXT: Stops = Stops::new(b"?&;#");
        static BODY: Stops = Stops::new(b"?&;");
        static STREAM: Stops = Stops::new(b"?&;\r\n");
        match self {
            Self::Text => &TEXT,
            Self::Body => &BODY,
            Self::Stream => &STREAM,
        }
    }
}

impl QueryScanner {
    /// A scanner for URLs and texts that may quote some.
    pub(crate) fn in_text() -> Self {
        Self { place: Place::Other, source: Source::Text, breaks: 0 }
    }

    /// A scanner for a message's body, which may be a form that begins with a secret value.
    pub(crate) fn in_body() -> Self {
        let place = Place::Name { after: b'&', name: Vec::new() };
        Self { place, source: Source::Body, breaks: 0 }
    }

    /// A scanner for what a connection carries.
    pub(crate) fn in_stream() -> Self {
        Self { place: Place::Other, source: Source::Stream, breaks: 0 }
    }

    /// The places of the secret values in the next piece; none is empty. A value that goes on from
    /// the piece before begins at 0.
    pub(crate) fn secrets(&mut self, bytes: &[u8], names: &SecretNames) -> Vec<Range<usize>> {
        let mut found: Vec<Range<usize>> = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let byte = bytes[at];
            match &mut self.place {
                Place::Other => {
                    // Most bytes of most texts are passed over here.
                    let Some(next) = self.source.stops().first(&bytes[at..]) else {
                        self.breaks = 0;
                        break;
                    };
                    if next > 0 {
                        self.breaks = 0;
                    }
                    at += next;
                    self.begin(bytes[at]);
                }
                Place::Name { after, name } => match byte {
                    b'=' => {
                        let secret = !name.is_empty() && is_secret(*after, name, names);
                        self.place = if secret { Place::Value } else { Place::Other };
                    }
                    // `&amp;` is `&` in the markup of a page.
                    b';' if *after == b'&' && name == b"amp" => name.clear(),
                    b'?' | b'&' | b';' | b'#' => self.begin(byte),
                    _ if is_of_name(byte) && name.len() < LONGEST_NAME => name.push(byte),
                    _ => self.begin(byte),
                },
                Place::Value if is_of_value(byte) => match found.last_mut() {
                    Some(last) if last.end == at => last.end += 1,
                    _ => found.push(at..at + 1),
                },
                Place::Value => self.begin(byte),
            }
            at += 1;
        }
        found
    }

    fn begins_name(&self, byte: u8) -> bool {
        matches!(byte, b'?' | b'&' | b';') || (byte == b'#' && self.source == Source::Text)
    }

    /// Goes on after a byte that ends something, and perhaps begins a name.
    fn begin(&mut self, byte: u8) {
        match byte {
            b'\n' if self.source == Source::Stream => self.breaks += 1,
            b'\r' => {}
            _ => self.breaks = 0,
        }
        self.place = if self.begins_name(byte) {
            Place::Name { after: byte, name: Vec::new() }
        } else if self.breaks >= 2 {
            self.breaks = 0;
            Place::Name { after: b'&', name: Vec::new() }
        } else {
            Place::Other
        };
    }
}

/// Whether the value of this name is secret. After `;` only the one name that stands in paths: in
/// scripts `;token=` begins a statement.
fn is_secret(after: u8, name: &[u8], names: &SecretNames) -> bool {
    let name = String::from_utf8_lossy(name);
    if after == b';' {
        name.eq_ignore_ascii_case("jsessionid")
    } else {
        names.has_query_value(&name)
    }
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'[' | b']' | b'%' | b'+')
}

/// Whether a byte may stand in a value. Those that end one are what ends a URL, in markup and in
/// headers too.
fn is_of_value(byte: u8) -> bool {
    byte > b' '
        && !matches!(
            byte,
            b'&' | b';'
                | b'#'
                | b'?'
                | b'"'
                | b'\''
                | b'<'
                | b'>'
                | b'('
                | b')'
                | b'`'
                | b'\\'
                | 0x7F
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_however_the_bytes_are_cut() {
        let bytes = b"<a href='/x?a=1&amp;token=abc&b=2'> ;token=call() ?sig=0 token=no";
        let whole = QueryScanner::in_body().secrets(bytes, &SecretNames::default());
        let texts: Vec<&[u8]> = whole.iter().map(|range| &bytes[range.clone()]).collect();
        assert_eq!(texts, [&b"abc"[..], b"0"]);
        for cut in 0..bytes.len() {
            let mut scanner = QueryScanner::in_body();
            let mut places: Vec<usize> = Vec::new();
            for (start, piece) in [(0, &bytes[..cut]), (cut, &bytes[cut..])] {
                let found = scanner.secrets(piece, &SecretNames::default());
                places.extend(found.into_iter().flatten().map(|place| start + place));
            }
            assert_eq!(places, whole.iter().cloned().flatten().collect::<Vec<_>>(), "cut at {cut}");
        }
    }

    #[test]
    fn the_first_stop_is_found_at_any_place() {
        for length in 0..200 {
            let mut bytes = vec![b'x'; length];
            assert_eq!(Source::Body.stops().first(&bytes), None);
            if length > 0 {
                *bytes.last_mut().unwrap() = b'&';
                assert_eq!(Source::Body.stops().first(&bytes), Some(length - 1));
                bytes[length / 2] = b'?';
                assert_eq!(Source::Body.stops().first(&bytes), Some(length / 2));
            }
        }
    }

    #[test]
    fn the_first_value_of_a_form_counts() {
        let found =
            QueryScanner::in_body().secrets(b"password=hunter2&name=x", &SecretNames::default());
        assert_eq!(found, vec![Range { start: 9, end: 16 }]);
        assert!(
            QueryScanner::in_text()
                .secrets(b"password=hunter2", &SecretNames::default())
                .is_empty()
        );
    }
}
