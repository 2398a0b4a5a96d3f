//! `Candidate`: an element that counts as content, as the W3C's Largest Contentful Paint has them.

use url::Url;

/// An element of the page that shows content within the viewport: a picture that has come, a block of text, or a
/// picture that a style gives it (W3C Largest Contentful Paint, "largest contentful paint candidate").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The element, by its place in the tree: the same one in all layouts of one page.
    pub node: u64,
    /// The name of its tag, in lower case.
    pub element: String,
    /// The picture; `None` for text.
    pub url: Option<Url>,
    /// How wide it is within the viewport, in CSS pixels, rounded up.
    pub width: u32,
    /// How high it is there, in CSS pixels, rounded up.
    pub height: u32,
    /// Its effective visual size, in square CSS pixels: what is to be seen of it, and of a picture that is drawn
    /// larger than it is only as much as it holds.
    pub size: u64,
}

impl Candidate {
    /// Whether both are the same content of the same element.
    pub fn is_same(&self, other: &Candidate) -> bool {
        self.node == other.node && self.url == other.url
    }

    /// Whether it takes the place of the one that is the largest so far: it is larger, and by more than three
    /// pixels in width or height.
    pub fn exceeds(&self, largest: Option<&Candidate>) -> bool {
        largest.is_none_or(|largest| {
            self.size > largest.size
                && (self.width > largest.width.saturating_add(SLACK)
                    || self.height > largest.height.saturating_add(SLACK))
        })
    }
}

/// By how many pixels in both directions a later candidate may exceed the largest and still be no new one.
const SLACK: u32 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn of(node: u64, width: u32, height: u32) -> Candidate {
        let size = u64::from(width) * u64::from(height);
        Candidate { node, element: "p".into(), url: None, width, height, size }
    }

    #[test]
    fn a_little_larger_is_not_larger() {
        let first = of(1, 100, 100);
        assert!(first.exceeds(None));
        assert!(!of(2, 103, 103).exceeds(Some(&first)));
        assert!(of(2, 104, 100).exceeds(Some(&first)));
        assert!(of(2, 100, 104).exceeds(Some(&first)));
        assert!(!of(2, 200, 10).exceeds(Some(&first)));
    }
}
