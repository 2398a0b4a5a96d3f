//! The ground a run takes place on: which wire it is, as a value.
//!
//! A command says what it wants done as an [`Errand`], written once over [`Wire`]; the [`Ground`] is
//! chosen once, from the arguments, and carries the errand out on that wire. So every command runs on
//! every wire that can carry it, and one that cannot says so before anything happens.
//!
//! The enum stands here and not beside the trait in `wire`, since it knows all three wires and `wire`
//! stands below them.

use core::time::Duration;
use std::time::SystemTime;

use roundtrip_http::client::Tls;
use roundtrip_lab::{Caches, Internet, Seed, Settings as LabSettings};
use roundtrip_live::CaptureWish;
use roundtrip_os::{Clock, Machine};
use roundtrip_record::{EventId, LinkCounts, Log, Role, Time, WireKind};
use roundtrip_wire::{LocalFuture, Wire};

use crate::browser::Browser;
use crate::crypto::KeyShares;
pub use crate::lab_tls::LabTls;
use crate::machine::{ThisMachine, trusted};
use crate::names::Pin;
pub use crate::network::Virtual;
use crate::plan::Plan;
use crate::run_error::RunError;
use crate::server_like::ServerLike;
use crate::site::{Site, put_up};
use crate::title::{Title, begin};
use crate::trust::{Recorded, Versions};

/// How long the lab goes on after an errand, until its last connection is gone: far longer than any
/// timer of a connection that ends well.
const AFTER: Duration = Duration::from_hours(1);

/// The wire a run takes place on.
#[derive(Clone, Debug)]
pub enum Ground {
    /// Kernel sockets.
    Live,
    /// Our own stack on a TAP device.
    Tap(roundtrip_tap::Settings),
    /// Many hosts in this process, in virtual time.
    Lab(Box<Virtual>),
}

/// What is done on a wire, whichever it is.
pub trait Errand {
    /// What it comes to.
    type Done;

    /// What this machine is in the record of a real wire.
    const ROLE: Role = Role::Client;

    /// Carries it out, where it finds itself.
    fn run<W: Wire>(self, here: Here<W>) -> impl Future<Output = Self::Done>;
}

/// What an errand finds on its ground.
pub struct Here<W> {
    /// The wire.
    pub wire: W,
    /// TLS as this ground trusts: the machine's authorities on a real wire, the lab's own in the lab.
    pub trust: TrustMaker,
    /// Addresses of hosts that no name server of the lab can know; none on a real wire.
    pub pins: Vec<Pin>,
    /// Completes when the person at the keyboard does not want to wait any more.
    pub interrupt: Interrupt,
    /// The first event of the record.
    pub begun: Option<EventId>,
}

/// Makes TLS when it is first wanted, since a look at all that a platform trusts takes longer than
/// many an exchange.
pub type TrustMaker = Box<dyn FnOnce() -> Result<Tls, RunError>>;

/// Makes a future that completes when the person at the keyboard wants an end.
pub type Interrupt = Box<dyn Fn() -> LocalFuture<'static, ()>>;

/// What a run needs besides its ground.
#[derive(Clone)]
pub struct Scene<'a> {
    /// The machine, for a real wire.
    pub machine: &'a ThisMachine,
    /// Which keys the lab's client offers.
    pub key_shares: KeyShares,
    /// Whether that client sends to servers of TLS 1.2 as early as to those of 1.3.
    pub false_start: bool,
    /// Whose server the lab's are like; `None`: each is as its site says.
    pub server: Option<ServerLike>,
    /// The TLS of the lab with the sessions that an errand before left there; `None`: there was none.
    pub tls: Option<LabTls>,
    /// Whether the kernel's packets are captured on the live wire.
    pub capture: CaptureWish,
    /// Makes the sites of the lab.
    pub sites: &'a dyn Fn() -> Result<Vec<Site>, RunError>,
}

impl<'a> Scene<'a> {
    /// A scene of a client that is no browser.
    pub fn new(
        machine: &'a ThisMachine,
        capture: CaptureWish,
        sites: &'a dyn Fn() -> Result<Vec<Site>, RunError>,
    ) -> Self {
        let key_shares = KeyShares::default();
        Self { machine, key_shares, false_start: false, server: None, tls: None, capture, sites }
    }

    /// The same scene for a plan's browser and servers.
    #[must_use]
    pub fn of(self, plan: &Plan) -> Self {
        let Browser { key_shares, false_start, .. } = plan.browser;
        Self { key_shares, false_start, server: plan.server, ..self }
    }
}

/// An errand that was carried out.
#[derive(Debug)]
pub struct Carried<T> {
    /// What it came to.
    pub done: T,
    /// When its ground was left: the time of the record's last event.
    pub at: Time,
    /// Frames that the lab's links did not deliver.
    pub dropped: u64,
}

impl Ground {
    /// What the record calls the wire.
    pub fn kind(&self) -> WireKind {
        match self {
            Ground::Live => WireKind::Live,
            Ground::Tap(_) => WireKind::Tap,
            Ground::Lab(_) => WireKind::Lab,
        }
    }

    /// Begins a record in `log` and carries an errand out. The record is ended by the caller
    /// ([`crate::run::end`]): only the errand's result says with which exit code.
    ///
    /// # Errors
    /// When the wire cannot be had or the sites of the lab cannot be put up. What goes wrong on the
    /// network is a finding in the record.
    pub fn carry_out<E: Errand>(
        &self,
        title: &Title,
        log: &Log,
        scene: &Scene<'_>,
        errand: E,
    ) -> Result<Carried<E::Done>, RunError> {
        let Ground::Lab(network) = self else { return self.on_machine(title, log, scene, errand) };
        let wall = network.date * 1_000_000_000;
        let begun = begin(log, title, self.kind(), Some(network), wall);
        Ok(simulate(network, scene, log, begun, errand)?.0)
    }

