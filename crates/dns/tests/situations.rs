//! Situations in which a lookup can find itself: what it comes to, whom it asked on the way, and how
//! long that took. `tests/situations.txt` holds all of it, to be read by people.
//!
//! ```sh
//! UPDATE=1 cargo test -p roundtrip-dns --test situations    # writes the file anew; then read it
//! ```

#![allow(clippy::unnecessary_wraps, reason = "all manners have one type, and some are silent")]
#![allow(clippy::too_many_lines, reason = "a list of situations is as long as it is")]

mod common;

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use common::{World, zone};
use roundtrip_dns::proto::op::{Message, MessageType, OpCode, ResponseCode};
use roundtrip_dns::proto::rr::{RData, Record, RecordType};
use roundtrip_dns::{
    Authority, Families, Lookup, LookupFault, NameServer, Options, Respond, Response, serve,
};
use roundtrip_lab::LabHost;
use roundtrip_record::{DelegationFault, EventId, FaultKind, Role};
use roundtrip_wire::{Datagram as _, Task, Wire as _};

const FIRST: [u8; 4] = [198, 51, 100, 66];
const SECOND: [u8; 4] = [198, 51, 100, 67];

/// What the servers of the situations know, where they do not say something else.
const TEST: &str = "
$TTL 300
@          IN SOA ns root 1 7200 900 86400 60
@          IN NS  ns
ns         IN A   192.0.2.53
www        IN A   192.0.2.10
www        IN AAAA 2001:db8::10
four       IN A   192.0.2.14
four       IN HTTPS 1 . alpn=h3,h2
six        IN AAAA 2001:db8::6
empty      IN TXT \"nothing else\"
short 0    IN A   192.0.2.15
alias      IN CNAME four
chain      IN CNAME alias
dangling   IN CNAME gone
barren     IN CNAME empty
round      IN CNAME about
about      IN CNAME round
out        IN CNAME www.elsewhere.
mail       IN MX  20 backup
mail       IN MX  10 four
mail       IN TXT \"v=spf1 -all\"
*.wild     IN A   192.0.2.99
_8080._https.www IN HTTPS 1 . alpn=h2
";
/// The names of addresses.
const REVERSE: &str = "
$TTL 300
@          IN SOA ns.test. root.test. 1 7200 900 86400 60
14.2.0     IN PTR four.test.
";

/// How a server changes what it would say: it waits so many milliseconds and says this, or is silent.
type Manner = fn(&Message, Message) -> Option<(u64, Message)>;

struct Mannered {
    authority: Authority,
    manner: Manner,
    wire: LabHost,
}

impl Mannered {
    fn say(&self, query: &Message) -> Option<(u64, Message)> {
        (self.manner)(query, self.authority.answer(query))
    }
}

impl Respond for Mannered {
    async fn respond(
        &self,
        query: &Message,
        _: SocketAddr,
        cause: Option<EventId>,
    ) -> Option<Response> {
        let (wait, message) = self.say(query)?;
        self.wire.sleep(Duration::from_millis(wait)).await;
        Some(Response { message, cause })
    }
}

