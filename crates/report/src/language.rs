//! The language of views: their words stand in the code in English, and in a catalogue in each other language.
//!
//! The macro `say!` looks a text up and fills values into it. In which language is decided once, by whoever asks
//! for a view ([`Language::speaking`]), and holds for that thread until the view is made: words come from dozens of
//! small functions that have nothing else to do with it.

use core::cell::Cell;
use core::fmt::{Display, Write as _};
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// A language that views can have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// English, in which everything is written.
    #[default]
    English,
    /// Chinese in simplified characters.
    Chinese,
}

/// The catalogue, in the format of GNU gettext: `msgid` is the English text, `msgstr` the Chinese one.
static CHINESE: &str = include_str!("../zh-CN.po");

thread_local! {
    static SPOKEN: Cell<Language> = const { Cell::new(Language::English) };
}

impl Language {
    /// The language of a locale's name (`zh_CN.UTF-8`) or of a tag (`zh-Hans`); `None` for one that views
    /// cannot have.
    pub fn named(name: &str) -> Option<Self> {
        let end = name.find(['_', '-', '.', '@']).unwrap_or(name.len());
        match name[..end].to_ascii_lowercase().as_str() {
            "zh" => Some(Self::Chinese),
            "en" | "c" | "posix" => Some(Self::English),
            _ => None,
        }
    }

    /// Its tag (BCP 47).
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh-CN",
        }
    }

    /// Makes something whose words are in this language.
    pub fn speaking<T>(self, make: impl FnOnce() -> T) -> T {
        struct Before(Language);
        impl Drop for Before {
            fn drop(&mut self) {
                SPOKEN.set(self.0);
            }
        }
        let _before = Before(SPOKEN.replace(self));
        make()
    }

    /// The language in which views are being made on this thread.
    pub(crate) fn spoken() -> Self {
        SPOKEN.get()
    }
}

/// The catalogue as a table.
fn chinese() -> &'static BTreeMap<String, String> {
    static TABLE: OnceLock<BTreeMap<String, String>> = OnceLock::new();
    TABLE.get_or_init(|| entries(CHINESE).collect())
}

/// The pairs of a catalogue: each text stands in one line.
fn entries(catalogue: &str) -> impl Iterator<Item = (String, String)> {
    let text = |line: &str, field: &str| -> Option<String> {
        let quoted = line.strip_prefix(field)?.strip_prefix(" \"")?.strip_suffix('"')?;
        Some(quoted.replace("\\\"", "\"").replace("\\n", "\n"))
    };
    let lines = catalogue.lines();
    let next = catalogue.lines().skip(1);
    lines.zip(next).filter_map(move |(one, other)| {
        Some((text(one, "msgid").filter(|id| !id.is_empty())?, text(other, "msgstr")?))
    })
}

/// A word of a view in the language that is spoken; what the catalogue does not have stays as it is.
pub(crate) fn word(text: &str) -> &str {
    match Language::spoken() {
        Language::English => text,
        Language::Chinese => chinese().get(text).map_or(text, String::as_str),
    }
}

