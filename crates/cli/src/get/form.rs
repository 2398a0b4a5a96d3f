//! The form of `-F`: its parts, in curl's notation.

use std::fs::File;
use std::path::Path;

use anyhow::anyhow;
use bytes::Bytes;
use roundtrip_http::Body;
use roundtrip_http::form::{Disposition, Multipart, Names};

use super::args::Get;
use super::source::{read, unread};

const FORM: [&str; 2] = ["form", "form-string"];

/// The form's body, and its media type; where the caller gives one (`own`), that one with the boundary.
/// `None` where there is no form.
pub(super) fn form(arguments: &Get, own: Option<&str>) -> anyhow::Result<Option<(Body, String)>> {
    if arguments.form.is_empty() && arguments.form_string.is_empty() {
        return Ok(None);
    }
    // What is no form any more has things that go along.
    let attached = own.is_some_and(|own| !own.starts_with("multipart/form-data"));
    let disposition = if attached { Disposition::Attachment } else { Disposition::FormData };
    let names = if arguments.form_escape { Names::Escaped } else { Names::Encoded };
    let mut parts = Parts(empty().of(disposition).with(names));
    for (option, text) in arguments.words.of(&FORM) {
        let (name, content) = text
            .split_once('=')
            .ok_or_else(|| anyhow!("-F {text}: wanted NAME=CONTENT, NAME=@FILE or NAME=<FILE"))?;
        if option == "form-string" {
            parts.0.text(name, content);
        } else {
            parts.add(name, content, names)?;
        }
    }
    let media_type = match own {
        Some(own) => format!("{own}; boundary={}", parts.0.boundary()),
        None => parts.0.content_type(),
    };
    Ok(Some((parts.0.finish(), media_type)))
}

fn empty() -> Multipart {
    let mut boundary = [0; 8];
    roundtrip_os::random::fill(&mut boundary);
    Multipart::new(&boundary)
}

/// The content of a part as written, with its parameters: `;type=`, `;filename=`.
#[derive(Debug, Default, PartialEq, Eq)]
struct Written {
    content: String,
    media_type: Option<String>,
    file_name: Option<String>,
    /// Parameters that are not known, and ignored.
    unknown: Vec<String>,
    /// Whether another file follows after a comma.
    more: bool,
}

impl Written {
    /// Takes one content from the beginning of `rest`; `list` says whether commas separate several.
    fn take(rest: &mut &str, list: bool) -> Self {
        *rest = rest.trim_start();
        let mut written = Self { content: word(rest, list), ..Self::default() };
        while let Some(after) = rest.strip_prefix(';') {
            *rest = after.trim_start();
            let blank = &after[..after.len() - rest.len()];
            let known = |key: &str| {
                rest.get(..key.len()).is_some_and(|start| start.eq_ignore_ascii_case(key))
            };
            if known("type=") {
                *rest = &rest["type=".len()..];
                written.media_type = Some(word(rest, list));
            } else if known("filename=") {
                *rest = &rest["filename=".len()..];
                written.file_name = Some(word(rest, list));
            } else {
                let other = word(rest, list);
                match &mut written.media_type {
                    // What follows the type may be a parameter of it, such as charset.
                    Some(media_type) => {
                        media_type.extend([";", blank, &other]);
                    }
                    None => written.unknown.push(other),
                }
            }
        }
        written.more = rest.starts_with(',');
        *rest = rest.strip_prefix(',').unwrap_or(rest);
        written
    }
}

/// Takes a word up to the next separator, or a quoted text, which may contain separators.
fn word(rest: &mut &str, list: bool) -> String {
    let ends = |char: char| char == ';' || list && char == ',';
    if let Some(quoted) = rest.strip_prefix('"') {
        let mut out = String::new();
        let mut chars = quoted.char_indices();
        while let Some((at, char)) = chars.next() {
            match char {
                '"' => {
                    let after = &quoted[at + 1..];
                    *rest = &after[after.find(ends).unwrap_or(after.len())..];
                    return out;
                }
                '\\' if quoted[at + 1..].starts_with(['\\', '"']) => {
                    out.extend(chars.next().map(|(_, char)| char));
                }
                other => out.push(other),
            }
        }
    }
    // There are no quotes, or none that end.
    let (word, after) = rest.split_at(rest.find(ends).unwrap_or(rest.len()));
    *rest = after;
    // Blanks before a parameter mean nothing.
    if after.is_empty() { word.to_owned() } else { word.trim_end().to_owned() }
}

