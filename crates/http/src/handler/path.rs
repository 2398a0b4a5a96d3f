//! From the path of a URL to a name below a root.

use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};

use super::name;

/// Why a path names nothing that could be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PathError {
    /// It is no path of a URL: 400.
    Malformed,
    /// It leads out of the root: 403.
    Outside,
    /// No file can have that name: 404.
    Nowhere,
}

/// A path below the root, decoded: no empty, `.` or `..` segments, no separators in a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) segments: Vec<OsString>,
    /// It ended with a slash, as the name of a folder does.
    pub(crate) slash: bool,
}

impl Place {
    /// Reads the path of a URL. It is decoded once; what is still encoded after that is a name.
    pub(crate) fn parse(path: &str) -> Result<Self, PathError> {
        let path = path.strip_prefix('/').ok_or(PathError::Malformed)?;
        let mut segments = Vec::new();
        let mut slash = true;
        for raw in path.split('/') {
            let segment = decode(raw)?;
            slash = matches!(segment.as_encoded_bytes(), b"" | b"." | b"..");
            match segment.as_encoded_bytes() {
                b"" | b"." => {}
                b".." => {
                    segments.pop().ok_or(PathError::Outside)?;
                }
                _ => {
                    check(&segment)?;
                    segments.push(segment);
                }
            }
        }
        Ok(Self { segments, slash })
    }

    /// The file or folder below `root`.
    pub(crate) fn below(&self, root: &Path) -> PathBuf {
        let mut path = root.to_path_buf();
        path.extend(&self.segments);
        path
    }

    /// The path of a URL again, with a slash at the end: for redirects, so always with one slash at
    /// its beginning, since two would name a host.
    pub(crate) fn as_folder(&self) -> String {
        let mut path = String::from("/");
        for segment in &self.segments {
            encode(segment, &mut path);
            path.push('/');
        }
        path
    }

    /// The folder that it lies in.
    pub(crate) fn parent(&self) -> Option<Self> {
        let (_, folder) = self.segments.split_last()?;
        Some(Self { segments: folder.to_vec(), slash: true })
    }

    /// The same with this at the end of its last name.
    pub(crate) fn with_ending(&self, ending: &str) -> Option<Self> {
        let mut place = self.clone();
        place.segments.last_mut()?.push(ending);
        Some(place)
    }

    /// The same without this at the end of its last name, where that has it and more.
    pub(crate) fn without_ending(&self, ending: &str) -> Option<Self> {
        let mut place = self.clone();
        let last = place.segments.last_mut()?;
        let name = last.to_str()?.strip_suffix(ending).filter(|name| !name.is_empty())?;
        *last = name.into();
        Some(place)
    }

    /// The segments with slashes between; `None` where one of them is no text.
    pub(crate) fn key(&self) -> Option<String> {
        let texts: Option<Vec<&str>> = self.segments.iter().map(|one| one.to_str()).collect();
        texts.map(|texts| texts.join("/"))
    }

    /// The path as bytes, decoded: what patterns are held against.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut path = Vec::new();
        for segment in &self.segments {
            path.push(b'/');
            path.extend_from_slice(segment.as_encoded_bytes());
        }
        if self.slash {
            path.push(b'/');
        }
        path
    }
}

impl core::fmt::Display for Place {
    /// As it stands in a URL.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mut path = self.as_folder();
        if !self.slash {
            path.pop();
        }
        f.write_str(&path)
    }
}

fn decode(segment: &str) -> Result<OsString, PathError> {
    if !segment.contains('%') {
        return Ok(segment.into());
    }
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let [high, low, tail @ ..] = rest else { return Err(PathError::Malformed) };
        let digit = |byte: u8| char::from(byte).to_digit(16).ok_or(PathError::Malformed);
        bytes.push((digit(*high)? << 4 | digit(*low)?) as u8);
        rest = tail;
    }
    name::from_bytes(bytes).ok_or(PathError::Nowhere)
}

/// A segment must be one plain name on every operating system: no separator, no drive, no NUL.
fn check(segment: &OsStr) -> Result<(), PathError> {
    let bytes = segment.as_encoded_bytes();
    if bytes.contains(&0) {
        return Err(PathError::Malformed);
    }
    if bytes.contains(&b'/') {
        return Err(PathError::Outside);
    }
    // Where a backslash separates folders, there are two components then.
    let mut components = Path::new(segment).components();
    match (components.next(), components.next()) {
        (Some(Component::Normal(_)), None) => Ok(()),
        _ => Err(PathError::Outside),
    }
}

/// Writes a segment so that it stands in the path of a URL (RFC 3986 §3.3).
pub(crate) fn encode(segment: &OsStr, out: &mut String) {
    for &byte in segment.as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=@".contains(&byte) {
            out.push(char::from(byte));
        } else {
            const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
            out.push('%');
            out.push(char::from(DIGITS[usize::from(byte >> 4)]));
            out.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(path: &str) -> Result<String, PathError> {
        Place::parse(path).map(|place| place.key().unwrap_or_default())
    }

    #[test]
    fn paths_are_decoded_once_and_stay_below_the_root() {
        for (path, expected) in [
            ("/", Ok("")),
            ("/a/b.html", Ok("a/b.html")),
            ("/a//b", Ok("a/b")),
            ("/a/./b/../c", Ok("a/c")),
            ("/%61%20b", Ok("a b")),
            ("/%e4%bd%a0", Ok("你")),
            ("/%252e%252e/x", Ok("%2e%2e/x")),
            ("/a+b", Ok("a+b")),
            ("/..", Err(PathError::Outside)),
            ("/a/../../b", Err(PathError::Outside)),
            ("/%2e%2e/etc/passwd", Err(PathError::Outside)),
            ("/%2E%2e%2fetc", Err(PathError::Outside)),
            ("/a%2fb", Err(PathError::Outside)),
            ("/a%00.html", Err(PathError::Malformed)),
            ("/a%", Err(PathError::Malformed)),
            ("/a%2", Err(PathError::Malformed)),
            ("/a%gg", Err(PathError::Malformed)),
            ("/a%+1", Err(PathError::Malformed)),
            ("a", Err(PathError::Malformed)),
            ("", Err(PathError::Malformed)),
        ] {
            assert_eq!(key(path), expected.map(str::to_owned), "{path}");
        }
    }

    #[test]
    fn a_backslash_is_what_the_system_takes_it_for() {
        let is_name = std::path::Path::new("a\\b").components().count() == 1;
        for path in ["/a\\b", "/a%5cb"] {
            let expected = if is_name { Ok("a\\b".to_owned()) } else { Err(PathError::Outside) };
            assert_eq!(key(path), expected, "{path}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_name_need_not_be_text() {
        let place = Place::parse("/a%ffb/c").unwrap();
        assert_eq!((place.key(), place.bytes()), (None, b"/a\xffb/c".to_vec()));
        assert_eq!(place.to_string(), "/a%FFb/c");
    }

    #[test]
    fn a_redirect_never_names_another_host() {
        let place = Place::parse("//evil.example/%2e").unwrap();
        assert_eq!(place.as_folder(), "/evil.example/");
        assert!(place.slash);
        let place = Place::parse("/a b?").unwrap();
        assert_eq!(place.as_folder(), "/a%20b%3F/");
    }
}
