//! A run: a record is begun, a wire is set up, a visit is carried out on it, and the record is closed.

use core::pin::pin;
use core::time::Duration;
use std::path::PathBuf;
use std::time::SystemTime;

use futures_util::future::{Either, select};
use roundtrip_http::client::Tls;
use roundtrip_lab::{Caches, Internet, Net, Seed, Settings as LabSettings, Stuck};
use roundtrip_live::{CaptureWish, Clock, Machine};
use roundtrip_record::{
    EventId, Fault, FaultKind, FolderError, Log, Recorder, ReplayOf, Role, RunEnded, RunStarted,
    SCHEMA, Settings as RecordSettings, Step, Time, Trace as _, What, WireKind,
};
use roundtrip_tap::TapError;
use roundtrip_wire::Wire;

use crate::crypto::{Authority, NoCertificate};
use crate::plan::{Plan, Until};
use crate::replay::ReplayError;
use crate::site::{Site, SiteError, put_up};
use crate::trust::{Recorded, Trust, TrustError, tls};
use crate::visit::{Visited, report, visit};

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

/// The network of a lab, and where its chance comes from.
#[derive(Clone, Debug)]
pub struct Virtual {
    /// The access network.
    pub net: Net,
    /// The seed.
    pub seed: u64,
    /// The calendar date of the epoch, seconds since 1970.
    pub date: u64,
    /// The client comes with the caches of a visit before.
    pub warm: bool,
}

/// Which of the two real wires.
#[derive(Clone, Debug)]
pub enum Real {
    /// Kernel sockets.
    Live,
    /// Our own stack on a TAP device.
    Tap(roundtrip_tap::Settings),
}

/// The machine on a real wire.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// Where caches are kept between runs.
    pub cache: Option<PathBuf>,
    /// Whom to trust.
    pub trust: Trust,
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

/// How long the lab goes on after a visit, until its last connection is gone: far longer than any
/// timer of a connection that ends well.
const AFTER: Duration = Duration::from_hours(1);
/// How long a real wire is watched after a visit, so that the last segments are seen.
const LINGER: Duration = Duration::from_millis(30);

/// Carries a visit out in the lab. `sites` is asked for the sites: twice, if the caches are to be
/// warm.
///
/// # Errors
/// When the lab cannot be set up or the record cannot be kept.
pub fn in_lab(
    title: &Title,
    plan: &Plan,
    sites: impl Fn() -> Result<Vec<Site>, RunError>,
    network: &Virtual,
    record: RecordSettings,
) -> Result<Visited, RunError> {
    let caches = if network.warm {
        let before = simulate(plan, sites()?, network, Log::off(), None, Caches::default())?;
        before.caches
    } else {
        Caches::default()
    };
    let log = Log::new(Recorder::new(record)?);
    let begun = begin(&log, title, WireKind::Lab, Some(network), network.date * 1_000_000_000);
    let done = simulate(plan, sites()?, network, log.clone(), begun, caches)?;
    end(&log, done.at, done.visited.exit, false)?;
    Ok(done.visited)
}

struct Simulated {
    visited: Visited,
    at: Time,
    caches: Caches,
}

fn simulate(
    plan: &Plan,
    sites: Vec<Site>,
    network: &Virtual,
    log: Log,
    cause: Option<EventId>,
    caches: Caches,
) -> Result<Simulated, RunError> {
    let _keys = Recorded::into(&log);
    let mut internet = Internet::new(LabSettings {
        net: network.net,
        seed: Seed::new(network.seed),
        date: SystemTime::UNIX_EPOCH + Duration::from_secs(network.date),
        log,
        caches,
    });
    let authority = Authority::new(network.seed, network.date)?;
    let tls = authority.client(Some(Recorded::key_log()))?;
    let mut plan = plan.clone();
    plan.pins.extend(put_up(&mut internet, &authority, sites)?);
    let client = internet.client().clone();
    let lab = internet.lab();
    let visited = lab.run_until(visit(&client, &plan, Some(tls), cause))?;
    lab.settle(lab.now() + AFTER)?;
    lab.finish();
    let caches = client.port().surroundings().caches();
    Ok(Simulated { visited, at: lab.now(), caches })
}

