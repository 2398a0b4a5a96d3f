//! A scenario: everything that decides how a visit goes in the lab, as one value, so that one thing of
//! it can be changed and the visit carried out again.

use core::sync::atomic::{AtomicU32, Ordering};
use std::sync::Arc;

use roundtrip_live::CaptureWish;
use roundtrip_record::{Bodies, Event, Log, Recorder, Settings as RecordSettings, Time};
use roundtrip_story::Story;

use crate::answers::{Server, sites};
use crate::ground::{Ground, Scene};
use crate::machine::ThisMachine;
use crate::network::Virtual;
use crate::page_times::PageTimes;
use crate::plan::{Plan, Runs};
use crate::run::{carry_out, once};
use crate::run_error::RunError;
use crate::site::Site;
use crate::title::{Title, end};
use crate::visit::Visited;

/// Everything that decides how a visit goes in the lab.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What the client does.
    pub plan: Plan,
    /// The network, and the seed of everything left to chance.
    pub network: Virtual,
    /// The servers.
    pub servers: Vec<Server>,
}

/// What a scenario that was carried out came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    /// The exit code.
    pub exit: u8,
    /// The moments of the page.
    pub page: PageTimes,
    /// Frames that the links dropped.
    pub dropped: u64,
    /// Requests for what no server has.
    pub unknown: u32,
}

impl Scenario {
    /// Carries it out once. Nothing is recorded, and no picture is painted.
    ///
    /// # Errors
    /// When a server cannot be put up.
    pub fn measure(&self) -> Result<Measured, RunError> {
        Ok(self.carried(&Log::off())?.0)
    }

    /// The same, with the story of all that happened: of its metrics, too, nothing is written anywhere.
    ///
    /// # Errors
    /// When a server cannot be put up.
    pub fn observe(&self) -> Result<(Measured, Story), RunError> {
        let log = unwritten()?;
        let (measured, at) = self.carried(&log)?;
        end(&log, at, measured.exit, false)?;
        Ok((measured, Story::new(log.events())))
    }

    /// Carries it out once, and tells when its ground was left.
    fn carried(&self, log: &Log) -> Result<(Measured, Time), RunError> {
        let unknown = Arc::<AtomicU32>::default();
        let put_up = || {
            let servers = self.servers.iter().cloned();
            let counted = servers.map(|server| Server { unknown: unknown.clone(), ..server });
            Ok(sites(counted))
        };
        let plan = self.plan.unseen();
        let machine = ThisMachine::default();
        let scene = Scene::new(&machine, CaptureWish::No, &put_up).of(&plan);
        let ground = Ground::Lab(Box::new(self.network.clone()));
        let carried = once(&Title::default(), &plan, &ground, log, &scene)?;
        let (Visited { exit, page, .. }, _) = carried.done;
        let unknown = unknown.load(Ordering::Relaxed);
        Ok((Measured { exit, page, dropped: carried.dropped, unknown }, carried.at))
    }

    /// Carries it out once and records it.
    ///
    /// # Errors
    /// When a server cannot be put up or the record cannot be kept.
    pub fn record(&self, title: &Title, record: RecordSettings) -> Result<Visited, RunError> {
        let plan = Plan { runs: Runs::Exactly(1), ..self.plan.clone() };
        let ground = Ground::Lab(Box::new(self.network.clone()));
        let sites = || Ok::<Vec<Site>, _>(sites(self.servers.iter().cloned()));
        carry_out(title, &plan, &ground, &ThisMachine::default(), sites, record)
    }
}

/// Visits sites of the lab once, without a picture, and gives what a record of it would hold: a first
/// visit from which a scenario can be read ([`Recording`](crate::replay::Recording)). Nothing is
/// written anywhere.
///
/// # Errors
/// When a site cannot be put up.
pub fn first_visit(
    plan: &Plan,
    network: &Virtual,
    sites: &dyn Fn() -> Result<Vec<Site>, RunError>,
) -> Result<(Vec<Event>, Bodies), RunError> {
    let log = unwritten()?;
    let plan = plan.unseen();
    let machine = ThisMachine::default();
    let scene = Scene::new(&machine, CaptureWish::No, sites).of(&plan);
    let title = Title { command: "visit".into(), subject: plan.url.to_string(), replay_of: None };
    let carried = once(&title, &plan, &Ground::Lab(Box::new(network.clone())), &log, &scene)?;
    end(&log, carried.at, carried.done.0.exit, false)?;
    Ok((log.events(), log.bodies()))
}

/// A log that keeps everything in memory. Credentials stay in it, since nobody else reads it.
fn unwritten() -> Result<Log, RunError> {
    let settings = RecordSettings { keep_secrets: true, ..RecordSettings::in_memory() };
    Ok(Log::new(Recorder::new(settings)?))
}
