//! Advice about which connections there are and what goes over them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use http::Version;
use roundtrip_fetch::same_site;
use roundtrip_http::client::{Origin, Scheme};
use roundtrip_http::server::After;
use roundtrip_record::{Initiator, ResourceKind};
use roundtrip_story::PhaseKind;
use url::Url;

use crate::change::{Change, ServerChange};
use crate::document::escaped;
use crate::proposals::{Proposals, Untried};
use crate::seen::{Resource, Seen};
use crate::variant::Variant;
use crate::words::{kilobytes, list, several};

/// How many files of one host are worth having a second one: those of two rounds over the connections that
/// browsers open to a host.
const WORTH_TWO_HOSTS: usize = 12;
/// The most hosts that are connected to ahead: more would compete with what is needed first.
const AHEAD: usize = 4;

pub(crate) fn redirects(seen: &Seen<'_>, proposals: &mut Proposals) {
    let chain = seen.story.chain();
    let Some(first) = chain.first() else { return };
    let hops = chain.iter().filter(|one| matches!(one.initiator, Initiator::Redirect { .. }));
    let hops = hops.count();
    if hops == 0 {
        return;
    }
    if first.method != "GET" {
        proposals.untried.push(Untried::new(
            "the redirect of the first request cut",
            format!("it answers a {}: what follows depends on it", first.method),
        ));
        return;
    }
    let title = match hops {
        1 => format!("cut the redirect from {}", first.url),
        _ => format!("cut the {hops} redirects from {}", first.url),
    };
    proposals.variants.push(
        Variant::new("redirect", title)
            .how(format!("{} is asked for at once", seen.page))
            .caution("links and bookmarks have to lead there")
            .lighthouse("document-latency-insight")
            .with([Change::Start(seen.page.clone())]),
    );
}

pub(crate) fn http2(seen: &Seen<'_>, proposals: &mut Proposals) {
    let servers = || seen.own_servers().filter(|one| one.version < Version::HTTP_2);
    let of = |scheme| servers().filter(move |one| one.origin.scheme == scheme);
    let origins: Vec<Origin> = of(Scheme::Https).map(|server| server.origin.clone()).collect();
    let clear = of(Scheme::Http).count();
    if clear > 0 {
        proposals.untried.push(Untried::new(
            "HTTP/2 where http:// is spoken",
            "browsers speak it over TLS alone; record the page over https (a folder: --https)",
        ));
    }
    if origins.is_empty() {
        return;
    }
    let hosts: Vec<String> = origins.iter().map(|origin| origin.host.clone()).collect();
    let changes = origins.into_iter().map(|origin| Change::Server(origin, ServerChange::Http2));
    proposals.variants.push(
        Variant::new("http2", format!("turned on HTTP/2 at {}", several(&hosts, "host")))
            .how(format!("ALPN offers h2 at {}", list(&hosts)))
            .lighthouse("modern-http-insight")
            .excluding("http1")
            .with(changes),
    );
}

pub(crate) fn http3(seen: &Seen<'_>, proposals: &mut Proposals) {
    let servers = seen
        .own_servers()
        .filter(|one| one.version < Version::HTTP_3 && one.origin.scheme == Scheme::Https);
    let origins: Vec<Origin> = servers.map(|server| server.origin.clone()).collect();
    if origins.is_empty() {
        return;
    }
    let hosts: Vec<String> = origins.iter().map(|origin| origin.host.clone()).collect();
    let changes = origins.into_iter().map(|origin| Change::Server(origin, ServerChange::Http3));
    proposals.variants.push(
        Variant::new("http3", format!("turned on HTTP/3 at {}", several(&hosts, "host")))
            .how(format!(
                "the HTTPS record of {} names h3, so that the first request goes by it",
                list(&hosts)
            ))
            .caution("where UDP is blocked browsers fall back")
            .lighthouse("modern-http-insight")
            .excluding("http1")
            .with(changes),
    );
}

pub(crate) fn keep_alive(seen: &Seen<'_>, proposals: &mut Proposals) {
    let closes = |server: &&roundtrip_visit::answers::Server| {
        let mut answers = server.answers.values().flatten();
        answers.clone().count() > 1 && answers.any(|answer| answer.after != After::Keep)
    };
    let servers = seen.own_servers().filter(|one| one.version < Version::HTTP_2);
    let origins: Vec<Origin> = servers.filter(closes).map(|one| one.origin.clone()).collect();
    if origins.is_empty() {
        return;
    }
    let hosts: Vec<String> = origins.iter().map(|origin| origin.host.clone()).collect();
    let changes = origins.into_iter().map(|origin| Change::Server(origin, ServerChange::KeepAlive));
    proposals.variants.push(
        Variant::new("keep-alive", format!("kept connections open at {}", several(&hosts, "host")))
            .how(format!("no answer of {} closes its connection", list(&hosts)))
            .with(changes),
    );
}

/// The first resource of each other origin that the page itself asks for.
fn others<'a>(seen: &Seen<'a>) -> BTreeMap<Origin, Resource<'a>> {
    let own = seen.origin();
    let mut first = BTreeMap::new();
    for resource in seen.resources() {
        let asked_by_page = matches!(
            resource.exchange.initiator,
            Initiator::Parser { .. }
                | Initiator::Style { .. }
                | Initiator::LinkField { .. }
                | Initiator::EarlyHints { .. }
        );
        let is_of_page = resource.exchange.kind != ResourceKind::Document && asked_by_page;
        if Some(&resource.origin) != own.as_ref() && is_of_page {
            first.entry(resource.origin.clone()).or_insert(resource);
        }
    }
    first
}

