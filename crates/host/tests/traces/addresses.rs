//! Addresses acquired, defended, lost, and made from what routers advertise.

use core::time::Duration;
use std::cell::RefCell;
use std::net::{IpAddr, Ipv6Addr};
use std::rc::Rc;

use roundtrip_host::{AddressState, Config, Event, IfIndex};
use roundtrip_packet::arp::Packet;
use roundtrip_packet::ndp::{Message, NdpOption, Options, Prefix, Router};
use roundtrip_packet::{Envelope, EtherAddr, Link, Protocol, icmpv6, ipv6};

use crate::cable::{ETH, MILLI, Net};

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn empty_pair() -> Net {
    let mut net = Net::default();
    let (a, b) = (net.host(Config::default()), net.host(Config::default()));
    net.cable(MILLI, 1500, &[(a, &[]), (b, &["10.0.0.2/24", "fd00::2/64"])]);
    net
}

fn acquire(net: &mut Net, address: &str, prefix_len: u8) {
    net.on(0, |host, now, _| host.acquire_address(now, ETH, ip(address), prefix_len));
}

fn state(net: &Net, address: &str) -> AddressState {
    net.hosts[0].addresses().find(|a| a.address == ip(address)).unwrap().state
}

/// What crossed, without the times, which are drawn.
fn lines(net: &mut Net) -> Vec<String> {
    net.log().iter().map(|line| line.split_once(' ').unwrap().1.to_string()).collect()
}

/// RFC 5227 §2.1.1, §2.3: three probes, two announcements.
#[test]
fn an_ipv4_address_is_probed_and_announced() {
    let mut net = empty_pair();
    acquire(&mut net, "10.0.0.1", 24);
    assert_eq!(state(&net, "10.0.0.1"), AddressState::Tentative);
    net.run_for(Duration::from_secs(12));
    let probe = "a: ARP, Probe 10.0.0.1 from 02:00:00:00:00:01, length 28";
    let announcement = "a: ARP, Announcement 10.0.0.1 is-at 02:00:00:00:00:01, length 28";
    assert_eq!(lines(&mut net), [probe, probe, probe, announcement, announcement]);
    assert_eq!(net.events(0), [Event::AddressReady(ETH, ip("10.0.0.1"))]);
    assert_eq!(state(&net, "10.0.0.1"), AddressState::Preferred);
    assert_eq!(net.hosts[0].next_timeout(), None);
}

#[test]
fn an_address_that_somebody_has_is_not_taken() {
    let mut net = empty_pair();
    for (address, prefix_len) in [("10.0.0.2", 24), ("fd00::2", 64)] {
        acquire(&mut net, address, prefix_len);
        net.run_for(Duration::from_secs(5));
        assert_eq!(net.events(0), [Event::AddressConflict(ETH, ip(address))]);
        assert_eq!(state(&net, address), AddressState::Duplicate);
        let log = lines(&mut net);
        assert_eq!(log.len(), 2, "one probe, one answer: {log:?}");
    }
}

/// An address in use at once is asked for all the same, and given up if somebody has it.
#[test]
fn an_address_in_use_is_checked() {
    let mut net = empty_pair();
    for (address, prefix_len, taken) in [
        ("10.0.0.1", 24, false),
        ("fd00::1", 64, false),
        ("10.0.0.2", 24, true),
        ("fd00::2", 64, true),
    ] {
        net.on(0, |host, now, _| {
            host.add_address(ETH, ip(address), prefix_len);
            host.check_address(now, ip(address));
        });
        assert_eq!(state(&net, address), AddressState::Preferred, "nothing waits");
        net.run_for(Duration::from_secs(5));
        let expected = if taken { AddressState::Duplicate } else { AddressState::Preferred };
        assert_eq!(state(&net, address), expected);
        let conflict = taken.then(|| Event::AddressConflict(ETH, ip(address)));
        assert_eq!(net.events(0), Vec::from_iter(conflict));
        assert_eq!(lines(&mut net).len(), if taken { 2 } else { 1 }, "one probe, one answer");
        assert_eq!(net.hosts[0].next_timeout(), None);
    }
}

