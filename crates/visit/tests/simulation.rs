//! Whole visits over bad links, one for each seed: from the name to the end of `TIME_WAIT`, with a
//! page, what belongs to it and two origins, while the access link loses, reorders, doubles and
//! corrupts frames both ways.
//!
//! ```sh
//! ROUNDTRIP_SEED=123 cargo test -p roundtrip-visit --test simulation -- --nocapture   # one seed, told
//! ROUNDTRIP_SEEDS=20000 cargo test -p roundtrip-visit --test simulation               # more of them
//! ROUNDTRIP_HTTP3=1 cargo test -p roundtrip-visit --test simulation                   # all over HTTP/3
//! ```

mod common;

use core::time::Duration;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::join_all;
use http::Version;
use roundtrip_http::client::{Client, Failure, Request, Three};
use roundtrip_http::handler::{Files, Tree};
use roundtrip_lab::{DEFAULT_DATE, Internet, Net, Seed, Settings};
use roundtrip_record::{
    AttemptEnd, DropReason, Event, Fault, FaultKind, LinkCounts, LinkId, Log, Outcome, Time, What,
};
use roundtrip_visit::crypto::Authority;
use roundtrip_visit::site::{Site, put_up};
use roundtrip_visit::{Names, Plan};
use roundtrip_wire::Wire;
use sha2::{Digest as _, Sha256};
use url::Url;

/// Seeds of one run.
const SEEDS: u64 = 2_000;
/// Visits in a thousand that must complete: 99.9 %.
const COMPLETE: u64 = 999;
/// What is wrong with the access link, each way. What is corrupted is lost too where cards check it:
/// six frames in a hundred are.
const HABITS: &str = "loss=5%,reorder=5%,duplicate=5%,corrupt=1%";
/// The networks that it is wrong with, by turns.
const NETWORKS: [&str; 5] = ["cable", "dsl", "3g", "lte", "fios"];
/// A visit that takes longer hangs: no chain of timers that ends well is as long (virtual time).
const HANG: Duration = Duration::from_mins(10);
/// Everything, the last connection included, is over this long after a visit (virtual time).
const SETTLED: Duration = Duration::from_hours(1);
/// One second.
const SECOND: Duration = Duration::from_secs(1);
/// The largest body that is taken.
const LARGEST: usize = 1 << 20;

/// The pages' origin and the other one.
const HOSTS: [&str; 2] = ["www.meadow.example", "img.harbour.example"];
/// What is fetched: the page first, then the rest at once. Bytes of each.
const RESOURCES: [(usize, &str, usize); 8] = [
    (0, "index.html", 9_000),
    (0, "style.css", 14_000),
    (0, "script.js", 31_000),
    (0, "empty.txt", 0),
    (0, "font.bin", 22_000),
    (1, "one.bin", 40_000),
    (1, "two.bin", 1),
    (1, "three.bin", 12_345),
];

/// Bytes of a resource: no two are alike, and none repeats within a window.
fn content(name: &str, length: usize) -> Vec<u8> {
    let mut state = Sha256::digest(name);
    let mut bytes = Vec::with_capacity(length + 32);
    while bytes.len() < length {
        bytes.extend_from_slice(&state);
        state = Sha256::digest(state);
    }
    bytes.truncate(length);
    bytes
}

/// What a seed stands for.
#[derive(Clone, Copy)]
struct Case {
    seed: u64,
}

impl Case {
    /// Every fourth has network cards that check nothing: corrupted frames reach our checksums.
    fn net(self) -> String {
        let network = NETWORKS[(self.seed % NETWORKS.len() as u64) as usize];
        let fcs = if self.seed % 4 == 3 { "off" } else { "on" };
        format!("{network},{HABITS},fcs={fcs}")
    }

    /// Every eighth is https, and another one goes by HTTP/3.
    fn scheme(self) -> &'static str {
        if self.seed % 8 == 5 || self.three() { "https" } else { "http" }
    }

    /// Whether it goes by HTTP/3 alone.
    fn three(self) -> bool {
        self.seed % 8 == 1 || common::number("ROUNDTRIP_HTTP3").is_some()
    }

    fn command(self) -> String {
        let three =
            if common::number("ROUNDTRIP_HTTP3").is_some() { "ROUNDTRIP_HTTP3=1 " } else { "" };
        format!(
            "{three}ROUNDTRIP_SEED={} cargo test -p roundtrip-visit --test simulation -- --nocapture",
            self.seed
        )
    }
}

