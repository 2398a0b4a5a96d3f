//! Fonts: the carried ones, the page's own, and which of the page's own are in use.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use blitz_dom::node::NodeData;
use blitz_dom::{BULLET_FONT, BaseDocument, FontContext, Node, NodeId, decode_font_bytes};
use bytes::Bytes;
use fontique::{
    Blob, CharmapIndex, Collection, CollectionOptions, FallbackKey, FamilyId, FontInfoOverride,
    FontStyle, FontWeight, GenericFamily, Script, ScriptExt, SourceCache,
};
use style::values::computed::font::{FontStyle as ComputedStyle, SingleFontFamily};

use super::embedded;
use super::han;
use super::inline_box::is_inline;
use super::input::Input;
use super::note::LayoutNote;
use super::rendered::Rendered;
use crate::css::Slant;
use crate::options::Fonts;
use crate::resources::Face;
use crate::scan::fetchable;

pub(super) const SANS: &str = "Liberation Sans";
pub(super) const SERIF: &str = "Liberation Serif";
pub(super) const MONO: &str = "Liberation Mono";
const WIDE: &str = "DejaVu Sans";
const EMOJI: &str = "Noto Emoji";

macro_rules! liberation {
    ($($face:literal),*) => {
        [$((
            concat!("Liberation ", $face),
            include_bytes!(concat!("../../fonts/Liberation", $face, ".ttf")).as_slice(),
        )),*]
    };
}

/// Liberation's files by name.
static LIBERATION: [(&str, &[u8]); 12] = liberation!(
    "Sans-Regular",
    "Sans-Bold",
    "Sans-Italic",
    "Sans-BoldItalic",
    "Serif-Regular",
    "Serif-Bold",
    "Serif-Italic",
    "Serif-BoldItalic",
    "Mono-Regular",
    "Mono-Bold",
    "Mono-Italic",
    "Mono-BoldItalic"
);

/// Families of the same metrics (fontconfig's `30-metric-aliases.conf`), and the engine's own
/// name for monospace.
const ALIASES: [(&str, &[&str]); 3] = [
    (SANS, &["Arial", "Helvetica", "Arimo", "Nimbus Sans"]),
    (SERIF, &["Times New Roman", "Times", "Tinos", "Nimbus Roman"]),
    (MONO, &["Courier New", "Courier", "Cousine", "Nimbus Mono PS", "-moz-fixed"]),
];

/// The carried fonts: a family's name and a file.
pub(super) fn carried() -> impl Iterator<Item = (&'static str, &'static [u8])> {
    let liberation = LIBERATION.iter().map(|(name, bytes)| {
        let family = name.split_once('-').map_or(*name, |(family, _)| family);
        (family, *bytes)
    });
    liberation.chain([
        (WIDE, dejavu::sans::regular()),
        (WIDE, dejavu::sans::bold()),
        (EMOJI, epaint_default_fonts::NOTO_EMOJI_REGULAR),
    ])
}

/// The other names of a carried family.
pub(super) fn aliases(family: &str) -> impl Iterator<Item = &'static str> {
    ALIASES.iter().filter(move |(of, _)| *of == family).flat_map(|(_, names)| *names).copied()
}

/// The fonts that pages are set in besides their own, read once.
pub(crate) struct FontSet {
    collection: Collection,
    sources: SourceCache,
}

impl FontSet {
    /// Reads the carried fonts, and learns which the machine has if these are wanted.
    pub(crate) fn new(which: Fonts) -> FontSet {
        FontSet { collection: collection(which), sources: SourceCache::new_shared() }
    }

    /// The fonts of one run, to which the page's own can be added.
    pub(super) fn context(&self, input: &Input) -> FontContext {
        let mut collection = self.collection.clone();
        if han::is_needed_by(input) {
            add_han(&mut collection, input.options.fonts);
        }
        FontContext { collection, source_cache: self.sources.clone() }
    }
}

