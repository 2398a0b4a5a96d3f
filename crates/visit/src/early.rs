//! 103 Early Hints (RFC 8297): what a server names while it still thinks about the page begins at once.
//!
//! As Chromium has it (`docs/early-hints.md`, `content/browser/loader/navigation_early_hints_manager.cc`): only
//! the first 103 of a navigation counts, only over HTTP/2 and above, since not every program that passes
//! HTTP/1.1 on knows interim responses; and what it named is given up when a redirect leads to another origin.

use core::future::pending;
use core::pin::pin;
use core::time::Duration;

use futures_util::future::{Either, select};
use http::{StatusCode, Version};
use roundtrip_fetch::{Fetcher, Rules};
use roundtrip_http::client::{Failure, InterimHead, Origin, Progress, Request, Response, Watch};
use roundtrip_page::Options;
use roundtrip_record::{EventId, ExchangeId, FaultKind, PageNote, Step, Time, Trace as _, What};
use roundtrip_wire::Wire;

use crate::document::Document;
use crate::load::Loading;
use crate::plan::Plan;

/// A page that has begun before its document's head; `None` where nothing asked for that.
pub(crate) type Early<'a, W> = Option<Box<Loading<'a, W>>>;

/// Fetches a page's document, up to its head, and begins what a 103 before that names. Without an answer after
/// `limit` it is given up.
pub(crate) async fn fetch<'a, W: Wire>(
    wire: &'a W,
    fetcher: &'a Fetcher<W>,
    plan: &'a Plan,
    mut request: Request,
    limit: Option<Duration>,
) -> (Result<Response<W>, Failure>, Early<'a, W>) {
    let (watch, mut watching) = Watch::new();
    request.watch = Some(watch);
    let options = plan.page.as_ref();
    let begun = wire.now();
    let mut hints = Hints { wire, fetcher, plan, options, early: None, from: None, exchange: None };
    let mut fetching = pin!(fetcher.fetch(request, Rules::browser()));
    let mut late = pin!(async {
        match limit {
            Some(limit) => wire.sleep(limit).await,
            None => pending().await,
        }
    });
    let answer = loop {
        let next = pin!(watching.next());
        let told = select(next, late.as_mut());
        match select(fetching.as_mut(), told).await {
            Either::Left((answer, _)) => break answer,
            Either::Right((Either::Left((Some(progress), _)), _)) => hints.take(progress),
            Either::Right((Either::Left((None, _)), _)) => break fetching.await,
            Either::Right((Either::Right(((), _)), _)) => {
                if let Some(failure) = hints.given_up(begun, limit.unwrap_or_default()) {
                    return (Err(failure), None);
                }
                break fetching.await;
            }
        }
    };
    // What came together with the answer came before it.
    while let Some(progress) = watching.next_now() {
        hints.take(progress);
    }
    (answer, hints.early)
}

/// The 103 responses of a navigation.
struct Hints<'a, W: Wire> {
    wire: &'a W,
    fetcher: &'a Fetcher<W>,
    plan: &'a Plan,
    /// How the page is to be seen, if it is.
    options: Option<&'a Options>,
    early: Early<'a, W>,
    /// The origin of the first 103, once that has come.
    from: Option<Origin>,
    /// The exchange that is under way.
    exchange: Option<ExchangeId>,
}

impl<W: Wire> Hints<'_, W> {
    fn take(&mut self, progress: Progress) {
        match progress {
            Progress::Begun { url, exchange } => {
                self.exchange = Some(exchange);
                let elsewhere = self.from.is_some() && self.from != Origin::of(&url);
                if elsewhere {
                    self.from = None;
                    // Its requests are given up with it.
                    if let Some(early) = self.early.take() {
                        let why =
                            "what a 103 named is given up: a redirect leads to another origin";
                        self.note(early.latest(), why);
                    }
                }
            }
            Progress::Interim(interim) if interim.head.line.status == StatusCode::EARLY_HINTS => {
                self.early_hints(&interim);
            }
            Progress::Interim(_) => {}
        }
    }

    fn early_hints(&mut self, interim: &InterimHead) {
        let Some(options) = self.options.filter(|_| interim.head.fields.contains("Link")) else {
            return;
        };
        let options = options.clone();
        if interim.head.line.version < Version::HTTP_2 {
            let why = "a 103 over HTTP/1 is passed over, as browsers do: not everything on the way knows it";
            return self.note(interim.event, why);
        }
        if self.from.is_some() {
            let why = "a second 103 is passed over, as Chromium does";
            return self.note(interim.event, why);
        }
        self.from = Origin::of(&interim.url);
        let document = Document {
            exchange: interim.exchange,
            url: interim.url.clone(),
            at: interim.at,
            event: interim.event,
        };
        let mut early = Loading::begin(self.wire, self.fetcher, self.plan, document, options);
        early.early_hints(&interim.head.fields);
        self.early = Some(Box::new(early));
    }

    /// The exchange that is under way was waited for long enough.
    fn given_up(&self, since: Time, limit: Duration) -> Option<Failure> {
        let (connection, step, cause) = (None, Step::Wait, None);
        let kind = FaultKind::TimedOut { limit, received: 0, head: 0 };
        Some(Failure { exchange: self.exchange?, connection, step, since, cause, kind })
    }

    /// Something a reader of the record must know.
    fn note(&self, cause: Option<EventId>, note: &str) {
        let what = || What::PageNote(PageNote { note: note.to_owned() });
        self.wire.log().emit(self.wire.now(), cause, what);
    }
}
