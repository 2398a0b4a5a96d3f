//! A server whose behaviour is known to the nanosecond, in the lab: what is measured of it has to be what
//! arithmetic gives.

use core::cell::Cell;
use core::num::{NonZeroU32, NonZeroUsize};
use core::time::Duration;
use std::rc::Rc;

use roundtrip_http::server::{Handler, Request, RequestBody, Response};
use roundtrip_lab::{Caches, DEFAULT_DATE, LabHost};
use roundtrip_load::{
    Arrivals, Consent, Measured, Pace, Place, Plan, Search, Stop, Target, Times, find_limit, json,
    measure,
};
use roundtrip_record::Time;
use roundtrip_visit::ground::{Ground, Virtual};
use roundtrip_visit::run::{RunError, ThisMachine};
use roundtrip_visit::site::Site;
use roundtrip_wire::{LocalFuture, Wire as _};

const SECOND: Duration = Duration::from_secs(1);

/// When a server that was asked at a time is done with it.
trait Habit: 'static {
    fn done(&self, asked: Time) -> Time;
}

/// Answers at once, but nothing in the first tenth of each second: stalled for 100 ms.
struct Stalls;

impl Habit for Stalls {
    fn done(&self, asked: Time) -> Time {
        let second = asked.nanos() / 1_000_000_000 * 1_000_000_000;
        Time::from_nanos(asked.nanos().max(second + 100_000_000))
    }
}

/// Answers one request after the other, each in this time.
struct OneByOne {
    each: Duration,
    free: Cell<Time>,
}

impl Habit for OneByOne {
    fn done(&self, asked: Time) -> Time {
        let done = asked.max(self.free.get()) + self.each;
        self.free.set(done);
        done
    }
}

struct Timed<H>(H, LabHost);

impl<H: Habit> Handler for Timed<H> {
    fn handle<'a>(&'a self, _: &'a Request, _: RequestBody) -> LocalFuture<'a, Response> {
        Box::pin(async move {
            self.1.sleep_until(self.0.done(self.1.now())).await;
            Response::text("done")
        })
    }
}

fn lab(net: &str) -> Ground {
    let net = net.parse().unwrap();
    let (date, caches) = (DEFAULT_DATE, Caches::default());
    Ground::Lab(Box::new(Virtual { net, seed: 1, date, caches }))
}

fn plan(rate: &str, time: Duration, connections: u32) -> Plan {
    let url = url::Url::parse("http://server.test/").unwrap();
    Plan {
        pace: Pace::Open { rate: rate.parse().unwrap(), arrivals: Arrivals::Even },
        connections: NonZeroU32::new(connections).unwrap(),
        stop: Stop { requests: None, time: Some(time) },
        ..Plan::new(vec![Target::get(url)])
    }
}

/// Carries a plan out in the lab, where a server of this habit is.
fn in_lab<H: Habit>(plan: &Plan, net: &str, habit: impl Fn() -> H + Copy + 'static) -> Measured {
    let ground = lab(net);
    let sites = move || -> Result<Vec<Site>, RunError> {
        let handler =
            move |host: &LabHost| -> Rc<dyn Handler> { Rc::new(Timed(habit(), host.clone())) };
        let mut site = Site::http("server.test", Box::new(handler));
        site.options.max_requests = u32::MAX;
        Ok(vec![site])
    };
    let place = Place {
        ground: &ground,
        machine: &ThisMachine::default(),
        sites: &sites,
        names: roundtrip_dns::Options::default(),
        consent: Consent::OwnOnly,
        threads: NonZeroUsize::MIN,
        gauges: Vec::new(),
    };
    measure(plan, &place).unwrap()
}

/// A link that adds next to nothing.
const NEAR: &str = "rtt=0.2ms,down=10Gbit,up=10Gbit";

fn near(times: &Times, share: f64, wanted: Duration) {
    let (found, wanted) = (times.quantile(share).as_secs_f64(), wanted.as_secs_f64());
    assert!((found / wanted - 1.0).abs() < 0.05, "p{}: {found} is not {wanted}", share * 100.0);
}

