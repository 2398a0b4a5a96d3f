//! A reader of JSON that hands out one value at a time, so that an archive of any size is read in
//! little memory, and that knows where in the text it is.
//!
//! It reads what writers of archives really write: a lone half of a surrogate pair and a control
//! character within a text break RFC 8259 §7, are repaired, and are counted.

use std::io::{self, Read};

/// How deep values are nested that are copied. Archives come to about ten, and `serde_json`, which
/// reads the copies, takes less than 128.
pub(crate) const DEEPEST: u32 = 120;

/// How deep values may be nested that are passed over.
const DEEPEST_PASSED: usize = 10_000;

/// The longest name of an object's member, in bytes, give or take a window.
const LONGEST_NAME: usize = 1 << 20;

/// The size of the window on the input, in bytes.
const WINDOW: usize = 1 << 16;

/// Why a text cannot be read.
#[derive(Debug)]
pub(crate) enum JsonError {
    /// The input could not be read on.
    Io(io::Error),
    /// The text is not JSON.
    Wrong {
        /// Where, in bytes from the start of the text.
        offset: u64,
        /// What is wrong there.
        why: String,
    },
}

type Result<T> = std::result::Result<T, JsonError>;

/// Where a value's text is copied to.
pub(crate) trait Sink {
    /// Takes the next bytes.
    fn put(&mut self, bytes: &[u8]);

    /// Is told that a value was nested deeper than [`DEEPEST`]; the copy has `null` instead.
    fn deep(&mut self) {}
}

impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// A sink that keeps nothing.
pub(crate) struct Nowhere;

impl Sink for Nowhere {
    fn put(&mut self, _: &[u8]) {}
}

/// Bytes up to a limit.
pub(crate) struct Bounded {
    pub(crate) bytes: Vec<u8>,
    most: usize,
    /// There were more.
    pub(crate) over: bool,
    /// A value was nested too deeply.
    pub(crate) deep: bool,
}

impl Bounded {
    /// For so many bytes at most.
    pub(crate) fn new(most: usize) -> Self {
        Self { bytes: Vec::new(), most, over: false, deep: false }
    }
}

impl Sink for Bounded {
    fn put(&mut self, bytes: &[u8]) {
        self.over |= self.bytes.len() + bytes.len() > self.most;
        if !self.over {
            self.bytes.extend_from_slice(bytes);
        }
    }

    fn deep(&mut self) {
        self.deep = true;
    }
}

/// A stretch of a string: bytes that stand for themselves, or a character that was escaped.
pub(crate) enum Piece<'a> {
    /// Bytes as they stand in the text.
    Plain(&'a [u8]),
    /// One character.
    Char(char),
}

/// A JSON text that is read from its start to its end.
pub(crate) struct Json<R> {
    input: R,
    window: Box<[u8]>,
    at: usize,
    filled: usize,
    /// Bytes of the text before the window.
    before: u64,
    /// Line breaks before the window, and where the last of them is.
    lines: u64,
    line_start: u64,
    depth: u32,
    /// Strings with characters that JSON does not allow, which were replaced.
    pub(crate) repaired: u64,
}

impl<R: Read> Json<R> {
    /// A reader of the text that `input` gives.
    pub(crate) fn new(input: R) -> Self {
        let window = vec![0; WINDOW].into_boxed_slice();
        Self {
            input,
            window,
            at: 0,
            filled: 0,
            before: 0,
            lines: 0,
            line_start: 0,
            depth: 0,
            repaired: 0,
        }
    }

    /// The number of bytes read so far.
    pub(crate) fn offset(&self) -> u64 {
        self.before + self.at as u64
    }

    /// The input itself.
    pub(crate) fn input(&mut self) -> &mut R {
        &mut self.input
    }

    /// The line and column, from 1, of an offset within or before the window.
    pub(crate) fn place(&self, offset: u64) -> (u64, u64) {
        let (mut line, mut start) = (self.lines, self.line_start);
        let until = offset.saturating_sub(self.before).min(self.filled as u64) as usize;
        for (at, _) in self.window[..until].iter().enumerate().filter(|(_, byte)| **byte == b'\n') {
            line += 1;
            start = self.before + at as u64 + 1;
        }
        (line + 1, offset.saturating_sub(start) + 1)
    }

