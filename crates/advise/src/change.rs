//! `Change`: what is otherwise in a scenario, and the scenario that it makes.

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use http::{StatusCode, Version};
use roundtrip_http::client::Origin;
use roundtrip_http::message::Fields;
use roundtrip_http::server::After;
use roundtrip_lab::{Algorithm, Net, TcpProfile};
use roundtrip_visit::answers::{Answer, Interim, Server, target};
use roundtrip_visit::scenario::Scenario;
use roundtrip_visit::trust::Versions;
use roundtrip_visit::{Asker, ClientCaches, Scripted};
use url::Url;

use crate::css;
use crate::document::{EditError, Edits};
use crate::hint::Hint;

/// One thing that is otherwise.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// The visit is a second one.
    SecondVisit,
    /// The visit begins at another URL.
    Start(Url),
    /// The way to the servers is shorter by so much, there and back.
    Nearer(Duration),
    /// A server is otherwise.
    Server(Origin, ServerChange),
    /// An answer is otherwise.
    Answer(Url, AnswerChange),
    /// A file holds several scripts.
    Merged(Url, u32),
    /// Something has another URL.
    Move(Url, Url),
    /// The document has this markup in its head.
    Head(String),
    /// The document names this in its head.
    Preload(Hint),
    /// The elements of the document that load a URL have an attribute.
    Attribute(Url, &'static str, &'static str),
    /// A style sheet stands in the document.
    Inline(Url, String),
    /// The document loads nothing from an origin.
    Without(Origin),
    /// The document does not load a URL: another has what it has.
    Instead(Url, Url),
    /// A 103 names these before the server thinks about the document.
    EarlyHints(Vec<Hint>),
}

/// How a server is otherwise.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ServerChange {
    /// It speaks HTTP/2.
    Http2,
    /// It speaks HTTP/3, and clients know it before they ask.
    Http3,
    /// It keeps connections open.
    KeepAlive,
    /// It speaks TLS 1.3.
    Tls13,
    /// Its certificates have so many bytes.
    Chain(usize),
    /// Its first flight has so many segments.
    InitialWindow(u32),
    /// Its congestion control.
    Congestion(Algorithm),
    /// It thinks for so many hundredths of the time.
    Think(u32),
}

