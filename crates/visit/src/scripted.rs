//! What scripts had a recorded visit ask for: by themselves, or since they changed the page, so that its styles
//! came to want more. Scripts are not run: it is asked for again as long after what it followed as it was.

use core::time::Duration;
use std::collections::BTreeSet;

use roundtrip_record::{Initiator, Milestone, Priority, ResourceKind, Time};
use roundtrip_story::{Exchange, Story};
use url::Url;

use crate::given::Given;

/// Who asked for something in a recorded visit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// A script.
    Script,
    /// A style sheet, or the document itself, as the page then was. The page may want it by itself here, too,
    /// and then it is not asked for again; only once it has been laid out is that known.
    Page,
}

/// A moment of a page at which scripts commonly begin something, in the order in which these come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moment {
    /// The document has been parsed, and scripts that wait for that run.
    Parsed,
    /// These have run.
    ContentLoaded,
    /// The page has loaded.
    Loaded,
}

impl Moment {
    /// The latest that had come by a time in a visit, and when.
    fn before(story: &Story, time: Time) -> Option<(Self, Time)> {
        let moments = [
            (Self::Parsed, Milestone::DomInteractive),
            (Self::ContentLoaded, Milestone::DomContentLoadedEventEnd),
            (Self::Loaded, Milestone::LoadEventEnd),
        ];
        let came = |(moment, name)| Some((moment, story.milestone(&name)?));
        moments.into_iter().filter_map(came).rfind(|(_, at)| *at <= time)
    }
}

/// A request that may come of scripts, and what it follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scripted {
    /// What was asked for.
    pub url: Url,
    /// Who asked.
    pub asker: Asker,
    /// The script or the style sheet that asked; the document where it stands in that.
    pub named_in: Url,
    /// The line in it, from 1; 0 where not known.
    pub line: u32,
    /// What it was for.
    pub kind: ResourceKind,
    /// How urgent it was.
    pub priority: Priority,
    /// What had come before it and is to come before it again.
    pub after: BTreeSet<Url>,
    /// The moment of the page that it followed; `None`: it came before all of them. The load event does not wait
    /// for what followed it.
    pub moment: Option<Moment>,
    /// How long after the last of these it was wanted: what the script took, or a timer.
    pub delay: Duration,
}

#[cfg(feature = "page")]
impl Scripted {
    /// Who has a page at this address ask for it again.
    pub(crate) fn initiator(&self, page: &Url) -> roundtrip_page::Initiator {
        use roundtrip_page::Initiator;
        let Self { asker, named_in, line, .. } = self;
        match asker {
            Asker::Script => Initiator::Script { script: named_in.clone(), line: *line },
            Asker::Page if named_in != page => Initiator::Style { sheet: named_in.clone() },
            Asker::Page if *line > 0 => Initiator::Markup { line: u64::from(*line) },
            Asker::Page => Initiator::Layout,
        }
    }
}

/// What scripts asked for by GET, and what pictures and fonts styles came to want, in the order in which that
/// was. Each URL is asked for once, as a page does that has it then.
///
/// What a script does begins with something: that it has come, that data which it waited for has, or that the
/// page has been parsed or has loaded. A record does not tell with what, so that it is taken to be the last of
/// these: where all scripts come at one time, what the last of them took is not what all of them took.
pub(crate) fn scripted(story: &Story) -> Vec<Scripted> {
    let mut known = BTreeSet::new();
    let requests = story.exchanges.iter().filter(|exchange| {
        // What was never answered is not asked for again: a page can do without. Nor is what became another
        // protocol.
        let answered = Given::of(exchange).is_some_and(|given| given.status != 101);
        exchange.method == "GET" && answered
    });
    let found = requests.filter_map(|exchange| one(story, exchange));
    found.filter(|one| known.insert(one.url.clone())).collect()
}

/// What an exchange was, if it may have come of a script.
fn one(story: &Story, exchange: &Exchange) -> Option<Scripted> {
    let document = || plain(&story.document()?.url);
    let (asker, named_in, line) = asker(story, exchange)?;
    let start = exchange.span.start;
    let last = leader(story, exchange);
    // One that stands in the document can run before that has ended.
    let own = before(story, exchange).find(|other| plain(&other.url).as_ref() == Some(&named_in));
    let mut after: BTreeSet<Url> =
        last.into_iter().chain(own).filter_map(|other| wanted(story, other)).collect();
    // What the markup names is known when all of it has come, and what its styles want, when they have.
    after.extend(document().filter(|_| asker == Asker::Page));
    let moment = Moment::before(story, start);
    let began = || Some(story.document()?.head()?.what.first_byte);
    let since = last.map(|last| last.span.end).max(moment.map(|(_, at)| at)).or_else(began)?;
    Some(Scripted {
        url: plain(&exchange.url)?,
        asker,
        named_in,
        line,
        kind: exchange.kind,
        priority: exchange.priority,
        after,
        moment: moment.map(|(moment, _)| moment),
        delay: start.since(since),
    })
}