    /// An error at the place that has been reached.
    pub(crate) fn wrong<T>(&self, why: impl Into<String>) -> Result<T> {
        Err(JsonError::Wrong { offset: self.offset(), why: why.into() })
    }

    /// The bytes in the window that were not read yet; none at the end of the text.
    fn rest(&mut self) -> Result<&[u8]> {
        if self.at == self.filled {
            for (at, _) in
                self.window[..self.filled].iter().enumerate().filter(|(_, byte)| **byte == b'\n')
            {
                self.lines += 1;
                self.line_start = self.before + at as u64 + 1;
            }
            self.before += self.filled as u64;
            (self.at, self.filled) = (0, 0);
            loop {
                match self.input.read(&mut self.window) {
                    Ok(read) => {
                        self.filled = read;
                        break;
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(JsonError::Io(error)),
                }
            }
        }
        Ok(&self.window[self.at..self.filled])
    }

    fn next_byte(&mut self) -> Result<Option<u8>> {
        let next = self.rest()?.first().copied();
        self.at += usize::from(next.is_some());
        Ok(next)
    }

    /// The next byte that is not white space, which is not consumed; `None` at the end.
    pub(crate) fn peek(&mut self) -> Result<Option<u8>> {
        loop {
            let rest = self.rest()?;
            let Some(first) = rest.first() else { return Ok(None) };
            let blank = rest.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
            let first = *first;
            match blank {
                Some(0) => return Ok(Some(first)),
                Some(blank) => self.at += blank,
                None => self.at = self.filled,
            }
        }
    }

    fn expect(&mut self, wanted: u8, whereabouts: &str) -> Result<()> {
        match self.peek()? {
            Some(found) if found == wanted => {
                self.at += 1;
                Ok(())
            }
            Some(found) => self.wrong(format!(
                "`{}` is wanted {whereabouts}, `{}` is there",
                wanted as char,
                shown(found)
            )),
            None => self.wrong(format!("the text ends {whereabouts}")),
        }
    }

    /// Reads an object: `each` is called with every name and must read the value.
    pub(crate) fn object(
        &mut self,
        mut each: impl FnMut(&mut Self, &str) -> Result<()>,
    ) -> Result<()> {
        self.expect(b'{', "where an object begins")?;
        self.depth += 1;
        let mut more = self.peek()? != Some(b'}');
        if !more {
            self.at += 1;
        }
        while more {
            let name = self.key()?;
            each(self, &name)?;
            more = self.goes_on(b'}')?;
        }
        self.depth -= 1;
        Ok(())
    }

    /// Reads a member's name and the colon behind it.
    fn key(&mut self) -> Result<String> {
        if self.peek()? != Some(b'"') {
            self.expect(b'"', "within an object, where a name begins")?;
        }
        let name = self.name()?;
        self.expect(b':', "after a name")?;
        Ok(name)
    }

    /// Reads what stands behind a value in an object or array that `close` ends: whether it goes on.
    fn goes_on(&mut self, close: u8) -> Result<bool> {
        let whose = if close == b'}' { "an object" } else { "an array" };
        match self.peek()? {
            Some(b',') => {
                self.at += 1;
                Ok(true)
            }
            Some(found) if found == close => {
                self.at += 1;
                Ok(false)
            }
            Some(found) => self.wrong(format!(
                "`,` or `{}` is wanted within {whose}, `{}` is there",
                close as char,
                shown(found)
            )),
            None => self.wrong(format!("the text ends within {whose}")),
        }
    }

    /// Reads an array: `each` is called for every element and must read it.
    pub(crate) fn array(&mut self, mut each: impl FnMut(&mut Self) -> Result<()>) -> Result<()> {
        self.expect(b'[', "where an array begins")?;
        self.depth += 1;
        let mut more = self.peek()? != Some(b']');
        if !more {
            self.at += 1;
        }
        while more {
            each(self)?;
            more = self.goes_on(b']')?;
        }
        self.depth -= 1;
        Ok(())
    }

    /// The name of an object's member.
    fn name(&mut self) -> Result<String> {
        let mut name = Vec::new();
        let mut put = |bytes: &[u8]| {
            if name.len() <= LONGEST_NAME {
                name.extend_from_slice(bytes);
            }
        };
        self.string(|piece| match piece {
            Piece::Plain(bytes) => put(bytes),
            Piece::Char(char) => put(char.encode_utf8(&mut [0; 4]).as_bytes()),
        })?;
        if name.len() > LONGEST_NAME {
            return self.wrong("a name is longer than 1 MiB");
        }
        Ok(match String::from_utf8(name) {
            Ok(name) => name,
            Err(error) => {
                self.repaired += 1;
                String::from_utf8_lossy(error.as_bytes()).into_owned()
            }
        })
    }

    /// Reads a string piece by piece.
    pub(crate) fn string(&mut self, mut piece: impl FnMut(Piece<'_>)) -> Result<()> {
        let began = self.offset();
        self.expect(b'"', "where a string begins")?;
        // The first half of a surrogate pair, which waits for its second half.
        let mut half: Option<u16> = None;
        let mut repaired = false;
        loop {
            let rest = self.rest()?;
            let plain = rest
                .iter()
                .position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f))
                .unwrap_or(rest.len());
            let next = rest.get(plain).copied();
            if rest.is_empty() {
                return self
                    .wrong(format!("the text ends within the string that begins at byte {began}"));
            }
            let escaped = plain == 0 && next == Some(b'\\');
            let unit = if escaped { Some(self.escape()?) } else { None };
            if let (Some(high), None | Some(0..0xdc00 | 0xe000..)) = (half, unit) {
                let _ = high;
                half = None;
                repaired = true;
                piece(Piece::Char(char::REPLACEMENT_CHARACTER));
            }
            match (unit, half) {
                (Some(low @ 0xdc00..=0xdfff), Some(high)) => {
                    half = None;
                    let pair = [high, low];
                    piece(Piece::Char(
                        char::decode_utf16(pair)
                            .next()
                            .and_then(std::result::Result::ok)
                            .unwrap_or(char::REPLACEMENT_CHARACTER),
                    ));
                }
                (Some(high @ 0xd800..=0xdbff), _) => half = Some(high),
                (Some(unit), _) => {
                    let char = char::from_u32(unit.into());
                    repaired |= char.is_none();
                    piece(Piece::Char(char.unwrap_or(char::REPLACEMENT_CHARACTER)));
                }
                (None, _) if plain > 0 => {
                    piece(Piece::Plain(&self.window[self.at..self.at + plain]));
                    self.at += plain;
                }
                (None, _) if next == Some(b'"') => {
                    self.at += 1;
                    self.repaired += u64::from(repaired);
                    return Ok(());
                }
                (None, _) => {
                    self.at += 1;
                    repaired = true;
                    piece(Piece::Char(char::from(next.unwrap_or(b' '))));
                }
            }
        }
    }

