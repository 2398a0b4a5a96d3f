//! Globs, which stand for several URLs: `{one,two}`, `[1-9]`, `[001-100:3]`, `[a-z]`, as curl reads
//! them.

use std::net::Ipv6Addr;

/// The error of a text that is not a valid glob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct GlobError {
    what: &'static str,
    /// The place of the error, in bytes from 1.
    column: usize,
}

impl std::fmt::Display for GlobError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} in column {}; -g takes {{}}[] as they are", self.what, self.column)
    }
}

/// A text of which some parts stand for several texts each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Glob(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Choice(Vec<String>),
    Numbers { first: u64, count: u64, step: u64, width: usize },
    Letters { first: u8, count: u64, step: u8 },
}

/// One of the texts that a glob stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Match {
    pub(super) text: String,
    /// The text chosen for each part.
    parts: Vec<String>,
}

impl Match {
    /// A glob that stands for the text itself only.
    pub(super) fn plain(text: &str) -> Self {
        Self { text: text.to_owned(), parts: Vec::new() }
    }

    /// Replaces `#1`, `#2` … in `name` by the texts chosen for the parts.
    pub(super) fn fill(&self, name: &str) -> String {
        let mut out = String::new();
        let mut rest = name;
        while let Some((before, after)) = rest.split_once('#') {
            out.push_str(before);
            let digits = after.bytes().take_while(u8::is_ascii_digit).count();
            let number: usize = after[..digits].parse().unwrap_or(0);
            if let Some(part) = number.checked_sub(1).and_then(|index| self.parts.get(index)) {
                out.push_str(part);
            } else {
                out.push('#');
                out.push_str(&after[..digits]);
            }
            rest = &after[digits..];
        }
        out.push_str(rest);
        out
    }
}

impl Glob {
    pub(super) fn parse(text: &str) -> Result<Self, GlobError> {
        let fail = |what, column| Err(GlobError { what, column: column + 1 });
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut at = 0;
        while let Some(char) = text[at..].chars().next() {
            let rest = &text[at..];
            match char {
                '\\' if rest[1..].starts_with(['[', ']', '{', '}']) => {
                    plain.push_str(&rest[1..2]);
                    at += 2;
                    continue;
                }
                '}' | ']' => return fail("unmatched close brace or bracket", at),
                '[' if let Some(length) = as_it_is(rest) => {
                    plain.push_str(&rest[..length]);
                    at += length;
                    continue;
                }
                '[' | '{' => {}
                other => {
                    plain.push(other);
                    at += other.len_utf8();
                    continue;
                }
            }
            if !plain.is_empty() {
                pieces.push(Piece::Text(core::mem::take(&mut plain)));
            }
            let (piece, length) = if char == '{' {
                choice(rest)
                    .map_err(|(what, column)| GlobError { what, column: at + column + 1 })?
            } else {
                let Some(end) = rest.find(']') else { return fail("bad range", at) };
                let Some(piece) = range(&rest[1..end]) else { return fail("bad range", at) };
                (piece, end + 1)
            };
            pieces.push(piece);
            at += length;
        }
        pieces.push(Piece::Text(plain));
        Ok(Self(pieces))
    }

    /// All texts, with the last part changing fastest.
    pub(super) fn into_matches(self) -> impl Iterator<Item = Match> {
        let all = self.0.iter().map(Piece::count).fold(1u64, u64::saturating_mul);
        (0..all).map(move |number| self.one(number))
    }

    fn one(&self, mut number: u64) -> Match {
        let mut chosen: Vec<String> = Vec::with_capacity(self.0.len());
        for piece in self.0.iter().rev() {
            chosen.push(piece.at(number % piece.count()));
            number /= piece.count();
        }
        chosen.reverse();
        let text = chosen.concat();
        let of_parts = self.0.iter().zip(chosen);
        let parts = of_parts.filter(|(piece, _)| !matches!(piece, Piece::Text(_)));
        Match { text, parts: parts.map(|(_, text)| text).collect() }
    }
}

impl Piece {
    fn count(&self) -> u64 {
        match self {
            Self::Text(_) => 1,
            Self::Choice(texts) => texts.len() as u64,
            Self::Numbers { count, .. } | Self::Letters { count, .. } => *count,
        }
    }

    fn at(&self, index: u64) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Choice(texts) => {
                let text = usize::try_from(index).ok().and_then(|index| texts.get(index));
                text.cloned().unwrap_or_default()
            }
            Self::Numbers { first, step, width, .. } => {
                format!("{:0width$}", first + index * step, width = *width)
            }
            // The number of steps was bounded when parsed, so the result is a letter.
            Self::Letters { first, step, .. } => char::from(first + index as u8 * step).to_string(),
        }
    }
}

