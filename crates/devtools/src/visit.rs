//! One visit, from the browser's start to its end.

use core::time::Duration;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use roundtrip_record::Time;
use serde_json::{Value, json};
use url::Url;

use crate::archive::{Paints, archive};
use crate::browser::find;
use crate::carriage;
use crate::error::DevtoolsError;
use crate::load::Load;
use crate::session::{Heard, Session};

/// What is visited, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// The browser's program; `None`: the first that is installed.
    pub program: Option<PathBuf>,
    /// The page.
    pub url: Url,
    /// Width and height of the window.
    pub viewport: (u32, u32),
    /// Fields added to every request.
    pub fields: Vec<(String, String)>,
    /// The value of User-Agent; `None`: the browser's own.
    pub user_agent: Option<String>,
    /// Hosts and the addresses that are theirs.
    pub hosts: Vec<(String, String)>,
    /// A proxy (`http://HOST:PORT`, `socks5://HOST:PORT`); `None`: the system's.
    pub proxy: Option<String>,
    /// Whether any certificate is trusted.
    pub insecure: bool,
    /// The longest time for all of it.
    pub limit: Option<Duration>,
    /// The most bytes of bodies that are fetched from the browser, all together.
    pub most_bodies: u64,
    /// Whether somebody wants the visit to end now.
    pub stop: fn() -> bool,
}

/// A picture of the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// PNG, in base64.
    pub png: String,
    /// Width and height in pixels.
    pub size: (u32, u32),
    /// The page's title.
    pub title: String,
}

/// What was seen of a visit.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The HTTP archive.
    pub archive: Value,
    /// The page when it had loaded.
    pub picture: Option<Picture>,
    /// What has no place in the archive, each in a sentence.
    pub notes: Vec<String>,
}

/// How long nothing may be under way for the page to have come to rest.
const REST: Duration = Duration::from_millis(500);
/// How long after the load event it is waited for that at most: a page that polls never rests.
const AFTER_LOAD: Duration = Duration::from_secs(5);
/// The least layout shift that is told.
const LEAST_SHIFT: f64 = 0.001;
/// The world in which what the page can tell is collected, beside that of its own scripts.
const WORLD: &str = "roundtrip";
/// Collects it.
const OBSERVE: &str = "globalThis.seen = {largest: null, shift: 0, long: []};\
    for (const [type, take] of Object.entries({\
        'largest-contentful-paint': (entry) => { seen.largest = entry.startTime },\
        'layout-shift': (entry) => { if (!entry.hadRecentInput) seen.shift += entry.value },\
        'longtask': (entry) => { seen.long.push(entry.duration) },\
    })) { try { new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({type, buffered: true}) } catch {} }";

/// Tells what was collected, and when the document had been parsed.
const SEEN: &str = "({...globalThis.seen,\
    parsed: performance.getEntriesByType('navigation')[0]?.domInteractive})";

/// Has a browser visit a page.
///
/// # Errors
/// When the browser cannot be had, or does not do what it is told.
pub fn visit(options: &Options) -> Result<Recorded, DevtoolsError> {
    let program = find(options.program.as_deref())?;
    let folder = tempfile::Builder::new().prefix("roundtrip-netlog-").tempdir();
    let folder = folder.map_err(|why| DevtoolsError::Start { program: program.clone(), why })?;
    let log = folder.path().join("net.json");
    let mut session = Session::start(program, &arguments(options, &log))?;
    let version = session.ask("", "Browser.getVersion", json!({}), drop)?;
    let product = version["product"].as_str().unwrap_or("Chromium").to_owned();
    let mut page = Page::open(session, options)?;
    let over = page.load(options)?;
    let mut notes = vec![format!("{product} visited the page, through DevTools")];
    notes.extend(over);
    notes.extend(page.work()?);
    let paints = page.paints(&mut notes)?;
    let picture = page.picture(options.viewport)?;
    page.bodies(options.most_bodies, &mut notes)?;
    if page.load.messages > 0 {
        notes.push(format!(
            "{} messages went over WebSockets; they are not kept",
            page.load.messages
        ));
    }
    let mut load = page.close();
    // A browser that wrote no log has told all that it tells.
    if let Ok(carriages) = roundtrip_import::carriages(&log) {
        carriage::complete(&mut load.hops, carriages);
    }
    let title = picture.as_ref().map_or("", |picture| &picture.title);
    let (name, version) = product.split_once('/').unwrap_or((&product, ""));
    let archive = archive(&load, options.url.as_str(), title, (name, version), &paints);
    Ok(Recorded { archive, picture, notes })
}