    /// Reads an escape sequence, which gives one UTF-16 code unit.
    fn escape(&mut self) -> Result<u16> {
        let began = self.offset();
        self.at += 1;
        let wrong = |why: &str| Err(JsonError::Wrong { offset: began, why: why.to_owned() });
        let unit = match self.next_byte()? {
            Some(byte @ (b'"' | b'\\' | b'/')) => byte.into(),
            Some(b'b') => 0x08,
            Some(b'f') => 0x0c,
            Some(b'n') => 0x0a,
            Some(b'r') => 0x0d,
            Some(b't') => 0x09,
            Some(b'u') => {
                let mut unit = 0u16;
                for _ in 0..4 {
                    match self.next_byte()?.map(|byte| (byte as char).to_digit(16)) {
                        Some(Some(digit)) => unit = unit << 4 | digit as u16,
                        Some(None) => return wrong("four hexadecimal digits are wanted after \\u"),
                        None => return wrong("the text ends within an escape sequence"),
                    }
                }
                unit
            }
            Some(_) => return wrong("JSON has no such escape sequence"),
            None => return wrong("the text ends within an escape sequence"),
        };
        Ok(unit)
    }

    /// Reads any value and copies its text, without white space between tokens.
    pub(crate) fn copy(&mut self, out: &mut impl Sink) -> Result<()> {
        match self.peek()? {
            Some(b'{' | b'[') if self.depth >= DEEPEST => {
                out.deep();
                out.put(b"null");
                self.pass()
            }
            Some(b'{') => {
                out.put(b"{");
                let mut first = true;
                self.object(|json, name| {
                    separate(out, &mut first);
                    put_string(out, name);
                    out.put(b":");
                    json.copy(out)
                })?;
                out.put(b"}");
                Ok(())
            }
            Some(b'[') => {
                out.put(b"[");
                let mut first = true;
                self.array(|json| {
                    separate(out, &mut first);
                    json.copy(out)
                })?;
                out.put(b"]");
                Ok(())
            }
            Some(b'"') => {
                out.put(b"\"");
                self.string(|piece| match piece {
                    Piece::Plain(bytes) => out.put(bytes),
                    Piece::Char(char) => put_char(out, char),
                })?;
                out.put(b"\"");
                Ok(())
            }
            Some(_) => self.scalar(out),
            None => self.wrong("the text ends where a value is wanted"),
        }
    }