/// How an answer is otherwise.
#[derive(Clone, Debug)]
pub(crate) enum AnswerChange {
    /// It is coded so.
    Coding(&'static str),
    /// It has other content.
    Content { content: Bytes, media: &'static str },
    /// Browsers may keep it for a year, without asking whether it is still good.
    Kept,
}

/// A scenario with changes.
#[derive(Clone, Debug)]
pub struct Changed {
    /// The scenario, on the network that it had.
    pub scenario: Scenario,
    /// By how much every network's round trip is shorter.
    pub nearer: Duration,
}

impl Changed {
    /// A scenario as it is.
    pub const fn unchanged(scenario: Scenario) -> Self {
        Self { scenario, nearer: Duration::ZERO }
    }

    /// The scenario on a network, as much shorter as the changes make it, with a seed.
    #[must_use]
    pub fn on(&self, net: &Net, seed: u64) -> Scenario {
        let mut scenario = self.scenario.clone();
        scenario.network.net = net.clone();
        let rtt = &mut scenario.network.net.rtt;
        *rtt = rtt.saturating_sub(self.nearer);
        scenario.network.seed = seed;
        scenario
    }
}

/// A scenario with changes.
///
/// # Errors
/// When the document cannot be changed.
pub(crate) fn changed<'a>(
    scenario: &Scenario,
    document: &Url,
    changes: impl IntoIterator<Item = &'a Change>,
) -> Result<Changed, EditError> {
    let mut changed = Changed { scenario: scenario.clone(), nearer: Duration::ZERO };
    let (mut edits, mut hints) = (Edits::default(), Vec::new());
    for change in changes {
        apply(change, &mut changed, &mut edits, &mut hints);
    }
    let scenario = &mut changed.scenario;
    if !edits.moved.is_empty() {
        move_in_sheets(&mut scenario.servers, &edits.moved);
        move_answers(&mut scenario.servers, &edits.moved);
    }
    if !edits.is_empty() {
        edit_document(&mut scenario.servers, document, &edits)?;
    }
    for answer in answers(&mut scenario.servers, document) {
        give(answer, &hints, &edits);
    }
    follow(&mut scenario.plan.scripted, document, &edits);
    Ok(changed)
}

/// Has what scripts ask for follow that in which what it followed now is. What styles and markup came to want
/// has its new address, and what is now loaded otherwise, or not at all, is not asked for beside that.
fn follow(scripted: &mut Vec<Scripted>, document: &Url, edits: &Edits) {
    let now = |url: &Url| {
        let inline = edits.inline.get(url).map(|_| document);
        let other = inline.or_else(|| edits.merged.get(url)).unwrap_or(url);
        edits.moved.get(other).unwrap_or(other).clone()
    };
    scripted.retain(|one| one.asker == Asker::Script || !edits.is_loaded_otherwise(&one.url));
    for one in scripted {
        one.after = one.after.iter().map(now).collect();
        one.named_in = now(&one.named_in);
        if one.asker == Asker::Page {
            one.url = now(&one.url);
        }
    }
}

fn apply(change: &Change, changed: &mut Changed, edits: &mut Edits, hints: &mut Vec<Hint>) {
    let scenario = &mut changed.scenario;
    match change {
        Change::SecondVisit => scenario.plan.client_caches = ClientCaches::Warm,
        Change::Start(url) => scenario.plan.url = url.clone(),
        Change::Nearer(by) => changed.nearer += *by,
        Change::Server(origin, change) => {
            if matches!(change, ServerChange::Http3) {
                scenario.plan = scenario.plan.clone().learning_three();
                scenario.plan.speak_three.push(origin.clone());
            }
            for server in scenario.servers.iter_mut().filter(|server| server.origin == *origin) {
                change.apply(server);
            }
        }
        Change::Answer(url, change) => {
            if matches!(change, AnswerChange::Content { .. }) {
                edits.rewritten.insert(url.clone());
            }
            for answer in answers(&mut scenario.servers, url) {
                change.apply(answer);
            }
        }
        Change::Move(from, to) => {
            edits.moved.insert(from.clone(), to.clone());
        }
        Change::Merged(url, scripts) => {
            scenario.plan.merged_scripts.insert(url.to_string(), *scripts);
        }
        Change::Head(markup) => edits.head.push(markup.clone()),
        Change::Preload(hint) => edits.preloads.push(hint.clone()),
        Change::Attribute(url, name, value) => {
            edits.attributes.entry(url.clone()).or_default().insert(name, value);
        }
        Change::Inline(url, css) => {
            edits.inline.insert(url.clone(), css.clone());
        }
        Change::Without(origin) => {
            edits.without.insert(origin.clone());
        }
        Change::Instead(url, other) => {
            edits.merged.insert(url.clone(), other.clone());
        }
        Change::EarlyHints(named) => hints.extend_from_slice(named),
    }
}

impl ServerChange {
    fn apply(self, server: &mut Server) {
        match self {
            Self::Http2 => server.version = Version::HTTP_2,
            Self::Http3 => server.version = Version::HTTP_3,
            Self::KeepAlive => {
                server.version = server.version.max(Version::HTTP_11);
                for answer in server.answers.values_mut().flatten() {
                    answer.after = After::Keep;
                }
            }
            Self::Tls13 => {
                if let Some(likeness) = &mut server.likeness {
                    likeness.versions = Versions::All;
                }
            }
            Self::Chain(bytes) => {
                if let Some(likeness) = &mut server.likeness {
                    likeness.chain = Some(bytes);
                }
            }
            Self::InitialWindow(segments) => {
                change_tcp(server, |profile| profile.initial_window = segments);
            }
            Self::Congestion(algorithm) => {
                change_tcp(server, |profile| profile.congestion = algorithm);
            }
            Self::Think(hundredths) => {
                for answer in server.answers.values_mut().flatten() {
                    answer.think = answer.think * hundredths / 100;
                }
            }
        }
    }
}

fn change_tcp(server: &mut Server, change: impl FnOnce(&mut TcpProfile)) {
    let mut profile = TcpProfile::clone(&server.tcp.take().unwrap_or_default());
    change(&mut profile);
    server.tcp = Some(Arc::new(profile));
}

impl AnswerChange {
    fn apply(&self, answer: &mut Answer) {
        match self {
            Self::Coding(coding) => answer.set_coding(Some(coding)),
            Self::Content { content, media } => {
                answer.fields.set("Content-Type", media);
                answer.set_content(content.clone());
            }
            Self::Kept => {
                for name in ["Expires", "Pragma"] {
                    answer.fields.remove(name);
                }
                answer.fields.set("Cache-Control", "max-age=31536000, immutable");
            }
        }
    }
}

/// Has an answer begin with a 103 that names what is still loaded of these.
fn give(answer: &mut Answer, hints: &[Hint], edits: &Edits) {
    let mut fields = Fields::new();
    for hint in hints.iter().filter_map(|hint| edits.still(hint)) {
        fields.add("Link", hint.link());
    }
    if !fields.is_empty() {
        let (after, status) = (Duration::ZERO, StatusCode::EARLY_HINTS);
        answer.interim.insert(0, Interim { after, status, fields });
    }
}

/// The answers to GET of a URL.
pub(crate) fn answers<'a>(
    servers: &'a mut [Server],
    url: &Url,
) -> impl Iterator<Item = &'a mut Answer> {
    let origin = Origin::of(url);
    let key = ("GET".to_owned(), target(url));
    let server = servers.iter_mut().find(move |server| Some(&server.origin) == origin.as_ref());
    server.and_then(|server| server.answers.get_mut(&key)).into_iter().flatten()
}