    /// The same ground after an errand was carried out on it: in the lab the client has in its
    /// caches what that left there: the names it looked up. (What a browser keeps itself is in its
    /// [`Profile`](crate::Profile).) Its calendar goes on where the errand was
    /// done, at the next whole second, so that what was kept has the age it has: a cache takes nothing
    /// from the future. Beside it, the TLS with its sessions, for the [`Scene`] of what follows. Nothing
    /// of it is recorded. A real wire is what it is.
    ///
    /// # Errors
    /// As [`Ground::carry_out`].
    pub fn warmed<E: Errand>(
        &self,
        scene: &Scene<'_>,
        errand: E,
    ) -> Result<(Self, Option<LabTls>), RunError> {
        let Ground::Lab(network) = self else { return Ok((self.clone(), None)) };
        let (_, left) = simulate(network, scene, &Log::off(), None, errand)?;
        let date = network.date + left.at.since(Time::ZERO).as_millis().div_ceil(1000) as u64;
        let network = Virtual { caches: left.caches, date, ..Virtual::clone(network) };
        Ok((Ground::Lab(Box::new(network)), Some(left.tls)))
    }

    fn on_machine<E: Errand>(
        &self,
        title: &Title,
        log: &Log,
        scene: &Scene<'_>,
        errand: E,
    ) -> Result<Carried<E::Done>, RunError> {
        let clock = Clock::start();
        let begun = begin(log, title, self.kind(), None, clock.wall_epoch());
        let _keys = Recorded::into(log);
        let done = match self {
            Ground::Tap(settings) => {
                let known = Machine::new(scene.machine.cache.clone());
                roundtrip_tap::run(settings, clock, log, known, |tap| {
                    tap.host(|host| host.set_fast_open(scene.machine.way.fast_open));
                    errand.run(on_machine(tap, scene.machine, begun))
                })??
            }
            Ground::Live | Ground::Lab(_) => {
                let name = if E::ROLE == Role::Proxy { "proxy" } else { "client" };
                let log = log.of(log.host(name, E::ROLE, &[]));
                let cache = scene.machine.cache.clone();
                let settings = roundtrip_live::Settings {
                    cache,
                    capture: scene.capture,
                    way: scene.machine.way.clone(),
                    ports: scene.machine.ports,
                };
                roundtrip_live::run(clock, log, settings, |live| {
                    errand.run(on_machine(live, scene.machine, begun))
                })?
            }
        };
        Ok(Carried { done, at: clock.now(), dropped: 0 })
    }
}

/// What an errand finds on a real wire.
fn on_machine<W>(wire: W, machine: &ThisMachine, begun: Option<EventId>) -> Here<W> {
    let machine = machine.clone();
    Here {
        wire,
        trust: Box::new(move || trusted(&machine)),
        pins: Vec::new(),
        interrupt: Box::new(|| Box::pin(roundtrip_os::interrupted())),
        begun,
    }
}

/// What an errand leaves behind in the lab.
struct Left {
    /// When it was done; connections may end later.
    at: Time,
    /// What the client has in its caches at the very end.
    caches: Caches,
    tls: LabTls,
}

/// Carries an errand out in the lab, and goes on until the last connection is gone.
fn simulate<E: Errand>(
    network: &Virtual,
    scene: &Scene<'_>,
    log: &Log,
    begun: Option<EventId>,
    errand: E,
) -> Result<(Carried<E::Done>, Left), RunError> {
    let _keys = Recorded::into(log);
    let mut internet = Internet::new(LabSettings {
        net: network.net.clone(),
        seed: Seed::new(network.seed),
        date: SystemTime::UNIX_EPOCH + Duration::from_secs(network.date),
        log: log.clone(),
        caches: network.caches.clone(),
        fast_open: scene.machine.way.fast_open,
    });
    let tls = match &scene.tls {
        Some(tls) => tls.clone(),
        None => LabTls::new(network, scene.key_shares)?,
    };
    let mut sites = (scene.sites)()?;
    for site in &mut sites {
        if scene.false_start {
            // Our TLS cannot send so early. What 1.3 does takes as many round trips.
            site.likeness.versions = Versions::All;
        }
        if let Some(server) = scene.server {
            site.options.scheduling = server.scheduling();
        }
    }
    let pins = put_up(&mut internet, &tls.authority, sites)?;
    let client = internet.client().clone();
    let of_client = tls.client.clone();
    let here = Here {
        wire: client.clone(),
        trust: Box::new(move || Ok(of_client)),
        pins,
        // Virtual time passes at once: an interrupt ends the process, and what was recorded stays.
        interrupt: Box::new(|| Box::pin(core::future::pending())),
        begun,
    };
    let lab = internet.lab();
    let done = lab.run_until(errand.run(here))?;
    let done_at = lab.now();
    lab.settle(lab.now() + AFTER)?;
    lab.finish();
    let caches = internet.caches();
    let lost = |counts: &LinkCounts| {
        counts.queue_full + counts.aqm + counts.lost + counts.bad_fcs + counts.corrupted
    };
    let dropped = lab.all_counts().iter().map(lost).sum();
    Ok((Carried { done, at: lab.now(), dropped }, Left { at: done_at, caches, tls }))
}
