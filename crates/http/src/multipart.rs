//! Takes bodies of several parts apart while they come (RFC 7578, RFC 2046 §5.1).

use bytes::{Buf as _, Bytes, BytesMut};

use crate::message::{Fields, to_text};
use crate::params;

/// How long the head of a part may be.
const LONGEST_HEAD: usize = 16 * 1024;

/// Why a body is not of several parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MultipartError {
    /// Content-Type names no boundary, or none that RFC 2046 §5.1.1 allows.
    #[error("no boundary")]
    Boundary,
    /// The parts do not end with the closing boundary.
    #[error("the closing boundary is missing")]
    Unfinished,
    /// A part's head is malformed or has no name.
    #[error("a part's head is malformed, at byte {0}")]
    Head(usize),
}

/// What a part says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartHead {
    /// The name of the form's field.
    pub name: String,
    /// The file's name, where it is a file.
    pub file_name: Option<String>,
    /// The media type, where given.
    pub media_type: Option<String>,
}

/// What has come of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A part begins.
    Part(PartHead),
    /// The next bytes of its content.
    Content(Bytes),
    /// The last part has ended.
    End,
}

/// Takes a body apart while it comes. What it holds back is a head, or as much as a boundary is long.
#[derive(Debug)]
pub struct Parts {
    /// With the line end before it, which belongs to it.
    delimiter: Vec<u8>,
    buffer: BytesMut,
    /// How many bytes of the body were used.
    used: usize,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before the first boundary.
    Before,
    /// Behind a boundary.
    Line,
    /// In the head of a part, from the line end of the boundary on.
    Head,
    /// Behind the last line of a head: its end may be the one that belongs to a boundary, of a part without content.
    Start,
    /// In the content of a part.
    Content,
    /// Behind the last boundary.
    Ended,
}

impl Parts {
    /// The parts of a body with this Content-Type.
    ///
    /// # Errors
    /// When it names no boundary.
    pub fn new(content_type: &str) -> Result<Self, MultipartError> {
        let boundary = params::split(content_type, ';')
            .iter()
            .skip(1)
            .filter_map(|part| part.split_once('='))
            .find(|(name, _)| name.trim().eq_ignore_ascii_case("boundary"))
            .map(|(_, value)| params::unquote(value.trim()))
            .filter(|boundary| (1..=70).contains(&boundary.len()))
            .ok_or(MultipartError::Boundary)?;
        let delimiter = format!("\r\n--{boundary}").into_bytes();
        // The first boundary may stand at the very beginning: as if a line had ended there.
        Ok(Self { delimiter, buffer: BytesMut::from("\r\n"), used: 0, state: State::Before })
    }

    /// Takes the next bytes of the body.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// What has come of them; `None` where more must come first.
    ///
    /// # Errors
    /// When the body is malformed; it will not get better.
    pub fn pull(&mut self) -> Result<Option<Piece>, MultipartError> {
        loop {
            match self.state {
                State::Before => {
                    let Some(at) = find(&self.buffer, &self.delimiter) else {
                        let keep = self.buffer.len().min(self.delimiter.len() - 1);
                        self.advance(self.buffer.len() - keep, State::Before);
                        return Ok(None);
                    };
                    self.advance(at + self.delimiter.len(), State::Line);
                }
                State::Line => {
                    if self.buffer.starts_with(b"--") {
                        self.state = State::Ended;
                        return Ok(Some(Piece::End));
                    }
                    let end = find(&self.buffer, b"\r\n");
                    let line = &self.buffer[..end.unwrap_or(self.buffer.len())];
                    // Without its end, a first dash may be the beginning of two.
                    let blank = line.iter().all(|byte| matches!(byte, b' ' | b'\t'));
                    let cut = end.is_none() && (line == b"-" || line.ends_with(b"\r"));
                    if !blank && !cut {
                        return Err(MultipartError::Head(self.used));
                    }
                    let Some(end) = end else { return Ok(None) };
                    self.advance(end, State::Head);
                }
                State::Head => {
                    let Some(end) = find(&self.buffer, b"\r\n\r\n") else {
                        let whole = self.buffer.len() < LONGEST_HEAD;
                        return if whole { Ok(None) } else { Err(MultipartError::Head(self.used)) };
                    };
                    let head = head(&self.buffer[2.min(end)..end], self.used)?;
                    self.advance(end + 2, State::Start);
                    return Ok(Some(Piece::Part(head)));
                }
                State::Start => {
                    let common = self.buffer.len().min(self.delimiter.len());
                    if self.buffer[..common] != self.delimiter[..common] {
                        self.skip(2);
                    } else if common < self.delimiter.len() {
                        return Ok(None);
                    }
                    self.state = State::Content;
                }
                State::Content => {
                    if let Some(at) = find(&self.buffer, &self.delimiter) {
                        if at > 0 {
                            return Ok(Some(self.content(at)));
                        }
                        self.advance(self.delimiter.len(), State::Line);
                        continue;
                    }
                    let sure = self.buffer.len().saturating_sub(self.delimiter.len() - 1);
                    return Ok((sure > 0).then(|| self.content(sure)));
                }
                State::Ended => return Ok(Some(Piece::End)),
            }
        }
    }