/// Adds the carried face for Chinese and Japanese: by its names, and where glyphs are looked for that all
/// others lack.
fn add_han(collection: &mut Collection, which: Fonts) {
    let blob = Blob::new(Arc::new(han::face()));
    for name in han::NAMES {
        if which == Fonts::System && is_of_system(collection, name) {
            continue;
        }
        let named = FontInfoOverride { family_name: Some(name), ..Default::default() };
        collection.register_fonts(blob.clone(), Some(named));
    }
    let Some(family) = collection.family_id(han::NAMES[0]) else { return };
    let han = Script::from_bytes(*b"Hani");
    let places = HAN_PLACES.into_iter().map(|place| FallbackKey::from((han, place)));
    for key in scripts().map(FallbackKey::from).chain(places) {
        let others: Vec<FamilyId> = match collection.fallback_families(key).collect::<Vec<_>>() {
            // What a language has no list for is looked for where its script has it.
            none if none.is_empty() => collection.fallback_families(key.script()).collect(),
            some => some,
        };
        collection.set_fallbacks(key, others.into_iter().chain([family]));
    }
}

/// The languages whose ideographs are looked for in lists of their own.
const HAN_PLACES: [&str; 6] = ["ja", "ko", "zh-HK", "zh-TW", "zh-MO", "zh-SG"];

/// All scripts in which text can be.
fn scripts() -> impl Iterator<Item = Script> {
    let common = [Script::COMMON, Script::INHERITED, Script::UNKNOWN];
    Script::all_samples().iter().map(|(script, _)| *script).chain(common)
}

fn collection(which: Fonts) -> Collection {
    let system_fonts = which == Fonts::System;
    let mut collection = Collection::new(CollectionOptions { shared: false, system_fonts });
    let blob = |bytes: &'static [u8]| Blob::new(Arc::new(bytes));
    collection.register_fonts(blob(BULLET_FONT), None);
    for (family, bytes) in carried() {
        let blob = blob(bytes);
        for name in std::iter::once(family).chain(aliases(family)) {
            if system_fonts && is_of_system(&mut collection, name) {
                continue;
            }
            let named = FontInfoOverride { family_name: Some(name), ..Default::default() };
            collection.register_fonts(blob.clone(), Some(named));
        }
    }
    generics(&mut collection, which);
    collection
}

/// Whether the machine itself has this family.
fn is_of_system(collection: &mut Collection, name: &str) -> bool {
    let Some(family) = collection.family_by_name(name) else { return false };
    family.fonts().iter().any(|font| matches!(font.source().kind(), fontique::SourceKind::Path(_)))
}

/// What `serif`, `sans-serif` and so on mean, and where glyphs are looked for that a family
/// lacks. On a machine with fonts its own choice comes first.
fn generics(collection: &mut Collection, which: Fonts) {
    use GenericFamily as G;
    let mut ids = |names: &[&str]| -> Vec<FamilyId> {
        names.iter().filter_map(|name| collection.family_id(name)).collect()
    };
    let (sans, serif, mono) = (ids(&[SANS, WIDE]), ids(&[SERIF, WIDE]), ids(&[MONO, WIDE]));
    // Text whose families are all unknown is set in the first of the fallbacks: browsers take the
    // serif there.
    let (emoji, fallback) = (ids(&[EMOJI]), ids(&[SERIF, WIDE, EMOJI]));
    let table = [
        (G::Serif, &serif),
        (G::UiSerif, &serif),
        (G::SansSerif, &sans),
        (G::SystemUi, &sans),
        (G::UiSansSerif, &sans),
        (G::UiRounded, &sans),
        (G::Cursive, &sans),
        (G::Fantasy, &sans),
        (G::Monospace, &mono),
        (G::UiMonospace, &mono),
        (G::Math, &serif),
        (G::FangSong, &serif),
        (G::Emoji, &emoji),
    ];
    for (generic, families) in table {
        let own = collection.generic_families(generic).count();
        if which == Fonts::System && own > 0 {
            continue;
        }
        collection.set_generic_families(generic, families.iter().copied());
    }
    for script in scripts() {
        if which == Fonts::CarriedOnly || collection.fallback_families(script).count() == 0 {
            collection.set_fallbacks(script, fallback.iter().copied());
        }
    }
}

