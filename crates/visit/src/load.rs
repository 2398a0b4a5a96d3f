//! Step 6: the page is read, what it needs is fetched, and it is painted.
//!
//! One loop is the browser's main thread: what arrives waits while it is busy. How long its work takes
//! is modelled in the lab, where this machine's own work takes no time ([`Cpu`]).

use core::mem::{replace, take};
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use roundtrip_fetch::{Fetcher, Mode, Rules, share_credentials};
use roundtrip_http::client::{Credentials, Failure, KeepAlive, Origin, Request, Response};
use roundtrip_http::message::{Fields, to_text};
use roundtrip_os::Clock;
use roundtrip_page::{
    Delivered, Fetch, FetchId, Goal, Kind, Note, Options, Page, PaintError, Painter, Png, Reach,
    Reader, Refused,
};
use roundtrip_record::{
    Blocks, BodyRef, EventId, ExchangeId, Fault, FaultKind, Initiator, Milestone, PageFound,
    PageMilestone, PageNote, PagePainted, Priority, Step, Time, Trace as _, What, WireKind,
};
use roundtrip_wire::{Task, Wire, about};
use tokio::sync::mpsc;
use url::Url;

use crate::browser::{Asked, Browser, BrowserName, Cpu, fields};
use crate::came::{Came, resource};
use crate::document::Document;
use crate::page_times::PageTimes;
use crate::paints::{self, Paints};
use crate::plan::Plan;
use crate::policy::{self, Passage, Refusals};
use crate::queue::{Queue, Waiting};
use crate::reported::{fatal, report};
use crate::scripted::{Asker, Awaited, Moment, Scripted};
use crate::terms::{
    blocks, initiator, kind, listed_by, page_kind, page_priority, priority, refused_by,
};

/// Layouts that may make new resources appear, before what they ask for is no longer waited for.
const LAYOUTS: u32 = 8;

/// What comes in while a page loads.
enum Arrived {
    /// Bytes of the document, and when they came.
    Chunk(bytes::Bytes, Time),
    /// Its end, well or not.
    End(Option<Failure>),
    /// What became of the request for a resource.
    Resource(FetchId, Came),
    /// The first picture is on the screen, and the event of that.
    Painted(Option<EventId>, Time),
    /// A script that was recorded asks for something.
    Asked(Scripted),
}

/// Which moments of a page have come.
#[derive(Default)]
struct Reached {
    parsed: bool,
    content_loaded: bool,
    /// Laid out for the first picture.
    laid_out: bool,
    painted: bool,
    loaded: bool,
}

/// A page that is being loaded.
pub(crate) struct Loading<'a, W: Wire> {
    wire: &'a W,
    fetcher: &'a Fetcher<W>,
    page: Page,
    painter: Painter,
    document: ExchangeId,
    began: Time,
    /// The event that tells most lately of the document or a style sheet, by URL: the cause of what
    /// is found there.
    found_by: BTreeMap<String, EventId>,
    sender: mpsc::UnboundedSender<Arrived>,
    arrivals: mpsc::UnboundedReceiver<Arrived>,
    browser: Browser,
    cpu: Cpu,
    /// How many scripts a file holds, where it is several.
    merged: BTreeMap<String, u32>,
    keep_alive: KeepAlive,
    queue: Queue,
    tasks: BTreeMap<FetchId, Task>,
    /// What the rules of the page refused.
    refusals: Refusals,
    /// What recorded scripts still ask for.
    awaited: Awaited,
    /// Data that scripts asked for, and what may be needed later, that is under way: the load event does not wait
    /// for it.
    data: BTreeSet<FetchId>,
    /// What is fetched when the page has loaded.
    later: Vec<(Fetch, Option<EventId>)>,
    /// Fonts that the layout under way wants: they go to the network when it is done.
    shaped: Vec<(Fetch, Option<EventId>)>,
    /// The first layout is under way.
    laying_out: bool,
    /// When the first layout could first be made.
    paintable: Option<Time>,
    /// The page was laid out from so many bytes of its document, and nothing of it was to be seen: the first
    /// paint is still to come.
    blank: Option<usize>,
    /// When the latest request was or will be handed to the network.
    handed: Option<Time>,
    /// How long scripts have run; `None`: none has.
    ran: Option<Duration>,
    /// The resource that came last is a style sheet.
    styled_last: bool,
    /// Connections opened ahead so far.
    hinted: usize,
    /// When the navigation was committed to the process that reads the document.
    committed: Option<Time>,
    /// Bytes of the document that came.
    bytes: usize,
    /// Bytes of the style sheets that came.
    styles: usize,
    document_ended: bool,
    /// Something came since the last layout that can make more wanted.
    restyled: bool,
    reached: Reached,
    layouts: u32,
    /// The page cannot be laid out: that was said, and is not tried again.
    unpaintable: bool,
    times: PageTimes,
    paints: Paints,
    latest: Option<EventId>,
    exit: u8,
}

