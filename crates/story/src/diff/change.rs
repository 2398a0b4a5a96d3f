//! `Change`: what is different about an exchange besides its times.

use core::time::Duration;

use roundtrip_record::{Blocks, HttpVersion, Initiator, Priority};
use serde::Serialize;

use super::both::{Both, both_ms};
use super::pair::PairedBy;
use crate::exchange::Exchange;
use crate::story::Story;
use crate::think::{Think, ThinkEvidence};

/// By which connection an exchange went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// A connection that carried no exchange before.
    New,
    /// A connection that had carried others.
    Reused,
    /// None: the cache answered.
    Cache,
    /// None: nothing was sent.
    Nothing,
}

impl Way {
    pub(super) fn of(exchange: &Exchange) -> Self {
        match &exchange.request {
            _ if exchange.from_cache => Self::Cache,
            Some(request) if request.what.reused > 0 => Self::Reused,
            Some(_) => Self::New,
            None => Self::Nothing,
        }
    }
}

/// What caused an exchange.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AskedBy {
    /// The kind of cause: `user`, `redirect`, `parser`, `style`, `script`, `retry`, `peer`.
    pub kind: &'static str,
    /// The URL of what named it, where something did.
    pub url: Option<String>,
}

/// What is different about an exchange besides when it began and how long it took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Change {
    /// The URL, of two exchanges that are the same by another property, not only its origin.
    Url(Both<String>),
    /// The status; `None` where no final response came.
    Status(Both<Option<u16>>),
    /// Whether every byte that was promised arrived.
    Complete(Both<bool>),
    /// The HTTP version of the request.
    Protocol(Both<HttpVersion>),
    /// Bytes of the body as they were sent.
    Encoded(Both<u64>),
    /// Bytes of the body once its codings are undone.
    Decoded(Both<u64>),
    /// The body's codings, the first that was applied first.
    Codings(Both<Vec<String>>),
    /// By which connection it went.
    Connection(Both<Way>),
    /// How long the server thought, where the record has the server's end, or the exchange had the network
    /// for itself, on both sides.
    Think(#[serde(serialize_with = "both_ms")] Both<Duration>),
    /// How urgent it is.
    Priority(Both<Priority>),
    /// What waits for it.
    Blocks(Both<Blocks>),
    /// What caused it.
    Initiator(Both<AskedBy>),
    /// Whether it was tried again.
    Retried(Both<bool>),
    /// Others that came after it come before it now, or the other way round: its place, from 1, among those
    /// that both sides have.
    Moved(Both<usize>),
}

/// A difference in a server's think time that is smaller than this, or than a twentieth, is none.
const THINK: Duration = Duration::from_millis(1);

/// What is different about two exchanges that were paired by this property. `thinks` are the think times of either.
pub(super) fn changes(
    stories: Both<&Story>,
    (exchanges, by): (Both<&Exchange>, PairedBy),
    thinks: Both<Option<&Think>>,
) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut note = |change: Option<Change>| changes.extend(change);
    let url = different(exchanges.map(|one| one.url.clone()), Change::Url);
    note(url.filter(|_| !by.is_other_origin()));
    note(different(exchanges.map(Exchange::status), Change::Status));
    note(different(exchanges.map(|one| one.complete), Change::Complete));
    let version = |one: &Exchange| one.request.as_ref().map(|request| request.what.version.clone());
    note(known(exchanges.map(version), Change::Protocol));
    note(known(exchanges.map(|one| body(one, |body| body.encoded)), Change::Encoded));
    note(known(exchanges.map(|one| body(one, |body| body.decoded)), Change::Decoded));
    note(known(exchanges.map(|one| body(one, |body| body.codings.clone())), Change::Codings));
    note(different(exchanges.map(Way::of), Change::Connection));
    note(think(thinks).map(Change::Think));
    note(different(exchanges.map(|one| one.priority), Change::Priority));
    note(different(exchanges.map(|one| one.blocks), Change::Blocks));
    note(initiators(stories, exchanges));
    note(different(exchanges.map(|one| one.retried), Change::Retried));
    changes
}

fn different<T: PartialEq>(both: Both<T>, change: fn(Both<T>) -> Change) -> Option<Change> {
    both.differ().then(|| change(both))
}

/// The same for what must be known on both sides to be compared.
fn known<T: PartialEq>(both: Both<Option<T>>, change: fn(Both<T>) -> Change) -> Option<Change> {
    different(both.known()?, change)
}

fn body<T>(exchange: &Exchange, of: impl Fn(&roundtrip_record::Body) -> T) -> Option<T> {
    exchange.response.as_ref().map(|response| of(&response.what.body))
}

/// Bytes of a request, head and body; `None` where a recording does not count them.
pub(super) fn request_size(exchange: &Exchange) -> Option<u64> {
    let request = &exchange.request.as_ref()?.what;
    (request.head_bytes > 0).then_some(request.head_bytes + request.body_bytes)
}

/// How long the server thought on either side, where that is known well enough to be compared and is
/// not the same.
pub(super) fn think(thinks: Both<Option<&Think>>) -> Option<Both<Duration>> {
    let is_known =
        |think: &&Think| matches!(think.evidence, ThinkEvidence::Server | ThinkEvidence::Alone);
    let both = thinks.map(|think| think.filter(is_known).map(|think| think.took)).known()?;
    let least = THINK.max(both.a.max(both.b) / 20);
    (both.shift().size() >= least).then_some(both)
}

fn initiators(stories: Both<&Story>, exchanges: Both<&Exchange>) -> Option<Change> {
    let named = |story: &Story, one: &Exchange| {
        let of = |id| story.exchange(id).map(|of| of.url.clone());
        let (kind, url) = match &one.initiator {
            Initiator::User => ("user", None),
            Initiator::Redirect { of: id, .. } => ("redirect", of(*id)),
            Initiator::Parser { url, .. } => ("parser", Some(url.clone())),
            Initiator::Style { url } => ("style", Some(url.clone())),
            Initiator::LinkField { url } => ("link_field", Some(url.clone())),
            Initiator::EarlyHints { url } => ("early_hints", Some(url.clone())),
            Initiator::Script { url, .. } => ("script", Some(url.clone())),
            Initiator::Retry { of: id } => ("retry", of(*id)),
            Initiator::Peer => ("peer", None),
        };
        AskedBy { kind, url }
    };
    let both = Both::new(named(stories.a, exchanges.a), named(stories.b, exchanges.b));
    // Whoever comes from another address of the page is the same all the same.
    let pages = stories.map(super::pair::page_origin);
    let within = |asked: &AskedBy, page: Option<&String>| {
        let url = asked.url.as_deref().map(|url| {
            let bare = url.split_once('?').map_or(url, |(bare, _)| bare);
            let bare = bare.split_once("://").map_or(bare, |(_, rest)| rest);
            let page = page.and_then(|page| Some(page.split_once("://")?.1));
            let place = page.and_then(|page| bare.strip_prefix(page)).unwrap_or(bare);
            super::hashed::without_hashes(place).unwrap_or_else(|| place.to_owned())
        });
        (asked.kind, url)
    };
    let same = within(&both.a, pages.a.as_ref()) == within(&both.b, pages.b.as_ref());
    (!same).then_some(Change::Initiator(both))
}