/// Adds an answer to GET of a URL. A server that is new is otherwise as that of `from`.
fn also(servers: &mut Vec<Server>, from: &Url, url: &Url, answer: Answer) {
    let Some(origin) = Origin::of(url) else { return };
    let key = ("GET".to_owned(), target(url));
    let at = servers.iter().position(|server| server.origin == origin).unwrap_or_else(|| {
        let was = Origin::of(from);
        let like = servers.iter().find(|server| Some(&server.origin) == was.as_ref()).cloned();
        let new = Server::new(origin);
        servers.push(match like {
            Some(like) => {
                Server { origin: new.origin, answers: new.answers, one_with: None, ..like }
            }
            None => new,
        });
        servers.len() - 1
    });
    servers[at].answers.entry(key).or_default().push_back(answer);
}

/// Has servers answer where things were moved to.
fn move_answers(servers: &mut Vec<Server>, moved: &BTreeMap<Url, Url>) {
    for (from, to) in moved {
        let found: Vec<Answer> = answers(servers, from).map(|answer| answer.clone()).collect();
        for answer in found {
            also(servers, from, to, answer);
        }
    }
}

/// Writes moved addresses otherwise in style sheets.
fn move_in_sheets(servers: &mut [Server], moved: &BTreeMap<Url, Url>) {
    for server in servers {
        let origin = server.origin.to_string();
        for ((_, target), queue) in &mut server.answers {
            let Ok(url) = Url::parse(&format!("{origin}{target}")) else { continue };
            for answer in queue.iter_mut().filter(|answer| is_sheet(answer)) {
                let Ok(css) = core::str::from_utf8(answer.content()) else { continue };
                let now = css::rewritten(css, &url, |url| moved.get(url).map(Url::to_string));
                if now != css {
                    answer.set_content(now.into());
                }
            }
        }
    }
}

fn is_sheet(answer: &Answer) -> bool {
    let media = answer.fields.text("Content-Type").unwrap_or("");
    media.trim_start().to_ascii_lowercase().starts_with("text/css") && answer.is_whole()
}

fn edit_document(servers: &mut [Server], document: &Url, edits: &Edits) -> Result<(), EditError> {
    let origin = Origin::of(document);
    let asked = target(document);
    let server = servers.iter_mut().filter(|server| Some(&server.origin) == origin.as_ref());
    let queues = server.flat_map(|server| server.answers.iter_mut());
    for (_, queue) in queues.filter(|((_, target), _)| *target == asked) {
        for answer in queue.iter_mut().filter(|answer| answer.is_whole()) {
            let content_type = answer.fields.text("Content-Type").map(str::to_owned);
            let html = edits.apply(answer.content(), content_type.as_deref(), document)?;
            answer.set_content(html.into());
        }
    }
    Ok(())
}
