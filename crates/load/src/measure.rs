//! Carries a plan out on its ground: by all threads on a live wire, by one in the lab.

use core::num::NonZeroUsize;
use std::sync::Arc;

use roundtrip_live::CaptureWish;
use roundtrip_os::{Clock, on_threads, processor_time};
use roundtrip_record::Log;
use roundtrip_visit::ground::{Errand, Ground, Here, Scene};
use roundtrip_visit::run::{RunError, ThisMachine, Title};
use roundtrip_visit::site::Site;
use roundtrip_wire::Wire;

use crate::aim::Aim;
use crate::consent::Consent;
use crate::error::LoadError;
use crate::gauge::Gauge;
use crate::measured::Measured;
use crate::plan::Plan;
use crate::schedule::Share;
use crate::tally::Tally;
use crate::users::carry_out;

/// Where a load takes place.
pub struct Place<'a> {
    /// The wire.
    pub ground: &'a Ground,
    /// The machine, for a real wire.
    pub machine: &'a ThisMachine,
    /// Makes the sites of the lab.
    pub sites: &'a dyn Fn() -> Result<Vec<Site>, RunError>,
    /// How names are looked up.
    pub names: roundtrip_dns::Options,
    /// Whom it may be aimed at; the lab has nobody to be harmed.
    pub consent: Consent,
    /// Threads, on a live wire.
    pub threads: NonZeroUsize,
    /// How far each of the threads has come; those that are missing here are not told of.
    pub gauges: Vec<Arc<Gauge>>,
}

/// Carries a plan out.
///
/// # Errors
/// When it cannot begin. What goes wrong with requests is counted.
pub fn measure(plan: &Plan, place: &Place<'_>) -> Result<Measured, LoadError> {
    if plan.targets.is_empty() {
        return Err(LoadError::NoTarget);
    }
    match place.ground {
        Ground::Live => on_machine(plan, place),
        ground => {
            let consent = matches!(ground, Ground::Tap(_)).then_some(&place.consent);
            let gauge = place.gauges.first().cloned().unwrap_or_default();
            let errand = Sending {
                plan,
                share: Share { number: 0, of: 1 },
                consent,
                names: place.names,
                gauge,
            };
            let scene = Scene::new(place.machine, CaptureWish::No, place.sites);
            let carried = ground.carry_out(&Title::default(), &Log::off(), &scene, errand)?;
            let net = match ground {
                Ground::Lab(network) => Some(network.net.to_string()),
                _ => None,
            };
            Ok(measured(plan, net, carried.done?, 1, None))
        }
    }
}

/// By as many threads as are wanted and have something to do.
fn on_machine(plan: &Plan, place: &Place<'_>) -> Result<Measured, LoadError> {
    let connections = plan.connections.get() as usize;
    let threads = place.threads.min(NonZeroUsize::new(connections).unwrap_or(NonZeroUsize::MIN));
    // Each connection takes one.
    roundtrip_os::raise_descriptors();
    let (clock, before) = (Clock::start(), processor_time());
    let (machine, gauges, consent) = (place.machine, &place.gauges, &place.consent);
    let names = place.names;
    let tallies = on_threads(threads, |number| {
        let share = Share { number: number as u32, of: threads.get() as u32 };
        let gauge = gauges.get(number).cloned().unwrap_or_default();
        let errand = Sending { plan, share, consent: Some(consent), names, gauge };
        let none = || Ok(Vec::new());
        let scene = Scene::new(machine, CaptureWish::No, &none);
        let carried = Ground::Live.carry_out(&Title::default(), &Log::off(), &scene, errand)?;
        carried.done
    });
    let (wanted, started) = (threads.get(), tallies.len());
    if started < wanted {
        return Err(LoadError::Threads { started, wanted });
    }
    let mut tally = Tally::default();
    for one in tallies {
        tally.merge(&one?);
    }
    let wall = clock.now().since(roundtrip_record::Time::ZERO).as_secs_f64();
    let used = processor_time().saturating_sub(before).as_secs_f64();
    let processor = (wall > 0.0).then(|| used / wall);
    Ok(measured(plan, None, tally, wanted, processor))
}

fn measured(
    plan: &Plan,
    net: Option<String>,
    tally: Tally,
    threads: usize,
    processor: Option<f64>,
) -> Measured {
    let interrupted = tally.interrupted;
    Measured { plan: plan.clone(), net, tally, threads, processor, interrupted }
}

/// The share of one thread.
struct Sending<'a> {
    plan: &'a Plan,
    share: Share,
    /// `None`: anybody may be aimed at.
    consent: Option<&'a Consent>,
    names: roundtrip_dns::Options,
    gauge: Arc<Gauge>,
}

impl Errand for Sending<'_> {
    type Done = Result<Tally, LoadError>;

    async fn run<W: Wire>(self, here: Here<W>) -> Self::Done {
        let (wire, interrupt) = (here.wire.clone(), (here.interrupt)());
        let aim = Aim::take(self.plan, here, self.consent, self.names).await?;
        Ok(carry_out(wire, aim, self.plan, self.share, self.gauge, interrupt).await)
    }
}
