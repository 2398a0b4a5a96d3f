//! The server on a real wire: folders, programs, an echo and virtual hosts, behind its listeners.

use core::num::NonZeroUsize;
use std::sync::Arc;

use roundtrip_http::server::Options;
use roundtrip_live::{CaptureWish, Ports, Way};
use roundtrip_os::on_threads;
use roundtrip_record::Log;

use crate::certificates::Certificates;
use crate::ground::{Ground, Scene};
use crate::orders::Orders;
pub use crate::passwords::{BadPasswords, Passwords};
pub use crate::place::{BadPlace, Place};
use crate::run::{ThisMachine, Title};
pub use crate::service::{
    CGI_PREFIX, Compression, ECHO_PATH, Echoing, Listening, ServeError, Service, SpeaksThree, Told,
    Upload, advice,
};
use crate::workers::{Common, First, Opened, Rank, Worker};

/// Serves until SIGINT or SIGTERM; requests under way are finished, unless a second signal comes. At SIGHUP,
/// folders are looked up and certificates read anew, and no connection is lost. No record is kept.
///
/// # Errors
/// When it cannot begin.
pub fn serve(service: &Service, ground: &Ground, told: &Told<'_>) -> Result<(), ServeError> {
    let threads = match ground {
        Ground::Live => service.workers,
        // One stack of ours has one thread.
        Ground::Tap(_) | Ground::Lab(_) => NonZeroUsize::MIN,
    };
    let common = Common {
        service,
        options: Options {
            max_connections: connections(service, threads),
            ..service.options.clone()
        },
        certificates: Certificates::read(&service.identities)?,
        // A stack of ours has one thread, whose ports are its own.
        ports: if threads.get() > 1 { Ports::Shared } else { Ports::Own },
        told,
        opened: Opened::default(),
        orders: Orders::default(),
        metrics: service.metrics.map(|_| Arc::default()),
    };
    if threads.get() == 1 {
        return one(&common, ground, Rank::First(First(&common.opened)));
    }
    let results = on_threads(threads, |number| {
        let rank = if number == 0 {
            Rank::First(First(&common.opened))
        } else {
            match common.opened.wait() {
                // The first one tells why, or has a socket that is no other's.
                none if none.is_empty() => return Ok(()),
                addresses => Rank::Like(addresses),
            }
        };
        one(&common, &Ground::Live, rank)
    });
    results.into_iter().collect()
}

/// Serves on one thread.
fn one(common: &Common<'_>, ground: &Ground, rank: Rank<'_>) -> Result<(), ServeError> {
    let way = Way { fast_open: common.service.fast_open, ..Way::default() };
    let machine = ThisMachine { way, ports: common.ports, ..ThisMachine::default() };
    let sites = || Ok(Vec::new());
    let scene = Scene::new(&machine, CaptureWish::No, &sites);
    let worker = Worker { common, rank };
    ground.carry_out(&Title::default(), &Log::off(), &scene, worker)?.done
}

/// How many connections each thread may have: what the process has descriptors for, with some left for the
/// files, programs and logs that answers need.
fn connections(service: &Service, threads: NonZeroUsize) -> usize {
    let wanted = service.options.max_connections;
    let room = match roundtrip_os::raise_descriptors().and_then(|most| usize::try_from(most).ok()) {
        None => wanted,
        Some(most) => wanted.min(most.saturating_sub((most / 4).max(32))),
    };
    (room / threads).max(1)
}
