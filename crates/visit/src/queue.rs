//! The order in which a browser begins requests: by urgency, and few of the less urgent while the
//! parser is still in the head.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use roundtrip_page::{Fetch, FetchId, Priority};
use roundtrip_record::EventId;

use crate::browser::HeadLimits;

/// Requests that wait, and those under way.
pub(crate) struct Queue {
    /// The limits that hold until the body begins.
    limits: Option<HeadLimits>,
    waiting: BTreeMap<(Reverse<Priority>, FetchId), Waiting>,
    running: BTreeMap<FetchId, Priority>,
}

/// A request that waits, and the event that made it wanted.
pub(crate) struct Waiting {
    pub(crate) fetch: Fetch,
    pub(crate) cause: Option<EventId>,
}

impl Queue {
    pub(crate) fn new(limits: Option<HeadLimits>) -> Self {
        Self { limits, waiting: BTreeMap::new(), running: BTreeMap::new() }
    }

    /// A resource is wanted.
    pub(crate) fn push(&mut self, fetch: Fetch, cause: Option<EventId>) {
        self.waiting.insert((Reverse(fetch.priority), fetch.id), Waiting { fetch, cause });
    }

    /// A request is under way that nothing held back.
    pub(crate) fn begin(&mut self, fetch: &Fetch) {
        self.running.insert(fetch.id, fetch.priority);
    }

    /// The parser has come to the body: nothing waits any more.
    pub(crate) fn enter_body(&mut self) {
        self.limits = None;
    }

    /// The next request that may begin. If the most urgent may not, none may.
    pub(crate) fn next(&mut self) -> Option<Waiting> {
        let (&(Reverse(priority), _), _) = self.waiting.first_key_value()?;
        if !self.may_begin(priority) {
            return None;
        }
        let (_, waiting) = self.waiting.pop_first()?;
        self.running.insert(waiting.fetch.id, priority);
        Some(waiting)
    }

    fn may_begin(&self, priority: Priority) -> bool {
        let Some(limits) = self.limits else { return true };
        let medium = || self.running.values().filter(|of| **of == Priority::Medium).count();
        priority >= Priority::High
            || priority == Priority::Medium && medium() < limits.medium
            || self.running.len() < limits.low
    }

    /// A request has ended.
    pub(crate) fn ended(&mut self, id: FetchId) {
        self.running.remove(&id);
    }

    /// Whether nothing waits and nothing is under way.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.running.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use roundtrip_page::{Blocks, Initiator, Kind, Url};

    use super::*;

    fn fetch(id: u32, priority: Priority) -> Fetch {
        Fetch {
            id: FetchId(id),
            url: Url::parse(&format!("http://a.example/{id}")).expect("a URL"),
            kind: Kind::Image,
            priority,
            blocks: Blocks::None,
            initiator: Initiator::Layout,
            media: None,
            anonymous: false,
            cors: false,
        }
    }

    fn begun(queue: &mut Queue) -> Vec<u32> {
        core::iter::from_fn(|| queue.next().map(|waiting| waiting.fetch.id.0)).collect()
    }

    #[test]
    fn in_the_head_two_of_medium_priority_go_beside_what_is_urgent_and_few_others() {
        let mut queue = Queue::new(Some(HeadLimits { low: 2, medium: 2 }));
        let priorities =
            [(0, Priority::Low), (1, Priority::Medium), (2, Priority::High), (3, Priority::Medium)];
        for (id, priority) in priorities {
            queue.push(fetch(id, priority), None);
        }
        queue.push(fetch(4, Priority::Medium), None);
        assert_eq!(begun(&mut queue), [2, 1, 3]);
        queue.ended(FetchId(1));
        assert_eq!(begun(&mut queue), [4]);
        queue.ended(FetchId(3));
        // The urgent one and one of medium priority are under way.
        assert!(begun(&mut queue).is_empty());
        queue.ended(FetchId(4));
        assert_eq!(begun(&mut queue), [0]);
    }

    #[test]
    fn in_the_body_everything_goes_by_urgency() {
        let mut queue = Queue::new(Some(HeadLimits { low: 2, medium: 2 }));
        for (id, priority) in [(0, Priority::Low), (1, Priority::Low), (2, Priority::Low)] {
            queue.push(fetch(id, priority), None);
        }
        queue.push(fetch(3, Priority::VeryHigh), None);
        queue.enter_body();
        assert_eq!(begun(&mut queue), [3, 0, 1, 2]);
        assert!(!queue.is_empty());
    }
}