pub(crate) fn preconnect(seen: &Seen<'_>, proposals: &mut Proposals) {
    let mut wanted: Vec<Resource<'_>> = others(seen)
        .into_values()
        .filter(|one| {
            one.exchange.spent(PhaseKind::Connect).is_some()
                || one.exchange.spent(PhaseKind::Name).is_some()
        })
        .collect();
    wanted.sort_by_key(|one| one.exchange.id);
    wanted.truncate(AHEAD);
    if wanted.is_empty() {
        return;
    }
    let hosts: Vec<String> = wanted.iter().map(|one| one.origin.host.clone()).collect();
    let link = |one: &Resource<'_>| {
        // Fonts are fetched without credentials, over connections of their own.
        let anonymous = if one.exchange.kind == ResourceKind::Font { " crossorigin" } else { "" };
        let href = escaped(&one.origin.to_string());
        Change::Head(format!("<link rel=preconnect href=\"{href}\"{anonymous}>"))
    };
    proposals.variants.push(
        Variant::new("preconnect", format!("connected to {} ahead", several(&hosts, "host")))
            .how(format!("<link rel=preconnect> for {}", list(&hosts)))
            .lighthouse("network-dependency-tree-insight")
            .excluding("other-hosts")
            .with(wanted.iter().map(link)),
    );
}

/// Resources of other origins, by whether they are of the page's own site.
fn elsewhere<'a>(seen: &Seen<'a>, of_own_site: bool) -> Vec<Resource<'a>> {
    let own = seen.origin();
    let mut resources = seen.resources();
    resources.retain(|one| {
        Some(&one.origin) != own.as_ref()
            && one.exchange.kind != ResourceKind::Document
            && same_site(seen.page, &one.url) == of_own_site
    });
    resources
}

/// Moves resources to the page's own host.
fn moved(seen: &Seen<'_>, resources: &[Resource<'_>]) -> Vec<Change> {
    let moved = resources.iter().filter_map(|one| {
        let mut to = seen.page.clone();
        to.set_path(&format!("/{}{}", one.origin.bare_host(), one.url.path()));
        to.set_query(one.url.query());
        to.set_fragment(None);
        (to != one.url).then(|| Change::Move(one.url.clone(), to))
    });
    moved.collect()
}

fn hosts(resources: &[Resource<'_>]) -> Vec<String> {
    let hosts: BTreeSet<&str> = resources.iter().map(|one| one.origin.bare_host()).collect();
    hosts.into_iter().map(str::to_owned).collect()
}

pub(crate) fn one_host(seen: &Seen<'_>, proposals: &mut Proposals) {
    let resources = elsewhere(seen, true);
    if resources.is_empty() {
        return;
    }
    let (hosts, count) = (hosts(&resources), resources.len());
    proposals.variants.push(
        Variant::new(
            "one-host",
            format!("served {} from the page's own host", several(&hosts, "host")),
        )
        .how(format!("{count} URLs of {} moved to {}", list(&hosts), page_host(seen.page)))
        .excluding("other-hosts")
        .with(moved(seen, &resources)),
    );
}

pub(crate) fn third_parties(seen: &Seen<'_>, proposals: &mut Proposals) {
    let resources = elsewhere(seen, false);
    if resources.is_empty() {
        return;
    }
    let hosts = hosts(&resources);
    let bytes: usize = resources.iter().map(|one| one.answer.encoded_size()).sum();
    let what = several(&hosts, "third-party host");
    let origins: BTreeSet<Origin> = resources.iter().map(|one| one.origin.clone()).collect();
    proposals.variants.push(
        Variant::new("self-host", format!("served what comes from {what} yourself"))
            .how(format!("{} URLs moved to {}", resources.len(), page_host(seen.page)))
            .lighthouse("third-parties-insight")
            .excluding("third-parties")
            .excluding("other-hosts")
            .with(moved(seen, &resources)),
    );
    proposals.variants.push(
        Variant::new("no-third-parties", format!("did without {what} ({})", kilobytes(bytes)))
            .how(format!("the document's elements that load from {} are left out", list(&hosts)))
            .caution("what they did is gone")
            .of_sacrifice()
            .lighthouse("third-parties-insight")
            .excluding("third-parties")
            .excluding("other-hosts")
            .with(origins.into_iter().map(Change::Without)),
    );
}

/// Browsers open six connections of HTTP/1.1 to a host, and as many to another one.
pub(crate) fn two_hosts(seen: &Seen<'_>, proposals: &mut Proposals) {
    let Some(own) = seen.origin() else { return };
    let is_one = seen.server(&own).is_some_and(|server| server.version < Version::HTTP_2);
    let mut resources = seen.resources();
    // What holds up the first paint waits for no other host, and what scripts ask for is not edited.
    resources.retain(|one| {
        let by_page =
            matches!(one.exchange.initiator, Initiator::Parser { .. } | Initiator::Style { .. });
        one.origin == own && one.exchange.kind == ResourceKind::Image && by_page
    });
    let host = format!("files.{}", own.bare_host());
    if !is_one || resources.len() < WORTH_TWO_HOSTS || own.bare_host().parse::<IpAddr>().is_ok() {
        return;
    }
    let moved: Vec<Change> = resources
        .iter()
        .step_by(2)
        .filter_map(|one| {
            let mut to = one.url.clone();
            to.set_host(Some(&host)).ok()?;
            Some(Change::Move(one.url.clone(), to))
        })
        .collect();
    proposals.variants.push(
        Variant::new("two-hosts", format!("served {} pictures from a second host", moved.len()))
            .how(format!("every second of {} pictures has its URL at {host}", resources.len()))
            .caution("over HTTP/2 it only costs; a name and connections more to look up and open")
            .excluding("other-hosts")
            .excluding("http1")
            .with(moved),
    );
}

fn page_host(page: &Url) -> &str {
    page.host_str().unwrap_or("the page's host")
}