/// The same of a text that stands in the code.
pub(crate) fn fixed(text: &'static str) -> &'static str {
    word(text)
}

/// A text with values in it: `{}` stands for the next one, `{2}` for the one with this number, from 0.
pub(crate) fn fill(text: &'static str, values: &[&dyn Display]) -> String {
    let mut rest = fixed(text);
    let mut filled = String::with_capacity(rest.len() + 16 * values.len());
    let mut next = 0;
    while let Some((before, place)) = rest.split_once('{') {
        filled.push_str(before);
        let (place, after) = place.split_once('}').unwrap_or((place, ""));
        let at = place.parse().unwrap_or_else(|_| {
            next += 1;
            next - 1
        });
        if let Some(value) = values.get(at) {
            // Memory takes everything.
            let _ = write!(filled, "{value}");
        }
        rest = after;
    }
    filled.push_str(rest);
    filled
}

/// Texts that other parts of the program write into a record: notes of the page, why a connection ended, what
/// could not be seen. What a record quotes from others stays as it is.
const RECORDED: [&str; 29] = [
    "scripts are fetched and timed, not run: {} external, {} inline",
    "media are listed, not played",
    "nested documents are listed, not loaded",
    "plug-ins are not run",
    "only a script or a later page would want it",
    "loading=lazy and far below the viewport",
    "the page wants more than is fetched",
    "packets and sequence numbers ({})",
    "{} missing: {}: {}",
    "image not drawn: {}: {}",
    "font not usable: {}",
    "style sheet cut short: {}",
    "meta refresh not followed: {}",
    "{} <{}> would be filled by scripts",
    "the picture shows {} of the page's {} rows of pixels",
    "the document has no standards-mode doctype; it is laid out in standards mode",
    "no carried font has {} of the page's characters (script {}: {}); they show as boxes, and --fonts system takes this machine's fonts",
    "idle",
    "idle for too long",
    "closed while idle",
    "closed by the client",
    "visit over",
    "exchange failed",
    "framed by close",
    "no keep-alive wanted",
    "server does not keep it",
    "kept for the next request",
    "no more exchanges",
    "server stops",
];

/// A text of a record, in the language that is spoken where it is one that this program writes.
pub(crate) fn recorded(text: &str) -> String {
    if Language::spoken() == Language::English {
        return text.to_owned();
    }
    let told = RECORDED.iter().find_map(|template| Some((template, values(template, text)?)));
    match told {
        Some((template, values)) => {
            let values: Vec<&dyn Display> =
                values.iter().map(|value| value as &dyn Display).collect();
            fill(template, &values)
        }
        None => text.to_owned(),
    }
}

/// What stands in a text at the places of a template; `None` if it was not made from that.
fn values<'a>(template: &str, text: &'a str) -> Option<Vec<&'a str>> {
    let mut parts = template.split("{}");
    let mut rest = text.strip_prefix(parts.next()?)?;
    let mut values = Vec::new();
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        // The last part has to be the end of the text.
        let at = match parts.peek() {
            None if rest.ends_with(part) => rest.len() - part.len(),
            None => return None,
            Some(_) => rest.find(part)?,
        };
        values.push(&rest[..at]);
        rest = &rest[at + part.len()..];
    }
    rest.is_empty().then_some(values)
}

