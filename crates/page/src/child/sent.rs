//! `Sent`: what a child has of the page, and the orders that bring it up to date.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::message::Order;
use crate::engine::{Goal, Input};

/// What the child has of the page.
#[derive(Default)]
pub(super) struct Sent {
    markup: usize,
    styles: BTreeMap<String, Bytes>,
    bytes: BTreeMap<String, Bytes>,
}

impl Sent {
    /// The order that brings the child up to date.
    pub(super) fn order(&mut self, input: &Input, goal: Goal) -> Order {
        let markup = input.markup.get(self.markup..).unwrap_or_default().to_owned();
        self.markup = self.markup.max(input.markup.len());
        Order {
            goal,
            markup,
            shown: input.markup.len(),
            syntax: input.syntax,
            base: input.base.clone(),
            options: input.options.clone(),
            styles: news(&mut self.styles, &input.styles),
            bytes: news(&mut self.bytes, &input.bytes),
            later_styles: later(&self.styles, &input.styles),
            later_bytes: later(&self.bytes, &input.bytes),
            failed: input.failed.clone(),
            faces: input.faces.clone(),
            policy: input.policy.clone(),
        }
    }
}

/// What is not there yet, or there as something else.
fn news(sent: &mut BTreeMap<String, Bytes>, now: &BTreeMap<String, Bytes>) -> Vec<(String, Bytes)> {
    let mut news = Vec::new();
    for (url, bytes) in now {
        let known = sent
            .get(url)
            .is_some_and(|before| before.len() == bytes.len() && before.as_ptr() == bytes.as_ptr());
        if !known {
            // Shared with the page, not copied.
            sent.insert(url.clone(), bytes.clone());
            news.push((url.clone(), bytes.clone()));
        }
    }
    news
}

/// The addresses of what was sent and is not there.
fn later(sent: &BTreeMap<String, Bytes>, now: &BTreeMap<String, Bytes>) -> BTreeSet<String> {
    sent.keys().filter(|url| !now.contains_key(*url)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_is_not_sent_again() {
        let mut sent = BTreeMap::new();
        let mut now = BTreeMap::from([("a".to_owned(), Bytes::from("one"))]);
        assert_eq!(news(&mut sent, &now), [("a".to_owned(), Bytes::from("one"))]);
        assert_eq!(news(&mut sent, &now), []);
        now.insert("b".to_owned(), Bytes::from("two"));
        now.insert("a".to_owned(), Bytes::from("six"));
        assert_eq!(news(&mut sent, &now).len(), 2);
        assert_eq!(news(&mut sent, &now), []);
    }
}