/// Registers the page's fonts that have come, under the family their rule names.
pub(super) fn register_faces(
    context: &mut FontContext,
    input: &Input,
    notes: &mut Vec<LayoutNote>,
) {
    let mut told = BTreeSet::new();
    for face in &input.faces {
        let Some(decoded) = file(face, &input.bytes) else { continue };
        let named = FontInfoOverride {
            family_name: Some(&face.rule.family),
            // A range means a variable font, whose axis says more than the rule.
            weight: (face.rule.weight.1 - face.rule.weight.0 < 1.0)
                .then(|| FontWeight::new(face.rule.weight.0)),
            style: Some(match face.rule.slant {
                Slant::Upright => FontStyle::Normal,
                Slant::Italic => FontStyle::Italic,
                Slant::Oblique => FontStyle::Oblique(None),
            }),
            ..Default::default()
        };
        let blob = Blob::new(Arc::new(decoded));
        if context.collection.register_fonts(blob, Some(named)).is_empty()
            && told.insert(face.url.clone())
        {
            notes.push(LayoutNote::FontNotUsed { url: face.url.clone() });
        }
    }
}

/// The file of a face of the page that has come, unpacked.
pub(super) fn file(face: &Face, came: &BTreeMap<String, Bytes>) -> Option<Vec<u8>> {
    Some(decode_font_bytes(&face_bytes(face, came)?).into_owned())
}

fn face_bytes(face: &Face, came: &BTreeMap<String, Bytes>) -> Option<Bytes> {
    if face.url.scheme() == "data" {
        return embedded::decode(&face.url);
    }
    let url = fetchable(face.url.clone())?;
    came.get(url.as_str()).cloned().filter(|bytes| !bytes.is_empty())
}

/// How text is set: family in lower case, weight, slant.
type Setting = (String, u16, Slant);

/// The faces that the document's text is set in and that have not come, in the order in which the
/// document first sets text in them, as browsers ask for them: for each character the one declared last of
/// those whose `unicode-range` has it (CSS Fonts 4, section 5.2), and the one before only where that has come
/// and lacks it.
pub(super) fn in_use(
    document: &BaseDocument,
    faces: &[Face],
    came: &BTreeMap<String, Bytes>,
) -> Vec<Face> {
    let families: BTreeSet<String> =
        faces.iter().map(|face| face.rule.family.to_lowercase()).collect();
    if families.is_empty() {
        return Vec::new();
    }
    let (mut wanted, mut known) = (Vec::new(), BTreeSet::new());
    let is_there: Vec<bool> = faces.iter().map(|face| face_bytes(face, came).is_some()).collect();
    let mut glyphs = Glyphs { faces, came, read: BTreeMap::new() };
    let mut best: BTreeMap<Setting, Vec<usize>> = BTreeMap::new();
    for (setting, character) in settings(document, &families).order {
        let best = best.entry(setting).or_insert_with_key(|(family, weight, slant)| {
            best_faces(faces, family, f32::from(*weight), *slant)
        });
        let covering = best.iter().rev().filter(|&&at| faces[at].rule.covers(character));
        let mut covering = covering.copied().peekable();
        while let Some(at) = covering.next() {
            if !is_there[at] {
                if known.insert(at) {
                    wanted.push(faces[at].clone());
                }
                break;
            }
            // Where there is no other, nobody asks whether this one has it.
            if covering.peek().is_none() || glyphs.has(at, character) {
                break;
            }
        }
    }
    wanted
}

/// The glyphs of the faces that have come.
struct Glyphs<'a> {
    faces: &'a [Face],
    came: &'a BTreeMap<String, Bytes>,
    /// By face; `None` for what is no font.
    read: BTreeMap<usize, Option<Charmap>>,
}

impl Glyphs<'_> {
    /// Whether a face has a glyph for a character.
    fn has(&mut self, at: usize, character: char) -> bool {
        let Self { faces, came, read } = self;
        let read = read
            .entry(at)
            .or_insert_with(|| Charmap::of(Blob::new(Arc::new(file(&faces[at], came)?))));
        read.as_ref().is_some_and(|charmap| charmap.has(character))
    }
}

/// Which characters a font has.
pub(super) struct Charmap {
    file: Blob<u8>,
    index: CharmapIndex,
}

impl Charmap {
    /// That of a file; `None` for what is no font.
    pub(super) fn of(file: Blob<u8>) -> Option<Self> {
        let mut alone = Collection::new(CollectionOptions { shared: false, system_fonts: false });
        let registered = alone.register_fonts(file.clone(), None);
        let index = registered.first()?.1.first()?.charmap_index();
        Some(Self { file, index })
    }

