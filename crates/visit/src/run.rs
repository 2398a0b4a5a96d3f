//! A run: a record is begun, a visit or a lookup is carried out on its ground, and the record is closed.

use core::pin::pin;
use core::time::Duration;
use std::net::IpAddr;
use std::path::PathBuf;

use futures_util::future::{Either, select};
use roundtrip_dns::proto::rr::RecordType;
use roundtrip_http::client::Tls;
use roundtrip_lab::Stuck;
use roundtrip_live::CaptureWish;
use roundtrip_record::{
    Among, EventId, FaultKind, FolderError, Log, Recorder, ReplayOf, RunEnded, RunStarted, SCHEMA,
    Settings as RecordSettings, Step, Time, Trace as _, What, WireKind,
};
use roundtrip_tap::TapError;
use roundtrip_wire::Wire;

use crate::crypto::{KeyShares, NoCertificate};
use crate::ground::{Errand, Ground, Here, Scene, Virtual};
use crate::plan::{ClientCaches, Plan, Until};
use crate::replay::ReplayError;
use crate::runs::{self, One};
use crate::site::{Site, SiteError};
use crate::trust::{Recorded, Shown, Trust, TrustError, tls};
use crate::visit::{Visited, fatal_without_exchange, visit};

/// What a run is called in its record.
#[derive(Clone, Debug, Default)]
pub struct Title {
    /// The command: `visit`, `get`.
    pub command: String,
    /// What it was given.
    pub subject: String,
    /// The run it carries out again.
    pub replay_of: Option<ReplayOf>,
}

/// The machine on a real wire.
#[derive(Clone, Debug, Default)]
pub struct ThisMachine {
    /// Where caches are kept between runs.
    pub cache: Option<PathBuf>,
    /// Whom to trust.
    pub trust: Trust,
    /// How we show ourselves.
    pub shown: Shown,
    /// Where keys of TLS sessions are appended (`SSLKEYLOGFILE`).
    pub key_log: Option<PathBuf>,
}