    fn content(&mut self, length: usize) -> Piece {
        self.used += length;
        Piece::Content(self.buffer.split_to(length).freeze())
    }

    fn advance(&mut self, by: usize, to: State) {
        self.skip(by);
        self.state = to;
    }

    fn skip(&mut self, by: usize) {
        self.buffer.advance(by);
        self.used += by;
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = bytes[from..].iter().position(|byte| *byte == what[0]) {
        if bytes[from + at..].starts_with(what) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

fn head(text: &[u8], at: usize) -> Result<PartHead, MultipartError> {
    let mut fields = Fields::new();
    for line in text.split(|&byte| byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if !line.is_empty() {
            fields.parse_line(line, 0).map_err(|_| MultipartError::Head(at))?;
        }
    }
    let text = |name: &str| fields.get(name).map(to_text);
    let disposition = text("Content-Disposition").ok_or(MultipartError::Head(at))?;
    let parameters = params::split(&disposition, ';');
    let parameter = |wanted: &str| {
        let found = parameters.iter().filter_map(|part| part.split_once('='));
        let mut found = found.filter(|(name, _)| name.trim().eq_ignore_ascii_case(wanted));
        found.next().map(|(_, value)| params::unquote(value.trim()))
    };
    Ok(PartHead {
        name: parameter("name").ok_or(MultipartError::Head(at))?,
        file_name: parameter("filename"),
        media_type: text("Content-Type"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = "preamble\r\n--x \r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--y\r\n--x\r\n\
                        Content-Disposition: form-data; name=\"f\"; filename=\"b.bin\"\r\nContent-Type: text/plain\r\n\
                        \r\n\r\n--x--\r\nepilogue";

    /// What a body comes to that comes in pieces of this length.
    fn in_pieces(length: usize) -> Vec<(String, Option<String>, Vec<u8>)> {
        let mut parts = Parts::new("multipart/form-data; boundary=x").unwrap();
        let mut all: Vec<(String, Option<String>, Vec<u8>)> = Vec::new();
        for bytes in BODY.as_bytes().chunks(length) {
            parts.push(bytes);
            while let Some(piece) = parts.pull().unwrap() {
                match piece {
                    Piece::Part(head) => all.push((head.name, head.file_name, Vec::new())),
                    Piece::Content(bytes) => {
                        all.last_mut().unwrap().2.extend_from_slice(&bytes);
                    }
                    Piece::End => return all,
                }
            }
        }
        panic!("no end");
    }

    #[test]
    fn pieces_may_end_anywhere() {
        let expected = vec![
            ("a".to_owned(), None, b"1\r\n--y".to_vec()),
            ("f".to_owned(), Some("b.bin".to_owned()), Vec::new()),
        ];
        for length in 1..BODY.len() {
            assert_eq!(in_pieces(length), expected, "{length}");
        }
    }

    #[test]
    fn a_head_has_an_end() {
        let mut parts = Parts::new("multipart/form-data; boundary=x").unwrap();
        parts.push(b"--x\r\n");
        parts.push(&vec![b'a'; LONGEST_HEAD]);
        assert!(matches!(parts.pull(), Err(MultipartError::Head(_))));
    }
}
