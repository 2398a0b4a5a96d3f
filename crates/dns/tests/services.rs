//! The services of the operating system on the ladder: nscd and systemd-resolved, as they may answer.

mod common;

use std::cell::RefCell;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::SystemTime;

use common::{World, ips};
use roundtrip_dns::{Families, Lookup, LookupFault, Options, Resolver};
use roundtrip_lab::LabHost;
use roundtrip_record::{EventId, FaultKind, Log, Outcome, Source, Time, WireKind};
use roundtrip_wire::{ConnectFault, Environment, LocalFuture, OsAnswer, Task, Text, Wire};

/// A host of the lab with services of its own.
#[derive(Clone)]
struct Host {
    lab: LabHost,
    services: Rc<Services>,
}

struct Services {
    lab: LabHost,
    nscd: Option<OsAnswer>,
    resolved: Option<OsAnswer>,
    nsswitch: io::Result<&'static str>,
    asked: RefCell<Vec<String>>,
}

impl Environment for Services {
    fn hosts(&self) -> io::Result<Option<Text>> {
        self.lab.environment().hosts()
    }

    fn nsswitch(&self) -> io::Result<Option<Text>> {
        match &self.nsswitch {
            Ok(line) => {
                Ok(Some(Text { path: "/etc/nsswitch.conf".into(), content: (*line).into() }))
            }
            Err(why) => Err(why.kind().into()),
        }
    }

    fn resolv_conf(&self) -> io::Result<Option<Text>> {
        self.lab.environment().resolv_conf()
    }

    fn os_cache(&self) -> Option<Text> {
        self.nscd.as_ref()?;
        Some(Text { path: "/run/nscd/socket".into(), content: "nscd".into() })
    }

    fn ask_os_cache<'a>(&'a self, name: &'a str) -> LocalFuture<'a, OsAnswer> {
        self.asked.borrow_mut().push(name.to_owned());
        Box::pin(async { self.nscd.clone().unwrap_or(OsAnswer::Absent) })
    }

    fn resolved(&self) -> Option<String> {
        self.resolved.as_ref().map(|_| "/run/systemd/resolve/io.systemd.Resolve".into())
    }

    fn ask_resolved<'a>(&'a self, name: &'a str) -> LocalFuture<'a, OsAnswer> {
        self.asked.borrow_mut().push(name.to_owned());
        Box::pin(async { self.resolved.clone().unwrap_or(OsAnswer::Absent) })
    }

    fn load(&self, key: &str) -> Option<Vec<u8>> {
        self.lab.environment().load(key)
    }

    fn store(&self, key: &str, bytes: &[u8]) {
        self.lab.environment().store(key, bytes);
    }

    fn root_hints(&self) -> Vec<(String, IpAddr)> {
        self.lab.environment().root_hints()
    }
}

impl Wire for Host {
    type Stream = <LabHost as Wire>::Stream;
    type Listener = <LabHost as Wire>::Listener;
    type Datagram = <LabHost as Wire>::Datagram;

    fn kind(&self) -> WireKind {
        self.lab.kind()
    }

    fn now(&self) -> Time {
        self.lab.now()
    }

    fn wall(&self) -> SystemTime {
        self.lab.wall()
    }

    fn log(&self) -> Log {
        self.lab.log()
    }

    fn random(&self, bytes: &mut [u8]) {
        self.lab.random(bytes);
    }

    fn environment(&self) -> &dyn Environment {
        &*self.services
    }

    fn sleep_until(&self, at: Time) -> impl Future<Output = ()> + 'static {
        self.lab.sleep_until(at)
    }

    fn spawn(&self, task: impl Future<Output = ()> + 'static) -> Task {
        self.lab.spawn(task)
    }

    fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = T> {
        self.lab.work(work)
    }

    fn connect(
        &self,
        to: SocketAddr,
        deadline: Option<Time>,
        cause: Option<EventId>,
    ) -> impl Future<Output = Result<Self::Stream, ConnectFault>> {
        self.lab.connect(to, deadline, cause)
    }

    fn closed(&self, id: roundtrip_record::ConnectionId) -> impl Future<Output = ()> + 'static {
        self.lab.closed(id)
    }

    fn connections(&self) -> Vec<roundtrip_record::ConnectionId> {
        self.lab.connections()
    }

    fn listen(&self, at: SocketAddr) -> io::Result<Self::Listener> {
        self.lab.listen(at)
    }

    fn datagram(&self, at: SocketAddr) -> io::Result<Self::Datagram> {
        self.lab.datagram(at)
    }
}

