//! Chains of exchanges: redirects followed, and requests tried again.

use std::collections::BTreeMap;

use roundtrip_record::{ExchangeId, Field, Initiator, ResourceKind, Side};
use url::Url;

use crate::exchange::Exchange;
use crate::story::Story;

/// Links each exchange with the exchange that followed it.
pub(crate) fn link(exchanges: &mut BTreeMap<ExchangeId, Exchange>) {
    let mut followed: Vec<(ExchangeId, ExchangeId, bool)> = Vec::new();
    let mut before: Option<&Exchange> = None;
    for exchange in exchanges.values().filter(|exchange| exchange.side == Side::Client) {
        match exchange.initiator {
            Initiator::Redirect { of, .. } => followed.push((of, exchange.id, false)),
            Initiator::Retry { of } => followed.push((of, exchange.id, true)),
            // Records of `get` before 2.0 do not say that a request follows a redirect.
            Initiator::User => {
                let redirect = before.filter(|before| points_to(before, exchange));
                followed.extend(redirect.map(|before| (before.id, exchange.id, false)));
            }
            _ => {}
        }
        before = Some(exchange);
    }
    for (of, next, retried) in followed {
        // What follows is younger; anything else would be a loop.
        if let Some(exchange) = exchanges.get_mut(&of).filter(|exchange| exchange.id < next) {
            exchange.next = Some(next);
            exchange.retried = retried;
        }
    }
}

/// Whether an exchange was answered with a redirect to the URL of `next`.
fn points_to(exchange: &Exchange, next: &Exchange) -> bool {
    let Some(head) = exchange.head().filter(|head| (300..400).contains(&head.what.status)) else {
        return false;
    };
    let location = Field::first(&head.what.fields, "location");
    let target = Url::parse(&exchange.url).ok().zip(location);
    let target = target.and_then(|(base, location)| base.join(location).ok());
    target.is_some_and(|mut target| {
        target.set_fragment(None);
        Url::parse(&next.url).is_ok_and(|url| url == target)
    })
}

impl Story {
    /// The exchanges that lead from what was asked for to the final answer: redirects followed, and
    /// requests tried again.
    pub fn chain(&self) -> Vec<&Exchange> {
        let mut chain: Vec<&Exchange> = Vec::new();
        // A browser that was recorded may have asked for something of its own before the page.
        let page = |exchange: &&Exchange| exchange.kind == ResourceKind::Document;
        let mut next = self.seen().iter().find(page);
        next = next.or_else(|| self.seen().iter().find(|exchange| exchange.method != "CONNECT"));
        next = next.or(self.seen().first());
        while let Some(exchange) = next {
            chain.push(exchange);
            next = exchange.next.and_then(|id| self.exchange(id));
        }
        chain
    }

    /// The exchanges that are not part of [`Story::chain`].
    pub fn resources(&self) -> Vec<&Exchange> {
        let chain: Vec<_> = self.chain().iter().map(|exchange| exchange.id).collect();
        self.seen().iter().filter(|exchange| !chain.contains(&exchange.id)).collect()
    }

    /// The exchange that brought the final answer: the last one of [`Story::chain`].
    pub fn document(&self) -> Option<&Exchange> {
        self.chain().into_iter().next_back()
    }
}
