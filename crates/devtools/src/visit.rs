//! One visit, from the browser's start to its end.

use core::time::Duration;
use std::ffi::OsString;
use std::path::PathBuf;

use roundtrip_record::Time;
use serde_json::{Value, json};
use url::Url;

use crate::archive::{Paints, archive};
use crate::browser::find;
use crate::error::DevtoolsError;
use crate::load::Load;
use crate::session::{Event, Session};

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
/// The world in which what the page can tell is collected, beside that of its own scripts.
const WORLD: &str = "roundtrip";
/// Collects it.
const OBSERVE: &str = "globalThis.seen = {largest: null, shift: 0, long: []};\
    for (const [type, take] of Object.entries({\
        'largest-contentful-paint': (entry) => { seen.largest = entry.startTime },\
        'layout-shift': (entry) => { if (!entry.hadRecentInput) seen.shift += entry.value },\
        'longtask': (entry) => { seen.long.push(entry.duration) },\
    })) { try { new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({type, buffered: true}) } catch {} }";

/// Has a browser visit a page.
///
/// # Errors
/// When the browser cannot be had, or does not do what it is told.
pub fn visit(options: &Options) -> Result<Recorded, DevtoolsError> {
    let program = find(options.program.as_deref())?;
    let mut session = Session::start(program, &arguments(options))?;
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
    let title = picture.as_ref().map_or("", |picture| &picture.title);
    let (name, version) = product.split_once('/').unwrap_or((&product, ""));
    let archive = archive(&page.load, options.url.as_str(), title, (name, version), &paints);
    Ok(Recorded { archive, picture, notes })
}

fn arguments(options: &Options) -> Vec<OsString> {
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
    arguments.into_iter().map(OsString::from).collect()
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
        page.watch(&page.target.clone(), options)?;
        // What was told so far is of the empty page.
        page.load = Load::default();
        Ok(page)
    }

    fn ask(&mut self, method: &str, params: Value) -> Result<Value, DevtoolsError> {
        let Self { session, target, load } = self;
        session.ask(target, method, params, |event| load.hear(event))
    }

    /// Has a target tell of its requests, and of the targets that it makes: frames of other sites, workers.
    fn watch(&mut self, target: &str, options: &Options) -> Result<(), DevtoolsError> {
        let room = json!({"maxResourceBufferSize": options.most_bodies, "maxTotalBufferSize": options.most_bodies});
        let attach = json!({"autoAttach": true, "waitForDebuggerOnStart": true, "flatten": true});
        self.session.tell(target, "Network.enable", room)?;
        self.session.tell(target, "Target.setAutoAttach", attach)?;
        if !options.fields.is_empty() {
            let fields =
                options.fields.iter().map(|(name, value)| (name.clone(), value.as_str().into()));
            let fields: serde_json::Map<String, Value> = fields.collect();
            self.session.tell(target, "Network.setExtraHTTPHeaders", json!({"headers": fields}))?;
        }
        self.session.tell(target, "Runtime.runIfWaitingForDebugger", json!({}))?;
        Ok(())
    }

    /// Loads the page, until it rests; a sentence where it does not.
    fn load(&mut self, options: &Options) -> Result<Option<String>, DevtoolsError> {
        let began = self.session.now();
        let navigated = self.ask("Page.navigate", json!({"url": options.url.as_str()}))?;
        let Load { frame, loader, .. } = &mut self.load;
        for (field, known) in [("frameId", frame), ("loaderId", loader)] {
            navigated[field].as_str().unwrap_or_default().clone_into(known);
        }
        let failed = navigated["errorText"].is_string();
        let (mut loaded, mut busy): (Option<Time>, Time) = (None, began);
        loop {
            let now = self.session.now();
            let taken = now.since(began);
            if options.limit.is_some_and(|limit| taken > limit) {
                let seconds = taken.as_secs_f64();
                let pending = self.load.pending();
                return Ok(Some(format!(
                    "the visit was ended after {seconds:.1} s, with {pending} requests under way (--max-time)"
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
            }
            if let Some(event) = self.session.listen(REST / 5)? {
                self.hear(event, options)?;
            }
        }
    }

    fn hear(&mut self, event: Event, options: &Options) -> Result<(), DevtoolsError> {
        self.load.hear(event);
        for target in core::mem::take(&mut self.load.attached) {
            self.watch(&target, options)?;
        }
        Ok(())
    }

    /// What the browser's main thread did, in a sentence.
    fn work(&mut self) -> Result<Option<String>, DevtoolsError> {
        let told = self.ask("Performance.getMetrics", json!({}))?;
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
        let world =
            self.ask("Page.createIsolatedWorld", json!({"frameId": frame, "worldName": WORLD}));
        let context = match world {
            Ok(world) => world["executionContextId"].clone(),
            // A page that is gone has no world.
            Err(DevtoolsError::Refused { .. }) => return Ok(Paints::default()),
            Err(error) => return Err(error),
        };
        let expression =
            json!({"expression": "globalThis.seen", "contextId": context, "returnByValue": true});
        let told = self.ask("Runtime.evaluate", expression)?;
        let seen = &told["result"]["value"];
        let long: Vec<f64> =
            seen["long"].as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
        if let Some(longest) = long.iter().copied().reduce(f64::max) {
            notes.push(format!(
                "{} tasks of its main thread took 50 ms and more, the longest {longest:.0} ms",
                long.len()
            ));
        }
        let shift = seen["shift"].as_f64();
        if let Some(shift) = shift.filter(|shift| *shift > 0.0) {
            notes.push(format!(
                "what was seen moved while the page loaded: layout shifts of {shift:.3}"
            ));
        }
        Ok(Paints { largest: seen["largest"].as_f64(), shift })
    }

    fn picture(&mut self, size: (u32, u32)) -> Result<Option<Picture>, DevtoolsError> {
        let title = json!({"expression": "document.title", "returnByValue": true});
        let title = self.ask("Runtime.evaluate", title)?;
        let title = title["result"]["value"].as_str().unwrap_or_default().to_owned();
        let taken = self.ask("Page.captureScreenshot", json!({"format": "png"}))?;
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
                Err(DevtoolsError::Refused { .. }) => lacking += 1,
                Err(error) => return Err(error),
            }
        }
        if lacking > 0 {
            notes.push(format!("{lacking} bodies were not to be had of the browser"));
        }
        Ok(())
    }
}