/// RFC 5227 §2.4: the first intruder is answered, the second within ten seconds is reported.
#[test]
fn an_address_in_use_is_defended() {
    let mut net = Net::pair();
    let intruder = EtherAddr([2, 0, 0, 0, 9, 9]);
    let intrude = |net: &mut Net| {
        let mut frame = Vec::new();
        let packet = Packet::request((intruder, [10, 0, 0, 1].into()), [10, 0, 0, 2].into());
        let link = Link { source: intruder, destination: EtherAddr::BROADCAST };
        link.emit_arp(&packet, &mut frame);
        net.put(1, ETH, &frame);
        net.run_for(10 * MILLI);
    };
    intrude(&mut net);
    assert!(net.log()[1].contains("Announcement 10.0.0.1 is-at 02:00:00:00:00:01"));
    assert_eq!(net.events(0), []);
    intrude(&mut net);
    assert_eq!(net.events(0), [Event::AddressConflict(ETH, ip("10.0.0.1"))]);
}

#[test]
fn an_ipv6_address_is_asked_for_once() {
    let mut net = empty_pair();
    acquire(&mut net, "fd00::1", 64);
    net.run_for(Duration::from_secs(3));
    assert_eq!(
        lines(&mut net),
        ["a: IP6 :: > ff02::1:ff00:1: ICMP6, neighbor solicitation, who has fd00::1, length 32"]
    );
    assert_eq!(net.events(0), [Event::AddressReady(ETH, ip("fd00::1"))]);
}

/// Two hosts want one address (RFC 4862 §5.4.3): who hears the other's question before asking
/// gives way.
#[test]
fn two_want_the_same() {
    let mut net = Net::default();
    let (a, b) = (net.host(Config::default()), net.host(Config::default()));
    net.cable(MILLI, 1500, &[(a, &[]), (b, &[])]);
    for host in [a, b] {
        net.on(host, |host, now, _| host.acquire_address(now, ETH, ip("fd00::1"), 64));
    }
    net.run_for(Duration::from_secs(3));
    let first = if lines(&mut net)[0].starts_with('a') { a } else { b };
    assert_eq!(net.events(first), [Event::AddressReady(ETH, ip("fd00::1"))]);
    assert_eq!(net.events(1 - first), [Event::AddressConflict(ETH, ip("fd00::1"))]);
}

/// A question for an address that is being acquired, from somebody without one.
fn ask(net: &mut Net, target: Ipv6Addr, options: &[NdpOption<'_>]) {
    let group = ipv6::solicited_node(target);
    let header = ipv6::Header::new(Ipv6Addr::UNSPECIFIED, group, Protocol::ICMPV6);
    let ip = ipv6::Header { hop_limit: 255, ..header };
    let source = EtherAddr([2, 0, 0, 0, 9, 9]);
    let link = Link { source, destination: EtherAddr::of_ipv6_group(group) };
    let options = Options::List(options);
    let message = icmpv6::Message::Ndp(Message::NeighbourSolicitation { target, options });
    let mut frame = Vec::new();
    Envelope::new(link, ip).emit_icmpv6(&message, &mut frame).unwrap();
    net.put(1, ETH, &frame);
    net.run_for(10 * MILLI);
}

/// RFC 7527: a switch that sends our own question back to us takes no address away; another
/// host's question does.
#[test]
fn our_own_question_come_back() {
    for (is_own, outcome) in [
        (true, Event::AddressReady(ETH, ip("fd00::1"))),
        (false, Event::AddressConflict(ETH, ip("fd00::1"))),
    ] {
        let mut net = empty_pair();
        let asked = Rc::new(RefCell::new(Vec::new()));
        let seen = Rc::clone(&asked);
        net.lose = Some(Box::new(move |frame| {
            seen.borrow_mut().push(frame.to_vec());
            false
        }));
        acquire(&mut net, "fd00::1", 64);
        while asked.borrow().is_empty() {
            net.run_for(10 * MILLI);
        }
        if is_own {
            let own = asked.borrow()[0].clone();
            net.put(1, ETH, &own);
        } else {
            ask(&mut net, "fd00::1".parse().unwrap(), &[NdpOption::Nonce([7; 6])]);
        }
        net.run_for(Duration::from_secs(2));
        assert_eq!(net.events(0), [outcome]);
    }
}

const ROUTER: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0xffff);