    pub(super) fn has(&self, character: char) -> bool {
        let map = self.index.charmap(self.file.as_ref());
        map.is_some_and(|map| map.map(character).is_some_and(|glyph| glyph != 0))
    }
}

/// Which characters are set how.
#[derive(Default)]
struct Settings {
    known: BTreeMap<Setting, BTreeSet<char>>,
    /// Each character of each setting, where the document first has it.
    order: Vec<(Setting, char)>,
}

/// Which characters are set how, for these families: those of texts first, then what gives lines their
/// height.
fn settings(document: &BaseDocument, families: &BTreeSet<String>) -> Settings {
    let mut settings = Settings::default();
    let mut rendered = Rendered::default();
    for (_, node) in document.tree().iter() {
        if let NodeData::Text(text) = &node.data
            && let Some(of) = node.parent.filter(|of| rendered.is(document, *of))
        {
            let characters = || text.content.chars().filter(|c| !c.is_whitespace());
            set_in(&mut settings, document, of, families, characters);
        }
    }
    let space = || [' '].into_iter();
    for (id, node) in document.tree().iter() {
        match &node.data {
            NodeData::Text(_) => {}
            // A line is as high as the font of its block and of each box in it would make it, also
            // where there is no text (CSS Inline 3, section 3.2, "strut").
            _ if is_inline(node) => {
                for of in node.parent.into_iter().chain([id]) {
                    if rendered.is(document, of) {
                        set_in(&mut settings, document, of, families, space);
                    }
                }
            }
            _ if node.flags.is_inline_root() && rendered.is(document, id) => {
                set_in(&mut settings, document, id, families, space);
            }
            _ => {}
        }
    }
    settings
}

/// Adds characters that are set as an element is.
fn set_in<I: Iterator<Item = char>>(
    settings: &mut Settings,
    document: &BaseDocument,
    of: NodeId,
    families: &BTreeSet<String>,
    characters: impl Fn() -> I,
) {
    // The box of a block that stands around some of its lines only has no styles of its own.
    let styled = core::iter::successors(document.get_node(of), |node| {
        node.parent.and_then(|parent| document.get_node(parent))
    });
    let Some(styles) = styled.take(2).find_map(Node::primary_styles) else { return };
    let font = styles.get_font();
    let slant = match font.font_style {
        ComputedStyle::NORMAL => Slant::Upright,
        ComputedStyle::ITALIC => Slant::Italic,
        _ => Slant::Oblique,
    };
    let weight = font.font_weight.value() as u16;
    for family in font.font_family.families.list.iter() {
        let SingleFontFamily::FamilyName(name) = family else { continue };
        let name = name.name.to_lowercase();
        if families.contains(&name) {
            let setting = (name, weight, slant);
            let known = settings.known.entry(setting.clone()).or_default();
            let new = characters().filter(|character| known.insert(*character));
            settings.order.extend(new.map(|character| (setting.clone(), character)));
        }
    }
}

/// The faces of a family that fit best (CSS Fonts 4, section 5.2): slant first, then weight. More
/// than one when they divide the characters among them.
fn best_faces(faces: &[Face], family: &str, weight: f32, slant: Slant) -> Vec<usize> {
    let distance = |face: &Face| {
        let (low, high) = face.rule.weight;
        let slanted = match (slant, face.rule.slant) {
            (a, b) if a == b => 0,
            (Slant::Italic, Slant::Oblique) | (Slant::Oblique, Slant::Italic) => 1,
            _ => 2,
        };
        let away = if weight < low { low - weight } else { (weight - high).max(0.0) };
        // Below 400 lighter comes first, above 500 bolder; 400 and 500 try each other.
        let wrong_side = if weight > 500.0 { high < weight } else { low > weight };
        (slanted, u8::from(wrong_side && away > 0.0), away as u32)
    };
    let of_family = || {
        faces
            .iter()
            .enumerate()
            .filter(|(_, face)| face.rule.family.to_lowercase() == family)
            .map(|(index, face)| (distance(face), index))
    };
    let best = of_family().map(|(distance, _)| distance).min();
    of_family().filter(|(distance, _)| Some(*distance) == best).map(|(_, index)| index).collect()
}