/// What keeps a server at work.
enum Kept {
    Server(#[allow(dead_code)] NameServer),
    Datagrams(#[allow(dead_code)] Task),
    Nobody,
}

fn good(_: &Message, answer: Message) -> Option<(u64, Message)> {
    Some((0, answer))
}

fn silent(_: &Message, _: Message) -> Option<(u64, Message)> {
    None
}

fn code(query: &Message, code: ResponseCode, opt: bool) -> Option<(u64, Message)> {
    let mut answer = Message::error_msg(query.metadata.id, OpCode::Query, code);
    answer.queries.clone_from(&query.queries);
    if opt {
        answer.edns.clone_from(&query.edns);
    }
    Some((0, answer))
}

/// Refuses EDNS with this code, and answers without.
fn without_edns(
    query: &Message,
    answer: Message,
    refusal: ResponseCode,
    opt: bool,
) -> Option<(u64, Message)> {
    if query.edns.is_some() { code(query, refusal, opt) } else { Some((0, answer)) }
}

fn empty(mut answer: Message) -> Message {
    answer.answers.clear();
    answer.authorities.clear();
    answer.additionals.clear();
    answer.metadata.authoritative = false;
    answer.metadata.response_code = ResponseCode::NoError;
    answer
}

/// Names another server and nothing else, as one does that serves zones only.
fn referral(_: &Message, answer: Message) -> Option<(u64, Message)> {
    let mut answer = empty(answer);
    let ns = roundtrip_dns::proto::rr::rdata::NS("ns.other.".parse().unwrap());
    answer.add_authority(Record::from_rdata("test.".parse().unwrap(), 60, RData::NS(ns)));
    Some((0, answer))
}

fn is(query: &Message, of: RecordType) -> bool {
    query.queries.first().is_some_and(|question| question.query_type() == of)
}

fn cut(_: &Message, mut answer: Message) -> Option<(u64, Message)> {
    answer.metadata.truncation = true;
    Some((0, answer))
}

/// What is looked up.
#[derive(Clone, Copy)]
enum Ask {
    Addresses(&'static str),
    Records(&'static str, RecordType),
    Names(&'static str),
    /// As who connects does: until connecting may begin.
    Connect(&'static str),
    /// The addresses twice, by one resolver, with a pause between.
    Twice(&'static str, u64),
}

struct Situation {
    name: &'static str,
    /// Beside the two servers: options of resolv.conf.
    resolv: &'static str,
    hosts: &'static str,
    nsswitch: &'static str,
    servers: [Option<Manner>; 2],
    /// The first server listens to datagrams only.
    datagrams_only: bool,
    options: Options,
    ask: Ask,
}

impl Situation {
    fn new(name: &'static str, first: Manner, ask: Ask) -> Self {
        Self {
            name,
            resolv: "",
            hosts: "127.0.0.1 localhost\n192.0.2.200 hosts.test h\n",
            nsswitch: "hosts: files dns\n",
            servers: [Some(first), None],
            datagrams_only: false,
            options: Options::default().of(Families::V4),
            ask,
        }
    }

    fn second(mut self, manner: Manner) -> Self {
        self.servers[1] = Some(manner);
        self
    }

    fn both(mut self) -> Self {
        self.options.families = Families::Both;
        self
    }

    fn resolv(mut self, options: &'static str) -> Self {
        self.resolv = options;
        self
    }

    fn nsswitch(mut self, line: &'static str) -> Self {
        self.nsswitch = line;
        self
    }

    /// What came of it, in a few lines.
    fn tell(&self) -> String {
        let mut world = World::new("rtt=20ms", 1);
        let kept: Vec<Kept> = [FIRST, SECOND]
            .into_iter()
            .zip(self.servers)
            .map(|(at, manner)| self.server(&mut world, at, manner))
            .collect();
        let mut resolv = String::new();
        for (at, manner) in [FIRST, SECOND].into_iter().zip(self.servers) {
            if manner.is_some() {
                writeln!(resolv, "nameserver {}", std::net::Ipv4Addr::from(at)).unwrap();
            }
        }
        world.resolv_conf(&(resolv + self.resolv));
        let environment = world.client().port().host_environment();
        environment.set_hosts(self.hosts);
        environment.set_nsswitch(self.nsswitch);
        let begun = world.client().now();
        let said = self.carry_out(&world);
        let took = world.client().now().since(begun);
        drop(kept);
        let rungs = world.rungs().join(" · ");
        format!("{}\n  {said}\n  {rungs}\n  {} ms\n", self.name, took.as_millis())
    }

    fn server(&self, world: &mut World, at: [u8; 4], manner: Option<Manner>) -> Kept {
        let Some(manner) = manner else { return Kept::Nobody };
        let wire = world.internet.add_server("odd", Role::Resolver, at.into());
        let zones = vec![zone("test.", TEST), zone("192.in-addr.arpa.", REVERSE)];
        let mannered = Mannered { authority: Authority::new(zones), manner, wire: wire.clone() };
        if !self.datagrams_only || at != FIRST {
            return Kept::Server(serve(&wire, (at, 53).into(), mannered).unwrap());
        }
        let socket = wire.datagram((at, 53).into()).unwrap();
        Kept::Datagrams(wire.spawn(async move {
            while let Ok(packet) = socket.receive().await {
                let Ok(query) = Message::from_vec(&packet.bytes) else { continue };
                if let Some((_, answer)) = mannered.say(&query) {
                    let _ = socket.send_to(&answer.to_vec().unwrap(), packet.from, None).await;
                }
            }
        }))
    }

    fn carry_out(&self, world: &World) -> String {
        let (resolver, options) = (world.resolver(), self.options);
        match self.ask {
            Ask::Addresses(name) => result(&world.run(resolver.lookup(name, options, None))),
            Ask::Records(name, of) => result(&world.run(resolver.records(name, of, options, None))),
            Ask::Names(address) => {
                let address = address.parse().unwrap();
                result(&world.run(resolver.reverse(address, options, None)))
            }
            Ask::Connect(name) => world.run(async {
                let mut pending = resolver.start(name, options, None);
                pending.ready().await;
                let found = pending.so_far();
                format!("connects to {}", addresses(&found))
            }),
            Ask::Twice(name, pause) => world.run(async {
                let first = result(&resolver.lookup(name, options, None).await);
                world.client().sleep(Duration::from_secs(pause)).await;
                let second = result(&resolver.lookup(name, options, None).await);
                format!("{first}, then {second}")
            }),
        }
    }
}

fn addresses(found: &Lookup) -> String {
    let mut text: Vec<String> = found.addresses().iter().map(ToString::to_string).collect();
    text.extend(found.services.iter().map(|service| format!("HTTPS {}", service.alpn.join(","))));
    if text.is_empty() { "nothing".into() } else { text.join(" ") }
}

fn result(result: &Result<Lookup, LookupFault>) -> String {
    let found = match result {
        Ok(found) => found,
        Err(fault) => return finding(&fault.kind),
    };
    let mut text = String::new();
    if found.records.is_empty() {
        text += &addresses(found);
    }
    for (n, record) in found.records.iter().enumerate() {
        let between = if n == 0 { "" } else { ", " };
        write!(text, "{between}{} {}", record.record_type, record.data).unwrap();
    }
    if !found.aliases.is_empty() {
        write!(text, " as {}", found.aliases.join(" → ")).unwrap();
    }
    if let Some(ttl) = found.ttl {
        write!(text, " for {ttl} s").unwrap();
    }
    text
}

/// The finding, with all that it says.
fn finding(kind: &FaultKind) -> String {
    match kind {
        FaultKind::BadDelegation { zone, parent, what, servers, .. } => {
            let what = match what {
                DelegationFault::Circular { through } => {
                    format!("Circular {}", through.join(" → "))
                }
                what => format!("{what:?}"),
            };
            let servers: Vec<String> =
                servers.iter().map(|server| format!("{}: {}", server.name, server.said)).collect();
            let parent = parent.as_deref().unwrap_or("nobody");
            format!("BadDelegation of {zone} by {parent}: {what} [{}]", servers.join("; "))
        }
        other => format!("{other:?}"),
    }
}

fn situations() -> Vec<Situation> {
    use Ask::{Addresses, Connect, Names, Records, Twice};
    use Situation as S;
    let mut all = vec![
        S::new("an address of one family", good, Addresses("four.test")),
        S::new("addresses of both families", good, Addresses("www.test")).both(),
        S::new("only IPv6", good, Addresses("six.test")).both(),
        S::new("a name with other records only", good, Addresses("empty.test")),
        S::new("a name that is not there", good, Addresses("nope.test")),
        S::new("a wildcard", good, Addresses("any.wild.test")),
        S::new("an alias", good, Addresses("alias.test")),
        S::new("a chain of aliases", good, Addresses("chain.test")),
        S::new("an alias of nothing", good, Addresses("dangling.test")),
        S::new("an alias of a name without address", good, Addresses("barren.test")),
        S::new("aliases in a circle", good, Addresses("round.test")),
        S::new("an alias into a zone the server refuses", good, Addresses("out.test")),
        S::new("a dangling alias, asked for again", good, Twice("dangling.test", 1)),
        S::new("an answer that may not be kept, again at once", good, Twice("short.test", 0)),
        S::new("an answer that may not be kept, a minute later", good, Twice("short.test", 61)),
        S::new("a no, again while it holds", good, Twice("nope.test", 59)),
        S::new("a no, again after it has ended", good, Twice("nope.test", 61)),
        S::new(
            "a no without SOA is not kept",
            |_, answer| {
                Some((0, {
                    let mut answer = empty(answer);
                    answer.metadata.authoritative = true;
                    answer.metadata.response_code = ResponseCode::NXDomain;
                    answer
                }))
            },
            Twice("nope.test", 0),
        ),
        S::new("the hosts file knows it", silent, Addresses("hosts.test")),
        S::new("the hosts file comes second", good, Addresses("hosts.test"))
            .nsswitch("hosts: dns files\n"),
        S::new("only the hosts file is asked", good, Addresses("four.test"))
            .nsswitch("hosts: files\n"),
        S::new("an unknown source", good, Addresses("four.test"))
            .nsswitch("hosts: files mdns4 dns\n"),
        S::new("a broken nsswitch.conf", good, Addresses("four.test"))
            .nsswitch("hosts: files [NOTFOUND\n"),
        S::new("a search list", good, Addresses("four")).resolv("search nothing.test test\n"),
        S::new("a search list and nothing", good, Addresses("nope")).resolv("search test\n"),
        S::new("more dots than ndots", good, Addresses("four.test"))
            .resolv("search test\noptions ndots:1\n"),
        S::new("fewer dots than ndots", good, Addresses("four.test"))
            .resolv("search test\noptions ndots:2\n"),
        S::new("no AAAA", good, Addresses("www.test")).both().resolv("options no-aaaa\n"),
        S::new("one after the other", good, Addresses("www.test"))
            .both()
            .resolv("options single-request\n"),
        S::new("over TCP only", good, Addresses("four.test")).resolv("options use-vc\n"),
    ];
    all.extend(servers());
    all.extend(vec![
        S::new(
            "AAAA late, for who connects",
            |q, a| Some((if is(q, RecordType::AAAA) { 3_000 } else { 0 }, a)),
            Connect("www.test"),
        )
        .both(),
        S::new(
            "AAAA late, for who looks",
            |q, a| Some((if is(q, RecordType::AAAA) { 3_000 } else { 0 }, a)),
            Addresses("www.test"),
        )
        .both(),
        S::new(
            "AAAA never answered, for who connects",
            |q, a| if is(q, RecordType::AAAA) { None } else { Some((0, a)) },
            Connect("www.test"),
        )
        .both(),
        S::new(
            "AAAA never answered, for who looks",
            |q, a| if is(q, RecordType::AAAA) { None } else { Some((0, a)) },
            Addresses("www.test"),
        )
        .both(),
        S::new(
            "AAAA a little late, for who connects",
            |q, a| Some((if is(q, RecordType::AAAA) { 30 } else { 0 }, a)),
            Connect("www.test"),
        )
        .both(),
        S::new(
            "A late, for who connects",
            |q, a| Some((if is(q, RecordType::A) { 3_000 } else { 0 }, a)),
            Connect("www.test"),
        )
        .both(),
        S::new(
            "A never answered, for who looks",
            |q, a| if is(q, RecordType::A) { None } else { Some((0, a)) },
            Addresses("www.test"),
        )
        .both(),
        S::new(
            "AAAA refused",
            |q, a| {
                if is(q, RecordType::AAAA) {
                    code(q, ResponseCode::ServFail, true)
                } else {
                    Some((0, a))
                }
            },
            Addresses("www.test"),
        )
        .both(),
        S::new("no AAAA, for who connects", good, Connect("four.test")).both(),
        S::new("nothing, for who connects", good, Connect("nope.test")).both(),
        S::new("MX", good, Records("mail.test", RecordType::MX)),
        S::new("TXT", good, Records("mail.test", RecordType::TXT)),
        S::new("NS", good, Records("test", RecordType::NS)),
        S::new("CNAME itself", good, Records("chain.test", RecordType::CNAME)),
        S::new("A by its type", good, Records("four.test", RecordType::A)),
        S::new("no such record", good, Records("four.test", RecordType::MX)),
        S::new("a record of no name", good, Records("nope.test", RecordType::MX)),
        S::new("a record of an address", good, Records("192.0.2.1", RecordType::MX)),
        S::new("a record by the search list", good, Records("mail", RecordType::MX))
            .resolv("search test\n"),
        S::new("names of an address in the hosts file", good, Names("192.0.2.200")),
        S::new("names of an address in the DNS", good, Names("192.0.2.14")),
        S::new("an address without a name", good, Names("192.0.2.77")),
        S::new("names of an IPv6 address", good, Names("2001:db8::1")),
    ]);
    let https = |name, manner: Manner, ask| {
        let mut situation = S::new(name, manner, ask);
        situation.options.https = Some(443);
        situation
    };
    all.push(https("HTTPS records beside the addresses", good, Connect("four.test")));
    all.push(https(
        "HTTPS records that come late",
        |q, a| Some((if is(q, RecordType::HTTPS) { 500 } else { 0 }, a)),
        Connect("four.test"),
    ));
    all.push(https(
        "HTTPS records that never come",
        |q, a| if is(q, RecordType::HTTPS) { None } else { Some((0, a)) },
        Addresses("four.test"),
    ));
    let mut other = https("HTTPS records of another port", good, Connect("www.test"));
    other.options.https = Some(8080);
    all.push(other);
    all
}

/// Servers that fail, refuse, refer, cut, lie or keep silent.
fn servers() -> Vec<Situation> {
    use Ask::Addresses;
    use Situation as S;
    let four = || Addresses("four.test");
    let datagrams = |name, manner: Manner| {
        let mut situation = S::new(name, manner, four());
        situation.datagrams_only = true;
        situation
    };
    vec![
        S::new("a silent server", silent, four()).resolv("options timeout:1 attempts:2\n"),
        S::new("a silent server and a good one", silent, four()).second(good),
        S::new(
            "a server that fails and a good one",
            |q, _| code(q, ResponseCode::ServFail, true),
            four(),
        )
        .second(good),
        S::new(
            "a server that refuses and a good one",
            |q, _| code(q, ResponseCode::Refused, true),
            four(),
        )
        .second(good),
        S::new("two servers that fail", |q, _| code(q, ResponseCode::ServFail, true), four())
            .second(|q, _| code(q, ResponseCode::Refused, true)),
        S::new(
            "a server that fails and a silent one",
            |q, _| code(q, ResponseCode::ServFail, true),
            four(),
        )
        .second(silent)
        .resolv("options timeout:1 attempts:1\n"),
        S::new(
            "EDNS answered with FORMERR",
            |q, a| without_edns(q, a, ResponseCode::FormErr, false),
            four(),
        ),
        S::new(
            "EDNS answered with FORMERR and OPT",
            |q, a| without_edns(q, a, ResponseCode::FormErr, true),
            four(),
        ),
        S::new(
            "EDNS answered with NOTIMP",
            |q, a| without_edns(q, a, ResponseCode::NotImp, false),
            four(),
        ),
        S::new(
            "EDNS answered with SERVFAIL",
            |q, a| without_edns(q, a, ResponseCode::ServFail, false),
            four(),
        ),
        S::new(
            "EDNS answered with REFUSED",
            |q, a| without_edns(q, a, ResponseCode::Refused, false),
            four(),
        ),
        S::new(
            "EDNS answered with BADVERS",
            |q, a| without_edns(q, a, ResponseCode::BADVERS, true),
            four(),
        ),
        S::new(
            "EDNS not answered",
            |q, a| if q.edns.is_some() { None } else { Some((0, a)) },
            four(),
        ),
        S::new(
            "EDNS not answered, the second time",
            |q, a| if q.edns.is_some() { None } else { Some((0, a)) },
            Ask::Twice("short.test", 61),
        ),
        S::new("a referral and a good server", referral, four()).second(good),
        S::new("a referral alone", referral, four()),
        S::new("two referrals", referral, four()).second(referral),
        S::new(
            "an empty answer without authority or recursion",
            |_, a| Some((0, empty(a))),
            four(),
        )
        .second(good),
        S::new(
            "no such record, from a server that recurses",
            |_, a| {
                Some((0, {
                    let mut a = empty(a);
                    a.metadata.recursion_available = true;
                    a
                }))
            },
            four(),
        )
        .second(good),
        S::new("a cut answer, whole over TCP", cut, four()),
        datagrams("a cut answer, and TCP is refused", cut),
        datagrams("a cut answer, TCP refused, and a good server", cut).second(good),
        S::new(
            "an answer to another question",
            |_, mut a| {
                a.queries[0].set_query_type(RecordType::MX);
                Some((0, a))
            },
            four(),
        )
        .resolv("options timeout:1 attempts:1\n"),
        S::new(
            "a query for an answer",
            |_, mut a| {
                a.metadata.message_type = MessageType::Query;
                Some((0, a))
            },
            four(),
        )
        .resolv("options timeout:1 attempts:1\n"),
        S::new(
            "addresses of another name",
            |_, mut a| {
                for record in &mut a.answers {
                    record.name = "other.test.".parse().unwrap();
                }
                Some((0, a))
            },
            four(),
        ),
        S::new("a slow server", |_, a| Some((800, a)), four()),
        S::new("a server slower than the repetition", |_, a| Some((1_500, a)), four()),
        S::new(
            "a lifetime with its highest bit set",
            |_, mut a| {
                for record in &mut a.answers {
                    record.ttl = u32::MAX;
                }
                Some((0, a))
            },
            four(),
        ),
    ]
}

/// Walks through the zones of `common`.
fn walks() -> Vec<(&'static str, &'static str)> {
    vec![
        ("a walk", "www.example.com"),
        ("a walk through aliases", "cdn.example.com"),
        ("a walk to nothing", "nope.example.com"),
        ("a walk to no such domain", "www.nope.com"),
        ("a walk into a circle of aliases", "one.example.com"),
        ("a walk past a lame server", "www.lame.com"),
        ("a walk to silent servers", "www.dead.com"),
        ("a walk to servers that need each other", "www.circle-one.org"),
        ("a walk to servers without glue", "www.noglue.org"),
        ("a walk to servers that do not exist", "www.unnamed.org"),
        ("a walk to a server whose name is an alias", "www.aliased.org"),
        ("a walk to servers that do not serve the zone", "www.refused.org"),
        ("a walk to a server that does not serve it and a silent one", "www.half.org"),
        ("a walk to many servers without glue", "www.attack.org"),
    ]
}

#[test]
fn every_situation_comes_to_what_is_written() {
    let mut told: Vec<String> = situations().iter().map(Situation::tell).collect();
    for (name, asked) in walks() {
        let world = World::new("rtt=20ms", 1);
        let begun = world.client().now();
        let found = world.lookup(asked, Options::walk().of(Families::V4));
        let took = world.client().now().since(begun).as_millis();
        let asked = world.messages().iter().filter(|message| message.code.is_none()).count();
        told.push(format!("{name}\n  {}\n  {asked} questions\n  {took} ms\n", result(&found)));
    }
    assert!(told.len() >= 60, "{}", told.len());
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/situations.txt");
    let told = told.join("\n");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &told).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    for (told, written) in told.split("\n\n").zip(written.split("\n\n")) {
        assert_eq!(told.trim(), written.trim());
    }
    assert_eq!(told, written);
}