/// Reads the document and passes it on.
async fn read<W: Wire>(wire: W, mut response: Response<W>, sender: mpsc::UnboundedSender<Arrived>) {
    let failure = loop {
        match response.body.chunk().await {
            None => break None,
            Some(Err(failure)) => break Some(failure),
            // Nobody listens any more: the visit is over.
            Some(Ok(chunk)) => {
                if sender.send(Arrived::Chunk(chunk, wire.now())).is_err() {
                    return;
                }
            }
        }
    };
    let _ = sender.send(Arrived::End(failure));
}

impl<'a, W: Wire> Loading<'a, W> {
    /// A page of whose document something has come. Its requests are given up when it is dropped.
    pub(crate) fn begin(
        wire: &'a W,
        fetcher: &'a Fetcher<W>,
        plan: &'a Plan,
        document: Document,
        options: Options,
    ) -> Self {
        let reader = match plan.browser.name {
            BrowserName::Roundtrip => Reader::WithoutScripts,
            BrowserName::Chromium | BrowserName::Firefox => Reader::Browser,
        };
        let options = Options { reader, ..options };
        let (sender, arrivals) = mpsc::unbounded_channel();
        let painter = match (&plan.layouts, &plan.painter) {
            (Some(layouts), program) => {
                Painter::remembering(layouts, program.clone(), options.fonts)
            }
            (None, Some(program)) => Painter::start(program, options.fonts),
            (None, None) => Painter::here(),
        };
        let Document { exchange, url, at, event } = document;
        Loading {
            wire,
            fetcher,
            found_by: event.map(|event| (url.to_string(), event)).into_iter().collect(),
            page: Page::painted_by(painter.clone(), url, options),
            painter,
            document: exchange,
            began: at,
            sender,
            arrivals,
            cpu: if wire.kind() == WireKind::Lab { plan.browser.cpu } else { Cpu::NONE },
            merged: plan.merged_scripts.clone(),
            queue: Queue::new(plan.browser.order.head),
            browser: plan.browser.clone(),
            keep_alive: plan.client.keep_alive,
            tasks: BTreeMap::new(),
            refusals: Refusals::default(),
            awaited: Awaited::new(plan.scripted.clone()),
            data: BTreeSet::new(),
            later: Vec::new(),
            shaped: Vec::new(),
            laying_out: false,
            paintable: None,
            blank: None,
            handed: None,
            ran: None,
            styled_last: false,
            hinted: 0,
            committed: None,
            bytes: 0,
            styles: 0,
            document_ended: false,
            restyled: false,
            reached: Reached::default(),
            layouts: 0,
            unpaintable: false,
            times: PageTimes::default(),
            paints: Paints::default(),
            latest: event,
            exit: 0,
        }
    }

    /// The event that tells most lately of the page.
    pub(crate) fn latest(&self) -> Option<EventId> {
        self.latest
    }

    /// Begins what the first 103 before the document's head names. The browser's main thread has no part
    /// in it, and its limits on what may be under way do not hold; how long it takes until the network has
    /// such a request was not measured, and is taken to be as with any other.
    pub(crate) fn early_hints(&mut self, fields: &Fields) {
        for field in fields.get_all("Link") {
            self.page.early_hints(&to_text(field));
        }
        self.follow_hints();
        while let Some(fetch) = self.page.poll_fetch() {
            let cause = self.found(&fetch);
            self.queue.begin(&fetch);
            let at = self.wire.now() + about(self.wire, self.cpu.hand_over);
            let task = self.start(&fetch, cause, at);
            self.tasks.insert(fetch.id, task);
        }
    }

