//! The command `roundtrip proxy`.

#[allow(clippy::doc_markdown, reason = "these are the texts of --help")]
pub(crate) mod args;
mod browser;
mod ca;
mod list;
mod only;

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;

use anyhow::bail;
use roundtrip_http::client::{Except, Proxies, Proxy as NextProxy, Scheme};
use roundtrip_lab::Net;
use roundtrip_live::CaptureWish;
use roundtrip_os::Clock;
use roundtrip_proxy::{Authority, Certificates, Mode, Options, Proxying};
use roundtrip_record::{Log, Recorder};
use roundtrip_visit::Identity;
use roundtrip_visit::crypto::KeyShares;
use roundtrip_visit::ground::{Ground, Scene};
use roundtrip_visit::run::{ThisMachine, Title, end};
use roundtrip_visit::trust::Shown;

use crate::args as options;
use crate::keep::Kept;
use crate::network::{Wire, name_options, pins, this_machine, wire};
use crate::outcome::Outcome;
use crate::terminal;
use args::Proxy;
use browser::Browser;
use list::List;
use only::Only;

/// Runs the command: a proxy until a signal ends it, or the browser that was started with it.
pub(crate) fn run(arguments: &Proxy, colour: options::Colour) -> Outcome {
    if let Some(to) = &arguments.ca {
        return ca::export(&authority()?, to.as_deref());
    }
    let only =
        arguments.only.iter().map(|text| Only::parse(text)).collect::<Result<Vec<_>, _>>()?;
    let browser = arguments.browser.as_ref().map(|_| Browser::find()).transpose()?;
    let ground = ground(arguments)?;
    let net = net(arguments)?;
    let behaviour = behaviour(arguments, &ground)?;
    let machine = machine(arguments, &behaviour.client.proxies);
    let authority = if arguments.no_tls { None } else { Some(Rc::new(authority()?)) };
    let subject = subject(arguments);
    let kept = Kept::new(&arguments.output, &subject)?;
    let log = Log::new(Recorder::new(kept.settings(&arguments.output))?);
    let list = Rc::new(List::new(arguments, only, log.clone(), colour));
    let title = Title { command: "proxy".into(), subject, replay_of: None };
    let scene = Scene {
        machine: &machine,
        key_shares: KeyShares::default(),
        false_start: false,
        server: None,
        tls: None,
        capture: match arguments.output.capture {
            options::Capture::All => CaptureWish::IfPermitted,
            options::Capture::Client | options::Capture::None => CaptureWish::No,
        },
        sites: &|| Ok(Vec::new()),
    };
    let failed = Rc::new(RefCell::new(None));
    let errand = Proxying {
        listen: arguments.listen,
        options: behaviour,
        certificates: authority.clone().map(|authority| Certificates::new(authority)),
        names: name_options(arguments.dns.as_deref())?,
        pins: pins(&arguments.resolve)?,
        net,
        ready: {
            let (list, failed) = (Rc::clone(&list), Rc::clone(&failed));
            let tail = arguments.browser_arguments.clone();
            let url = arguments.browser.clone().flatten();
            move |at: SocketAddr| {
                list.ready(at);
                match browser {
                    None => {
                        Box::pin(core::future::pending()) as roundtrip_wire::LocalFuture<'_, ()>
                    }
                    Some(browser) => {
                        let digest = authority.as_ref().map(|authority| authority.key_digest());
                        browser.visit(at, digest.as_deref(), url.as_deref(), &tail, failed)
                    }
                }
            }
        },
        watcher: {
            let list = Rc::clone(&list);
            Rc::new(move |seen| list.see(seen))
        },
    };
    let carried = ground.carry_out(&title, &log, &scene, errand)?;
    carried.done?;
    if let Some(error) = failed.take() {
        return Err(error);
    }
    // That recording stopped was said when it did.
    let ended = end(&log, carried.at, 0, false);
    list.ended();
    match ended {
        Ok(()) => views(arguments, &kept, &list),
        Err(error) => {
            terminal::note(&format!("{error}; the record ends before the proxy did"));
            Ok(23)
        }
    }
}

/// Writes the views of the record, and says what was recorded.
fn views(arguments: &Proxy, kept: &Kept, list: &List) -> Outcome {
    if list.is_empty() {
        terminal::note("nothing was asked by way of the proxy");
        return Ok(0);
    }
    if arguments.output.out.is_some() {
        kept.views()?;
    }
    list.summary(kept.id.as_deref())?;
    Ok(0)
}

