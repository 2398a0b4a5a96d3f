//! The seven steps, on any wire.

use std::rc::Rc;

use core::pin::pin;
use core::time::Duration;

use futures_util::future::{Either, select};
use roundtrip_fetch::{Fetcher, Hsts};
use roundtrip_http::Body;
use roundtrip_http::client::{
    Client, Failure, Heard, Learned, Options, OwnWork, Request, Response, Tls,
};
use roundtrip_record::{
    EventId, FaultKind, Initiator, Priority, ResourceKind, Step, Time, WireKind,
};
use roundtrip_wire::Wire;

use crate::browser::{Asked, fields};
#[cfg(feature = "page")]
use crate::document::{Document, is_page};
#[cfg(feature = "page")]
use crate::early::Early;
#[cfg(feature = "page")]
use crate::load::Loading;
use crate::names::Names;
use crate::page_times::PageTimes;
use crate::plan::Plan;
use crate::profile::Profile;
use crate::reported::{fatal, fatal_without_exchange, report};
#[cfg(feature = "page")]
use crate::upgrade::document;

/// How a visit ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Visited {
    /// The exit code: that of the fatal fault, if there was one.
    pub exit: u8,
    /// The status of the page, where one came.
    pub status: Option<u16>,
    /// When the page had loaded and was first painted, where it came to that.
    pub page: PageTimes,
}

/// Carries a visit out, up to the closing of its connections. What happens goes to the wire's log,
/// and so do faults: one that ends the visit is its exit code, any other costs a part of the page.
pub async fn visit<W: Wire>(
    wire: &W,
    plan: &Plan,
    tls: Option<Tls>,
    cause: Option<EventId>,
) -> Visited {
    let names = Names::new(wire.clone(), name_options(plan), plan.pins.clone());
    let names = names.with_detours(plan.detours.clone());
    let client = Client::new(wire.clone(), Rc::new(names), tls, client_options(wire, plan));
    let profile = plan.profile.as_ref();
    let known = plan.speak_three.iter().map(|origin| Learned::beforehand(origin.clone()));
    for learned in known.chain(profile.into_iter().flat_map(Profile::threes)) {
        client.learn(&learned);
    }
    let cookies = profile.and_then(Profile::cookies).unwrap_or_else(|| plan.cookies.clone());
    let fetcher = Fetcher::new(wire.clone(), client)
        .with_cookies(cookies)
        .with_hsts(Hsts::new())
        .with_cache(profile.map(Profile::cache));
    let (begun, heard) = (wire.now(), Heard::default());
    let work = pin!(page(wire, &fetcher, plan, (cause, &heard)));
    let visited = match plan.limit {
        None => work.await,
        Some(limit) => match select(work, pin!(wire.sleep(limit))).await {
            Either::Left((visited, _)) => visited,
            Either::Right(_) => {
                let exit = report_late(wire, &heard, begun, limit);
                Visited { exit, ..Visited::default() }
            }
        },
    };
    if let Some(profile) = profile {
        profile.keep_cookies(fetcher.cookies());
        profile.keep_threes(fetcher.client().learned());
    }
    fetcher.close("visit over").await;
    visited
}

/// Reports that time is up: where the page itself was, or that the page had come and was waiting for what it
/// needs.
fn report_late<W: Wire>(wire: &W, heard: &Heard, since: Time, limit: Duration) -> u8 {
    let kind = FaultKind::TimedOut { limit, received: heard.received(), head: heard.head() };
    let step = heard.step().unwrap_or(Step::Connect);
    match heard.exchanges().last() {
        Some(exchange) if step != Step::Page => {
            let (exchange, connection, cause) = (*exchange, None, None);
            fatal(wire, &Failure { exchange, connection, step, since, cause, kind })
        }
        _ => fatal_without_exchange(wire, None, step, since, kind),
    }
}

/// How names are looked up. For which port HTTPS records are asked for is known with each name.
fn name_options(plan: &Plan) -> roundtrip_dns::Options {
    let https = plan.browser.https_records.then_some(443);
    roundtrip_dns::Options { https: plan.names.https.or(https), ..plan.names }
}