    /// Loads the page, whose document's head is there; answers with the exit code and the page's moments.
    pub(crate) async fn load(
        mut self: Box<Self>,
        response: Response<W>,
        picture: bool,
    ) -> (u8, PageTimes) {
        self.answered(&response);
        let asked = self.awaited.came(None);
        self.follow_scripts(asked);
        let _reading = self.wire.spawn(read(self.wire.clone(), response, self.sender.clone()));
        self.begin_what_the_head_names().await;
        loop {
            // What is there already is taken, and what can run runs, before anything is laid out; but the first
            // frame does not wait for long.
            if self.is_frame_due() {
                self.first_frame().await;
            } else if let Ok(arrived) = self.arrivals.try_recv() {
                self.take(arrived).await;
            } else if !self.run_next().await {
                self.settle().await;
                if self.is_done() {
                    break;
                }
                let Some(arrived) = self.arrivals.recv().await else { break };
                self.take(arrived).await;
            }
        }
        self.finish(picture).await;
        (self.exit, self.times)
    }

    /// The document's head is there.
    fn answered(&mut self, response: &Response<W>) {
        let Document { exchange, url, at, event } = Document::of(response);
        let content_type = response.fields.text("Content-Type").map(str::to_owned);
        self.page.answered(url.clone(), content_type);
        self.found_by.extend(event.map(|event| (url.to_string(), event)));
        (self.document, self.began, self.latest) = (exchange, at, event);
        policy::take_up(&mut self.page, &response.fields);
        for field in response.fields.get_all("Link") {
            self.page.link_field(&to_text(field));
        }
    }

    /// Connections that the head wants are opened at once, and what else it names begins as soon as there is
    /// somebody to read the document (Blink's `core/loader/preload_helper.cc`: `kDocumentBeforeCommit`,
    /// `kDocumentAfterCommitWithoutViewport`).
    async fn begin_what_the_head_names(&mut self) {
        self.follow_hints();
        if self.page.has_wanted() {
            self.commit().await;
            self.fetch_wanted();
        }
    }

    /// The navigation is committed, once.
    async fn commit(&mut self) {
        if self.committed.is_none() {
            self.busy(about(self.wire, self.cpu.commit)).await;
            self.committed = Some(self.wire.now());
        }
    }

    /// Whether everything that the load event waits for has come.
    fn is_loaded(&self) -> bool {
        self.document_ended && self.queue.is_empty() && !self.awaited.holds_load()
    }

    fn is_done(&self) -> bool {
        let Reached { loaded, painted, .. } = self.reached;
        let nothing_comes = self.queue.is_empty() && self.data.is_empty();
        loaded && painted && nothing_comes && !self.awaited.is_due()
    }

    /// Whether the first layout could be made long ago.
    fn is_frame_due(&mut self) -> bool {
        if self.cpu.pace.is_zero() || !self.is_to_paint_first() {
            return false;
        }
        let now = self.wire.now();
        now.since(*self.paintable.get_or_insert(now)) >= self.cpu.pace
    }

    /// Whether the page can now be laid out for the first picture.
    fn is_to_paint_first(&self) -> bool {
        !self.reached.laid_out && self.page.ready_to_paint()
    }

    /// The main thread is at work for so long.
    async fn busy(&self, time: Duration) {
        if !time.is_zero() {
            self.wire.sleep(time).await;
        }
    }

    /// When the network has a request that is wanted now: after those before it.
    fn hand_over(&mut self, fetch: &Fetch) -> Time {
        let now = self.wire.now();
        let by_scanner = matches!(fetch.initiator, roundtrip_page::Initiator::Markup { .. });
        let takes = match self.handed {
            // What a layout, a style sheet or a script wants needs no other thread to find it.
            _ if self.laying_out || !by_scanner => self.cpu.send,
            None => self.cpu.first_hand_over,
            Some(_) => self.cpu.hand_over,
        };
        let earliest = self.handed.map_or(now, |before| before + self.cpu.request);
        let at = (now + about(self.wire, takes)).max(earliest);
        self.handed = Some(at);
        at
    }

