//! Characters of the page that no font has: they show as boxes, which the reader of the picture has to know.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use blitz_dom::BaseDocument;
use blitz_dom::node::NodeData;
use fontique::Blob;

use super::fonts::{self, Charmap};
use super::han;
use super::input::Input;
use super::note::LayoutNote;
use super::rendered::Rendered;

/// Scripts by their blocks of Unicode, for the words of a note.
const SCRIPTS: [(u32, u32, &str); 27] = [
    (0x0370, 0x03FF, "Greek"),
    (0x0400, 0x052F, "Cyrillic"),
    (0x0530, 0x058F, "Armenian"),
    (0x0590, 0x05FF, "Hebrew"),
    (0x0600, 0x08FF, "Arabic"),
    (0x0900, 0x097F, "Devanagari"),
    (0x0980, 0x09FF, "Bengali"),
    (0x0A00, 0x0A7F, "Gurmukhi"),
    (0x0A80, 0x0AFF, "Gujarati"),
    (0x0B80, 0x0BFF, "Tamil"),
    (0x0C00, 0x0C7F, "Telugu"),
    (0x0C80, 0x0CFF, "Kannada"),
    (0x0D00, 0x0D7F, "Malayalam"),
    (0x0D80, 0x0DFF, "Sinhala"),
    (0x0E00, 0x0E7F, "Thai"),
    (0x0E80, 0x0EFF, "Lao"),
    (0x0F00, 0x0FFF, "Tibetan"),
    (0x1000, 0x109F, "Myanmar"),
    (0x10A0, 0x10FF, "Georgian"),
    (0x1100, 0x11FF, "Hangul"),
    (0x1200, 0x139F, "Ethiopic"),
    (0x1780, 0x17FF, "Khmer"),
    (0x3040, 0x30FF, "Kana"),
    (0x3130, 0x318F, "Hangul"),
    (0x3400, 0x9FFF, "Han"),
    (0xAC00, 0xD7AF, "Hangul"),
    (0x2_0000, 0x3_FFFF, "Han"),
];

/// The notes on what no font of the page has: one for each script, with the number of different characters.
pub(super) fn notes(document: &BaseDocument, input: &Input) -> Vec<LayoutNote> {
    let mut rendered = Rendered::default();
    let mut wanted: BTreeSet<char> = BTreeSet::new();
    for (_, node) in document.tree().iter() {
        if let NodeData::Text(text) = &node.data
            && !text.content.is_ascii()
            && node.parent.is_some_and(|of| rendered.is(document, of))
        {
            wanted.extend(text.content.chars().filter(|one| shows(*one)));
        }
    }
    if wanted.is_empty() {
        return Vec::new();
    }
    for font in charmaps(input) {
        wanted.retain(|one| !font.has(*one));
        if wanted.is_empty() {
            break;
        }
    }
    let mut scripts: BTreeMap<&str, Vec<char>> = BTreeMap::new();
    for one in wanted {
        scripts.entry(script(one)).or_default().push(one);
    }
    let note = |(script, characters): (&str, Vec<char>)| LayoutNote::NoGlyphs {
        script: script.to_owned(),
        characters: characters.len(),
        first: characters.into_iter().take(3).collect(),
    };
    scripts.into_iter().map(note).collect()
}

/// Whether a character is something to see: neither a space, nor a control, nor one that only changes others
/// (variation selectors, joiners, marks of direction; Unicode's `Default_Ignorable_Code_Point`).
fn shows(one: char) -> bool {
    !one.is_ascii()
        && !one.is_whitespace()
        && !one.is_control()
        && !matches!(one, '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}'
            | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}'
            | '\u{FFF0}'..='\u{FFFD}' | '\u{E000}'..='\u{F8FF}' | '\u{E_0000}'..='\u{10_FFFF}')
}

fn script(one: char) -> &'static str {
    let code = u32::from(one);
    let found = SCRIPTS.iter().find(|(first, last, _)| (*first..=*last).contains(&code));
    found.map_or("other", |(_, _, name)| name)
}

/// The carried fonts and the page's own.
fn charmaps(input: &Input) -> impl Iterator<Item = Charmap> {
    let carried = fonts::carried().map(|(_, file)| Blob::new(Arc::new(file)));
    let packed = han::is_needed_by(input).then(|| Blob::new(Arc::new(han::face())));
    let own = input.faces.iter().filter_map(|face| fonts::file(face, &input.bytes));
    let all = carried.chain(packed).chain(own.map(|file| Blob::new(Arc::new(file))));
    all.filter_map(Charmap::of)
}
