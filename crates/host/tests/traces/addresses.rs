//! Addresses that somebody else has too: asked for, defended, lost.

use core::time::Duration;
use std::cell::RefCell;
use std::net::{IpAddr, Ipv6Addr};
use std::rc::Rc;

use roundtrip_host::{AddressState, Config, Event};
use roundtrip_packet::arp::Packet;
use roundtrip_packet::ndp::{Message, NdpOption, Options};
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

fn state(net: &Net, address: &str) -> AddressState {
    net.hosts[0].addresses().find(|a| a.address == ip(address)).unwrap().state
}

/// What crossed, without the times, which are drawn.
fn lines(net: &mut Net) -> Vec<String> {
    net.log().iter().map(|line| line.split_once(' ').unwrap().1.to_string()).collect()
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

/// A question for an address, from somebody without one.
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

/// RFC 7527: a switch that sends our own question back to us takes no address away, and is not
/// answered; another host's question is.
#[test]
fn our_own_question_come_back() {
    for is_own in [true, false] {
        let mut net = empty_pair();
        let asked = Rc::new(RefCell::new(Vec::new()));
        let seen = Rc::clone(&asked);
        net.lose = Some(Box::new(move |frame| {
            seen.borrow_mut().push(frame.to_vec());
            false
        }));
        net.on(0, |host, now, _| {
            host.add_address(ETH, ip("fd00::1"), 64);
            host.check_address(now, ip("fd00::1"));
        });
        assert_eq!(lines(&mut net).len(), 1, "the question");
        if is_own {
            let own = asked.borrow()[0].clone();
            net.put(1, ETH, &own);
        } else {
            ask(&mut net, "fd00::1".parse().unwrap(), &[NdpOption::Nonce([7; 6])]);
        }
        net.run_for(Duration::from_secs(2));
        assert_eq!(net.events(0), []);
        assert_eq!(state(&net, "fd00::1"), AddressState::Preferred);
        let answers = lines(&mut net).iter().filter(|line| line.contains("advertisement")).count();
        assert_eq!(answers, usize::from(!is_own));
    }
}
