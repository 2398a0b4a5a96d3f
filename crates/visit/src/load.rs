//! Step 6: the page is read, what it needs is fetched, and it is painted.

use core::mem::replace;
use std::collections::BTreeMap;

use roundtrip_fetch::{Fetcher, Mode, Rules, share_credentials};
use roundtrip_http::client::{Failure, Request, Response};
use roundtrip_os::Clock;
use roundtrip_page::{
    Delivered, Fetch, FetchId, Goal, Kind, Note, Options, Page, PaintError, Painter, Png,
};
use roundtrip_record::{
    Blocks, BodyRef, EventId, ExchangeId, Fault, FaultKind, Initiator, Milestone, PageFound,
    PageMilestone, PageNote, PagePainted, Priority, ResourceKind, Step, Time, Trace as _, What,
};
use roundtrip_wire::{Task, Wire};
use tokio::sync::mpsc;
use url::Url;

use crate::plan::Plan;
use crate::visit::{fatal, report};

/// The largest sub-resource that is kept in memory for layout.
const LARGEST: usize = 64 << 20;
/// Layouts that may make new resources appear, before what they ask for is no longer waited for.
const LAYOUTS: u32 = 8;

/// Whether a response is a page: HTML by its type, or without one.
pub(crate) fn is_page<W: Wire>(response: &Response<W>) -> bool {
    match response.media_type() {
        None => true,
        Some(kind) => matches!(kind, "text/html" | "application/xhtml+xml"),
    }
}

/// What comes in while a page loads.
enum Arrived {
    /// Bytes of the document.
    Chunk(bytes::Bytes),
    /// Its end, well or not.
    End(Option<Failure>),
    /// A resource, and the event of its response.
    Resource(FetchId, Delivered, Option<EventId>),
}

/// Which moments of a page have come.
#[derive(Default)]
struct Reached {
    parsed: bool,
    content_loaded: bool,
    painted: bool,
}

/// A page that is being loaded.
struct Loading<'a, W: Wire> {
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
    fetches: BTreeMap<FetchId, Task>,
    document_ended: bool,
    reached: Reached,
    layouts: u32,
    /// The page cannot be laid out: that was said, and is not tried again.
    unpaintable: bool,
    latest: Option<EventId>,
    exit: u8,
}

/// Loads a page whose document's head is there; answers with the exit code.
pub(crate) async fn load<W: Wire>(
    wire: &W,
    fetcher: &Fetcher<W>,
    plan: &Plan,
    response: Response<W>,
    mut options: Options,
) -> u8 {
    options.content_type = response.fields.text("Content-Type").map(str::to_owned);
    let (sender, mut arrivals) = mpsc::unbounded_channel();
    let url = response.url.clone();
    let painter = match &plan.painter {
        Some(program) => Painter::start(program, options.fonts),
        None => Painter::here(),
    };
    let mut loading = Loading {
        wire,
        fetcher,
        page: Page::painted_by(painter.clone(), url.clone(), options),
        painter,
        document: response.exchange,
        began: response.at,
        found_by: response.event.map(|event| (url.to_string(), event)).into_iter().collect(),
        sender: sender.clone(),
        fetches: BTreeMap::new(),
        document_ended: false,
        reached: Reached::default(),
        layouts: 0,
        unpaintable: false,
        latest: response.event,
        exit: 0,
    };
    let _reading = wire.spawn(read(response, sender));
    while !loading.is_loaded() {
        let Some(arrived) = arrivals.recv().await else { break };
        loading.take(arrived);
        // What is there already is taken before anything is laid out.
        while let Ok(arrived) = arrivals.try_recv() {
            loading.take(arrived);
        }
        loading.settle().await;
    }
    loading.milestone(Milestone::DomComplete);
    loading.milestone(Milestone::LoadEventEnd);
    loading.finish(plan.picture).await;
    loading.exit
}

/// Reads the document and passes it on.
async fn read<W: Wire>(mut response: Response<W>, sender: mpsc::UnboundedSender<Arrived>) {
    let failure = loop {
        match response.body.chunk().await {
            None => break None,
            Some(Err(failure)) => break Some(failure),
            // Nobody listens any more: the visit is over.
            Some(Ok(chunk)) => {
                if sender.send(Arrived::Chunk(chunk)).is_err() {
                    return;
                }
            }
        }
    };
    let _ = sender.send(Arrived::End(failure));
}