    async fn take(&mut self, arrived: Arrived) {
        let mut parsing = Duration::ZERO;
        match arrived {
            Arrived::Chunk(bytes, at) => {
                self.commit().await;
                // What had come by then is scanned at once, and only then parsed.
                self.page.parser_keeps_up(self.committed.is_some_and(|committed| at > committed));
                self.bytes += bytes.len();
                self.page.feed(&bytes);
                parsing = self.cpu.parsing(bytes.len());
            }
            Arrived::End(failure) => {
                self.page.finish_document();
                self.document_ended = true;
                self.restyled = true;
                let asked = self.awaited.came(Some(self.page.url()));
                self.follow_scripts(asked);
                if let Some(failure) = failure {
                    // What came of it is painted all the same.
                    self.exit = fatal(self.wire, &failure);
                }
            }
            Arrived::Resource(id, came) => {
                self.busy(self.cpu.take).await;
                self.arrived(id, came);
            }
            Arrived::Painted(event, at) => {
                self.reached.painted = true;
                self.times.first_paint = Some(at.since(Time::ZERO));
                self.latest = event.or(self.latest);
            }
            Arrived::Asked(asked) => {
                self.awaited.made(&asked);
                let (kind, priority) = (page_kind(asked.kind), page_priority(asked.priority));
                let initiator = asked.initiator(self.page.url());
                self.page.ask(asked.url, kind, priority, initiator);
            }
        }
        self.paints.changed(&self.page, self.wire.now() + self.cpu.frame, &self.came());
        // What a scanner that runs ahead of the parser finds is asked for before the parser is there.
        self.fetch_wanted();
        self.busy(parsing).await;
        self.go_on();
    }

    /// Runs the next script that can run; whether there was one.
    async fn run_next(&mut self) -> bool {
        let Some((id, bytes)) = self.page.poll_run() else { return false };
        let url = self.page.fetch(id).map(|fetch| fetch.url.as_str());
        let scripts = url.and_then(|url| self.merged.get(url)).copied().unwrap_or(1);
        let takes = self.cpu.running(bytes, scripts);
        self.ran = Some(self.ran.unwrap_or_default() + takes);
        self.busy(takes).await;
        self.go_on();
        true
    }

    /// Begins what may begin now.
    fn go_on(&mut self) {
        if self.page.is_in_body() {
            self.queue.enter_body();
        }
        self.begin_next();
    }

    fn arrived(&mut self, id: FetchId, came: Came) {
        let Came { delivered, head, refused, event } = came;
        self.tasks.remove(&id);
        self.queue.ended(id);
        self.data.remove(&id);
        let kind = self.page.fetch(id).map(|fetch| fetch.kind);
        if let Some(fetch) = self.page.fetch(id) {
            // A record has it under the address to which it went.
            for url in [fetch.url.clone(), self.destination(fetch)] {
                let asked = self.awaited.came(Some(&url));
                self.follow_scripts(asked);
            }
        }
        if let (Some(event), Some(fetch)) = (event, self.page.fetch(id)) {
            self.found_by.insert(fetch.url.to_string(), event);
        }
        self.styled_last = kind == Some(Kind::Style);
        if let (true, Delivered::Loaded { bytes, .. }) = (self.styled_last, &delivered) {
            self.styles += bytes.len();
        }
        self.latest = event.or(self.latest);
        match head {
            Some(head) => self.page.deliver_answer(id, delivered, &head),
            None => self.page.deliver(id, delivered),
        }
        if let Some(refused) = refused {
            self.page.refuse(refused);
        }
        // A font can lack what is then looked for in another; those that come together are looked at
        // together.
        let fonts_pending = || self.page.pending().any(|fetch| fetch.kind == Kind::Font);
        self.restyled |= match kind {
            Some(Kind::Style) => true,
            Some(Kind::Font) => !fonts_pending(),
            _ => false,
        };
    }

