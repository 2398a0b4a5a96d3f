//! Names of files that builds put a hash of the content into: `app.3f2a1b.js`, `index-BkX2f3qT.css`.

/// The fewest letters of a hash in hexadecimal.
const HEX: usize = 6;
/// The fewest letters of a hash in a larger alphabet, or of a time in digits alone.
const OTHER: usize = 8;

/// A path whose names have `*` where they had a hash; `None` where none had one.
pub(super) fn without_hashes(path: &str) -> Option<String> {
    let mut plain = String::with_capacity(path.len());
    let (mut word, mut found) = (String::new(), false);
    for letter in path.chars().chain(['/']) {
        // `_` and `-` may be in a hash, but it is safer to cut there: what is left is seldom short.
        if letter.is_ascii_alphanumeric() {
            word.push(letter);
            continue;
        }
        let hash = is_hash(&word);
        found |= hash;
        plain.push_str(if hash { "*" } else { &word });
        word.clear();
        plain.push(letter);
    }
    plain.pop();
    found.then_some(plain)
}

/// Whether a word looks like a hash rather than like one that a person chose.
fn is_hash(word: &str) -> bool {
    let count = |of: fn(&u8) -> bool| word.bytes().filter(of).count();
    let digits = count(u8::is_ascii_digit);
    let letters = word.len() - digits;
    let is_hex = word.bytes().all(|byte| byte.is_ascii_hexdigit());
    match (digits, letters) {
        (_, 0) => digits >= OTHER,
        // Without a digit it may be a word, with capitals as in `JavaScript`.
        (0, _) => false,
        _ if is_hex => word.len() >= HEX,
        _ => word.len() >= OTHER && (turns(word) >= 2 || changes_of_case(word) >= 3),
    }
}

/// How often small letters and capitals follow each other.
fn changes_of_case(word: &str) -> usize {
    let letters: Vec<bool> = word
        .bytes()
        .filter(u8::is_ascii_alphabetic)
        .map(|letter| letter.is_ascii_uppercase())
        .collect();
    letters.windows(2).filter(|pair| pair[0] != pair[1]).count()
}

/// How often digits and letters follow each other.
fn turns(word: &str) -> usize {
    let digits: Vec<bool> = word.bytes().map(|byte| byte.is_ascii_digit()).collect();
    digits.windows(2).filter(|pair| pair[0] != pair[1]).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_told_from_words() {
        let same = |one: &str, other: &str| {
            let one = without_hashes(one);
            assert!(one.is_some(), "{other}");
            assert_eq!(one, without_hashes(other));
        };
        same("/app.3f2a1b.js", "/app.77aa10.js");
        same("/static/js/main.8ab1fe07.chunk.js", "/static/js/main.0c5d9e21.chunk.js");
        same("/assets/index-BkX2f3qT.js", "/assets/index-D81mWzPe.js");
        same("/b/1a2b3c4d/site.css", "/b/5e6f7a8b/site.css");
        same("/app.1764430000.js", "/app.1764439999.js");
        for plain in [
            "/",
            "/app.js",
            "/jquery-3.6.0.min.js",
            "/facade.js",
            "/bootstrap4.css",
            "/photo-1080p.jpg",
            "/JavaScript.html",
            "/2026/11/29/news.html",
            "/decade/accede.css",
        ] {
            assert_eq!(without_hashes(plain), None, "{plain}");
        }
    }
}