impl<W: Wire> Loading<'_, W> {
    fn is_loaded(&self) -> bool {
        self.document_ended && self.fetches.is_empty()
    }

    fn take(&mut self, arrived: Arrived) {
        match arrived {
            Arrived::Chunk(bytes) => self.page.feed(&bytes),
            Arrived::End(failure) => {
                self.page.finish_document();
                self.document_ended = true;
                self.fetch_wanted();
                if let Some(failure) = failure {
                    // What came of it is painted all the same.
                    self.exit = fatal(self.wire, &failure);
                }
                return;
            }
            Arrived::Resource(id, delivered, event) => {
                self.fetches.remove(&id);
                if let (Some(event), Some(fetch)) = (event, self.page.fetch(id)) {
                    self.found_by.insert(fetch.url.to_string(), event);
                }
                self.latest = event.or(self.latest);
                self.page.deliver(id, delivered);
            }
        }
        self.fetch_wanted();
    }

    /// Starts what the page has come to want.
    fn fetch_wanted(&mut self) {
        while let Some(fetch) = self.page.poll_fetch() {
            let cause = self.found(&fetch);
            let task = self.start(&fetch, cause);
            self.fetches.insert(fetch.id, task);
        }
    }

    /// Reports that the page names a resource; the event.
    fn found(&self, fetch: &Fetch) -> Option<EventId> {
        let initiator = initiator(&fetch.initiator, self.page.url());
        let by = match &initiator {
            Initiator::Parser { url, .. } | Initiator::Style { url } => self.found_by.get(url),
            _ => None,
        };
        let cause = by.copied().or(self.latest);
        self.wire.log().emit(self.wire.now(), cause, || {
            What::PageFound(PageFound {
                url: fetch.url.to_string(),
                kind: kind(fetch.kind),
                priority: priority(fetch.priority),
                blocks: blocks(fetch.blocks),
                initiator,
                not_fetched: None,
            })
        })
    }

    fn start(&self, fetch: &Fetch, cause: Option<EventId>) -> Task {
        let mut request = Request::get(fetch.url.clone());
        share_credentials(self.page.url(), &mut request.url);
        request.fields.add("Accept", fetch.kind.accept());
        let rules = Rules::of_page(self.page.url(), mode(fetch.kind));
        request.initiator = initiator(&fetch.initiator, self.page.url());
        request.kind = kind(fetch.kind);
        request.priority = priority(fetch.priority);
        request.cause = cause;
        let (wire, fetcher) = (self.wire.clone(), self.fetcher.clone());
        let (id, sender) = (fetch.id, self.sender.clone());
        self.wire.spawn(async move {
            let (delivered, event) = resource(&wire, &fetcher, request, rules).await;
            let _ = sender.send(Arrived::Resource(id, delivered, event));
        })
    }

    /// Everything that came in has been taken: paints for the first time if a browser now could, and
    /// lays out when nothing is under way, to find what only layout knows of.
    async fn settle(&mut self) {
        if self.page.is_parsed() && !replace(&mut self.reached.parsed, true) {
            self.milestone(Milestone::DomInteractive);
        }
        if self.page.is_content_loaded() && !replace(&mut self.reached.content_loaded, true) {
            self.milestone(Milestone::DomContentLoadedEventEnd);
        }
        if self.page.ready_to_paint() && !replace(&mut self.reached.painted, true) {
            self.work(Goal::Layout).await;
            self.milestone(Milestone::FirstPaint);
        }
        while self.is_loaded()
            && self.layouts < LAYOUTS
            && self.page.is_stale()
            && !self.unpaintable
        {
            self.work(Goal::Layout).await;
        }
    }

    /// Lays out, and paints if that is the goal; what the page then wants is fetched.
    async fn work(&mut self, goal: Goal) -> Option<Png> {
        if self.unpaintable {
            return None;
        }
        self.layouts += 1;
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
        if !self.reached.painted {
            self.milestone(Milestone::FirstPaint);
        }
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
        let page = &self.page;
        for listed in page.listed() {
            log.clone().emit(now, self.latest, || {
                What::PageFound(PageFound {
                    url: listed.url.to_string(),
                    kind: kind(listed.kind),
                    priority: Priority::VeryLow,
                    blocks: Blocks::Nothing,
                    initiator: Initiator::Parser {
                        url: page.url().to_string(),
                        line: listed.line.try_into().unwrap_or(0),
                    },
                    not_fetched: Some(listed.why.reason().to_owned()),
                })
            });
        }
        // What was seen and not fetched has just been listed.
        for note in page.notes().iter().filter(|note| !matches!(note, Note::Omitted(_))) {
            log.clone()
                .emit(now, self.latest, || What::PageNote(PageNote { note: note.to_string() }));
        }
    }

    /// The page cannot be laid out or painted.
    fn fault(&self, error: &PaintError) {
        report(
            self.wire,
            self.latest,
            &Fault {
                step: Step::Page,
                exchange: Some(self.document),
                connection: None,
                since: self.began,
                fatal: false,
                fault: FaultKind::PaintFailed { why: error.to_string() },
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
        let event = self
            .wire
            .log()
            .emit(self.wire.now(), self.latest, || What::Milestone(PageMilestone { name }));
        self.latest = event.or(self.latest);
    }
}

/// Fetches one resource.
async fn resource<W: Wire>(
    wire: &W,
    fetcher: &Fetcher<W>,
    request: Request,
    rules: Rules,
) -> (Delivered, Option<EventId>) {
    let failed = |failure: &Failure| {
        // It costs only a part of the page.
        report(wire, failure.cause, &failure.fault(false));
        Delivered::Failed { reason: words(&failure.kind) }
    };
    let mut response = match fetcher.fetch(request, rules).await {
        Ok(response) => response,
        Err(failure) => return (failed(&failure), failure.cause),
    };
    let (event, status) = (response.event, response.status);
    let content_type = response.fields.text("Content-Type").map(str::to_owned);
    let final_url = response.url.clone();
    match response.body.bytes(LARGEST).await {
        Err(failure) => (failed(&failure), event),
        Ok(_) if !status.is_success() => {
            (Delivered::Failed { reason: format!("status {}", status.as_u16()) }, event)
        }
        Ok(bytes) => (Delivered::Loaded { bytes, content_type, final_url }, event),
    }
}

/// A fault in a word, for the page's notes; the record has it whole.
fn words(kind: &roundtrip_record::FaultKind) -> String {
    match serde_json::to_value(kind) {
        Ok(value) => value["fault"].as_str().unwrap_or("failed").replace('_', " "),
        Err(_) => "failed".into(),
    }
}

/// Whether cookies go along: fonts are fetched in CORS's anonymous way (CSS Fonts §4.8).
fn mode(kind: Kind) -> Mode {
    if kind == Kind::Font { Mode::SameOrigin } else { Mode::Include }
}

fn initiator(of: &roundtrip_page::Initiator, page: &Url) -> Initiator {
    match of {
        roundtrip_page::Initiator::Markup { line } => {
            Initiator::Parser { url: page.to_string(), line: (*line).try_into().unwrap_or(0) }
        }
        roundtrip_page::Initiator::Style { sheet } => Initiator::Style { url: sheet.to_string() },
        roundtrip_page::Initiator::Layout => Initiator::Style { url: page.to_string() },
    }
}

fn kind(of: Kind) -> ResourceKind {
    match of {
        Kind::Style => ResourceKind::Style,
        Kind::Script => ResourceKind::Script,
        Kind::Image | Kind::Poster => ResourceKind::Image,
        Kind::Font => ResourceKind::Font,
        Kind::Icon => ResourceKind::Icon,
        Kind::Video | Kind::Audio | Kind::Track => ResourceKind::Media,
        Kind::Frame => ResourceKind::Frame,
        Kind::Manifest => ResourceKind::Manifest,
        Kind::Object | Kind::Embed | Kind::Data | Kind::Later => ResourceKind::Other,
    }
}

fn priority(of: roundtrip_page::Priority) -> Priority {
    match of {
        roundtrip_page::Priority::VeryLow => Priority::VeryLow,
        roundtrip_page::Priority::Low => Priority::Low,
        roundtrip_page::Priority::Medium => Priority::Medium,
        roundtrip_page::Priority::High => Priority::High,
        roundtrip_page::Priority::VeryHigh => Priority::VeryHigh,
    }
}

fn blocks(of: roundtrip_page::Blocks) -> Blocks {
    match of {
        roundtrip_page::Blocks::None => Blocks::Nothing,
        roundtrip_page::Blocks::Parser => Blocks::Parser,
        roundtrip_page::Blocks::Render => Blocks::Render,
    }
}