/// How a visit came out.
struct Outcomes {
    /// And when each showed.
    faults: Vec<(Fault, Time)>,
    /// Resources whose bytes were not those of the server.
    wrong: Vec<String>,
    complete: bool,
    counts: [LinkCounts; 2],
    access: [LinkId; 2],
    ended: Time,
}

fn sites(case: Case) -> Vec<Site> {
    let mut trees = [Tree::new(), Tree::new()];
    for (host, name, length) in RESOURCES {
        trees[host].insert(name, content(name, length), None);
    }
    let put = |(host, tree): (&str, Tree)| {
        let site = Site::http(host, Box::new(move |_| Rc::new(Files::tree(tree))));
        match (case.three(), case.scheme()) {
            (true, _) => site.secure().with_three(),
            (false, "https") => site.secure(),
            _ => site,
        }
    };
    HOSTS.into_iter().zip(trees).map(put).collect()
}

/// A fault and when it showed, or bytes that were not those of the server.
enum Trouble {
    Fault(Box<Fault>, Time),
    Wrong(String),
}

/// Fetches one resource and compares it.
async fn fetch<W: Wire>(
    wire: &W,
    client: &Client<W>,
    scheme: &str,
    at: usize,
) -> Result<(), Trouble> {
    let (host, name, length) = RESOURCES[at];
    let url = Url::parse(&format!("{scheme}://{}/{name}", HOSTS[host])).expect("a URL");
    let failed = |failure: Failure| Trouble::Fault(Box::new(failure.fault(true)), wire.now());
    let mut response = client.send(Request::get(url)).await.map_err(failed)?;
    let body = response.body.bytes(LARGEST).await.map_err(failed)?;
    let right = Sha256::digest(content(name, length)) == Sha256::digest(&body);
    if right && response.status == 200 { Ok(()) } else { Err(Trouble::Wrong(name.to_owned())) }
}

/// One visit, on a thread's own lab.
fn visit(case: Case, log: Log) -> Outcomes {
    let net: Net = case.net().parse().expect("a network");
    let seed = Seed::new(case.seed);
    let mut internet = Internet::new(Settings::new(net, seed, log));
    let authority = Authority::new(case.seed, DEFAULT_DATE).expect("an authority");
    let tls = authority.client(None).expect("TLS");
    let plan = Plan::get(Url::parse("http://www.meadow.example/").expect("a URL"));
    put_up(&mut internet, &authority, sites(case)).expect("sites");
    let wire = internet.client().clone();
    let lab = internet.lab();
    let work = async {
        let names = Names::new(wire.clone(), plan.names, Vec::new());
        let mut options = plan.client.clone();
        if case.three() {
            (options.version, options.three) = (Version::HTTP_3, Three::Only);
        }
        let client = Client::new(wire.clone(), Rc::new(names), Some(tls), options);
        let scheme = case.scheme();
        let mut done = vec![fetch(&wire, &client, scheme, 0).await];
        if done[0].is_ok() {
            done.extend(
                join_all((1..RESOURCES.len()).map(|at| fetch(&wire, &client, scheme, at))).await,
            );
        }
        client.close("visit over").await;
        done
    };
    let done = lab.run_until(work).unwrap_or_else(|stuck| panic!("{stuck}"));
    let ended = lab.now();
    assert!(ended < Time::ZERO + HANG, "the visit took {ended}");
    let settled = lab.settle(ended + SETTLED).unwrap_or_else(|stuck| panic!("{stuck}"));
    assert!(settled, "something still happens {SETTLED:?} after the visit");
    let open: Vec<_> = wire.connections();
    assert!(open.is_empty(), "connections that never ended: {open:?}");
    let access = internet.access();
    let counts = access.map(|link| lab.counts(link));
    let (mut faults, mut wrong) = (Vec::new(), Vec::new());
    let complete = done.len() == RESOURCES.len() && done.iter().all(Result::is_ok);
    for trouble in done.into_iter().filter_map(Result::err) {
        match trouble {
            Trouble::Fault(fault, at) => faults.push((*fault, at)),
            Trouble::Wrong(name) => wrong.push(name),
        }
    }
    Outcomes { faults, wrong, complete, counts, access, ended }
}

