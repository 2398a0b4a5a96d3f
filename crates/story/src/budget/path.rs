//! `PathPattern`: paths as `robots.txt` writes them, by which a budget tells for which pages it is
//! (RFC 9309 §2.2.3).

/// A pattern of paths: `*` stands for any letters, and `$` at the end for the end of the path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PathPattern(String);

impl PathPattern {
    pub(super) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Whether a path, with its query, begins as the pattern has it.
    pub(super) fn matches(&self, path: &str) -> bool {
        let (pattern, to_end) = match self.0.strip_suffix('$') {
            Some(pattern) => (pattern, true),
            None => (self.0.as_str(), false),
        };
        let mut parts = pattern.split('*');
        let first = parts.next().unwrap_or_default();
        let Some(mut rest) = path.strip_prefix(first) else { return false };
        let mut last = None;
        for part in parts {
            let Some(at) = rest.find(part) else { return false };
            last = Some((rest, part));
            rest = &rest[at + part.len()..];
        }
        match last {
            _ if !to_end => true,
            // The last part may be found farther behind, too.
            Some((rest, part)) => rest.ends_with(part),
            None => rest.is_empty(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_match_as_in_robots_txt() {
        let matches = |pattern: &str, path: &str| PathPattern::new(pattern).matches(path);
        for (pattern, path) in [
            ("/", "/"),
            ("/", "/blog"),
            ("/*", "/blog/1"),
            ("/blog", "/blog/1?x=2"),
            ("/*.php", "/a/index.php?x"),
            ("/*.php$", "/index.php.php"),
            ("/blog$", "/blog"),
            ("/a*c*e", "/abcde"),
        ] {
            assert!(matches(pattern, path), "{pattern} {path}");
        }
        for (pattern, path) in
            [("/blog", "/"), ("/blog$", "/blog/1"), ("/*.php$", "/index.php?x"), ("/a*c$", "/ab")]
        {
            assert!(!matches(pattern, path), "{pattern} {path}");
        }
    }
}