    /// Reads any value and drops it.
    pub(crate) fn skip(&mut self) -> Result<()> {
        self.copy(&mut Nowhere)
    }

    /// Reads any value and drops it, without a call for each level that it is nested.
    fn pass(&mut self) -> Result<()> {
        // What ends each object and array that is open.
        let mut open = Vec::new();
        loop {
            let close = match self.peek()? {
                Some(b'{') => b'}',
                Some(b'[') => b']',
                _ => 0,
            };
            let mut more = false;
            if close == 0 {
                self.copy(&mut Nowhere)?;
            } else if open.len() == DEEPEST_PASSED {
                return self
                    .wrong(format!("values are nested deeper than {DEEPEST_PASSED} levels"));
            } else {
                self.at += 1;
                more = self.peek()? != Some(close);
                if more {
                    open.push(close);
                } else {
                    self.at += 1;
                }
            }
            // Behind a value others may go on, or end.
            while !more && let Some(close) = open.last() {
                more = self.goes_on(*close)?;
                if !more {
                    open.pop();
                }
            }
            match open.last() {
                None => return Ok(()),
                Some(b'}') => drop(self.key()?),
                Some(_) => {}
            }
        }
    }

    /// Reads a number, `true`, `false` or `null`.
    fn scalar(&mut self, out: &mut impl Sink) -> Result<()> {
        const LONGEST: usize = 400;
        let began = self.offset();
        let mut word = Vec::new();
        while word.len() < LONGEST
            && let Some(byte @ (b'+' | b'-' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z')) =
                self.rest()?.first().copied()
        {
            word.push(byte);
            self.at += 1;
        }
        if matches!(word.as_slice(), b"true" | b"false" | b"null") || is_number(&word) {
            out.put(&word);
            return Ok(());
        }
        let why = if word.is_empty() {
            let found = self.rest()?.first().copied();
            let found =
                found.map_or_else(|| "the end".into(), |found| format!("`{}`", shown(found)));
            format!("a value is wanted, {found} is there")
        } else {
            format!("`{}` is no value of JSON", String::from_utf8_lossy(&word))
        };
        Err(JsonError::Wrong { offset: began, why })
    }
}

/// Whether a word is a number of RFC 8259 §6.
fn is_number(word: &[u8]) -> bool {
    let digits = |word: &[u8]| word.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let unsigned = word.strip_prefix(b"-").unwrap_or(word);
    let whole = digits(unsigned);
    if whole == 0 || (whole > 1 && unsigned[0] == b'0') {
        return false;
    }
    let mut rest = &unsigned[whole..];
    if let Some(fraction) = rest.strip_prefix(b".") {
        let length = digits(fraction);
        if length == 0 {
            return false;
        }
        rest = &fraction[length..];
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        let exponent =
            exponent.strip_prefix(b"+").or(exponent.strip_prefix(b"-")).unwrap_or(exponent);
        return !exponent.is_empty() && digits(exponent) == exponent.len();
    }
    rest.is_empty()
}

/// Puts a comma before every element but the first.
pub(crate) fn separate(out: &mut impl Sink, first: &mut bool) {
    if !core::mem::take(first) {
        out.put(b",");
    }
}

/// Puts a string in quotes.
pub(crate) fn put_string(out: &mut impl Sink, text: &str) {
    out.put(b"\"");
    for char in text.chars() {
        put_char(out, char);
    }
    out.put(b"\"");
}

fn put_char(out: &mut impl Sink, char: char) {
    match char {
        '"' => out.put(b"\\\""),
        '\\' => out.put(b"\\\\"),
        '\n' => out.put(b"\\n"),
        '\r' => out.put(b"\\r"),
        '\t' => out.put(b"\\t"),
        '\0'..='\x1f' => out.put(format!("\\u{:04x}", u32::from(char)).as_bytes()),
        _ => out.put(char.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}

/// A byte for an error message.
fn shown(byte: u8) -> String {
    match byte {
        0x20..=0x7e => (byte as char).to_string(),
        _ => format!("byte 0x{byte:02x}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copied(text: &str) -> std::result::Result<String, (u64, String)> {
        let mut json = Json::new(text.as_bytes());
        let mut out = Vec::new();
        match json.copy(&mut out) {
            Ok(()) => Ok(String::from_utf8(out).unwrap()),
            Err(JsonError::Wrong { offset, why }) => Err((offset, why)),
            Err(JsonError::Io(error)) => panic!("{error}"),
        }
    }

    #[test]
    fn what_is_copied_means_the_same() {
        let texts = [
            r#" { "a" : [ 1 , -2.5e+3, true,null ,false, "x\"\\\/\b\f\n\r\té😀é" ], "":{} } "#,
            "[]",
            "0",
            r#""😀""#,
        ];
        for text in texts {
            let copy = copied(text).unwrap();
            let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
            assert_eq!(read(&copy), read(text), "{copy}");
        }
    }

    #[test]
    fn half_pairs_and_control_characters_are_repaired() {
        for (text, meant) in [
            (r#""a\ud800b""#, "a\u{fffd}b"),
            (r#""\udc00""#, "\u{fffd}"),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}\u{1f600}"),
            (r#""\ud83d\n""#, "\u{fffd}\n"),
            ("\"a\u{1}\nb\"", "a\u{1}\nb"),
        ] {
            let copy = copied(text).unwrap();
            assert_eq!(serde_json::from_str::<String>(&copy).unwrap(), meant);
        }
        let mut json = Json::new(&br#"["\ud800","fine"]"#[..]);
        json.skip().unwrap();
        assert_eq!(json.repaired, 1);
    }

    #[test]
    fn an_error_says_where() {
        for (text, offset, why) in [
            (r#"{"a": tru}"#, 6, "`tru` is no value"),
            (r#"{"a" 1}"#, 5, "`:` is wanted"),
            (r#"{"a": "b"#, 8, "ends within the string that begins at byte 6"),
            (r#"{"a": 1"#, 7, "ends within an object"),
            ("[1 2]", 3, "`,` or `]`"),
            (r#""\x""#, 1, "no such escape"),
            ("01", 0, "`01` is no value"),
            ("[,]", 1, "a value is wanted, `,` is there"),
        ] {
            let (at, said) = copied(text).unwrap_err();
            assert_eq!(at, offset, "{text}: {said}");
            assert!(said.contains(why), "{text}: {said}");
        }
        assert!(copied(&"[".repeat(100_000)).unwrap_err().1.contains("nested deeper"));
    }

    #[test]
    fn what_is_nested_deeply_is_passed_over() {
        let deep = |levels: usize| {
            let (open, close) =
                (r#"{"a":[1,{},"#.repeat(levels), r#",[]],"b":"]"}"#.repeat(levels));
            format!("{open}2{close}")
        };
        assert!(copied(&deep(59)).unwrap() == deep(59), "as deep as may be");
        let copy = copied(&format!("[{},3]", deep(4000))).unwrap();
        assert!(copy.ends_with(r#"],"b":"]"},3]"#) && copy.contains("null"), "{copy}");
        serde_json::from_str::<serde_json::Value>(&copy).unwrap();
        for (wrong, why) in [
            (deep(70).replace("{}", "{1}"), "where a name begins"),
            (deep(70).replace("[]", "[,]"), "a value is wanted"),
            (deep(70).replacen("]]", "]}", 1), "`,` or `]`"),
            (deep(70).replace(":\"]\"", ""), "after a name"),
            (deep(70)[..900].to_owned(), "the text ends"),
        ] {
            let (_, said) = copied(&wrong).unwrap_err();
            assert!(said.contains(why), "{said}");
        }
    }

    #[test]
    fn places_are_lines_and_columns() {
        let text = format!("{}\n[1,\n  x]", " ".repeat(WINDOW + 7));
        let mut json = Json::new(text.as_bytes());
        let Err(JsonError::Wrong { offset, .. }) = json.skip() else { panic!("x is no value") };
        assert_eq!(json.place(offset), (3, 3));
    }
}