/// The length of a bracketed part that is taken literally: an IPv6 address, or empty brackets.
fn as_it_is(text: &str) -> Option<usize> {
    let inner = &text[1..text.find(']')?];
    let address = inner.split('%').next().unwrap_or_default();
    (inner.is_empty() || address.parse::<Ipv6Addr>().is_ok()).then_some(inner.len() + 2)
}

/// Parses `{one,two}` at the beginning of `text`, and returns its length too; or what is wrong, and
/// where.
fn choice(text: &str) -> Result<(Piece, usize), (&'static str, usize)> {
    let mut texts = vec![String::new()];
    let mut chars = text.char_indices().skip(1);
    while let Some((at, char)) = chars.next() {
        let last = texts.len() - 1;
        match char {
            '{' | '[' => return Err(("nested brace", at)),
            ']' => return Err(("unexpected close bracket", at)),
            '}' if at == 1 => return Err(("empty string within braces", at)),
            '}' => return Ok((Piece::Choice(texts), at + 1)),
            ',' => texts.push(String::new()),
            '\\' => texts[last].extend(chars.next().map(|(_, char)| char)),
            other => texts[last].push(other),
        }
    }
    Err(("unmatched brace", 0))
}

/// Parses the text between brackets: `FIRST-LAST` or `FIRST-LAST:STEP`.
fn range(text: &str) -> Option<Piece> {
    let (ends, step) = match text.split_once(':') {
        Some((ends, step)) => (ends, digits(step).filter(|step| *step > 0)?),
        None => (text, 1),
    };
    let (first, last) = ends.split_once('-')?;
    if let ([a], [b]) = (first.as_bytes(), last.as_bytes())
        && a.is_ascii_alphabetic()
        && b.is_ascii_alphabetic()
    {
        let step = u8::try_from(step).ok()?;
        let span = b.checked_sub(*a)?;
        let fits = span == 0 && step == 1 || step <= span;
        return fits.then_some(Piece::Letters {
            first: *a,
            count: u64::from(span / step) + 1,
            step,
        });
    }
    let (from, to) = (digits(first)?, digits(last)?);
    let span = to.checked_sub(from)?;
    if !(span == 0 && step == 1 || step <= span) {
        return None;
    }
    let width = if first.starts_with('0') { first.len() } else { 0 };
    Some(Piece::Numbers { first: from, count: (span / step).checked_add(1)?, step, width })
}

fn digits(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<String> {
        Glob::parse(text).expect("a glob").into_matches().map(|found| found.text).collect()
    }

    #[test]
    fn globs_stand_for_several() {
        assert_eq!(all("a"), ["a"]);
        assert_eq!(all("{a,bc,}x"), ["ax", "bcx", "x"]);
        assert_eq!(all("[8-10]"), ["8", "9", "10"]);
        assert_eq!(all("[008-10]"), ["008", "009", "010"]);
        assert_eq!(all("[1-10:4]"), ["1", "5", "9"]);
        assert_eq!(all("[a-c]{x,y}"), ["ax", "ay", "bx", "by", "cx", "cy"]);
        assert_eq!(all("http://[::1]:80/[]\\{é\\}"), ["http://[::1]:80/[]{é}"]);
        assert_eq!(all("[5-5]"), ["5"]);
    }

    #[test]
    fn what_is_none_is_told_with_its_place() {
        for (text, column) in [
            ("a[", 2),
            ("a[1-", 2),
            ("a[9-1]", 2),
            ("a[1-9:0]", 2),
            ("a[1-9:9]", 2),
            ("a[z-a]", 2),
            ("a[x]", 2),
            ("a}", 2),
            ("ab]", 3),
            ("a{", 2),
            ("a{}", 3),
            ("a{b{c}}", 4),
            ("[1-18446744073709551615999]", 1),
        ] {
            assert_eq!(Glob::parse(text).map_err(|error| error.column), Err(column), "{text}");
        }
    }

    #[test]
    fn many_are_not_made_before_they_are_wanted() {
        let glob = Glob::parse("[0-18446744073709551614]-[0-9]").expect("a glob");
        let first: Vec<String> = glob.into_matches().take(2).map(|found| found.text).collect();
        assert_eq!(first, ["0-0", "0-1"]);
    }

    #[test]
    fn names_of_files_have_the_parts_in_them() {
        let glob = Glob::parse("{a,b}/[1-2]").expect("a glob");
        let names: Vec<String> = glob.into_matches().map(|one| one.fill("#2_#1#3#.x")).collect();
        assert_eq!(names, ["1_a#3#.x", "2_a#3#.x", "1_b#3#.x", "2_b#3#.x"]);
    }
}