    /// Takes up what the page has come to want.
    fn fetch_wanted(&mut self) {
        while let Some(fetch) = self.page.poll_named() {
            self.found(&fetch);
        }
        while let Some(fetch) = self.page.poll_fetch() {
            let cause = self.found(&fetch);
            let later = self.browser.order.icon_after_load && !self.reached.loaded;
            if fetch.kind == Kind::Icon && later {
                self.later.push((fetch, cause));
            } else if fetch.kind == Kind::Later || fetch.kind == Kind::Data && by_script(&fetch) {
                self.data.insert(fetch.id);
                self.hand(&fetch, cause);
            } else if fetch.kind == Kind::Font && self.laying_out {
                self.shaped.push((fetch, cause));
            } else {
                self.queue.push(fetch, cause);
                // What may begin does at once: urgency orders only what waits.
                self.begin_next();
            }
        }
        self.follow_hints();
        self.take_refusals();
    }

    /// Takes up what the rules of the page refused: what was not asked for is told at once.
    fn take_refusals(&mut self) {
        while let Some(refused) = self.page.poll_refused() {
            self.refusals.add(&refused);
            let Refused { by, what, kind: Some(of), line, came: false, reported_only: false } =
                refused
            else {
                continue;
            };
            let initiator = refused_by(line, self.page.url());
            self.wire.log().emit(self.wire.now(), self.latest, || {
                What::PageFound(PageFound {
                    url: what,
                    kind: kind(of),
                    priority: Priority::VeryLow,
                    blocks: Blocks::Nothing,
                    initiator,
                    not_fetched: Some(by.to_string()),
                })
            });
        }
    }

    /// Opens the connections, and looks the names up, that the page expects to need.
    fn follow_hints(&mut self) {
        let hints = self.page.hints();
        for hint in hints.iter().skip(replace(&mut self.hinted, hints.len())) {
            let client = self.fetcher.client();
            match hint.reach {
                Reach::Name => client.look_up(&hint.url, self.latest),
                Reach::Connection => {
                    let credentials = if hint.anonymous && !self.is_same_origin(&hint.url) {
                        Credentials::Omitted
                    } else {
                        Credentials::Included
                    };
                    client.preconnect(&hint.url, credentials, self.document, self.latest);
                }
            }
        }
    }

    fn is_same_origin(&self, url: &Url) -> bool {
        Origin::of(self.page.url()) == Origin::of(url)
    }

    /// Begins the requests that may begin now.
    fn begin_next(&mut self) {
        while let Some(Waiting { fetch, cause }) = self.queue.next() {
            self.hand(&fetch, cause);
        }
    }

    /// Hands a request over to the network.
    fn hand(&mut self, fetch: &Fetch, cause: Option<EventId>) {
        let at = self.hand_over(fetch);
        let task = self.start(fetch, cause, at);
        self.tasks.insert(fetch.id, task);
    }

    /// Has what recorded scripts ask for be wanted in its time.
    fn follow_scripts(&mut self, asked: Vec<Scripted>) {
        for one in asked {
            if one.asker == Asker::Page && self.page.knows(&one.url) {
                self.awaited.made(&one);
                continue;
            }
            let (wire, sender) = (self.wire.clone(), self.sender.clone());
            let asking = async move {
                wire.sleep(one.delay).await;
                // Nobody listens any more: the visit is over.
                let _ = sender.send(Arrived::Asked(one));
            };
            self.wire.spawn(asking).detach();
        }
    }

    /// Reports that the page names a resource; the event.
    fn found(&self, fetch: &Fetch) -> Option<EventId> {
        let initiator = initiator(&fetch.initiator, self.page.url());
        let by = match &initiator {
            Initiator::Parser { url, .. }
            | Initiator::Style { url }
            | Initiator::LinkField { url }
            | Initiator::EarlyHints { url }
            | Initiator::Script { url, .. } => self.found_by.get(url),
            _ => None,
        };
        let cause = by.copied().or(self.latest);
        self.wire.log().emit(self.wire.now(), cause, || {
            What::PageFound(PageFound {
                url: self.destination(fetch).to_string(),
                kind: kind(fetch.kind),
                priority: priority(fetch.priority),
                blocks: blocks(fetch.blocks),
                initiator,
                not_fetched: None,
            })
        })
    }

