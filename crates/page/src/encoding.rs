//! Bytes to text: which encoding a document or style sheet is in.
//!
//! For documents the HTML standard's section 13.2.3 (byte order mark, then `Content-Type`, then
//! the `<meta>` prescan of the first 1024 bytes, then windows-1252), for style sheets CSS Syntax 3,
//! section 3.2.

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// How many bytes the prescan may wait for (HTML standard, section 13.2.3.2).
const PRESCAN: usize = 1024;

/// How the encoding of a document was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// A byte order mark.
    Mark,
    /// The `charset` parameter of `Content-Type`.
    ContentType,
    /// A `<meta>` element in the first 1024 bytes.
    Meta,
    /// Nothing said so: windows-1252, as the standard has it for most locales.
    Default,
}

impl Found {
    /// The source in words.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Found::Mark => "byte order mark",
            Found::ContentType => "Content-Type",
            Found::Meta => "meta element",
            Found::Default => "default",
        }
    }
}

/// A document's bytes become text as they come.
pub(crate) struct DocumentDecoder {
    state: State,
    /// From `Content-Type`.
    hint: Option<&'static Encoding>,
    undecodable: bool,
}

enum State {
    /// Waiting for enough bytes to decide.
    Sniffing(Vec<u8>),
    Decoding(Box<Decoder>, Found),
}

impl DocumentDecoder {
    pub(crate) fn new(content_type: Option<&str>) -> Self {
        let hint = content_type.and_then(charset).and_then(|l| Encoding::for_label(l.as_bytes()));
        DocumentDecoder { state: State::Sniffing(Vec::new()), hint, undecodable: false }
    }

    /// The text these bytes complete; empty while too few bytes have come to decide.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> String {
        if let State::Sniffing(held) = &mut self.state {
            held.extend_from_slice(bytes);
            let Some((encoding, found)) = decide(held, self.hint, Ending::More) else {
                return String::new();
            };
            return self.begin(encoding, found, Ending::More);
        }
        self.decode(bytes, Ending::More)
    }

    /// The rest of the text.
    pub(crate) fn finish(&mut self) -> String {
        if let State::Sniffing(held) = &self.state {
            let (encoding, found) =
                decide(held, self.hint, Ending::Last).unwrap_or((WINDOWS_1252, Found::Default));
            return self.begin(encoding, found, Ending::Last);
        }
        self.decode(&[], Ending::Last)
    }

    /// The encoding in use and how it was found, once decided.
    pub(crate) fn encoding(&self) -> Option<(&'static Encoding, Found)> {
        match &self.state {
            State::Sniffing(_) => None,
            State::Decoding(decoder, found) => Some((decoder.encoding(), *found)),
        }
    }

    /// Whether some bytes were no text.
    pub(crate) fn undecodable(&self) -> bool {
        self.undecodable
    }

    fn begin(&mut self, encoding: &'static Encoding, found: Found, ending: Ending) -> String {
        let decoder = Box::new(encoding.new_decoder());
        let State::Sniffing(held) =
            std::mem::replace(&mut self.state, State::Decoding(decoder, found))
        else {
            return String::new();
        };
        self.decode(&held, ending)
    }

    fn decode(&mut self, mut bytes: &[u8], ending: Ending) -> String {
        let State::Decoding(decoder, _) = &mut self.state else { return String::new() };
        let last = matches!(ending, Ending::Last);
        let mut out = String::new();
        loop {
            let room = decoder
                .max_utf8_buffer_length_without_replacement(bytes.len())
                .unwrap_or(bytes.len())
                .max(16);
            out.reserve(room);
            let (result, read) =
                decoder.decode_to_string_without_replacement(bytes, &mut out, last);
            bytes = &bytes[read..];
            match result {
                DecoderResult::InputEmpty => return out,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(_, _) => {
                    self.undecodable = true;
                    out.push('\u{FFFD}');
                }
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    More,
    Last,
}

fn decide(
    held: &[u8],
    hint: Option<&'static Encoding>,
    ending: Ending,
) -> Option<(&'static Encoding, Found)> {
    let enough = |n: usize| held.len() >= n || ending == Ending::Last;
    if !enough(3) {
        return None;
    }
    if let Some((encoding, _)) = Encoding::for_bom(held) {
        return Some((encoding, Found::Mark));
    }
    if let Some(encoding) = hint {
        return Some((encoding, Found::ContentType));
    }
    let window = &held[..held.len().min(PRESCAN)];
    if let Some(encoding) = prescan(window) {
        return Some((encoding, Found::Meta));
    }
    enough(PRESCAN).then_some((WINDOWS_1252, Found::Default))
}

/// The `charset` parameter of a `Content-Type` value.
pub(crate) fn charset(content_type: &str) -> Option<&str> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"'))
    })
}

/// The media type of a `Content-Type` value, in lower case, without parameters.
pub(crate) fn essence(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase()
}