/// Whether the links' own log bears a fault out: the limit that the fault names was reached because
/// of frames that the access link did not deliver.
///
/// # Errors
/// What is missing.
fn borne_out(fault: &Fault, at: Time, access: [LinkId; 2], log: &[Event]) -> Result<(), String> {
    // What the access link did not deliver as it was, between two times.
    let gone = |from: Time, to: Time| {
        log.iter()
            .filter(|event| (from..=to).contains(&event.at))
            .filter(|event| match &event.what {
                What::LinkDropped(dropped) => {
                    access.contains(&dropped.link)
                        && matches!(
                            dropped.reason,
                            DropReason::Lost
                                | DropReason::BadFcs
                                | DropReason::QueueFull
                                | DropReason::Corrupted
                        )
                }
                _ => false,
            })
            .count() as u64
    };
    // ARP has no checksum (RFC 826): a flipped bit that a network card lets through can give a
    // neighbour a wrong address, and until it is probed again nothing gets anywhere.
    if is_neighbour_corrupted(at, access, log) {
        return Ok(());
    }
    let need = |what: &str, needed: u64, seen: u64| {
        if seen >= needed {
            Ok(())
        } else {
            Err(format!("{what} need {needed} frames gone, the links' log has {seen}"))
        }
    };
    match &fault.fault {
        FaultKind::NameTimedOut { .. } => {
            // Every try lost its query or its answer.
            let tries = log.iter().filter_map(|event| match &event.what {
                What::NameAnswered(answer) => match answer.outcome {
                    Outcome::TimedOut { tries } => Some(u64::from(tries)),
                    _ => None,
                },
                _ => None,
            });
            let tries = tries.max().ok_or("no source is said to have timed out")?;
            need("tries of a name server", tries, gone(fault.since, at))
        }
        FaultKind::ConnectFailed { attempts } => {
            for attempt in attempts {
                if attempt.end != AttemptEnd::TimedOut {
                    return Err(format!("an attempt ended with {:?}", attempt.end));
                }
                // Each SYN, or what came back, is gone.
                let syns = (attempt.syns.len() as u64).max(1);
                need("SYNs", syns, gone(attempt.began, attempt.ended))?;
            }
            Ok(())
        }
        FaultKind::Stalled { silent, .. } => {
            // Repetitions double their distance. After a SYN that was repeated the first comes as
            // late as 3 s (RFC 6298 §5.7): three transmissions in 15 s, the first of them perhaps a
            // little older than the silence.
            let tries = 1 + u64::from((silent.as_secs() / 3 + 1).ilog2());
            let from =
                Time::from_nanos(at.nanos().saturating_sub((*silent + SECOND).as_nanos() as u64));
            need("repetitions", tries, gone(from, at))
        }
        other => Err(format!("no link can be the reason of {other:?}")),
    }
}

/// Whether an ARP frame was delivered with a flipped bit, not longer before `at` than a neighbour is
/// believed (half as long again as the mean of 30 s: RFC 4861 §10, which Linux uses for ARP too).
fn is_neighbour_corrupted(at: Time, access: [LinkId; 2], log: &[Event]) -> bool {
    const ARP: u32 = 42;
    const BELIEVED: Duration = Duration::from_secs(45);
    log.iter().any(|event| match &event.what {
        What::LinkDropped(dropped) if dropped.reason == DropReason::Corrupted => {
            let frame = event.cause.and_then(|cause| log.iter().find(|event| event.id == cause));
            access.contains(&dropped.link)
                && event.at <= at
                && at - event.at <= BELIEVED
                && frame.is_some_and(
                    |frame| matches!(&frame.what, What::Frame(frame) if frame.length == ARP),
                )
        }
        _ => false,
    })
}