    /// Where a request goes: over TLS, where browsers have it so though the page says otherwise.
    fn destination(&self, fetch: &Fetch) -> Url {
        self.page.destination(fetch.id).map_or_else(|| fetch.url.clone(), |(url, _)| url)
    }

    /// Says that a request goes over TLS though the page says otherwise.
    fn note_upgrade(&self, fetch: &Fetch, cause: Option<EventId>) {
        if let Some((_, Some(why))) = self.page.destination(fetch.id) {
            let note = format!("{} is asked for over https: {why}", fetch.url);
            self.note(cause, note);
        }
    }

    /// Has the network have a request at a time.
    fn start(&self, fetch: &Fetch, cause: Option<EventId>, at: Time) -> Task {
        self.note_upgrade(fetch, cause);
        let mut request = Request::get(self.destination(fetch));
        share_credentials(self.page.url(), &mut request.url);
        request.fields.add("Accept", fetch.kind.accept());
        let rules = Rules::of_page(self.page.url(), mode(fetch));
        request.initiator = initiator(&fetch.initiator, self.page.url());
        request.kind = kind(fetch.kind);
        request.priority = priority(fetch.priority);
        request.cause = cause;
        let page = Some(self.page.url());
        let asked = Asked { page, cors: fetch.cors, keep_alive: self.keep_alive };
        fields(self.browser.name, &asked, &mut request);
        let (wire, fetcher) = (self.wire.clone(), self.fetcher.clone());
        let (id, sender) = (fetch.id, self.sender.clone());
        let passage = Passage::new(self.page.guard(id));
        let page = self.page.url().clone();
        self.wire.spawn(async move {
            if at > wire.now() {
                wire.sleep_until(at).await;
            }
            let came = resource(&wire, &fetcher, request, rules, (&page, passage)).await;
            let _ = sender.send(Arrived::Resource(id, came));
        })
    }

    /// Everything that came in has been taken: paints for the first time if a browser now could, and
    /// lays out again where that can make more wanted.
    async fn settle(&mut self) {
        if self.page.is_parsed() && !replace(&mut self.reached.parsed, true) {
            self.milestone(Milestone::DomInteractive);
            self.reach(Moment::Parsed);
        }
        if self.page.is_content_loaded() && !replace(&mut self.reached.content_loaded, true) {
            self.busy(self.cpu.getting_ready(self.ran.unwrap_or_default())).await;
            self.milestone(Milestone::DomContentLoadedEventEnd);
            self.reach(Moment::ContentLoaded);
        }
        // With the last resource the load event comes at once, though it be the style sheet that the first
        // picture waited for; but scripts commonly ask where things are, which lays the page out before.
        if self.is_loaded() && self.styled_last && self.ran.is_none() && !self.cpu.frame.is_zero() {
            self.load_once().await;
        }
        if self.is_to_paint_first() {
            self.first_frame().await;
        }
        self.show().await;
        while self.reached.laid_out
            && (self.restyled || self.page.pictures_move_lazy_ones())
            && (self.is_loaded() || self.restyled && self.browser.order.lays_out_early)
            && self.layouts < LAYOUTS
            && self.page.is_stale()
            && !self.unpaintable
        {
            self.work(Goal::Layout).await;
        }
        if self.is_loaded() {
            self.load_once().await;
        }
    }

    /// The layout for the first picture, which is then on its way if it shows something.
    async fn first_frame(&mut self) {
        self.reached.laid_out = true;
        self.frame().await;
        let asked = self.awaited.laid_out(|url| self.page.knows(url));
        self.follow_scripts(asked);
        self.paint_if_it_shows();
    }

    /// A layout before the first paint.
    async fn frame(&mut self) {
        self.busy(self.cpu.style).await;
        self.laying_out = true;
        // Whether there is content in the first picture is for readers of the record.
        let goal = if self.wire.log().is_on() { Goal::Content } else { Goal::Layout };
        self.work(goal).await;
        self.end_frame().await;
    }