/// A style sheet's text (CSS Syntax 3, section 3.2): byte order mark, then `Content-Type`, then
/// `@charset`, then the encoding of what refers to it.
pub(crate) fn style(
    bytes: &[u8],
    content_type: Option<&str>,
    referrer: &'static Encoding,
) -> String {
    let declared = content_type
        .and_then(charset)
        .and_then(|label| Encoding::for_label(label.as_bytes()))
        .or_else(|| at_charset(bytes));
    declared.unwrap_or(referrer).decode(bytes).0.into_owned()
}

/// `@charset "…";`, which counts only as exactly these first bytes.
fn at_charset(bytes: &[u8]) -> Option<&'static Encoding> {
    let rest = bytes.strip_prefix(b"@charset \"")?;
    let end = rest.iter().take(PRESCAN).position(|&b| b == b'"')?;
    if rest.get(end + 1) != Some(&b';') {
        return None;
    }
    Encoding::for_label(&rest[..end]).map(not_utf16)
}

/// A label found inside the bytes cannot be UTF-16, or it would not have been found.
fn not_utf16(encoding: &'static Encoding) -> &'static Encoding {
    if encoding == UTF_16BE || encoding == UTF_16LE { UTF_8 } else { encoding }
}

/// The standard's prescan: the encoding a `<meta>` in these bytes declares.
fn prescan(bytes: &[u8]) -> Option<&'static Encoding> {
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        if rest.starts_with(b"<!--") {
            // The dashes of the opening may be those of the end: `<!-->` is a whole comment.
            at += find(&rest[2..], b"-->").map_or(rest.len(), |n| n + 5);
        } else if starts_meta(rest) {
            let mut attributes = Attributes { bytes: rest, at: 5 };
            if let Some(encoding) = meta(&mut attributes) {
                return Some(encoding);
            }
            at += attributes.at.max(1);
        } else if starts_tag(rest) {
            let name_end = rest.iter().position(|&b| is_space(b) || b == b'>')?;
            let mut attributes = Attributes { bytes: rest, at: name_end };
            while attributes.next().is_some() {}
            at += attributes.at.max(1);
        } else if rest[0] == b'<' && matches!(rest.get(1), Some(b'!' | b'/' | b'?')) {
            at += rest.iter().position(|&b| b == b'>')? + 1;
        } else {
            at += 1;
        }
    }
    None
}

fn starts_meta(rest: &[u8]) -> bool {
    rest.len() > 5
        && rest[..5].eq_ignore_ascii_case(b"<meta")
        && (is_space(rest[5]) || rest[5] == b'/')
}

fn starts_tag(rest: &[u8]) -> bool {
    let name = if rest.get(1) == Some(&b'/') { 2 } else { 1 };
    rest[0] == b'<' && rest.get(name).is_some_and(u8::is_ascii_alphabetic)
}

/// What one `<meta>` declares: `charset`, or `content` beside `http-equiv=content-type`.
fn meta(attributes: &mut Attributes<'_>) -> Option<&'static Encoding> {
    let (mut pragma, mut from_content, mut from_charset) = (false, None, None);
    for (name, value) in attributes.by_ref() {
        match name.as_slice() {
            b"http-equiv" => pragma |= value == b"content-type",
            b"content" if from_content.is_none() => from_content = content_charset(&value),
            b"charset" if from_charset.is_none() => from_charset = Encoding::for_label(&value),
            _ => {}
        }
    }
    from_charset.or(if pragma { from_content } else { None }).map(not_utf16)
}

/// `charset=…` inside a `content` attribute (HTML standard, section 2.4.2).
fn content_charset(value: &[u8]) -> Option<&'static Encoding> {
    let mut rest = value;
    loop {
        rest = &rest[find(rest, b"charset")? + 7..];
        let after = rest.trim_ascii_start();
        let Some(label) = after.strip_prefix(b"=") else { continue };
        let label = label.trim_ascii_start();
        let end = match label.first()? {
            quote @ (b'"' | b'\'') => {
                let inner = &label[1..];
                return Encoding::for_label(&inner[..inner.iter().position(|b| b == quote)?]);
            }
            _ => label.iter().position(|&b| is_space(b) || b == b';').unwrap_or(label.len()),
        };
        return Encoding::for_label(&label[..end]);
    }
}

/// The attributes of one tag, in the prescan's simple grammar. Names and values in lower case.
struct Attributes<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Iterator for Attributes<'_> {
    type Item = (Vec<u8>, Vec<u8>);

    fn next(&mut self) -> Option<Self::Item> {
        self.skip(|b| is_space(b) || b == b'/');
        if self.peek()? == b'>' {
            return None;
        }
        let start = self.at;
        self.at += 1;
        self.skip(|b| !is_space(b) && !matches!(b, b'=' | b'>' | b'/'));
        let name = self.bytes[start..self.at].to_ascii_lowercase();
        self.skip(is_space);
        if self.peek() != Some(b'=') {
            return Some((name, Vec::new()));
        }
        self.at += 1;
        self.skip(is_space);
        let quote = self.peek().filter(|b| matches!(b, b'"' | b'\''));
        self.at += usize::from(quote.is_some());
        let start = self.at;
        self.skip(|b| match quote {
            Some(quote) => b != quote,
            None => !is_space(b) && b != b'>',
        });
        let value = &self.bytes[start..self.at];
        if quote.is_some() {
            self.at = (self.at + 1).min(self.bytes.len());
        }
        Some((name, value.to_ascii_lowercase()))
    }
}