/// `say!("text")` is a text of a view in the language that is spoken, `say!("{} of {}", a, b)` one with values.
macro_rules! say {
    ($text:literal) => {
        $crate::language::fixed($text)
    };
    ($text:literal, $($value:expr),+ $(,)?) => {
        $crate::language::fill($text, &[$(&$value as &dyn ::core::fmt::Display),+])
    };
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;

    #[allow(clippy::disallowed_methods, reason = "sorted by the set")]
    fn sources(folder: &Path, found: &mut BTreeSet<PathBuf>) {
        for entry in fs::read_dir(folder).expect("the sources") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                sources(&path, found);
            } else {
                found.insert(path);
            }
        }
    }

    /// The texts of all `say!` in the code.
    fn said() -> BTreeSet<String> {
        let mut files = BTreeSet::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
        let mut texts = BTreeSet::new();
        for file in files.iter().filter(|file| !file.ends_with("language.rs")) {
            let code = fs::read_to_string(file).expect("UTF-8");
            for place in code.split("say!(").skip(1) {
                let place = place.trim_start();
                let quoted = place.strip_prefix('"').unwrap_or_else(|| {
                    panic!("{}: say! wants a literal: {:.40}", file.display(), place)
                });
                let mut end = 0;
                while !quoted[end..].starts_with('"') {
                    end += if quoted[end..].starts_with('\\') { 2 } else { 1 };
                    while !quoted.is_char_boundary(end) {
                        end += 1;
                    }
                }
                let text = quoted[..end].replace("\\n", "\n").replace("\\\"", "\"");
                let text = text.replace("\\u{201c}", "“").replace("\\u{201d}", "”");
                assert!(!text.contains('\\'), "{}: on one line, please: {text}", file.display());
                texts.insert(text);
            }
        }
        texts
    }

    /// Words that are looked up by what they are called elsewhere.
    const NAMED_ELSEWHERE: [&str; 27] = [
        "request",
        "wait",
        "body",
        "here",
        "blocked",
        "import",
        "record",
        "saved",
        "slowest",
        "path",
        "unseen",
        "links",
        "modelled",
        "amiss",
        "messages",
        "document",
        "stylesheet",
        "script",
        "image",
        "font",
        "icon",
        "media",
        "frame",
        "manifest",
        "other",
        "name",
        "connect",
    ];

    /// Which values a text wants, by number.
    fn places(text: &str) -> BTreeSet<usize> {
        let (mut next, mut found) = (0, BTreeSet::new());
        for part in text.split('{').skip(1) {
            let (place, _) = part.split_once('}').expect("a place has an end");
            found.insert(place.parse().unwrap_or_else(|_| {
                next += 1;
                next - 1
            }));
        }
        found
    }

    #[test]
    fn each_text_has_a_translation() {
        let table = chinese();
        let said = said();
        assert!(said.len() > 700, "only {} texts found", said.len());
        let missing: Vec<&String> = said.iter().filter(|text| !table.contains_key(*text)).collect();
        assert!(missing.is_empty(), "zh-CN.po lacks {missing:#?}");
        for word in NAMED_ELSEWHERE.into_iter().chain(RECORDED) {
            assert!(table.contains_key(word), "zh-CN.po lacks {word}");
        }
    }

    #[test]
    fn each_translation_is_used_and_takes_the_same_values() {
        let said = said();
        for (text, translated) in chinese() {
            let counted = text.strip_prefix("{} ").is_some_and(|noun| !noun.contains(' '));
            let named = NAMED_ELSEWHERE.contains(&text.as_str());
            let recorded = RECORDED.contains(&text.as_str());
            assert!(said.contains(text) || counted || named || recorded, "nobody says {text}");
            assert_eq!(places(text), places(translated), "{text}: {translated}");
            // Chinese commas and brackets have their space in themselves.
            let is_spaced = |text: &str| text.starts_with(char::is_whitespace);
            assert!(
                is_spaced(text) == is_spaced(translated) || translated.starts_with(['，', '（']),
                "{text}: the space before it"
            );
        }
    }

    #[test]
    fn values_go_where_the_language_wants_them() {
        let text = || say!("redirected ({}) by exchange {}", 302, 7);
        assert_eq!(text(), "redirected (302) by exchange 7");
        assert_eq!(Language::Chinese.speaking(text), "由交换 7 重定向（302）");
        assert_eq!(Language::spoken(), Language::English);
    }

    #[test]
    fn what_a_record_says_is_told_in_the_language_too() {
        let note = "scripts are fetched and timed, not run: 3 external, 1 inline";
        let told = |text: &str| Language::Chinese.speaking(|| recorded(text));
        assert_eq!(told(note), "脚本会被取回并计时，但不执行：外部 3 个，内嵌 1 个");
        assert_eq!(told("visit over"), "访问结束");
        assert_eq!(told("visit over, they said"), "visit over, they said");
        assert_eq!(recorded(note), note);
    }

    #[test]
    fn a_language_is_found_by_the_name_of_its_locale() {
        for name in ["zh_CN.UTF-8", "zh", "zh-Hans", "zh_TW@pinyin"] {
            assert_eq!(Language::named(name), Some(Language::Chinese), "{name}");
        }
        for name in ["C", "C.UTF-8", "POSIX", "en_GB.UTF-8"] {
            assert_eq!(Language::named(name), Some(Language::English), "{name}");
        }
        assert_eq!(Language::named("de_DE"), None);
        assert_eq!(Language::named(""), None);
    }
}
