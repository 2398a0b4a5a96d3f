//! A run: a record is begun, a wire is set up, a visit is carried out on it, and the record is closed.

use core::pin::pin;
use core::time::Duration;
use std::path::PathBuf;
use std::time::SystemTime;

use futures_util::future::{Either, select};
use roundtrip_http::client::Tls;
use roundtrip_lab::{Caches, Internet, Net, Seed, Settings as LabSettings, Stuck};
use roundtrip_live::CaptureWish;
use roundtrip_os::{Clock, Machine};
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

impl Real {
    /// What the record calls it.
    pub fn kind(&self) -> WireKind {
        match self {
            Real::Live => WireKind::Live,
            Real::Tap(_) => WireKind::Tap,
        }
    }
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
    let run = RealRun::begin(title, wire, record)?;
    let _keys = Recorded::into(&run.log);
    let visit = Visit { plan, tls: trusted(place)?, cause: run.begun };
    let (visited, interrupted) = run.carry_out(wire, place, visit)?;
    run.end(visited.exit, interrupted)?;
    Ok(visited)
}

/// Looks a name up on a real wire: step 1 alone. The exit code is 0, or that of the fault.
///
/// # Errors
/// When the wire cannot be had or the record cannot be kept.
pub fn resolve(
    title: &Title,
    options: roundtrip_dns::Options,
    wire: &Real,
    place: &Place,
    record: RecordSettings,
) -> Result<u8, RunError> {
    let run = RealRun::begin(title, wire, record)?;
    let lookup = Lookup { name: &title.subject, options, cause: run.begun };
    let exit = run.carry_out(wire, place, lookup)?;
    run.end(exit, false)?;
    Ok(exit)
}

/// A run on a real wire: its record and its clock.
struct RealRun {
    clock: Clock,
    log: Log,
    /// The first event of the record.
    begun: Option<EventId>,
}

impl RealRun {
    fn begin(title: &Title, wire: &Real, record: RecordSettings) -> Result<Self, RunError> {
        let clock = Clock::start();
        let log = Log::new(Recorder::new(record)?);
        let begun = begin(&log, title, wire.kind(), None, clock.wall_epoch());
        Ok(Self { clock, log, begun })
    }

    fn carry_out<E: Errand>(
        &self,
        wire: &Real,
        place: &Place,
        errand: E,
    ) -> Result<E::Done, RunError> {
        let clock = self.clock;
        Ok(match wire {
            Real::Live => {
                let log = self.log.of(self.log.host("client", Role::Client, &[]));
                let settings = roundtrip_live::Settings {
                    cache: place.cache.clone(),
                    capture: CaptureWish::IfPermitted,
                    ..roundtrip_live::Settings::default()
                };
                roundtrip_live::run(
                    clock,
                    log,
                    settings,
                    |live| async move { errand.run(&live).await },
                )?
            }
            Real::Tap(settings) => {
                let machine = Machine::new(place.cache.clone());
                roundtrip_tap::run(settings, clock, &self.log, machine, |tap| async move {
                    errand.run(&tap).await
                })??
            }
        })
    }

    fn end(&self, exit: u8, interrupted: bool) -> Result<(), RunError> {
        end(&self.log, self.clock.now(), exit, interrupted)
    }
}

/// What is done on a wire, whichever it is.
trait Errand {
    type Done;
    async fn run<W: Wire>(self, wire: &W) -> Self::Done;
}

/// A visit, unless Ctrl-C ends it first; says whether it did.
struct Visit<'a> {
    plan: &'a Plan,
    tls: Tls,
    cause: Option<EventId>,
}

impl Errand for Visit<'_> {
    type Done = (Visited, bool);

    async fn run<W: Wire>(self, wire: &W) -> (Visited, bool) {
        let Visit { plan, tls, cause } = self;
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
        match select(work, pin!(roundtrip_os::interrupted())).await {
            Either::Left((visited, _)) => (visited, false),
            Either::Right(_) => {
                let exit =
                    fatal_without_exchange(wire, cause, Step::Wait, begun, FaultKind::Interrupted);
                (Visited { exit, status: None }, true)
            }
        }
    }
}

/// One name, up the ladder.
struct Lookup<'a> {
    name: &'a str,
    options: roundtrip_dns::Options,
    cause: Option<EventId>,
}

impl Errand for Lookup<'_> {
    type Done = u8;

    async fn run<W: Wire>(self, wire: &W) -> u8 {
        let resolver = roundtrip_dns::Resolver::new(wire.clone());
        match resolver.lookup(self.name, self.options, self.cause).await {
            Ok(_) => 0,
            Err(found) => {
                fatal_without_exchange(wire, found.event, Step::Name, found.since, *found.kind)
            }
        }
    }
}

/// Reports a fault that ends the run and belongs to no exchange; its exit code.
fn fatal_without_exchange<W: Wire>(
    wire: &W,
    cause: Option<EventId>,
    step: Step,
    since: Time,
    fault: FaultKind,
) -> u8 {
    let exit = fault.exit_code();
    let fault = Fault { step, exchange: None, connection: None, since, fatal: true, fault };
    report(wire, cause, &fault);
    exit
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