    /// The layout takes its time. What its styles want was asked for at once, the fonts are a while later.
    async fn end_frame(&mut self) {
        self.busy(self.cpu.laying_out(self.bytes, self.styles)).await;
        self.laying_out = false;
        let at = self.wire.now() + self.cpu.fonts;
        for (fetch, cause) in take(&mut self.shaped) {
            self.queue.begin(&fetch);
            let task = self.start(&fetch, cause, at);
            self.tasks.insert(fetch.id, task);
        }
    }

    fn paint_if_it_shows(&mut self) {
        let shows = self.page.shows() || self.unpaintable;
        self.blank = (!shows).then_some(self.bytes);
        if shows {
            self.paint_first(!self.page.candidates().is_empty());
        }
    }

    /// A page of which nothing was to be seen is laid out again when more of it has come; and when its scripts
    /// have run, they are taken to have shown what was hidden.
    async fn show(&mut self) {
        let Some(before) = self.blank else { return };
        let done = self.reached.content_loaded;
        let more = self.restyled || self.bytes >= 2 * before;
        if self.page.is_stale() && self.layouts < LAYOUTS && (done || more) {
            self.frame().await;
            self.paint_if_it_shows();
        }
        if done && self.blank.take().is_some() {
            self.laying_out = true;
            self.page.show_hidden();
            self.fetch_wanted();
            self.end_frame().await;
            self.paint_first(true);
        }
    }

    async fn load_once(&mut self) {
        if !replace(&mut self.reached.loaded, true) {
            self.loaded().await;
        }
    }

    /// What has come by now.
    fn came(&self) -> paints::Came {
        paints::Came { cause: self.latest, document: self.bytes }
    }

    /// The first picture is on its way to the screen, which the main thread does not wait for.
    fn paint_first(&mut self, with_content: bool) {
        let (log, seen) = (self.wire.log(), self.wire.now() + self.cpu.frame);
        if log.is_on() && !self.unpaintable {
            self.paints.first(&self.page, seen, &self.came(), with_content);
        }
        let names = [Milestone::FirstPaint, Milestone::FirstContentfulPaint];
        let names = names.into_iter().take(1 + usize::from(with_content));
        if self.cpu.frame.is_zero() {
            names.for_each(|name| self.milestone(name));
            self.reached.painted = true;
            return;
        }
        let (wire, latest) = (self.wire.clone(), self.latest);
        let (frame, sender) = (self.cpu.frame, self.sender.clone());
        let painting = async move {
            wire.sleep(frame).await;
            let (at, mut event) = (wire.now(), latest);
            for name in names {
                let what = || What::Milestone(PageMilestone { name });
                event = wire.log().emit(at, event, what);
            }
            let _ = sender.send(Arrived::Painted(event, at));
        };
        self.wire.spawn(painting).detach();
    }

    /// Everything has come: the load event, and what waited for it.
    async fn loaded(&mut self) {
        self.milestone(Milestone::DomComplete);
        self.busy(self.cpu.load).await;
        self.milestone(Milestone::LoadEventEnd);
        if !self.reached.laid_out && !self.page.ready_to_paint() {
            self.milestone(Milestone::FirstPaint);
            self.reached.painted = true;
        }
        for (fetch, cause) in take(&mut self.later) {
            self.queue.push(fetch, cause);
        }
        self.begin_next();
        self.reach(Moment::Loaded);
    }

    /// What recorded scripts did at a moment of the page is done again.
    fn reach(&mut self, moment: Moment) {
        let asked = self.awaited.reached(moment);
        self.follow_scripts(asked);
    }

    /// Lays out, and paints if that is the goal; what the page then wants is fetched.
    async fn work(&mut self, goal: Goal) -> Option<Png> {
        if self.unpaintable {
            return None;
        }
        self.layouts += 1;
        self.restyled = false;
        let done = match self.page.job(goal) {
            Ok(job) => self.wire.work(move || job.run()).await,
            Err(error) => Err(error),
        };
        match done {
            Ok(done) => {
                let picture = self.page.take(done);
                self.fetch_wanted();
                picture
            }
            Err(error) => {
                self.unpaintable = true;
                // Where nothing of the document came, the fault of its exchange says why.
                if !matches!(error, PaintError::Empty) {
                    self.fault(&error);
                }
                None
            }
        }
    }