/// What the browser is started with; it writes the log of its network to `log`.
fn arguments(options: &Options, log: &Path) -> Vec<OsString> {
    let mut arguments: Vec<String> = Vec::new();
    if !options.hosts.is_empty() {
        let rule = |(host, address): &(String, String)| format!("MAP {host} {address}");
        let rules: Vec<String> = options.hosts.iter().map(rule).collect();
        arguments.push(format!("--host-resolver-rules={}", rules.join(",")));
    }
    arguments.extend(options.proxy.as_ref().map(|proxy| format!("--proxy-server={proxy}")));
    arguments.extend(options.user_agent.as_ref().map(|agent| format!("--user-agent={agent}")));
    if options.insecure {
        arguments.push("--ignore-certificate-errors".into());
    }
    let mut logs = OsString::from("--log-net-log=");
    logs.push(log);
    arguments.into_iter().map(OsString::from).chain([logs]).collect()
}

/// What every target is told: to tell of its requests and of the targets that it makes, and to go on.
fn greeting(options: &Options) -> Vec<(&'static str, Value)> {
    let most = options.most_bodies;
    let room = json!({"maxResourceBufferSize": most, "maxTotalBufferSize": most});
    let attach = json!({"autoAttach": true, "waitForDebuggerOnStart": true, "flatten": true});
    let fields = options.fields.iter().map(|(name, value)| (name.clone(), value.as_str().into()));
    let fields: serde_json::Map<String, Value> = fields.collect();
    let more = ("Network.setExtraHTTPHeaders", json!({"headers": fields}));
    let mut greeting = vec![("Network.enable", room), ("Target.setAutoAttach", attach)];
    greeting.extend((!options.fields.is_empty()).then_some(more));
    greeting.push(("Runtime.runIfWaitingForDebugger", json!({})));
    greeting
}

/// A page in the browser.
struct Page {
    session: Session,
    /// The name of its target.
    target: String,
    load: Load,
}

impl Page {
    /// Opens an empty one, and has all that happens in it be told.
    fn open(mut session: Session, options: &Options) -> Result<Self, DevtoolsError> {
        let (width, height) = options.viewport;
        let blank = json!({"url": "about:blank"});
        let created = session.ask("", "Target.createTarget", blank, drop)?;
        let attach = json!({"targetId": created["targetId"], "flatten": true});
        let attached = session.ask("", "Target.attachToTarget", attach, drop)?;
        let target = attached["sessionId"].as_str().unwrap_or_default().to_owned();
        let mut page = Self { session, target, load: Load::default() };
        let screen =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        page.ask("Emulation.setDeviceMetricsOverride", screen)?;
        page.ask("Page.enable", json!({}))?;
        page.ask("Page.setLifecycleEventsEnabled", json!({"enabled": true}))?;
        page.ask("Performance.enable", json!({}))?;
        let observe = json!({"source": OBSERVE, "worldName": WORLD});
        page.ask("Page.addScriptToEvaluateOnNewDocument", observe)?;
        page.session.greeting = greeting(options);
        page.session.greet(&page.target)?;
        // What was told so far is of the empty page.
        page.load = Load::of(&page.target);
        Ok(page)
    }

    /// Ends the browser; what it told. Only then is its log whole.
    fn close(self) -> Load {
        self.load
    }

    fn ask(&mut self, method: &str, params: Value) -> Result<Value, DevtoolsError> {
        let Self { session, target, load } = self;
        session.ask(target, method, params, |event| load.hear(event))
    }