fn ground(arguments: &Proxy) -> anyhow::Result<Ground> {
    match arguments.wire.as_deref().map(wire).transpose()? {
        None | Some(Wire::Live) => Ok(Ground::Live),
        Some(Wire::Tap(settings)) => Ok(Ground::Tap(settings)),
        Some(Wire::Lab) => {
            bail!("--wire lab: no browser could reach it; what was recorded is replayed there")
        }
    }
}

/// The network that clients are to feel. What of it cannot be done to bytes is said.
fn net(arguments: &Proxy) -> anyhow::Result<Option<Net>> {
    let Some(net) = arguments.net.as_deref().map(str::parse::<Net>).transpose()? else {
        return Ok(None);
    };
    let unfelt = roundtrip_proxy::unfelt(&net);
    if !unfelt.is_empty() {
        terminal::note(&format!(
            "--net: {} cannot be felt by live traffic, which is slowed byte by byte; a replay in the lab has all \
             of it",
            unfelt.join(", ")
        ));
    }
    Ok(Some(net))
}

/// Whose tunnels are not looked into. What cannot be read is refused: somebody counts on it.
fn pass(texts: &[String]) -> anyhow::Result<Except> {
    let mut all = Except::default();
    for text in texts {
        match Except::one(text.trim()) {
            Some(one) => all.add(one),
            None => bail!(
                "--pass {text}: wanted a name, an address or a network, as bank.example or \
                 192.0.2.0/24, or * for all"
            ),
        }
    }
    Ok(all)
}

fn behaviour(arguments: &Proxy, ground: &Ground) -> anyhow::Result<Options> {
    let mut options =
        Options { pass: pass(&arguments.pass)?, via: arguments.via, ..Options::default() };
    if let Some(size) = arguments.keep_body {
        options.keep_at_most = size;
    }
    if let Some(to) = &arguments.to {
        let url = roundtrip_http::url::parse(to);
        // What has a password in it is not said again.
        let shown = if to.contains('@') { "…" } else { to.as_str() };
        let Ok(url) = url else { bail!("--to {shown}: wanted a URL, as http://127.0.0.1:3000/") };
        if !url.username().is_empty() || url.password().is_some() {
            bail!("--to takes no user and password: clients send their own");
        }
        if url.query().is_some() || url.fragment().is_some() {
            bail!("--to takes no query and no fragment: those are in what clients ask for");
        }
        options.mode = Mode::Reverse(url);
    }
    options.client.proxies = not_itself(arguments.through.on(ground)?, arguments.listen);
    Ok(options)
}

/// The next proxies, but for this one itself: `http_proxy` names it where it is set for everything else.
fn not_itself(mut proxies: Proxies, listen: SocketAddr) -> Proxies {
    let is_own = |proxy: &NextProxy| {
        let here = ["localhost", "127.0.0.1", "[::1]"].contains(&proxy.host.as_str())
            || proxy.host == listen.ip().to_string();
        here && proxy.port == listen.port()
    };
    for proxy in [&mut proxies.http, &mut proxies.https] {
        if proxy.as_ref().is_some_and(is_own) {
            terminal::note(
                "the proxy of the environment is this one: servers are reached straight",
            );
            *proxy = None;
        }
    }
    proxies
}

fn machine(arguments: &Proxy, proxies: &Proxies) -> ThisMachine {
    let machine = this_machine(arguments.cacert.as_deref(), arguments.insecure);
    let identity = arguments.cert.as_ref().map(|chain| Identity {
        chain: chain.clone(),
        key: arguments.key.clone().unwrap_or_else(|| chain.clone()),
    });
    let shown = Shown { identity, ..Shown::default() };
    ThisMachine { shown, proxies: arguments.through.toward(proxies), ..machine }
}

fn subject(arguments: &Proxy) -> String {
    match &arguments.to {
        Some(to) => to.clone(),
        None => format!("{}://{}/", Scheme::Http.name(), arguments.listen),
    }
}

/// The authority of this machine's proxy, made where there is none.
fn authority() -> anyhow::Result<Authority> {
    Ok(Authority::open(&ca::folder()?, Clock::start().wall())?)
}