/// A lookup of `www.example.com` on a host with those services, and the rungs of the ladder.
fn lookup(
    nscd: Option<OsAnswer>,
    resolved: Option<OsAnswer>,
    nsswitch: io::Result<&'static str>,
) -> (Result<Lookup, LookupFault>, World) {
    let world = World::new("lan", 1);
    let asked = RefCell::default();
    let services = Services { lab: world.client().clone(), nscd, resolved, nsswitch, asked };
    let host = Host { lab: world.client().clone(), services: Rc::new(services) };
    let resolver = Resolver::new(host.clone());
    let options = Options::default().of(Families::V4);
    let result = world.run(resolver.lookup("www.example.com", options, None));
    assert!(host.services.asked.borrow().iter().all(|name| name == "www.example.com"));
    (result, world)
}

fn found(address: &str) -> OsAnswer {
    OsAnswer::Found {
        addresses: ips(&["2001:db8::77", address]),
        canonical: Some("web.example.com".into()),
        ttl: Some(42),
        origin: Some("cache".into()),
    }
}

const FILES_DNS: io::Result<&str> = Ok("hosts: files dns");
const DEBIAN: io::Result<&str> = Ok("hosts: files resolve [!UNAVAIL=return] dns");

#[test]
fn what_nscd_knows_nobody_else_is_asked_for() {
    let (result, world) = lookup(Some(found("192.0.2.7")), None, FILES_DNS);
    assert_eq!(result.unwrap().addresses(), ips(&["192.0.2.7"]));
    assert_eq!(world.rungs(), ["nscd 192.0.2.7"]);
    for (answer, kind) in [
        (
            OsAnswer::NotFound,
            FaultKind::NxDomain { name: "www.example.com.".into(), soa: None, ttl: None },
        ),
        (OsAnswer::NoData, FaultKind::NoAddress { name: "www.example.com.".into() }),
    ] {
        let (result, world) = lookup(Some(answer), None, FILES_DNS);
        assert_eq!(*result.unwrap_err().kind, kind);
        assert_eq!(world.rungs().len(), 1);
    }
}

#[test]
fn a_cache_that_does_not_know_or_does_not_work_is_passed_over() {
    for answer in [OsAnswer::Absent, OsAnswer::Miss, OsAnswer::Failed("broken pipe".into())] {
        let (result, world) = lookup(Some(answer), None, FILES_DNS);
        assert_eq!(result.unwrap().addresses(), ips(&["203.0.113.10"]));
        assert_eq!(world.rungs()[1..], ["hosts miss", "own miss", "198.51.100.8 203.0.113.10"]);
    }
}

#[test]
fn resolved_answers_in_its_place_of_the_line() {
    let (result, world) = lookup(None, Some(found("192.0.2.8")), DEBIAN);
    let lookup_ = result.unwrap();
    assert_eq!((lookup_.addresses(), lookup_.ttl), (ips(&["192.0.2.8"]), Some(42)));
    assert_eq!(lookup_.aliases, ["web.example.com"]);
    let answered = world.answered();
    assert!(matches!(&answered[1].source, Source::Resolved { path } if path.ends_with("Resolve")));
    let origin = |outcome: &Outcome| match outcome {
        Outcome::Found { origin, .. } => origin.clone(),
        _ => None,
    };
    assert_eq!(origin(&answered[1].outcome).as_deref(), Some("cache"));

    let (result, world) = lookup(None, Some(OsAnswer::NotFound), DEBIAN);
    assert!(matches!(*result.unwrap_err().kind, FaultKind::NxDomain { .. }));
    assert_eq!(world.messages().len(), 0);
    let (result, world) = lookup(None, Some(OsAnswer::Failed("SERVFAIL".into())), DEBIAN);
    assert!(matches!(*result.unwrap_err().kind, FaultKind::NameFailed { .. }));
    assert_eq!(world.messages().len(), 0);
    let (result, world) = lookup(None, None, DEBIAN);
    assert_eq!(result.unwrap().addresses(), ips(&["203.0.113.10"]));
    assert_eq!(world.rungs()[1], "resolved not there");
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let (result, world) = lookup(None, None, Err(io::ErrorKind::PermissionDenied.into()));
    assert_eq!(result.unwrap().addresses(), ips(&["203.0.113.10"]));
    assert_eq!(world.rungs()[0], "skipped nsswitch.conf permission denied");
    let (_, world) = lookup(None, None, Ok("hosts: files [NOTFOUND"));
    assert!(world.rungs()[0].starts_with("skipped nsswitch.conf"), "{:?}", world.rungs());
}
