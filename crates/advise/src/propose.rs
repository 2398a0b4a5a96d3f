//! `propose`: reads a recorded visit and finds what could help.

use roundtrip_story::Story;
use roundtrip_visit::scenario::Scenario;
use url::Url;

use crate::proposals::Proposals;
use crate::rules::{caching, connection, content, markup, server};
use crate::seen::Seen;

/// One rule: it reads the visit, and adds what it finds.
type Rule = fn(&Seen<'_>, &mut Proposals);

/// All rules, in the order in which their advice is told where nothing else orders it.
const RULES: &[Rule] = &[
    connection::redirects,
    connection::http2,
    connection::http3,
    connection::keep_alive,
    connection::preconnect,
    connection::one_host,
    connection::third_parties,
    connection::two_hosts,
    markup::defer,
    markup::inline,
    markup::merge,
    markup::preload,
    markup::lazy,
    markup::priority_hints,
    content::not_recorded,
    content::compression,
    content::images,
    server::early_hints,
    server::tls,
    server::initial_window,
    server::congestion_control,
    server::surroundings,
    caching::long_lived,
    server::beyond_us,
];

/// Finds what could help a visit. `scenario` is the visit as it would be carried out again.
pub fn propose(story: &Story, scenario: &Scenario) -> Proposals {
    let mut proposals = Proposals::default();
    let Some(document) = story.document().filter(|document| document.status().is_some()) else {
        return proposals;
    };
    let Ok(page) = Url::parse(&document.url) else { return proposals };
    let seen = Seen::new(story, scenario, document, &page);
    for rule in RULES {
        rule(&seen, &mut proposals);
    }
    proposals.document = Some(page);
    proposals
}
