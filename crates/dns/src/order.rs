//! The order in which a host's addresses are tried (RFC 6724 §6), as glibc's `getaddrinfo` has it.
//!
//! Rules 3, 4 and 7 (deprecated and home addresses, tunnels) are not applied, since no wire can
//! tell what they need. Rule 9 is applied to IPv6 only: glibc applies it to IPv4 within one subnet
//! only, and the length of our own prefix is not known.

use core::cmp::{Ordering, Reverse};
use core::net::{IpAddr, Ipv6Addr};

use crate::gai::AddressPolicy;

/// A destination address, with the source address it would be reached from.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    to: IpAddr,
    from: Option<IpAddr>,
}

/// Sorts addresses into the order in which to try them. `source` gives the address from which a
/// destination is reached, if it can be. Addresses between which no rule decides keep their order.
pub(crate) fn in_order(
    addresses: &[IpAddr],
    policy: &AddressPolicy,
    source: impl Fn(IpAddr) -> Option<IpAddr>,
) -> Vec<IpAddr> {
    let candidate = |&to: &IpAddr| Candidate { to, from: source(to) };
    let mut ordered: Vec<Candidate> = Vec::with_capacity(addresses.len());
    // Sorted by insertion: between three addresses the rules can contradict each other, and the
    // standard library's sort may panic then.
    for new in addresses.iter().map(candidate) {
        let before = |old: &Candidate| compare(policy, &new, old) == Ordering::Less;
        let mut place = ordered.len();
        while place > 0 && before(&ordered[place - 1]) {
            place -= 1;
        }
        ordered.insert(place, new);
    }
    ordered.into_iter().map(|candidate| candidate.to).collect()
}

/// `Less` when `one` is to be tried before `other`.
fn compare(policy: &AddressPolicy, one: &Candidate, other: &Candidate) -> Ordering {
    // The better candidate compares as less.
    let better = |test: &dyn Fn(&Candidate) -> bool| test(other).cmp(&test(one));
    let same_scope = |c: &Candidate| c.from.is_some_and(|f| policy.scope(f) == policy.scope(c.to));
    let same_label = |c: &Candidate| c.from.is_some_and(|f| policy.label(f) == policy.label(c.to));
    let precedence = |c: &Candidate| Reverse(policy.precedence(c.to));
    let scope = |c: &Candidate| policy.scope(c.to);
    // Rules 1, 2, 5, 6, 8, 9.
    better(&|candidate| candidate.from.is_some())
        .then_with(|| better(&same_scope))
        .then_with(|| better(&same_label))
        .then_with(|| precedence(one).cmp(&precedence(other)))
        .then_with(|| scope(one).cmp(&scope(other)))
        .then_with(|| match (shared_bits(one), shared_bits(other)) {
            (Some(one), Some(other)) => other.cmp(&one),
            _ => Ordering::Equal,
        })
}

/// The number of leading bits that source and destination have in common; `None` for IPv4.
fn shared_bits(candidate: &Candidate) -> Option<u32> {
    match (candidate.to, candidate.from?) {
        (IpAddr::V6(to), IpAddr::V6(from)) => {
            let differ: u128 = Ipv6Addr::to_bits(to) ^ Ipv6Addr::to_bits(from);
            Some(differ.leading_zeros())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ips(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    /// The order on a host with these own addresses, each of which reaches its family.
    fn order(own: &[&str], addresses: &[&str], gai: &str) -> Vec<String> {
        let own = ips(own);
        let source = |to: IpAddr| own.iter().copied().find(|o| o.is_ipv6() == to.is_ipv6());
        let policy = AddressPolicy::parse(gai);
        let found = in_order(&ips(addresses), &policy, source);
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_rule_decides_in_its_turn() {
        const SIX: &str = "2001:db8::80";
        const FOUR: &str = "192.0.2.80";
        const BOTH: &[&str] = &["2001:db8::1", "192.0.2.1"];
        // No destination has a source address: IPv6 has the higher precedence.
        assert_eq!(order(&[], &[FOUR, SIX], ""), [SIX, FOUR]);
        // Rule 1: there is no source address for IPv6.
        assert_eq!(order(&["192.0.2.1"], &[SIX, FOUR], ""), [FOUR, SIX]);
        // Rule 2: a link-local source does not reach the world.
        assert_eq!(order(&["fe80::1", "192.0.2.1"], &[SIX, FOUR], ""), [FOUR, SIX]);
        // Rule 5: a unique local source and a global destination have different labels.
        assert_eq!(order(&["fd00::1", "192.0.2.1"], &[SIX, FOUR], ""), [FOUR, SIX]);
        assert_eq!(order(BOTH, &[FOUR, SIX], ""), [SIX, FOUR]);
        assert_eq!(order(BOTH, &[SIX, FOUR], "precedence ::ffff:0:0/96 100"), [FOUR, SIX]);
        // Rule 8: the smaller scope, rule 9: the longer common prefix.
        assert_eq!(order(&["::1", "127.0.0.1"], &["127.0.0.1", "::1"], ""), ["::1", "127.0.0.1"]);
        let near = "2001:db8::99";
        assert_eq!(order(BOTH, &["2001:db9::1", near], ""), [near, "2001:db9::1"]);
        assert_eq!(order(BOTH, &["192.0.2.9", "192.0.2.1"], ""), ["192.0.2.9", "192.0.2.1"]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_the_order_is_settled(
            seeds in proptest::collection::vec(any::<(bool, u128)>(), 0..40),
            own in any::<[bool; 2]>(),
        ) {
            let address = |(six, bits): &(bool, u128)| -> IpAddr {
                if *six { Ipv6Addr::from_bits(*bits).into() } else { ((*bits as u32).to_be_bytes()).into() }
            };
            let addresses: Vec<IpAddr> = seeds.iter().map(address).collect();
            let source = |to: IpAddr| own[usize::from(to.is_ipv6())].then(|| match to {
                IpAddr::V4(_) => "192.0.2.1".parse().unwrap(),
                IpAddr::V6(_) => "2001:db8::1".parse().unwrap(),
            });
            let once = in_order(&addresses, &AddressPolicy::default(), source);
            let mut all = once.clone();
            let mut before = addresses;
            all.sort();
            before.sort();
            prop_assert_eq!(all, before);
            prop_assert_eq!(&in_order(&once, &AddressPolicy::default(), source), &once);
        }
    }
}