/// Why a run did not take place, or its record was not kept. What goes wrong on the network is none
/// of these: it is a finding in the record.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The record cannot be kept.
    #[error("the record cannot be kept: {0}")]
    Record(#[from] FolderError),
    /// The sites cannot be put up.
    #[error(transparent)]
    Site(#[from] SiteError),
    /// The authority of the lab cannot be made.
    #[error(transparent)]
    Authority(#[from] NoCertificate),
    /// The lab came to a standstill.
    #[error("the simulation cannot go on: {0}")]
    Stuck(#[from] Stuck),
    /// TLS cannot be set up.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The key log cannot be opened.
    #[error("SSLKEYLOGFILE {path}: {why}", path = .path.display())]
    KeyLog {
        /// The file.
        path: PathBuf,
        /// Why.
        why: std::io::Error,
    },
    /// The record that is to be carried out again lacks something.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// There is no TAP device.
    #[error(transparent)]
    Tap(#[from] TapError),
    /// The runtime cannot be had.
    #[error("the network cannot be used: {0}")]
    Runtime(#[from] std::io::Error),
}

/// How long a real wire is watched after a visit, so that the last segments are seen.
const LINGER: Duration = Duration::from_millis(30);

/// Carries a visit out. `sites` makes the sites of the lab.
///
/// # Errors
/// When the wire, its sites or TLS cannot be had, or the record cannot be kept.
pub fn carry_out(
    title: &Title,
    plan: &Plan,
    ground: &Ground,
    machine: &ThisMachine,
    sites: impl Fn() -> Result<Vec<Site>, RunError>,
    record: RecordSettings,
) -> Result<Visited, RunError> {
    let key_shares = plan.browser.key_shares;
    let scene = Scene { machine, key_shares, capture: CaptureWish::IfPermitted, sites: &sites };
    let recorded = |ground: &Ground, record: RecordSettings| {
        let log = Log::new(Recorder::new(record)?);
        let carried = warm(plan, ground, &scene)?.carry_out(title, &log, &scene, Visit { plan })?;
        Ok::<_, RunError>((log, carried))
    };
    let (log, carried) = recorded(ground, record.clone())?;
    let (visited, interrupted) = carried.done?;
    let first = One { page: visited.page, dropped: carried.dropped };
    let others = match ground {
        Ground::Lab(network) if !interrupted => runs::others(plan, network, first, |network| {
            let ground = Ground::Lab(Box::new(network));
            let title = Title::default();
            let carried = warm(plan, &ground, &scene)?.carry_out(
                &title,
                &Log::off(),
                &scene,
                Visit { plan },
            )?;
            Ok::<_, RunError>(One { page: carried.done?.0.page, dropped: carried.dropped })
        })?,
        _ => None,
    };
    let Some(runs::Chosen { among, seed }) = others else {
        end(&log, carried.at, visited.exit, interrupted)?;
        return Ok(visited);
    };
    match ground {
        Ground::Lab(network) if network.seed != seed => {
            // The record of the first run is replaced by that of the median.
            let median = Virtual { seed, ..Virtual::clone(network) };
            let (log, carried) = recorded(&Ground::Lab(Box::new(median)), record)?;
            let (visited, interrupted) = carried.done?;
            end_among(&log, carried.at, visited.exit, interrupted, Some(among))?;
            Ok(visited)
        }
        _ => {
            end_among(&log, carried.at, visited.exit, interrupted, Some(among))?;
            Ok(visited)
        }
    }
}

/// The ground with the client's caches as the plan wants them.
fn warm(plan: &Plan, ground: &Ground, scene: &Scene<'_>) -> Result<Ground, RunError> {
    match plan.client_caches {
        ClientCaches::Cold => Ok(ground.clone()),
        ClientCaches::Warm => ground.warmed(scene, Visit { plan }),
    }
}

/// What is looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// A name's addresses.
    Addresses(String),
    /// A name's records of these types, one after the other.
    Records(String, Vec<RecordType>),
    /// The names of an address.
    Names(IpAddr),
}

/// Looks names up: step 1 alone. The exit code is 0, or that of the first fault.
///
/// # Errors
/// When the wire or its sites cannot be had or the record cannot be kept.
pub fn resolve(
    title: &Title,
    wanted: &Wanted,
    options: roundtrip_dns::Options,
    ground: &Ground,
    machine: &ThisMachine,
    sites: impl Fn() -> Result<Vec<Site>, RunError>,
    record: RecordSettings,
) -> Result<u8, RunError> {
    let log = Log::new(Recorder::new(record)?);
    let key_shares = KeyShares::default();
    let scene = Scene { machine, key_shares, capture: CaptureWish::IfPermitted, sites: &sites };
    let lookup = Lookup { wanted, options };
    let carried = ground.carry_out(title, &log, &scene, lookup)?;
    end(&log, carried.at, carried.done, false)?;
    Ok(carried.done)
}

/// A visit, unless Ctrl-C ends it first; says whether it did.
struct Visit<'a> {
    plan: &'a Plan,
}

impl Errand for Visit<'_> {
    type Done = Result<(Visited, bool), RunError>;

    async fn run<W: Wire>(self, here: Here<W>) -> Self::Done {
        let Here { wire, trust, pins, interrupt, begun: cause } = here;
        let mut plan = self.plan.clone();
        plan.pins.extend(pins);
        let tls = trust()?;
        let begun = wire.now();
        let work = pin!(async {
            let visited = visit(&wire, &plan, Some(tls), cause).await;
            if wire.kind() != WireKind::Lab {
                linger(&wire, plan.until).await;
            }
            visited
        });
        Ok(match select(work, interrupt()).await {
            Either::Left((visited, _)) => (visited, false),
            Either::Right(_) => {
                let exit =
                    fatal_without_exchange(&wire, cause, Step::Wait, begun, FaultKind::Interrupted);
                (Visited { exit, ..Visited::default() }, true)
            }
        })
    }
}

/// Watches a real wire after a visit, as long as was asked for. The lab goes on by itself until its
/// last connection is gone.
async fn linger<W: Wire>(wire: &W, until: Until) {
    match until {
        Until::Painted => wire.sleep(LINGER).await,
        Until::Closed => {
            while let Some(id) = wire.connections().first() {
                wire.closed(*id).await;
            }
        }
    }
}

/// Lookups, and nothing after them.
struct Lookup<'a> {
    wanted: &'a Wanted,
    options: roundtrip_dns::Options,
}

impl Errand for Lookup<'_> {
    type Done = u8;

    async fn run<W: Wire>(self, here: Here<W>) -> u8 {
        let Here { wire, begun: cause, .. } = here;
        let resolver = roundtrip_dns::Resolver::new(wire.clone());
        let options = self.options;
        let mut results = Vec::new();
        match self.wanted {
            Wanted::Addresses(name) => results.push(resolver.lookup(name, options, cause).await),
            Wanted::Names(address) => {
                results.push(resolver.reverse(*address, options, cause).await);
            }
            Wanted::Records(name, types) => {
                for record_type in types {
                    results.push(resolver.records(name, *record_type, options, cause).await);
                }
            }
        }
        let faults = results.into_iter().filter_map(Result::err);
        let exits = faults.map(|found| {
            fatal_without_exchange(&wire, found.event, Step::Name, found.since, *found.kind)
        });
        exits.reduce(|first, _| first).unwrap_or(0)
    }
}

/// TLS as this machine trusts, with the key log that was asked for, or the record's.
pub fn trusted(machine: &ThisMachine) -> Result<Tls, RunError> {
    let key_log: std::sync::Arc<dyn rustls::KeyLog> = match &machine.key_log {
        None => Recorded::key_log(),
        Some(path) => {
            let opened = crate::trust::KeyFile::open(path);
            let opened = opened.map_err(|why| RunError::KeyLog { path: path.clone(), why })?;
            std::sync::Arc::new(opened)
        }
    };
    Ok(tls(&machine.trust, &machine.shown, Some(key_log))?)
}

/// The first line of a record.
pub fn begin(
    log: &Log,
    title: &Title,
    wire: WireKind,
    network: Option<&Virtual>,
    wall: u64,
) -> Option<EventId> {
    log.clone().emit(Time::ZERO, None, || {
        What::RunStarted(RunStarted {
            schema: SCHEMA,
            tool: env!("CARGO_PKG_VERSION").into(),
            command: title.command.clone(),
            subject: title.subject.clone(),
            wire,
            net: network.map(|network| network.net.to_string()),
            seed: network.map(|network| network.seed),
            wall,
            replay_of: title.replay_of.clone(),
        })
    })
}

/// The last line of a record.
///
/// # Errors
/// The first thing that went wrong with keeping it.
pub fn end(log: &Log, at: Time, exit: u8, interrupted: bool) -> Result<(), RunError> {
    end_among(log, at, exit, interrupted, None)
}

fn end_among(
    log: &Log,
    at: Time,
    exit: u8,
    interrupted: bool,
    among: Option<Among>,
) -> Result<(), RunError> {
    log.clone().emit(at, None, || What::RunEnded(RunEnded { exit, interrupted, among }));
    Ok(log.finish()?)
}