    /// The end of it: the picture, where one is wanted, and what a reader of it must know.
    async fn finish(&mut self, picture: bool) {
        let (log, clock) = (self.wire.log(), Clock::start());
        let mut painted = None;
        if picture {
            painted = self.work(Goal::Paint).await;
            log.machine("paint_ms", clock.now().as_millis_f64());
        }
        let now = self.wire.now();
        match self.painter.confined() {
            Some(Ok(())) => log.machine("painter", "confined"),
            Some(Err(why)) => log.machine("painter", format!("not confined: {why}")),
            None => {}
        }
        if let Some(picture) = painted
            && let Some(kept) = log.body(&picture.bytes)
        {
            self.report_picture(kept, picture.width, picture.height);
        }
        self.paints.tell(self.wire, &self.page, picture).await;
        self.report_refusals();
        let page = &self.page;
        for listed in page.listed() {
            log.clone().emit(now, self.latest, || {
                What::PageFound(PageFound {
                    url: listed.url.to_string(),
                    kind: kind(listed.kind),
                    priority: Priority::VeryLow,
                    blocks: Blocks::Nothing,
                    initiator: listed_by(listed.line, page.url()),
                    not_fetched: Some(listed.why.reason().to_owned()),
                })
            });
        }
        // What was seen and not fetched has just been listed.
        for note in page.notes().iter().filter(|note| !matches!(note, Note::Omitted(_))) {
            self.note(self.latest, note.to_string());
        }
        if let Some(first) = self.awaited.left().next() {
            let (count, url) = (self.awaited.left().count(), &first.url);
            let note = format!(
                "not made again, since what it followed did not come: what a script asked for, {count} in all, \
                 {url} first"
            );
            self.note(self.latest, note);
        }
    }

    /// Something that a reader of the record must know.
    fn note(&self, cause: Option<EventId>, note: String) {
        self.wire.log().emit(self.wire.now(), cause, || What::PageNote(PageNote { note }));
    }

    /// The page cannot be laid out or painted.
    fn fault(&self, error: &PaintError) {
        self.report(FaultKind::PaintFailed { why: error.to_string() });
    }

    /// What the rules of the page refused, a finding for each rule.
    fn report_refusals(&mut self) {
        self.take_refusals();
        for fault in self.refusals.faults() {
            self.report(fault);
        }
        let more = self.page.refused_more();
        let more = (more > 0).then(|| format!("{more} more were refused than are told"));
        for note in self.refusals.notes().chain(more) {
            self.note(self.latest, note);
        }
    }

    /// A fault of the page, which costs only a part of it.
    fn report(&self, fault: FaultKind) {
        report(
            self.wire,
            self.latest,
            &Fault {
                step: Step::Page,
                exchange: Some(self.document),
                connection: None,
                since: self.began,
                fatal: false,
                fault,
            },
        );
    }

    fn report_picture(&self, picture: BodyRef, width: u32, height: u32) {
        self.wire.log().emit(self.wire.now(), self.latest, || {
            What::PagePainted(PagePainted {
                picture,
                width,
                height,
                title: self.page.title().unwrap_or_default(),
            })
        });
    }

    fn milestone(&mut self, name: Milestone) {
        let now = self.wire.now().since(Time::ZERO);
        match name {
            Milestone::FirstPaint => self.times.first_paint = Some(now),
            Milestone::LoadEventEnd => self.times.load = Some(now),
            _ => {}
        }
        let event = self
            .wire
            .log()
            .emit(self.wire.now(), self.latest, || What::Milestone(PageMilestone { name }));
        self.latest = event.or(self.latest);
    }
}

/// Whether cookies go along to other origins.
fn mode(fetch: &Fetch) -> Mode {
    if fetch.anonymous { Mode::SameOrigin } else { Mode::Include }
}

/// Whether a script that was recorded asked for it.
fn by_script(fetch: &Fetch) -> bool {
    matches!(fetch.initiator, roundtrip_page::Initiator::Script { .. })
}