impl Attributes<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip(&mut self, mut which: impl FnMut(u8) -> bool) {
        while self.peek().is_some_and(&mut which) {
            self.at += 1;
        }
    }
}

fn is_space(b: u8) -> bool {
    matches!(b, b'\t' | b'\n' | 0x0C | b'\r' | b' ')
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|w| w.eq_ignore_ascii_case(needle))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content_type: Option<&str>, pieces: &[&[u8]]) -> (String, &'static str, Found) {
        let mut decoder = DocumentDecoder::new(content_type);
        let mut text: String = pieces.iter().map(|piece| decoder.feed(piece)).collect();
        text += &decoder.finish();
        let (encoding, found) = decoder.encoding().unwrap();
        (text, encoding.name(), found)
    }

    #[test]
    fn encoding_is_found_in_the_order_of_the_standard() {
        type Row<'a> = (Option<&'a str>, &'a [u8], &'a str, &'a str, Found);
        let rows: &[Row<'_>] = &[
            (None, b"caf\xE9", "café", "windows-1252", Found::Default),
            (Some("text/html; charset=utf-8"), b"caf\xC3\xA9", "café", "UTF-8", Found::ContentType),
            (Some("text/html;charset=\"UTF-8\""), b"\xC3\xA9", "é", "UTF-8", Found::ContentType),
            (Some("text/html; charset=latin1"), b"\xEF\xBB\xBF\xC3\xA9", "é", "UTF-8", Found::Mark),
            (None, b"\xFF\xFEa\x00", "a", "UTF-16LE", Found::Mark),
            (None, b"<meta charset=utf-8>\xC3\xA9", "<meta charset=utf-8>é", "UTF-8", Found::Meta),
            (None, b"<meta charset=utf-16>", "<meta charset=utf-16>", "UTF-8", Found::Meta),
            (
                Some("text/html; charset=nonsense"),
                b"<META CHARSET='koi8-r'>\xC1",
                "<META CHARSET='koi8-r'>а",
                "KOI8-R",
                Found::Meta,
            ),
            (
                None,
                b"<meta http-equiv=Content-Type content='text/html; charset=shift_jis'>",
                "<meta http-equiv=Content-Type content='text/html; charset=shift_jis'>",
                "Shift_JIS",
                Found::Meta,
            ),
            (
                None,
                b"<!-- <meta charset=utf-8> --><p>",
                "<!-- <meta charset=utf-8> --><p>",
                "windows-1252",
                Found::Default,
            ),
            (
                None,
                b"<p title='<meta charset=utf-8>'>",
                "<p title='<meta charset=utf-8>'>",
                "windows-1252",
                Found::Default,
            ),
            (
                None,
                b"<meta content='charset=utf-8'>",
                "<meta content='charset=utf-8'>",
                "windows-1252",
                Found::Default,
            ),
            (None, b"", "", "windows-1252", Found::Default),
        ];
        for (content_type, bytes, text, encoding, found) in rows {
            let whole = read(*content_type, &[bytes]);
            assert_eq!(whole, ((*text).to_owned(), *encoding, *found), "{bytes:?}");
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            assert_eq!(read(*content_type, &single), whole, "byte by byte: {bytes:?}");
        }
    }

    #[test]
    fn malformed_bytes_are_replaced_and_told() {
        let mut decoder = DocumentDecoder::new(Some("text/html; charset=utf-8"));
        let text = decoder.feed(b"a\xFFb") + &decoder.finish();
        assert_eq!(text, "a\u{FFFD}b");
        assert!(decoder.undecodable());
    }

    #[test]
    fn prescan_ends_after_1024_bytes() {
        let mut bytes = vec![b' '; PRESCAN];
        bytes.extend_from_slice(b"<meta charset=utf-8>");
        assert_eq!(read(None, &[&bytes]).2, Found::Default);
    }

    #[test]
    fn style_sheets_are_read_in_their_own_encoding() {
        assert_eq!(
            style(b"a{content:'\xE9'}", Some("text/css; charset=latin1"), UTF_8),
            "a{content:'é'}"
        );
        assert_eq!(
            style(b"@charset \"windows-1252\";'\xE9'", None, UTF_8),
            "@charset \"windows-1252\";'é'"
        );
        assert_eq!(style(b"'\xE9'", None, WINDOWS_1252), "'é'");
        assert_eq!(
            style(b"\xEF\xBB\xBF'\xC3\xA9'", Some("text/css; charset=latin1"), UTF_8),
            "'é'"
        );
    }
}
