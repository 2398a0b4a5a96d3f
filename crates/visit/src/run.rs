//! A run: a record is begun, a visit or a lookup is carried out on its ground, and the record is closed.

use core::pin::pin;
use core::time::Duration;
use std::net::IpAddr;

use futures_util::future::{Either, select};
use roundtrip_dns::proto::rr::RecordType;
use roundtrip_live::CaptureWish;
use roundtrip_record::{FaultKind, Log, Recorder, Settings as RecordSettings, Step, WireKind};
use roundtrip_wire::Wire;

pub use crate::machine::{ThisMachine, TowardProxies, trusted};
pub use crate::run_error::RunError;
pub use crate::title::{Title, begin, end};

use crate::ground::{Carried, Errand, Ground, Here, Scene};
use crate::network::Virtual;
use crate::plan::{ClientCaches, Plan, Until};
use crate::profile::Profile;
use crate::reported::fatal_without_exchange;
use crate::runs::{self, Chosen};
use crate::site::Site;
use crate::title::end_among;
use crate::visit::{Visited, visit};

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
    let scene = Scene::new(machine, CaptureWish::IfPermitted, &sites).of(plan);
    let recorded = |ground: &Ground, record: RecordSettings| {
        let log = Log::new(Recorder::new(record)?);
        let carried = once(title, plan, ground, &log, &scene)?;
        Ok::<_, RunError>((log, carried))
    };
    let (mut log, mut carried) = recorded(ground, record.clone())?;
    let others = match ground {
        Ground::Lab(network) if !carried.done.1 => {
            let first = (carried.done.0.page, carried.dropped);
            let unseen = plan.unseen();
            runs::others(plan, network, first, |network| {
                let ground = Ground::Lab(Box::new(network));
                let carried = once(&Title::default(), &unseen, &ground, &Log::off(), &scene)?;
                Ok::<_, RunError>(carried.done.0.page)
            })?
        }
        _ => None,
    };
    if let (Ground::Lab(network), Some(Chosen { seed, .. })) = (ground, &others)
        && network.seed != *seed
    {
        // The record of the first run is replaced by that of the median. It is let go of before: what
        // it has not written yet would otherwise come in the end, and replace what stands there then.
        drop(log);
        let median = Virtual { seed: *seed, ..Virtual::clone(network) };
        (log, carried) = recorded(&Ground::Lab(Box::new(median)), record)?;
    }
    let (visited, interrupted) = carried.done;
    let among = others.map(|chosen| chosen.among);
    end_among(&log, carried.at, visited.exit, interrupted, among)?;
    Ok(visited)
}

/// Carries a visit out one time.
pub(crate) fn once(
    title: &Title,
    plan: &Plan,
    ground: &Ground,
    log: &Log,
    scene: &Scene<'_>,
) -> Result<Carried<(Visited, bool)>, RunError> {
    let done = |plan: &Plan, ground: &Ground, scene: &Scene<'_>| {
        let Carried { done, at, dropped } = ground.carry_out(title, log, scene, Visit { plan })?;
        Ok(Carried { done: done?, at, dropped })
    };
    match plan.client_caches {
        ClientCaches::Cold => done(plan, ground, scene),
        ClientCaches::Warm => {
            let plan = Plan { profile: Some(Profile::default()), ..plan.clone() };
            let (ground, tls) = ground.warmed(scene, Visit { plan: &plan.unseen() })?;
            done(&plan, &ground, &Scene { tls, ..scene.clone() })
        }
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
    let scene = Scene::new(machine, CaptureWish::IfPermitted, &sites);
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