/// Of requests that are evenly spread, a tenth falls into the stall of each second, and waits for what is
/// left of it: 0 to 100 ms, all alike. So 9 of 10 wait for nothing, 95 of 100 for half of the stall.
#[test]
fn a_stall_has_the_percentiles_that_arithmetic_gives() {
    let measured = in_lab(&plan("1000", 10 * SECOND, 200), NEAR, || Stalls);
    let latency = &measured.tally.latency;
    assert_eq!((measured.tally.answered, measured.tally.errors()), (10_000, 0));
    assert!(latency.quantile(0.5) < Duration::from_millis(1));
    near(latency, 0.95, Duration::from_millis(50));
    near(latency, 0.99, Duration::from_millis(90));
    near(latency, 0.999, Duration::from_millis(99));
    near(latency, 1.0, Duration::from_millis(100));
}

/// With few connections, most of those requests are not sent before the stall is over: service time, which
/// is all that a tool without correction knows, shows next to nothing of it; latency is the same.
#[test]
fn few_connections_hide_a_stall_from_service_time_and_not_from_latency() {
    let measured = in_lab(&plan("1000", 10 * SECOND, 8), NEAR, || Stalls);
    let tally = &measured.tally;
    assert_eq!((tally.answered, tally.errors()), (10_000, 0));
    near(&tally.latency, 0.95, Duration::from_millis(50));
    near(&tally.latency, 0.99, Duration::from_millis(90));
    assert!(tally.service.quantile(0.99) < Duration::from_millis(1));
    // Eight of a thousand were under way while it stalled.
    assert!(tally.service.quantile(0.999) > Duration::from_millis(90));
}

/// A closed loop asks five times in each stall, and so has next to nothing to tell of it.
#[test]
fn a_closed_loop_misses_the_stall() {
    let closed = Plan { pace: Pace::Closed, ..plan("1", 3 * SECOND, 5) };
    let measured = in_lab(&closed, NEAR, || Stalls);
    assert!(measured.tally.answered > 10_000);
    assert!(measured.tally.latency.quantile(0.99) < Duration::from_millis(1));
}

#[test]
fn the_limit_of_a_server_of_fixed_service_time_is_found() {
    let habit = || OneByOne { each: Duration::from_millis(2), free: Cell::new(Time::ZERO) };
    let search = Search {
        goal: "p99<20ms".parse().unwrap(),
        first: "100".parse().unwrap(),
        arrivals: Arrivals::Even,
        within: 10,
    };
    let plan = plan("1", 3 * SECOND, 50);
    let measure = |plan: &Plan| Ok(in_lab(plan, NEAR, habit));
    let found = find_limit(&plan, &search, measure, || {}, |_| {}).unwrap();
    let held = found.held.unwrap().per_second();
    assert!((475.0..=525.0).contains(&held), "{held}");
}

#[test]
fn the_lab_repeats_to_the_byte() {
    let mut plan = plan("300", 2 * SECOND, 20);
    plan.pace = Pace::Open { rate: "300".parse().unwrap(), arrivals: Arrivals::Poisson };
    let told = |plan: &Plan| json(&in_lab(plan, "3gfast", || Stalls), &[]).to_string();
    let first = told(&plan);
    assert_eq!(first, told(&plan));
    plan.seed = 2;
    assert_ne!(first, told(&plan));
}

/// More than the server can answer: what is left over is told, and its wait counts.
#[test]
fn what_is_not_sent_before_the_end_is_told() {
    let habit = || OneByOne { each: Duration::from_millis(10), free: Cell::new(Time::ZERO) };
    let measured = in_lab(&plan("200", 2 * SECOND, 4), NEAR, habit);
    let tally = &measured.tally;
    assert_eq!(tally.answered + tally.unsent, 400);
    assert!((195..=205).contains(&tally.unsent), "{}", tally.unsent);
    // Half of all wait, the first not at all and the last of those sent for a second.
    near(&tally.latency, 1.0, SECOND);
}
