//! The server on a real wire: folders, programs, an echo and virtual hosts, behind its listeners.

use core::num::NonZeroUsize;

use roundtrip_http::server::Options;
use roundtrip_live::{CaptureWish, Ports, Way};
use roundtrip_os::on_threads;
use roundtrip_record::Log;

use crate::certificates::Certificates;
use crate::ground::{Ground, Scene};
pub use crate::place::{BadPlace, Place};
use crate::run::{ThisMachine, Title};
pub use crate::service::{
    CGI_PREFIX, ECHO_PATH, Echoing, ServeError, Service, SpeaksThree, Told, advice,
};
use crate::workers::{First, Listening, Opened, Worker};

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
    let opened = Opened::default();
    if threads.get() == 1 {
        return one(service, ground, threads, Listening::First(First(&opened)), told);
    }
    let results = on_threads(threads, |number| {
        let listening = if number == 0 {
            Listening::First(First(&opened))
        } else {
            match opened.wait() {
                // The first one tells why.
                none if none.is_empty() => return Ok(()),
                addresses => Listening::Like(addresses),
            }
        };
        one(service, &Ground::Live, threads, listening, told)
    });
    results.into_iter().collect()
}

/// Serves on one thread.
fn one(
    service: &Service,
    ground: &Ground,
    threads: NonZeroUsize,
    listening: Listening<'_>,
    told: &Told<'_>,
) -> Result<(), ServeError> {
    let handler = service.handler()?;
    let certificates = Certificates::read(&service.identities)?;
    let options =
        Options { max_connections: connections(service, threads), ..service.options.clone() };
    let ports = if threads.get() > 1 { Ports::Shared } else { Ports::Own };
    let worker = Worker { service, options, handler, certificates, listening, ports, told };
    let way = Way { fast_open: service.fast_open, ..Way::default() };
    let machine = ThisMachine { way, ports, ..ThisMachine::default() };
    let sites = || Ok(Vec::new());
    let scene = Scene::new(&machine, CaptureWish::No, &sites);
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