    /// The same of something that is not worth the visit: `None` where the page is gone or does not answer.
    fn try_ask(&mut self, method: &str, params: Value) -> Result<Option<Value>, DevtoolsError> {
        match self.ask(method, params) {
            Ok(answer) => Ok(Some(answer)),
            Err(DevtoolsError::Refused { .. } | DevtoolsError::Silent { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Loads the page, until it rests; a sentence where it does not.
    fn load(&mut self, options: &Options) -> Result<Option<String>, DevtoolsError> {
        let began = self.session.now();
        let to = json!({"url": options.url.as_str()});
        let navigation = self.session.tell(&self.target, "Page.navigate", to)?;
        let (mut failed, mut loaded, mut busy): (bool, Option<Time>, Time) = (false, None, began);
        loop {
            let now = self.session.now();
            let taken = now.since(began);
            let late = options.limit.is_some_and(|limit| taken > limit);
            if late || (options.stop)() {
                let (seconds, pending) = (taken.as_secs_f64(), self.load.pending());
                self.session.tell(&self.target, "Page.stopLoading", json!({}))?;
                self.session.patience = AFTER_LOAD;
                let why = if late { "--max-time" } else { "interrupted" };
                if late {
                    self.load.time_out();
                }
                return Ok(Some(format!(
                    "the visit was ended after {seconds:.1} s, with {pending} requests under way ({why})"
                )));
            }
            if self.load.pending() > 0 {
                busy = now;
            }
            if failed || self.load.moment("load").is_some() {
                let at = *loaded.get_or_insert(now);
                if now.since(busy.max(at)) >= REST {
                    return Ok(None);
                }
                if now.since(at) >= AFTER_LOAD {
                    let (pending, seconds) = (self.load.pending(), AFTER_LOAD.as_secs());
                    return Ok(Some(format!(
                        "{pending} requests were under way {seconds} s after the load event, when the visit was ended"
                    )));
                }
            } else {
                loaded = None;
            }
            match self.session.listen(REST / 5)? {
                Heard::Event(event) => self.load.hear(event),
                Heard::Answer(id, answer) if id == navigation => {
                    failed = answer["errorText"].is_string();
                    self.load.navigated(&answer);
                }
                Heard::Answer(..) | Heard::Nothing => {}
            }
        }
    }

    /// What the browser's main thread did, in a sentence.
    fn work(&mut self) -> Result<Option<String>, DevtoolsError> {
        let Some(told) = self.try_ask("Performance.getMetrics", json!({}))? else {
            return Ok(None);
        };
        let metrics = told["metrics"].as_array().map_or(&[][..], Vec::as_slice);
        let ms = |name: &str| {
            let found = metrics.iter().find(|metric| metric["name"] == name)?;
            Some(found["value"].as_f64()? * 1e3)
        };
        let all =
            ["TaskDuration", "ScriptDuration", "RecalcStyleDuration", "LayoutDuration"].map(ms);
        let [Some(task), Some(script), Some(style), Some(layout)] = all else { return Ok(None) };
        Ok(Some(format!(
            "its main thread was at work for {task:.0} ms: scripts {script:.0}, style {style:.0}, layout {layout:.0}"
        )))
    }

    /// What the page's own observers saw.
    fn paints(&mut self, notes: &mut Vec<String>) -> Result<Paints, DevtoolsError> {
        let frame = self.load.frame.clone();
        let world = json!({"frameId": frame, "worldName": WORLD});
        let Some(world) = self.try_ask("Page.createIsolatedWorld", world)? else {
            return Ok(Paints::default());
        };
        let context = world["executionContextId"].clone();
        let expression = json!({"expression": SEEN, "contextId": context, "returnByValue": true});
        let Some(told) = self.try_ask("Runtime.evaluate", expression)? else {
            return Ok(Paints::default());
        };
        let seen = &told["result"]["value"];
        let long: Vec<f64> =
            seen["long"].as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
        if let Some(longest) = long.iter().copied().reduce(f64::max) {
            notes.push(format!(
                "tasks of its main thread that took 50 ms and more: {}, the longest {longest:.0} ms",
                long.len()
            ));
        }
        let shift = seen["shift"].as_f64();
        if let Some(shift) = shift.filter(|shift| *shift >= LEAST_SHIFT) {
            notes.push(format!(
                "what was seen moved while the page loaded: layout shifts of {shift:.3}"
            ));
        }
        // 0: it has not been yet.
        let parsed = seen["parsed"].as_f64().filter(|at| *at > 0.0);
        Ok(Paints { parsed, largest: seen["largest"].as_f64(), shift })
    }

    fn picture(&mut self, size: (u32, u32)) -> Result<Option<Picture>, DevtoolsError> {
        let title = json!({"expression": "document.title", "returnByValue": true});
        let Some(title) = self.try_ask("Runtime.evaluate", title)? else { return Ok(None) };
        let title = title["result"]["value"].as_str().unwrap_or_default().to_owned();
        let png = json!({"format": "png"});
        let Some(taken) = self.try_ask("Page.captureScreenshot", png)? else { return Ok(None) };
        Ok(taken["data"].as_str().map(|png| Picture { png: png.to_owned(), size, title }))
    }

    /// Fetches the bodies that the browser still has.
    fn bodies(&mut self, most: u64, notes: &mut Vec<String>) -> Result<(), DevtoolsError> {
        let (mut so_far, mut lacking) = (0, 0);
        for at in 0..self.load.hops.len() {
            let hop = &self.load.hops[at];
            let none = hop.redirect.is_some() || hop.error.is_some() || hop.decoded == 0;
            if none || hop.is_inside() || !hop.is_over() || hop.kind == "websocket" {
                continue;
            }
            if so_far + hop.decoded > most {
                lacking += 1;
                continue;
            }
            so_far += hop.decoded;
            let (target, id) = (hop.session.clone(), hop.id.clone());
            let load = &mut self.load;
            let params = json!({"requestId": id});
            let told = self
                .session
                .ask(&target, "Network.getResponseBody", params, |event| load.hear(event));
            match told {
                Ok(told) => {
                    let base64 = told["base64Encoded"] == true;
                    let text = told["body"].as_str().unwrap_or_default().to_owned();
                    self.load.hops[at].body = Some((text, base64));
                }
                // A frame that is gone has taken them along.
                Err(DevtoolsError::Refused { .. } | DevtoolsError::Silent { .. }) => lacking += 1,
                Err(error) => return Err(error),
            }
        }
        if lacking > 0 {
            notes.push(format!("{lacking} bodies were not to be had of the browser"));
        }
        Ok(())
    }
}