/// Who asked in an exchange, where that is, and on which line; `None` where no script can have led to it.
fn asker(story: &Story, exchange: &Exchange) -> Option<(Asker, Url, u32)> {
    let document = story.document()?;
    let is_of_styles = matches!(exchange.kind, ResourceKind::Image | ResourceKind::Font);
    match &exchange.initiator {
        Initiator::Script { url: script, line } => {
            let script = plain(script).or_else(|| plain(&document.url))?;
            Some((Asker::Script, script, *line))
        }
        Initiator::Style { url } if is_of_styles => {
            let sheet = || story.exchanges.iter().find(|other| other.url == *url);
            let comes_again = *url == document.url || sheet().is_some_and(|it| can_lead(story, it));
            Some((Asker::Page, plain(url).filter(|_| comes_again)?, 0))
        }
        Initiator::Parser { url, line } if is_of_styles && *url == document.url => {
            Some((Asker::Page, plain(url)?, *line))
        }
        _ => None,
    }
}

/// What had come before an exchange began.
fn before<'a>(story: &'a Story, exchange: &Exchange) -> impl Iterator<Item = &'a Exchange> {
    let (id, start) = (exchange.id, exchange.span.start);
    let others = story.exchanges.iter().filter(move |other| other.id != id);
    others.filter(move |other| other.over && other.span.end <= start)
}

/// What came last before an exchange of what can have led to it.
fn leader<'a>(story: &'a Story, exchange: &Exchange) -> Option<&'a Exchange> {
    before(story, exchange)
        .filter(|other| can_lead(story, other))
        .max_by_key(|other| (other.span.end, other.id))
}

/// Whether what styles named was only asked for when a script had come: a page that is laid out without scripts
/// may not want it.
pub(crate) fn follows_script(story: &Story, exchange: &Exchange) -> bool {
    asker(story, exchange).is_some_and(|(asker, ..)| asker == Asker::Page)
        && leader(story, exchange).is_some_and(|last| last.kind == ResourceKind::Script)
}

/// The URL under which a page wants what an exchange gave: that of the first of a chain of redirects, but
/// for the document that of the last.
fn wanted(story: &Story, exchange: &Exchange) -> Option<Url> {
    let first = story.first_of(exchange);
    let is_document = first.initiator == Initiator::User;
    plain(if is_document { &story.document()?.url } else { &first.url })
}

/// Whether what has come can have a script go on, and comes again: nested documents are not loaded, and so
/// nothing that they named.
fn can_lead(story: &Story, exchange: &Exchange) -> bool {
    use ResourceKind as Kind;
    let kind = matches!(exchange.kind, Kind::Document | Kind::Script | Kind::Style | Kind::Other);
    let document = || story.document().map(|document| document.url.as_str());
    kind && match &story.first_of(exchange).initiator {
        Initiator::Parser { url, .. }
        | Initiator::LinkField { url }
        | Initiator::EarlyHints { url } => document() == Some(url.as_str()),
        Initiator::Peer => false,
        _ => true,
    }
}

/// A URL without its fragment, which is not sent.
fn plain(url: &str) -> Option<Url> {
    let mut url = Url::parse(url).ok()?;
    url.set_fragment(None);
    Some(url)
}

/// Requests of scripts that are to be made, and what they still wait for.
#[cfg(feature = "page")]
#[derive(Debug, Default)]
pub(crate) struct Awaited {
    waiting: Vec<Scripted>,
    laid_out: bool,
    /// The latest moment of the page that has come.
    reached: Option<Moment>,
    /// Due, but not yet made: those that the load event waits for, and the others.
    due: (usize, usize),
}

#[cfg(feature = "page")]
impl Awaited {
    pub(crate) fn new(waiting: Vec<Scripted>) -> Self {
        Self { waiting, ..Self::default() }
    }

    /// Something has come, `None`: the first bytes of the document; which requests are due now, each after its
    /// delay.
    pub(crate) fn came(&mut self, url: Option<&Url>) -> Vec<Scripted> {
        if let Some(url) = url {
            for one in &mut self.waiting {
                one.after.remove(url);
            }
        }
        self.ready()
    }

