//! `propose`: reads a recorded visit and finds what could help.

mod connection;
mod content;
mod markup;
mod server;

use std::collections::BTreeSet;

use roundtrip_http::client::Origin;
use roundtrip_record::{ExchangeId, Initiator, ResourceKind};
use roundtrip_story::{Exchange, Story};
use roundtrip_visit::answers::{Answer, Server, target};
use roundtrip_visit::scenario::Scenario;
use serde::Serialize;
use url::Url;

use crate::variant::Variant;

/// What could help, and what cannot be tried.
#[derive(Clone, Debug, Default)]
pub struct Proposals {
    /// The page's document.
    pub document: Option<Url>,
    /// Changes, to be tried.
    pub variants: Vec<Variant>,
    /// What cannot be tried.
    pub untried: Vec<Untried>,
}

/// Something that cannot be tried by carrying the visit out again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Untried {
    /// What.
    pub what: String,
    /// Why not.
    pub why: String,
}

impl Untried {
    fn new(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self { what: what.into(), why: why.into() }
    }
}

/// One rule: it reads the visit, and adds what it finds.
type Rule = fn(&Seen<'_>, &mut Proposals);

/// All rules, in the order in which their advice is told where nothing else orders it.
const RULES: &[Rule] = &[
    connection::redirects,
    connection::http2,
    connection::keep_alive,
    connection::preconnect,
    connection::one_host,
    connection::third_parties,
    markup::defer,
    markup::inline,
    markup::merge,
    markup::preload,
    markup::lazy,
    content::not_recorded,
    content::compression,
    content::images,
    server::tls,
    server::initial_window,
    server::surroundings,
    server::beyond_us,
];

/// Finds what could help a visit. `scenario` is the visit as it would be carried out again.
pub fn propose(story: &Story, scenario: &Scenario) -> Proposals {
    let mut proposals = Proposals::default();
    let Some(document) = story.document().filter(|document| document.status().is_some()) else {
        return proposals;
    };
    let Ok(page) = Url::parse(&document.url) else { return proposals };
    let path = [story.critical_to_paint(), Some(story.critical_to_end())];
    let legs = path.iter().flatten().flat_map(|path| &path.legs);
    let seen = Seen {
        story,
        scenario,
        document,
        page: &page,
        on_path: legs.filter_map(|leg| leg.exchange).collect(),
    };
    for rule in RULES {
        rule(&seen, &mut proposals);
    }
    proposals.document = Some(page);
    proposals
}

/// A visit that was recorded.
struct Seen<'a> {
    story: &'a Story,
    scenario: &'a Scenario,
    /// The exchange of the document.
    document: &'a Exchange,
    /// Its URL.
    page: &'a Url,
    /// The exchanges on the critical path to the first paint or to load.
    on_path: BTreeSet<ExchangeId>,
}

/// A resource of the page that was answered.
struct Resource<'a> {
    exchange: &'a Exchange,
    url: Url,
    origin: Origin,
    answer: &'a Answer,
}

impl<'a> Seen<'a> {
    /// What was answered well, each URL once, in the order in which it was wanted.
    fn resources(&self) -> Vec<Resource<'a>> {
        let mut known = BTreeSet::new();
        let answered = self.story.answered().filter(|one| one.method == "GET");
        let fine = answered.filter(|one| one.status().is_some_and(|status| status == 200));
        fine.filter_map(|exchange| {
            let url = Url::parse(&exchange.url).ok()?;
            let origin = Origin::of(&url)?;
            let answer = self.answer(&origin, &url)?;
            known.insert(url.clone()).then_some(Resource { exchange, url, origin, answer })
        })
        .collect()
    }

    /// The server of an origin.
    fn server(&self, origin: &Origin) -> Option<&'a Server> {
        self.scenario.servers.iter().find(|server| server.origin == *origin)
    }

    fn answer(&self, origin: &Origin, url: &Url) -> Option<&'a Answer> {
        self.server(origin)?.answers.get(&("GET".to_owned(), target(url)))?.back()
    }

    /// The same, where the content is as it was recorded and can be changed.
    fn contents(&self) -> Vec<Resource<'a>> {
        let mut resources = self.resources();
        resources.retain(Resource::is_recorded);
        resources
    }

    /// What the document's own markup names, of one kind.
    fn named(&self, kind: ResourceKind) -> Vec<Resource<'a>> {
        let mut resources = self.resources();
        resources.retain(|one| {
            let by_document = match &one.exchange.initiator {
                Initiator::Parser { url, .. } => *url == self.document.url,
                _ => false,
            };
            one.exchange.kind == kind && by_document
        });
        resources
    }

    fn origin(&self) -> Option<Origin> {
        Origin::of(self.page)
    }
}

impl Resource<'_> {
    /// Whether its content is as it was recorded, and can be changed.
    fn is_recorded(&self) -> bool {
        self.answer.is_whole() && !self.answer.is_stand_in()
    }

    /// The last part of its path, for people.
    fn name(&self) -> String {
        short(&self.url)
    }
}

/// A URL in a few words: its path's last part, or its host.
fn short(url: &Url) -> String {
    let last = url.path().rsplit('/').find(|part| !part.is_empty());
    last.map_or_else(|| url.host_str().unwrap_or("/").to_owned(), str::to_owned)
}

/// Several things of a kind: the only one by its name, or how many.
fn several(names: &[String], noun: &str) -> String {
    match names {
        [one] => one.clone(),
        many => format!("{} {noun}s", many.len()),
    }
}

/// A list for people.
fn list(names: &[String]) -> String {
    const MOST: usize = 4;
    let shown = names.iter().take(MOST).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(MOST) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// A size for people.
fn kilobytes(bytes: usize) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..10_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        10_000..1_000_000 => format!("{:.0} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}
