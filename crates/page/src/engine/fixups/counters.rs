//! Counters and quotation marks: what `counter()`, `counters()` and `open-quote` stand for at each
//! place of the document (CSS Lists 3, section 4; CSS Generated Content 3, section 2.4).

use std::collections::BTreeMap;

use blitz_dom::NodeId;
use style::properties::ComputedValues;
use style::values::computed::ContentItem;
use style::values::generics::counters::CounterPair;

use super::lists;

/// The quotation marks of each depth where `quotes` is `auto` in English; deeper ones use the last.
const QUOTES: [(&str, &str); 2] = [("“", "”"), ("‘", "’")];

/// One counter: where it is in scope, and how far it has come.
struct Instance {
    /// Among the descendants of this element.
    within: Option<NodeId>,
    value: i64,
}

/// The counters that are in scope while the document is walked through in its order.
#[derive(Default)]
pub(super) struct Counters {
    /// Of each name the counters in scope, innermost last.
    scopes: BTreeMap<String, Vec<Instance>>,
    quotes: usize,
}

impl Counters {
    /// An element, or a pseudo-element of `parent`, begins: its `counter-reset`
    /// and then its `counter-increment` take effect. (Stylo knows no `counter-set`.)
    pub(super) fn enter(&mut self, parent: Option<NodeId>, style: &ComputedValues) {
        let counters = style.get_counters();
        for pair in counters.counter_reset.iter() {
            let scopes = self.scopes.entry(name(pair)).or_default();
            // A sibling's counter is replaced, an ancestor's is hidden.
            if scopes.last().is_some_and(|last| last.within == parent) {
                scopes.pop();
            }
            scopes.push(Instance { within: parent, value: pair.value.into() });
        }
        for pair in counters.counter_increment.iter() {
            let counter = self.at(name(pair), parent);
            counter.value = counter.value.saturating_add(pair.value.into());
        }
    }

    /// An element has ended: what was counted among its descendants is forgotten.
    pub(super) fn leave(&mut self, element: NodeId) {
        for scopes in self.scopes.values_mut() {
            while scopes.last().is_some_and(|last| last.within == Some(element)) {
                scopes.pop();
            }
        }
    }

    /// The innermost counter of this name; one that nobody reset begins here, at 0.
    fn at(&mut self, name: String, within: Option<NodeId>) -> &mut Instance {
        let scopes = self.scopes.entry(name).or_default();
        if scopes.is_empty() {
            scopes.push(Instance { within, value: 0 });
        }
        let last = scopes.len() - 1;
        &mut scopes[last]
    }

    /// The text of one item of `content`; an image has none.
    pub(super) fn text(&mut self, item: &ContentItem) -> String {
        match item {
            ContentItem::String(text) => (**text).to_owned(),
            ContentItem::Counter(name, style) => {
                let value = self.values(&name.0).last().copied().unwrap_or(0);
                lists::counter(&lists::name(style), value).unwrap_or_default()
            }
            ContentItem::Counters(name, separator, style) => {
                let kind = lists::name(style);
                let mut values = self.values(&name.0);
                if values.is_empty() {
                    values.push(0);
                }
                let values: Vec<String> = values
                    .into_iter()
                    .map(|value| lists::counter(&kind, value).unwrap_or_default())
                    .collect();
                values.join(separator)
            }
            ContentItem::OpenQuote => {
                let mark = QUOTES[self.quotes.min(QUOTES.len() - 1)].0;
                self.quotes += 1;
                mark.to_owned()
            }
            ContentItem::CloseQuote => {
                self.quotes = self.quotes.saturating_sub(1);
                QUOTES[self.quotes.min(QUOTES.len() - 1)].1.to_owned()
            }
            ContentItem::NoOpenQuote => {
                self.quotes += 1;
                String::new()
            }
            ContentItem::NoCloseQuote => {
                self.quotes = self.quotes.saturating_sub(1);
                String::new()
            }
            ContentItem::Image(_) => String::new(),
        }
    }

    /// The values of a name in scope, outermost first.
    fn values(&self, name: &str) -> Vec<i64> {
        let scopes = self.scopes.get(name);
        scopes.into_iter().flatten().map(|instance| instance.value).collect()
    }
}

fn name<I>(pair: &CounterPair<I>) -> String {
    pair.name.0.to_string()
}