/// Tries one seed; answers whether the visit completed, and what the links did.
///
/// # Errors
/// Why the seed fails the test.
fn attempt(case: Case) -> Result<(bool, [LinkCounts; 2]), String> {
    let run = |log| {
        catch_unwind(AssertUnwindSafe(|| visit(case, log))).map_err(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string))
                .unwrap_or_else(|| "panic".into())
        })
    };
    let outcomes = run(Log::off())?;
    if !outcomes.wrong.is_empty() {
        return Err(format!("wrong bytes or status: {:?}", outcomes.wrong));
    }
    if outcomes.faults.is_empty() {
        return Ok((outcomes.complete, outcomes.counts));
    }
    // The same again with a record: it must come out the same, and tell why.
    let log = Log::memory();
    let again = run(log.clone())?;
    let kinds = |faults: &[(Fault, Time)]| -> Vec<_> {
        faults.iter().map(|(fault, at)| (fault.step, fault.fault.exit_code(), *at)).collect()
    };
    if kinds(&again.faults) != kinds(&outcomes.faults) {
        return Err("recording changed what happened".into());
    }
    let events = log.events();
    for (fault, at) in &again.faults {
        borne_out(fault, *at, again.access, &events).map_err(|why| format!("{why}: {fault:?}"))?;
    }
    Ok((false, outcomes.counts))
}

#[derive(Default)]
struct Tally {
    complete: u64,
    incomplete: Vec<u64>,
    failed: BTreeMap<u64, String>,
    /// lost, stopped by the FCS, delivered corrupted, doubled, held back.
    done: [u64; 5],
}

#[test]
fn whole_visits_survive_bad_links() {
    if let Some(seed) = common::number("ROUNDTRIP_SEED") {
        return one(Case { seed });
    }
    let seeds = common::number("ROUNDTRIP_SEEDS").unwrap_or(SEEDS);
    let (next, tally) = (AtomicU64::new(0), Mutex::new(Tally::default()));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds {
                break;
            }
            let outcome = attempt(Case { seed });
            let mut tally = tally.lock().expect("no thread panics with it");
            match outcome {
                Err(why) => {
                    tally.failed.insert(seed, why);
                }
                Ok((complete, counts)) => {
                    if complete {
                        tally.complete += 1;
                    } else {
                        tally.incomplete.push(seed);
                    }
                    for link in counts {
                        let did = [
                            link.lost,
                            link.bad_fcs,
                            link.corrupted,
                            link.duplicated,
                            link.reordered,
                        ];
                        tally.done.iter_mut().zip(did).for_each(|(sum, count)| *sum += count);
                    }
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(work);
        }
    });
    judge(seeds, &tally.into_inner().expect("no thread panicked"));
}

fn judge(seeds: u64, tally: &Tally) {
    let [lost, stopped, corrupted, doubled, held] = tally.done;
    println!(
        "{seeds} visits, {} complete; links: {lost} lost, {stopped} stopped by the FCS, \
         {corrupted} delivered corrupted, {doubled} doubled, {held} held back",
        tally.complete
    );
    for seed in &tally.incomplete {
        println!("incomplete, as the links' log bears out: {}", Case { seed: *seed }.command());
    }
    for (seed, why) in &tally.failed {
        println!("seed {seed}: {why}\n    {}", Case { seed: *seed }.command());
    }
    assert!(tally.failed.is_empty(), "{} seeds fail; see above", tally.failed.len());
    assert!(
        tally.complete * 1_000 >= seeds * COMPLETE,
        "only {} of {seeds} visits are complete; see above",
        tally.complete
    );
    // The test would prove nothing on links that did nothing.
    assert!(
        tally.done.iter().all(|count| *count > seeds / 100),
        "links that behave: {:?}",
        tally.done
    );
}

/// One seed, with its record told.
fn one(case: Case) {
    println!("seed {} on {} over {}", case.seed, case.net(), case.scheme());
    let log = Log::memory();
    let outcomes = visit(case, log.clone());
    let events = log.events();
    println!("{} events, visit over at {}", events.len(), outcomes.ended);
    for counts in outcomes.counts {
        println!("{counts:?}");
    }
    for event in &events {
        if matches!(
            &event.what,
            What::Fault(_)
                | What::LinkDropped(_)
                | What::ConnectAttempt(_)
                | What::ConnectResult(_)
                | What::ResponseEnded(_)
                | What::NameAsked(_)
                | What::NameAnswered(_)
                | What::TcpTimer(_)
        ) {
            println!("{} host {:?} #{} {:?}", event.at, event.host, event.id.get(), event.what);
        }
    }
    let verdict = attempt(case);
    assert!(verdict.is_ok(), "{verdict:?}");
}
