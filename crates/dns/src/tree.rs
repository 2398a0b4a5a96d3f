//! `Tree`: the delegation tree, with its root servers and the zone cuts learnt so far.

use core::cell::RefCell;
use core::time::Duration;
use std::net::IpAddr;
use std::rc::Rc;

use hickory_proto::op::Message;
use hickory_proto::rr::{Name, RData, RecordType};
use roundtrip_record::Time;

use crate::answer::of;
use crate::edns::EdnsMemory;
use crate::expiring::Expiring;
use crate::host::absolute;
use crate::message::{Question, ttl};
use crate::resolv::PORT;

/// The most zone cuts that are remembered.
const CAPACITY: usize = 4096;
/// The longest time a zone cut is remembered, in seconds.
const LONGEST: u32 = 86_400;
/// The most servers of a zone that are considered; the root has 13.
const MOST_SERVERS: usize = 16;
/// The most addresses of one server that are considered.
const MOST_ADDRESSES: usize = 8;

/// The delegation tree, as far as it is known.
#[derive(Clone, Debug)]
pub struct Tree {
    root: Cut,
    cuts: Expiring<Name, Cut, Time>,
    port: u16,
    /// Which servers of the tree take EDNS.
    edns: Rc<RefCell<EdnsMemory>>,
}

/// A zone cut: a zone, and the servers that its parent names for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    pub(crate) zone: Name,
    pub(crate) servers: Vec<(Name, Vec<IpAddr>)>,
}

/// A referral: a zone cut, and how long the parent lets it be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Referral {
    pub(crate) cut: Cut,
    pub(crate) ttl: u32,
}

impl Tree {
    /// A tree of which only the root servers are known.
    pub fn new(root_hints: &[(String, IpAddr)]) -> Self {
        let mut root = Cut { zone: Name::root(), servers: Vec::new() };
        for (name, address) in root_hints {
            if let Ok(name) = absolute(name) {
                match root.servers.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, addresses)) => addresses.push(*address),
                    None => root.servers.push((name, vec![*address])),
                }
            }
        }
        Self { root, cuts: Expiring::new(CAPACITY), port: PORT, edns: Rc::default() }
    }

    /// The same tree with servers that listen at another port, for simulated trees only.
    #[must_use]
    pub fn with_port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// The port the servers listen at.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Which servers take EDNS. What is learnt of them is added to it.
    pub(crate) fn edns(&self) -> Rc<RefCell<EdnsMemory>> {
        Rc::clone(&self.edns)
    }

    /// The lowest known cut at or above `name`.
    pub(crate) fn best(&self, name: &Name, now: Time) -> Cut {
        let mut at = name.clone();
        while !at.is_root() {
            if let Some(entry) = self.cuts.get(&at, now) {
                return entry.value.clone();
            }
            at = at.base_name();
        }
        self.root.clone()
    }

    /// Remembers the zone cut of a referral.
    pub(crate) fn learn(&mut self, referral: &Referral, now: Time) {
        let lifetime = Duration::from_secs(referral.ttl.min(LONGEST).into());
        self.cuts.insert(referral.cut.zone.clone(), referral.cut.clone(), now, now + lifetime);
    }

    /// Remembers the addresses of a zone cut's server that came without glue.
    pub(crate) fn learn_addresses(
        &mut self,
        zone: &Name,
        server: &Name,
        found: &[IpAddr],
        now: Time,
    ) {
        let Some(entry) = self.cuts.get(zone, now) else { return };
        let (mut cut, since, until) = (entry.value.clone(), entry.since, entry.until);
        if let Some((_, addresses)) = cut.servers.iter_mut().find(|(name, _)| name == server) {
            *addresses = found.iter().copied().take(MOST_ADDRESSES).collect();
            self.cuts.insert(zone.clone(), cut, since, until);
        }
    }
}

impl Referral {
    /// Reads an answer of a server of `zone` as a referral; `None` if it is none. A referral must
    /// lead further down, towards the name. Glue is believed only for names in `zone`.
    pub(crate) fn of(message: &Message, question: &Question, zone: &Name) -> Option<Self> {
        let below = |cut: &Name| zone.zone_of(cut) && cut != zone && cut.zone_of(&question.name);
        if message.authorities.iter().any(|record| record.record_type() == RecordType::SOA) {
            return None;
        }
        let mut cut: Option<Cut> = None;
        let mut lifetime = u32::MAX;
        for record in &message.authorities {
            let RData::NS(server) = &record.data else { continue };
            if !below(&record.name) {
                continue;
            }
            let cut = cut.get_or_insert_with(|| Cut {
                zone: record.name.to_lowercase(),
                servers: Vec::new(),
            });
            let server = server.0.to_lowercase();
            let known = cut.servers.iter().any(|(name, _)| *name == server);
            if cut.zone == record.name && !known && cut.servers.len() < MOST_SERVERS {
                let mut glue = Vec::new();
                if zone.zone_of(&server) {
                    let records = of(&message.additionals, &server);
                    glue = records.filter_map(|r| r.data.ip_addr()).take(MOST_ADDRESSES).collect();
                }
                cut.servers.push((server, glue));
                lifetime = lifetime.min(ttl(record));
            }
        }
        cut.map(|cut| Self { cut, ttl: lifetime })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{message, name};

    fn referral(zone: &str, authorities: &str, additionals: &str) -> Option<Referral> {
        let question = Question::new(name("www.example.com"), RecordType::A);
        let message = message(&question, "", authorities, additionals);
        Referral::of(&message, &question, &name(zone))
    }

    #[test]
    fn glue_is_believed_within_the_zone_that_refers() {
        let found = referral(
            "com.",
            "example.com. 60 IN NS ns.example.com.\nexample.com. 60 IN NS ns.example.net.",
            "ns.example.com. 60 IN A 192.0.2.53\nns.example.net. 60 IN A 192.0.2.66\n\
             www.example.com. 60 IN A 192.0.2.66",
        )
        .unwrap();
        assert_eq!(found.cut.zone, name("example.com"));
        assert_eq!(
            found.cut.servers,
            [
                (name("ns.example.com"), vec!["192.0.2.53".parse().unwrap()]),
                (name("ns.example.net"), vec![]),
            ]
        );
    }

    #[test]
    fn a_referral_leads_down_towards_the_name() {
        assert!(referral(".", "com. 60 IN NS a.example.", "").is_some());
        for (zone, cut) in
            [("com.", "com."), ("com.", "."), ("com.", "example.net."), ("com.", "other.com.")]
        {
            assert_eq!(referral(zone, &format!("{cut} 60 IN NS a.example."), ""), None, "{cut}");
        }
    }

    #[test]
    fn the_lowest_cut_is_where_the_next_walk_begins_while_it_is_good() {
        let mut tree = Tree::new(&[("a.root.example.".into(), "192.0.2.1".parse().unwrap())]);
        let referral = referral("com.", "example.com. 60 IN NS ns.example.com.", "").unwrap();
        tree.learn(&referral, Time::from_secs(10));
        let zone = |at: u64| tree.best(&name("www.example.com"), Time::from_secs(at)).zone;
        assert_eq!(zone(20), name("example.com"));
        assert_eq!(zone(70), Name::root());
        assert_eq!(tree.best(&name("example.net"), Time::from_secs(20)).zone, Name::root());
    }
}
