//! `Pattern`: which paths a rule is for.

use core::fmt;
use core::str::FromStr;

use super::path::Place;

/// Which paths a rule is for. `*` stands for any characters but a slash, `**` for any at all; a pattern without a
/// slash is held against the last name of a path alone. Paths are decoded, and without `.` and `..`, before: no
/// other spelling of a path slips past a rule.
///
/// ```
/// use roundtrip_http::handler::Pattern;
///
/// let pattern: Pattern = "/assets/**".parse().unwrap();
/// assert!(pattern.is_for("/assets/a/b.css") && !pattern.is_for("/other/b.css"));
/// let pattern: Pattern = "*.css".parse().unwrap();
/// assert!(pattern.is_for("/assets/b.css?v=1") && !pattern.is_for("/b.css/"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    pieces: Vec<Piece>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    Byte(u8),
    /// Any bytes but slashes.
    Within,
    /// Any bytes.
    Across,
}

impl Pattern {
    /// All paths.
    pub fn all() -> Self {
        Self { text: "/**".into(), pieces: vec![Piece::Byte(b'/'), Piece::Across] }
    }

    /// Whether a text can only be a pattern: it begins with a slash, or has an asterisk.
    fn is_meant(text: &str) -> bool {
        text.starts_with('/') || text.contains('*')
    }

    /// The pattern that a rule begins with, all paths where it begins with none, and the rest of the rule.
    pub fn split(rule: &str) -> (Self, &str) {
        let rule = rule.trim();
        let (first, rest) = rule.split_once(char::is_whitespace).unwrap_or((rule, ""));
        if Self::is_meant(first) {
            (Self::of(first), rest.trim_start())
        } else {
            (Self::all(), rule)
        }
    }

    fn of(text: &str) -> Self {
        let mut pieces = Vec::new();
        if !text.contains('/') {
            pieces.extend([Piece::Across, Piece::Byte(b'/')]);
        }
        let mut rest = text.as_bytes();
        while let [first, tail @ ..] = rest {
            let (piece, tail) = match (first, tail) {
                (b'*', [b'*', tail @ ..]) => (Piece::Across, tail),
                (b'*', tail) => (Piece::Within, tail),
                (byte, tail) => (Piece::Byte(*byte), tail),
            };
            pieces.push(piece);
            rest = tail;
        }
        Self { text: text.to_owned(), pieces }
    }

    /// Whether it is for the path of this target of a request.
    pub fn is_for(&self, target: &str) -> bool {
        self.fits(&plain(target))
    }

    /// All places in the pattern that the bytes so far lead to are gone through together: no pattern takes longer
    /// than its length times that of the path.
    pub(super) fn fits(&self, path: &[u8]) -> bool {
        let end = self.pieces.len();
        let mut at = vec![false; end + 1];
        at[0] = true;
        for &byte in path {
            self.pass_stars(&mut at);
            let mut next = vec![false; end + 1];
            for (place, piece) in self.pieces.iter().enumerate().filter(|(place, _)| at[*place]) {
                match piece {
                    Piece::Byte(own) => next[place + 1] |= *own == byte,
                    Piece::Within => next[place] |= byte != b'/',
                    Piece::Across => next[place] = true,
                }
            }
            at = next;
        }
        self.pass_stars(&mut at);
        at[end]
    }

    /// An asterisk may stand for nothing.
    fn pass_stars(&self, at: &mut [bool]) {
        for (place, piece) in self.pieces.iter().enumerate() {
            if at[place] && !matches!(piece, Piece::Byte(_)) {
                at[place + 1] = true;
            }
        }
    }
}

/// The path of a target as patterns are held against it. One that leads nowhere counts as the root: what is sent
/// all the same has the rules for all.
pub(super) fn plain(target: &str) -> Vec<u8> {
    let path = target.split(['?', '#']).next().unwrap_or_default();
    Place::parse(path).map_or_else(|_| b"/".to_vec(), |place| place.bytes())
}

impl FromStr for Pattern {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() || text.contains(char::is_whitespace) {
            return Err("wanted a pattern of paths, as /assets/** or *.css");
        }
        Ok(Self::of(text))
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asterisks_stand_for_names_and_two_for_paths() {
        for (pattern, path, fits) in [
            ("/", "/", true),
            ("/", "/a", false),
            ("/**", "/", true),
            ("/**", "/a/b", true),
            ("/*", "/a", true),
            ("/*", "/a/b", false),
            ("/*/b", "/a/b", true),
            ("/a/**", "/a/", true),
            ("/a/**", "/a", false),
            ("/a/**/c", "/a/b/b/c", true),
            ("/a**c", "/abc/c", true),
            ("*.css", "/x/a.css", true),
            ("*.css", "/a.css.map", false),
            ("a.*.js", "/y/a.1.js", true),
            ("a.*.js", "/ya.1.js", false),
            ("/private/**", "/%70rivate/x", true),
            ("/private/**", "/x/../private/./x", true),
            ("/private/**", "//private//x", true),
            ("/a b", "/a%20b", true),
            ("/*", "/%ff", true),
        ] {
            assert_eq!(Pattern::of(pattern).is_for(path), fits, "{pattern} {path}");
        }
        let worst = format!("/{}b", "*a".repeat(200));
        assert!(!Pattern::of(&worst).is_for(&format!("/{}", "a".repeat(4000))));
    }

    #[test]
    fn a_rule_may_begin_with_a_pattern() {
        let split = |rule| {
            let (pattern, rest) = Pattern::split(rule);
            (pattern.to_string(), rest.to_owned())
        };
        assert_eq!(split("*.css max-age=1"), ("*.css".into(), "max-age=1".into()));
        assert_eq!(split(" /a  X-A: b"), ("/a".into(), "X-A: b".into()));
        assert_eq!(split("X-A: b*c"), ("/**".into(), "X-A: b*c".into()));
        assert_eq!(split("/a"), ("/a".into(), String::new()));
    }
}
