//! `Layouts`: what was laid out before, for a page that is loaded again and again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::codec::Coded as _;
use super::digests::Digest;
use crate::engine::Outcome;
use crate::picture::PaintError;

/// The most layouts that are remembered.
const MOST: usize = 10_000;
/// The most bytes that they may come to, about as they would be sent.
const MOST_BYTES: usize = 64 << 20;

/// Layouts that were made, by all they were made of. A page that is loaded again and again, over one
/// network after the other, is mostly laid out from the same bytes: each layout is then made once.
/// Clones share what they know. Pictures are not remembered. What is remembered is bounded, in number
/// and in bytes; past that, layouts are made each time.
#[derive(Clone, Debug, Default)]
pub struct Layouts(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    outcomes: BTreeMap<Digest, Outcome>,
    bytes: usize,
}

impl Known {
    fn remember(&mut self, key: Digest, outcome: &Outcome) {
        let bytes = self.bytes + size_of::<Outcome>() + outcome.frame().len();
        // Another thread may have made the same one meanwhile.
        let is_new = !self.outcomes.contains_key(&key);
        if is_new && self.outcomes.len() < MOST && bytes <= MOST_BYTES {
            self.outcomes.insert(key, outcome.clone());
            self.bytes = bytes;
        }
    }
}

impl Layouts {
    /// The layout that is made of what has this digest, looked up, or else made.
    pub(super) fn of(
        &self,
        key: Digest,
        make: impl FnOnce() -> Result<Outcome, PaintError>,
    ) -> Result<Outcome, PaintError> {
        let before = self.known().outcomes.get(&key).cloned();
        if let Some(outcome) = before {
            return Ok(outcome);
        }
        let outcome = make()?;
        self.known().remember(key, &outcome);
        Ok(outcome)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::child::digests::Digests;
    use crate::engine::{Goal, Input, LayoutNote, Syntax};
    use crate::options::Options;
    use crate::policy::Csp;
    use bytes::Bytes;
    use url::Url;

    /// A page of a style sheet and a picture, each in memory of its own.
    fn page(markup: &str, sheet: &str, picture: &[u8]) -> Input {
        let content =
            |bytes: &[u8]| BTreeMap::from([("x".to_owned(), Bytes::copy_from_slice(bytes))]);
        Input {
            markup: Arc::new(markup.to_owned()),
            syntax: Syntax::Html,
            base: Url::parse("http://a.example/").unwrap(),
            options: Options::default(),
            styles: content(sheet.as_bytes()),
            bytes: content(picture),
            failed: [].into(),
            faces: Vec::new(),
            policy: Csp::new(Url::parse("http://a.example/").unwrap()).text(),
        }
    }

    /// How much was laid out of each of these, one after the other as they are loaded in one visit: a
    /// layout that is made says which of all it is.
    fn visit(layouts: &Layouts, made: &mut usize, inputs: &[Input]) -> Vec<usize> {
        let mut digests = Digests::default();
        let mut of = |input| {
            let make = || {
                *made += 1;
                Ok(Outcome { laid_out: *made, ..Outcome::default() })
            };
            layouts.of(digests.of(input, Goal::Layout), make).unwrap().laid_out
        };
        inputs.iter().map(&mut of).collect()
    }

    #[test]
    fn a_layout_of_the_same_bytes_is_made_once_and_of_others_anew() {
        let (layouts, mut made) = (Layouts::default(), 0);
        let mut numbers = |inputs: &[Input]| visit(&layouts, &mut made, inputs);
        assert_eq!(numbers(&[page("<p>a", "p{}", b"png")]), [1]);
        // In other memory, by another visit.
        assert_eq!(numbers(&[page("<p>a", "p{}", b"png")]), [1]);
        assert_eq!(numbers(&[page("<p>b", "p{}", b"png")]), [2]);
        assert_eq!(numbers(&[page("<p>a", "q{}", b"png")]), [3]);
        assert_eq!(numbers(&[page("<p>a", "p{}", b"pnh")]), [4]);
        // Where one ends and the next begins counts.
        assert_eq!(numbers(&[page("<p>ap", "{}", b"png")]), [5]);
        assert_eq!(numbers(&[page("<p>a", "p{}p", b"ng")]), [6]);
        let with = |change: fn(&mut Input)| {
            let mut input = page("<p>a", "p{}", b"png");
            change(&mut input);
            [input]
        };
        assert_eq!(numbers(&with(|input| input.options.scale = 2.0)), [7]);
        assert_eq!(numbers(&with(|input| input.syntax = Syntax::Xml)), [8]);
        assert_eq!(numbers(&with(|input| input.failed.extend(["y".to_owned()]))), [9]);
        assert_eq!(numbers(&with(|_| {})), [1]);
    }

    #[test]
    fn a_page_that_grows_is_laid_out_as_one_that_is_there_at_once() {
        let (layouts, mut made) = (Layouts::default(), 0);
        let mut numbers = |inputs: &[Input]| visit(&layouts, &mut made, inputs);
        let (begun, whole) = (|| page("<p>", "p{}", b""), || page("<p>grün", "p{}", b"png"));
        assert_eq!(numbers(&[begun(), whole(), whole()]), [1, 2, 2]);
        assert_eq!(numbers(&[whole()]), [2]);
        assert_eq!(numbers(&[begun()]), [1]);
    }

    #[test]
    fn a_content_that_takes_the_place_of_another_is_another() {
        let mut digests = Digests::default();
        let mut seen = Vec::new();
        for number in 0..100u8 {
            // The memory of the one before is free by now, and of the right size.
            let input = page("<p>", "p{}", &[number; 64]);
            seen.push(digests.of(&input, Goal::Layout));
        }
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 100);
    }

    #[test]
    fn what_is_remembered_is_bounded_in_bytes() {
        let layouts = Layouts::default();
        let note = || {
            let url = Url::parse("http://a.example/").unwrap();
            LayoutNote::ImageNotDrawn { url, why: "x".repeat(MOST_BYTES / 4) }
        };
        let mut made = 0;
        for key in [1, 2, 3, 4, 5, 1, 2, 3, 4, 5] {
            let make = || {
                made += 1;
                Ok(Outcome { notes: vec![note()], ..Outcome::default() })
            };
            layouts.of([key; 32], make).unwrap();
        }
        // Three have room, a small one beside them too.
        assert_eq!(made, 5 + 2);
        layouts.of([6; 32], || Ok(Outcome::default())).unwrap();
        let again = layouts.of([6; 32], || Err(PaintError::Empty));
        assert!(again.is_ok());
    }
}
