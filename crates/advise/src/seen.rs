//! `Seen`: a recorded visit, as the rules read it.

use std::collections::BTreeSet;

use roundtrip_fetch::same_site;
use roundtrip_http::client::Origin;
use roundtrip_record::{ExchangeId, Initiator, ResourceKind};
use roundtrip_story::{Exchange, Story};
use roundtrip_visit::answers::{Answer, Server, target};
use roundtrip_visit::scenario::Scenario;
use url::Url;

use crate::words::short;

/// A visit that was recorded.
pub(crate) struct Seen<'a> {
    pub(crate) story: &'a Story,
    pub(crate) scenario: &'a Scenario,
    /// The exchange of the document.
    pub(crate) document: &'a Exchange,
    /// Its URL.
    pub(crate) page: &'a Url,
    /// The exchanges on the critical path to the first paint or to load.
    pub(crate) on_path: BTreeSet<ExchangeId>,
    resources: Vec<Resource<'a>>,
}

/// A resource of the page that was answered.
#[derive(Clone)]
pub(crate) struct Resource<'a> {
    pub(crate) exchange: &'a Exchange,
    pub(crate) url: Url,
    pub(crate) origin: Origin,
    pub(crate) answer: &'a Answer,
}

impl<'a> Seen<'a> {
    /// Reads a visit.
    pub(crate) fn new(
        story: &'a Story,
        scenario: &'a Scenario,
        document: &'a Exchange,
        page: &'a Url,
    ) -> Self {
        let paths = [story.critical_to_paint(), Some(story.critical_to_end())];
        let legs = paths.iter().flatten().flat_map(|path| &path.legs);
        let on_path = legs.filter_map(|leg| leg.exchange).collect();
        let seen = Self { story, scenario, document, page, on_path, resources: Vec::new() };
        let resources = seen.answered();
        Self { resources, ..seen }
    }

    /// What was answered well, each URL once, in the order in which it was wanted.
    pub(crate) fn resources(&self) -> Vec<Resource<'a>> {
        self.resources.clone()
    }

    /// The same, read off the story.
    fn answered(&self) -> Vec<Resource<'a>> {
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

    /// Whether an origin is of the page's own site, so that whoever runs the site decides about it.
    pub(crate) fn is_own(&self, origin: &Origin) -> bool {
        Url::parse(&origin.to_string()).is_ok_and(|url| same_site(self.page, &url))
    }

    /// The servers of the page's own site.
    pub(crate) fn own_servers(&self) -> impl Iterator<Item = &'a Server> {
        self.scenario.servers.iter().filter(|server| self.is_own(&server.origin))
    }

    /// The server of an origin.
    pub(crate) fn server(&self, origin: &Origin) -> Option<&'a Server> {
        self.scenario.servers.iter().find(|server| server.origin == *origin)
    }

    pub(crate) fn answer(&self, origin: &Origin, url: &Url) -> Option<&'a Answer> {
        self.server(origin)?.answers.get(&("GET".to_owned(), target(url)))?.back()
    }

    /// Those of the page's own site, where the content is as it was recorded and can be changed.
    pub(crate) fn contents(&self) -> Vec<Resource<'a>> {
        let mut resources = self.resources();
        resources.retain(|one| one.is_recorded() && self.is_own(&one.origin));
        resources
    }

    /// What the document's own markup names, of one kind.
    pub(crate) fn named(&self, kind: ResourceKind) -> Vec<Resource<'a>> {
        let mut resources = self.resources();
        resources.retain(|one| {
            let by_document = match &one.exchange.initiator {
                // What a head names, the markup commonly names too.
                Initiator::Parser { url, .. }
                | Initiator::LinkField { url }
                | Initiator::EarlyHints { url } => *url == self.document.url,
                _ => false,
            };
            one.exchange.kind == kind && by_document
        });
        resources
    }

    pub(crate) fn origin(&self) -> Option<Origin> {
        Origin::of(self.page)
    }
}

impl Resource<'_> {
    /// Whether its content is as it was recorded, and can be changed.
    pub(crate) fn is_recorded(&self) -> bool {
        self.answer.is_whole() && !self.answer.is_stand_in()
    }

    /// The last part of its path, for people.
    pub(crate) fn name(&self) -> String {
        short(&self.url)
    }
}