/// How the client behaves. In the lab, where this machine's own work takes no time, that of the browser is
/// modelled.
fn client_options<W: Wire>(wire: &W, plan: &Plan) -> Options {
    let cpu = plan.browser.cpu;
    let own_work = match wire.kind() {
        WireKind::Lab => OwnWork { spare: cpu.spare, send: cpu.send },
        _ => OwnWork::default(),
    };
    Options { own_work, ..plan.client.clone() }
}

/// Steps 1 to 6: the page, and what it needs.
async fn page<W: Wire>(
    wire: &W,
    fetcher: &Fetcher<W>,
    plan: &Plan,
    (cause, heard): (Option<EventId>, &Heard),
) -> Visited {
    let first = |url: &url::Url| Request { heard: Some(heard.clone()), ..first(plan, url, cause) };
    let (answer, early) = document(wire, fetcher, plan, first).await;
    let response = match answer {
        Ok(response) => response,
        Err(failure) => return Visited { exit: fatal(wire, &failure), ..Visited::default() },
    };
    let status = response.status.as_u16();
    let refused = (status >= 400).then(|| {
        let kind =
            FaultKind::HttpStatus { status, reason: response.reason.clone(), fail: plan.fail };
        let failure = response.failure(Step::Wait, kind);
        report(wire, failure.cause, &failure.fault(true));
        failure.kind.exit_code()
    });
    let (exit, page) = body(wire, fetcher, plan, response, early).await;
    Visited { exit: refused.unwrap_or(0).max(exit), status: Some(status), page }
}

/// The first request: what a browser sends for a page.
fn first(plan: &Plan, url: &url::Url, cause: Option<EventId>) -> Request {
    let mut request = Request::new(plan.method.clone(), url.clone());
    request.fields.add("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");
    request.kind = ResourceKind::Document;
    request.priority = Priority::VeryHigh;
    let asked = Asked { page: None, cors: false, keep_alive: plan.client.keep_alive };
    fields(plan.browser.name, &asked, &mut request);
    request.ahead = plan.browser.order.ahead;
    // What the user gave stands in the place of what is sent by itself.
    for (name, _) in plan.fields.iter() {
        request.fields.remove(name);
    }
    for (name, value) in plan.fields.iter() {
        // Fields were checked when they were added to the plan.
        let _ = request.fields.push(name, value);
    }
    request.body = Body::from(plan.body.clone());
    request.initiator = Initiator::User;
    request.cause = cause;
    request
}

/// Without pages, nothing begins before there is an answer.
#[cfg(not(feature = "page"))]
type Early<'a, W> = core::marker::PhantomData<&'a W>;

#[cfg(not(feature = "page"))]
async fn document<'a, W: Wire>(
    _: &'a W,
    fetcher: &'a Fetcher<W>,
    plan: &'a Plan,
    request: impl Fn(&url::Url) -> Request,
) -> (Result<Response<W>, roundtrip_http::client::Failure>, Early<'a, W>) {
    let request = request(&plan.url);
    (fetcher.fetch(request, roundtrip_fetch::Rules::browser()).await, core::marker::PhantomData)
}

#[cfg(feature = "page")]
async fn body<'a, W: Wire>(
    wire: &'a W,
    fetcher: &'a Fetcher<W>,
    plan: &'a Plan,
    response: Response<W>,
    early: Early<'a, W>,
) -> (u8, PageTimes) {
    match &plan.page {
        Some(options) if is_page(&response) => {
            let loading = early.unwrap_or_else(|| {
                let document = Document::of(&response);
                Box::new(Loading::begin(wire, fetcher, plan, document, options.clone()))
            });
            loading.load(response, plan.picture).await
        }
        _ => (drain(wire, response).await, PageTimes::default()),
    }
}

#[cfg(not(feature = "page"))]
async fn body<W: Wire>(
    wire: &W,
    _: &Fetcher<W>,
    _: &Plan,
    response: Response<W>,
    _: Early<'_, W>,
) -> (u8, PageTimes) {
    (drain(wire, response).await, PageTimes::default())
}

/// A body that is no page: it is read to its end, for the record.
async fn drain<W: Wire>(wire: &W, mut response: Response<W>) -> u8 {
    while let Some(chunk) = response.body.chunk().await {
        if let Err(failure) = chunk {
            return fatal(wire, &failure);
        }
    }
    0
}