/// A router advertisement, sent by whoever sits at the other end.
fn advertise(net: &mut Net, router: Router, prefix: Option<Prefix>) {
    let mac = EtherAddr([2, 0, 0, 0, 9, 9]);
    let all_nodes = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
    let header = ipv6::Header::new(ROUTER, all_nodes, Protocol::ICMPV6);
    let ip = ipv6::Header { hop_limit: 255, ..header };
    let link = Link { source: mac, destination: EtherAddr::of_ipv6_group(all_nodes) };
    let mut options = vec![NdpOption::SourceLinkLayer(mac), NdpOption::Mtu(1400)];
    options.extend(prefix.map(NdpOption::PrefixInformation));
    let options = Options::List(&options);
    let message = icmpv6::Message::Ndp(Message::RouterAdvertisement { router, options });
    let mut frame = Vec::new();
    Envelope::new(link, ip).emit_icmpv6(&message, &mut frame).unwrap();
    net.put(1, ETH, &frame);
    net.run_for(10 * MILLI);
}

fn prefix(valid_lifetime: u32, preferred_lifetime: u32) -> Prefix {
    let prefix = "2001:db8:1::".parse().unwrap();
    Prefix {
        length: 64,
        on_link: true,
        autonomous: true,
        valid_lifetime,
        preferred_lifetime,
        prefix,
    }
}

/// RFC 4861 §6.3.7, RFC 4862 §5.5: a link-local address, a question, and what follows the answer.
#[test]
fn an_interface_configures_itself() {
    let mut net = empty_pair();
    net.on(0, |host, now, _| host.autoconfigure(now, ETH));
    net.run_for(Duration::from_secs(3));
    let own = "fe80::ff:fe00:1";
    assert_eq!(net.events(0), [Event::AddressReady(ETH, ip(own))]);
    let log = lines(&mut net);
    assert_eq!(
        log,
        [
            "a: IP6 :: > ff02::1:ff00:1: ICMP6, neighbor solicitation, who has fe80::ff:fe00:1, length 32",
            "a: IP6 fe80::ff:fe00:1 > ff02::2: ICMP6, router solicitation, length 16",
        ]
    );
    advertise(&mut net, Router { lifetime: 1800, ..Router::default() }, Some(prefix(7200, 3600)));
    net.run_for(Duration::from_secs(3));
    let made = ip("2001:db8:1:0:0:ff:fe00:1");
    assert_eq!(net.events(0), [Event::AddressReady(ETH, made)]);
    let default = net.hosts[0].routes().find(|route| route.prefix_len == 0).unwrap();
    assert_eq!((default.via, default.interface), (Some(IpAddr::V6(ROUTER)), IfIndex(1)));
    net.run_for(Duration::from_secs(1800));
    assert!(net.hosts[0].routes().all(|route| route.prefix_len != 0), "the router is gone");
    net.run_for(Duration::from_secs(1800));
    assert_eq!(state(&net, &made.to_string()), AddressState::Deprecated);
    net.run_for(Duration::from_secs(3600));
    assert!(net.hosts[0].addresses().all(|address| address.address != made));
}

#[test]
fn a_router_that_resigns_is_no_router() {
    let mut net = empty_pair();
    net.on(0, |host, now, _| host.autoconfigure(now, ETH));
    net.run_for(Duration::from_secs(3));
    advertise(&mut net, Router { lifetime: 1800, ..Router::default() }, None);
    assert_eq!(net.hosts[0].routes().filter(|route| route.prefix_len == 0).count(), 1);
    advertise(&mut net, Router::default(), None);
    assert_eq!(net.hosts[0].routes().filter(|route| route.prefix_len == 0).count(), 0);
}

/// RFC 4862 §5.5.3 (e): nobody can shorten an address's life below two hours.
#[test]
fn a_stranger_cannot_take_an_address_away() {
    let mut net = empty_pair();
    net.on(0, |host, now, _| host.autoconfigure(now, ETH));
    net.run_for(Duration::from_secs(3));
    let router = Router { lifetime: 1800, ..Router::default() };
    advertise(&mut net, router, Some(prefix(86_400, 86_400)));
    net.run_for(Duration::from_secs(3));
    advertise(&mut net, router, Some(prefix(1, 1)));
    net.run_for(Duration::from_secs(7_000));
    assert_eq!(state(&net, "2001:db8:1::ff:fe00:1"), AddressState::Deprecated);
}