    /// The page has been laid out, so that it is known what it wants without scripts, which need not be asked
    /// for here; which requests are due now, each after its delay.
    pub(crate) fn laid_out(&mut self, is_known: impl Fn(&Url) -> bool) -> Vec<Scripted> {
        self.laid_out = true;
        self.waiting.retain(|one| one.asker == Asker::Script || !is_known(&one.url));
        self.ready()
    }

    /// A moment of the page has come; which requests are due now, each after its delay.
    pub(crate) fn reached(&mut self, moment: Moment) -> Vec<Scripted> {
        self.reached = Some(moment);
        self.ready()
    }

    fn ready(&mut self) -> Vec<Scripted> {
        let (laid_out, reached) = (self.laid_out, self.reached);
        let is_ready = |one: &mut Scripted| {
            let is_known = laid_out || one.asker == Asker::Script;
            one.after.is_empty() && is_known && one.moment <= reached
        };
        let ready: Vec<Scripted> = self.waiting.extract_if(.., is_ready).collect();
        for one in &ready {
            *self.due_as(one.moment) += 1;
        }
        ready
    }

    /// One that was due is made.
    pub(crate) fn made(&mut self, one: &Scripted) {
        *self.due_as(one.moment) -= 1;
    }

    fn due_as(&mut self, moment: Option<Moment>) -> &mut usize {
        if moment == Some(Moment::Loaded) { &mut self.due.1 } else { &mut self.due.0 }
    }

    /// Whether the load event waits for some.
    pub(crate) fn holds_load(&self) -> bool {
        self.due.0 > 0
    }

    /// Whether some are due.
    pub(crate) fn is_due(&self) -> bool {
        self.due != (0, 0)
    }

    /// What scripts asked for and whose time never came.
    pub(crate) fn left(&self) -> impl Iterator<Item = &Scripted> {
        self.waiting.iter().filter(|one| one.asker == Asker::Script)
    }
}

#[cfg(all(test, feature = "page"))]
mod tests {
    use super::*;

    fn url(name: &str) -> Url {
        Url::parse("http://a.example/").and_then(|base| base.join(name)).expect("a URL")
    }

    fn one(name: &str, after: &[&str], moment: Option<Moment>) -> Scripted {
        Scripted {
            url: url(name),
            asker: Asker::Script,
            named_in: url("a.js"),
            line: 0,
            kind: ResourceKind::Image,
            priority: Priority::Low,
            after: after.iter().map(|name| url(name)).collect(),
            moment,
            delay: Duration::ZERO,
        }
    }

    fn names(due: &[Scripted]) -> Vec<&str> {
        due.iter().map(|one| one.url.path()).collect()
    }

    #[test]
    fn a_request_is_due_when_all_that_it_follows_has_come() {
        let first = one("1", &["a.js", "b.js"], None);
        let third = one("3", &["a.js"], Some(Moment::Loaded));
        let list = vec![first.clone(), one("2", &[], None), third];
        let mut awaited = Awaited::new(list);
        assert_eq!(names(&awaited.came(None)), ["/2"]);
        awaited.made(&one("2", &[], None));
        assert!(awaited.came(Some(&url("b.js"))).is_empty() && !awaited.is_due());
        assert_eq!(names(&awaited.came(Some(&url("a.js")))), ["/1"]);
        assert!(awaited.holds_load());
        awaited.made(&first);
        assert!(!awaited.is_due());
        assert_eq!(names(&awaited.reached(Moment::Loaded)), ["/3"]);
        assert!(awaited.is_due() && !awaited.holds_load() && awaited.left().next().is_none());
    }

    #[test]
    fn what_followed_the_end_of_the_document_is_due_then_and_the_load_event_waits_for_it() {
        let picture = one("1", &["a.js"], Some(Moment::Parsed));
        let later = one("2", &[], Some(Moment::ContentLoaded));
        let mut awaited = Awaited::new(vec![picture.clone(), later]);
        assert!(awaited.came(Some(&url("a.js"))).is_empty());
        assert_eq!(names(&awaited.reached(Moment::Parsed)), ["/1"]);
        assert!(awaited.holds_load());
        awaited.made(&picture);
        assert!(!awaited.holds_load());
        assert_eq!(names(&awaited.reached(Moment::ContentLoaded)), ["/2"]);
        assert!(awaited.holds_load());
    }

    #[test]
    fn what_styles_wanted_is_due_when_the_page_has_been_laid_out() {
        let font = |name| Scripted { asker: Asker::Page, ..one(name, &["a.js"], None) };
        let mut awaited = Awaited::new(vec![font("f"), font("g")]);
        assert!(awaited.came(Some(&url("a.js"))).is_empty());
        // The page itself wants one of them.
        assert_eq!(names(&awaited.laid_out(|known| known.path() == "/g")), ["/f"]);
    }
}