/// Carries a visit out on a real wire.
///
/// # Errors
/// When the wire or TLS cannot be had, or the record cannot be kept.
pub fn on_real(
    title: &Title,
    plan: &Plan,
    wire: &Real,
    place: &Place,
    record: RecordSettings,
) -> Result<Visited, RunError> {
    let clock = Clock::start();
    let log = Log::new(Recorder::new(record)?);
    let kind = match wire {
        Real::Live => WireKind::Live,
        Real::Tap(_) => WireKind::Tap,
    };
    let begun = begin(&log, title, kind, None, clock.wall_epoch());
    let _keys = Recorded::into(&log);
    let tls = trusted(place)?;
    let (visited, interrupted) = match wire {
        Real::Live => {
            let log = log.of(log.host("client", Role::Client, &[]));
            let settings = roundtrip_live::Settings {
                cache: place.cache.clone(),
                capture: CaptureWish::IfPermitted,
            };
            roundtrip_live::run(clock, log, settings, |live| async move {
                attend(&live, plan, tls, begun).await
            })?
        }
        Real::Tap(settings) => {
            let machine = Machine::new(place.cache.clone());
            roundtrip_tap::run(settings, clock, &log, machine, |tap| async move {
                attend(&tap, plan, tls, begun).await
            })??
        }
    };
    end(&log, clock.now(), visited.exit, interrupted)?;
    Ok(visited)
}

/// TLS as this machine trusts, with the key log that was asked for, or the record's.
pub fn trusted(place: &Place) -> Result<Tls, RunError> {
    let key_log: std::sync::Arc<dyn rustls::KeyLog> = match &place.key_log {
        None => Recorded::key_log(),
        Some(path) => {
            let opened = crate::trust::KeyFile::open(path);
            let opened = opened.map_err(|why| RunError::KeyLog { path: path.clone(), why })?;
            std::sync::Arc::new(opened)
        }
    };
    Ok(tls(&place.trust, Some(key_log))?)
}

/// Carries a visit out on a real wire, unless Ctrl-C ends it first; says whether it did.
async fn attend<W: Wire>(
    wire: &W,
    plan: &Plan,
    tls: Tls,
    cause: Option<EventId>,
) -> (Visited, bool) {
    let begun = wire.now();
    let work = pin!(async {
        let visited = visit(wire, plan, Some(tls), cause).await;
        match plan.until {
            Until::Painted => wire.sleep(LINGER).await,
            Until::Closed => {
                while let Some(id) = wire.connections().first() {
                    wire.closed(*id).await;
                }
            }
        }
        visited
    });
    match select(work, pin!(tokio::signal::ctrl_c())).await {
        Either::Left((visited, _)) => (visited, false),
        Either::Right(_) => {
            let fault = FaultKind::Interrupted;
            let exit = fault.exit_code();
            report(
                wire,
                cause,
                &Fault {
                    step: Step::Wait,
                    exchange: None,
                    connection: None,
                    since: begun,
                    fatal: true,
                    fault,
                },
            );
            (Visited { exit, status: None }, true)
        }
    }
}

/// Looks a name up on a real wire: step 1 alone. The exit code is 0, or that of the fault.
///
/// # Errors
/// When the wire cannot be had or the record cannot be kept.
pub fn resolve(
    title: &Title,
    names: roundtrip_dns::Options,
    wire: &Real,
    place: &Place,
    record: RecordSettings,
) -> Result<u8, RunError> {
    let clock = Clock::start();
    let log = Log::new(Recorder::new(record)?);
    let kind = match wire {
        Real::Live => WireKind::Live,
        Real::Tap(_) => WireKind::Tap,
    };
    let begun = begin(&log, title, kind, None, clock.wall_epoch());
    let name = title.subject.clone();
    let exit = match wire {
        Real::Live => {
            let log = log.of(log.host("client", Role::Client, &[]));
            let settings = roundtrip_live::Settings {
                cache: place.cache.clone(),
                capture: CaptureWish::IfPermitted,
            };
            roundtrip_live::run(clock, log, settings, |live| async move {
                look_up(&live, &name, names, begun).await
            })?
        }
        Real::Tap(settings) => {
            let machine = Machine::new(place.cache.clone());
            roundtrip_tap::run(settings, clock, &log, machine, |tap| async move {
                look_up(&tap, &name, names, begun).await
            })??
        }
    };
    end(&log, clock.now(), exit, false)?;
    Ok(exit)
}

async fn look_up<W: Wire>(
    wire: &W,
    name: &str,
    options: roundtrip_dns::Options,
    cause: Option<EventId>,
) -> u8 {
    let resolver = roundtrip_dns::Resolver::new(wire.clone());
    match resolver.lookup(name, options, cause).await {
        Ok(_) => 0,
        Err(found) => {
            let exit = found.kind.exit_code();
            report(
                wire,
                found.event,
                &Fault {
                    step: Step::Name,
                    exchange: None,
                    connection: None,
                    since: found.since,
                    fatal: true,
                    fault: *found.kind,
                },
            );
            exit
        }
    }
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
    log.clone().emit(at, None, || What::RunEnded(RunEnded { exit, interrupted }));
    Ok(log.finish()?)
}
