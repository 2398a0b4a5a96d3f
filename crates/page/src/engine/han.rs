//! The carried face for Chinese and Japanese text. It is unpacked when the first page needs it: most pages never do.

use std::sync::OnceLock;

use blitz_dom::decode_font_bytes;

use super::input::Input;

/// A subset of Noto Sans CJK SC (`fonts/README.md`), as WOFF 2.
static PACKED: &[u8] = include_bytes!("../../fonts/NotoSansSC-Subset.woff2");

/// The names under which pages can ask for it: those of the same design.
pub(super) const NAMES: [&str; 4] =
    ["Noto Sans SC", "Noto Sans CJK SC", "Source Han Sans SC", "Source Han Sans CN"];

/// What it may have glyphs for: radicals, punctuation, kana, bopomofo, ideographs, and their forms of full width.
const RANGES: [(char, char); 6] = [
    ('\u{2E80}', '\u{312F}'),
    ('\u{3190}', '\u{4DBF}'),
    ('\u{4E00}', '\u{9FFF}'),
    ('\u{F900}', '\u{FAFF}'),
    ('\u{FE30}', '\u{FE4F}'),
    ('\u{FF00}', '\u{FFEF}'),
];

/// The face as a file.
pub(super) fn face() -> &'static [u8] {
    static FACE: OnceLock<Vec<u8>> = OnceLock::new();
    FACE.get_or_init(|| decode_font_bytes(PACKED).into_owned())
}

/// Whether the page, or a style sheet of it, has a character that only this face may have.
pub(super) fn is_needed_by(input: &Input) -> bool {
    let sheet = |bytes: &bytes::Bytes| std::str::from_utf8(bytes).is_ok_and(is_needed_for);
    is_needed_for(&input.markup) || input.styles.values().any(sheet)
}

/// Whether a text has such a character: as it is, as a reference of HTML (`&#x4e2d;`, `&#20013;`), or as an
/// escape of CSS (`\4e2d`).
pub(super) fn is_needed_for(text: &str) -> bool {
    if !text.is_ascii() && text.chars().any(is_han) {
        return true;
    }
    let referred = text.split("&#").skip(1).map(|rest| match rest.strip_prefix(['x', 'X']) {
        Some(rest) => number(rest, 16),
        None => number(rest, 10),
    });
    let escaped = text.split('\\').skip(1).map(|rest| number(rest, 16));
    referred.chain(escaped).flatten().any(is_han)
}

/// The character whose number a text begins with.
fn number(text: &str, radix: u32) -> Option<char> {
    let end = text.find(|digit: char| !digit.is_digit(radix)).unwrap_or(text.len());
    // Longer numbers are no characters.
    char::from_u32(u32::from_str_radix(text.get(..end.min(8))?, radix).ok()?)
}

/// Whether a character lies where this face may have a glyph for it.
pub(super) fn is_han(character: char) -> bool {
    RANGES.iter().any(|(first, last)| (*first..=*last).contains(&character))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_needs_it_is_found_however_it_is_written() {
        for text in [
            "首屏",
            "a 、b",
            "&#x4E2D;",
            "&#20013;",
            "p::before { content: '\\4e2d\\6587' }",
            "ｆｕｌｌ",
        ] {
            assert!(is_needed_for(text), "{text}");
        }
        for text in
            ["", "plain", "naïve – “quoted” €", "&#233; &#; &#xzz", "\\2014 \\", "😀", "ไทย"]
        {
            assert!(!is_needed_for(text), "{text}");
        }
    }

    #[test]
    fn the_face_is_whole() {
        assert!(face().starts_with(b"OTTO"), "an OpenType font with CFF outlines");
    }
}