/// A body of several parts. Its files are opened when the body is made, and read while it is sent.
struct Parts(Multipart);

impl Parts {
    fn add(&mut self, name: &str, content: &str, names: Names) -> anyhow::Result<()> {
        if let Some(mut rest) = content.strip_prefix('@') {
            let mut files = vec![Written::take(&mut rest, true)];
            while files.last().is_some_and(|last| last.more) {
                files.push(Written::take(&mut rest, true));
            }
            if let [only] = &files[..] {
                return self.file(name, only);
            }
            let mut inner = Self(empty().of(Disposition::Attachment).with(names));
            for file in &files {
                inner.file("", file)?;
            }
            self.0.mixed(name, inner.0);
            return Ok(());
        }
        let (mut rest, from_file) = match content.strip_prefix('<') {
            Some(rest) => (rest, true),
            None => (content, false),
        };
        let written = Written::take(&mut rest, false);
        pass_over(name, &written);
        let bytes: Bytes =
            if from_file { read(&written.content)?.into() } else { written.content.clone().into() };
        let guessed = || written.file_name.as_deref().and_then(guess);
        let media_type = written.media_type.as_deref().or_else(guessed);
        self.0.part(name, written.file_name.as_deref(), media_type, bytes);
        Ok(())
    }

    fn file(&mut self, name: &str, written: &Written) -> anyhow::Result<()> {
        pass_over(name, written);
        let path = written.content.as_str();
        let own = Path::new(path).file_name().map(|name| name.to_string_lossy().into_owned());
        let file_name = written.file_name.clone().or(own).unwrap_or_else(|| "-".into());
        let guessed = || guess(&file_name).or_else(|| guess(path)).unwrap_or(STREAM);
        let media_type = written.media_type.as_deref().unwrap_or_else(guessed);
        if path == "-" {
            self.0.part(name, Some(&file_name), Some(media_type), read(path)?.into());
            return Ok(());
        }
        let file = File::open(path).map_err(|error| unread(&path, &error))?;
        let length = file.metadata()?.len();
        self.0.file(name, &file_name, media_type, file, length);
        Ok(())
    }
}

fn pass_over(name: &str, written: &Written) {
    for unknown in &written.unknown {
        eprintln!(
            "roundtrip: -F {name}: {unknown} is neither type= nor filename= and is left out; quotes keep a semicolon"
        );
    }
}

/// The media type of a stream of bytes.
const STREAM: &str = "application/octet-stream";

/// The media type by the ending of a file name, for those curl knows.
fn guess(path: &str) -> Option<&'static str> {
    let ending = Path::new(path).extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    Some(match ending.to_ascii_lowercase().as_str() {
        "gif" => "image/gif",
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "svg" => "image/svg+xml",
        "txt" => "text/plain",
        "htm" | "html" => "text/html",
        "pdf" => "application/pdf",
        "xml" => "application/xml",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_one(text: &str, list: bool) -> (String, Option<String>, Option<String>, String) {
        let mut rest = text;
        let written = Written::take(&mut rest, list);
        (written.content, written.media_type, written.file_name, rest.to_owned())
    }

    #[test]
    fn parts_are_read_as_curl_does() {
        let some = |text: &str| Some(text.to_owned());
        for (text, list, content, media_type, file_name, rest) in [
            ("b", false, "b", None, None, ""),
            ("b,c", false, "b,c", None, None, ""),
            ("b,c", true, "b", None, None, "c"),
            ("b;type=text/x", false, "b", some("text/x"), None, ""),
            ("b; TYPE=text/x;charset=utf-8", false, "b", some("text/x;charset=utf-8"), None, ""),
            ("b;type=t/x;filename=\"o;\\\"x\"", false, "b", some("t/x"), some("o;\"x"), ""),
            ("\"x;y\" z;type=t/x", false, "x;y", some("t/x"), None, ""),
            ("\"open;type=t/x", false, "\"open", some("t/x"), None, ""),
            ("a\\b", false, "a\\b", None, None, ""),
            ("b;c=d", false, "b", None, None, ""),
        ] {
            let expected = (content.to_owned(), media_type, file_name, rest.to_owned());
            assert_eq!(read_one(text, list), expected, "{text}");
        }
    }
}
