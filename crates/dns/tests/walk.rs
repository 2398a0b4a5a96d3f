//! The walk from the root on a simulated network.

mod common;

use common::{World, ips};
use roundtrip_dns::{Families, Options};
use roundtrip_record::{DelegationFault, FaultKind, Outcome};

const LAN: &str = "rtt=20ms";

fn walk() -> Options {
    Options::walk().of(Families::V4)
}

#[test]
fn each_referral_is_shown_from_the_root_down() {
    let world = World::new(LAN, 1);
    let lookup = world.lookup("www.example.com", walk()).unwrap();
    assert_eq!(lookup.addresses(), ips(&["203.0.113.10"]));
    assert_eq!(
        world.rungs(),
        ["hosts miss", ". → com.", "com. → example.com.", "example.com. 203.0.113.10",]
    );
    let answered = world.answered();
    let Outcome::Referral { servers, glue, .. } = &answered[1].outcome else { panic!() };
    assert_eq!(servers, &["ns.nic.com."]);
    assert_eq!(glue, &ips(&["198.51.100.30"]));
}

#[test]
fn servers_are_told_no_more_than_they_need() {
    let world = World::new(LAN, 1);
    world.lookup("www.example.com", walk()).unwrap();
    let names: Vec<String> = world.asked().into_iter().skip(1).map(|asked| asked.name).collect();
    assert_eq!(names, ["com.", "example.com.", "www.example.com."]);
}

#[test]
fn deep_names_pass_empty_names_on_the_way() {
    let world = World::new(LAN, 1);
    let lookup = world.lookup("a.b.c.d.e.f.g.example.com", walk()).unwrap();
    assert_eq!(lookup.addresses(), ips(&["203.0.113.16"]));
    assert!(world.messages().len() <= 2 * 10);
}

#[test]
fn the_second_family_and_the_next_name_find_the_way_known() {
    let world = World::new(LAN, 1);
    let resolver = world.resolver();
    let options = Options::walk();
    world.run(async {
        let both = resolver.lookup("www.example.com", options, None).await.unwrap();
        assert_eq!(both.addresses(), ips(&["203.0.113.10", "2001:db8::10"]));
        resolver.lookup("four.example.com", walk(), None).await.unwrap();
    });
    assert_eq!(
        world.rungs()[3..],
        [
            "example.com. 203.0.113.10",
            "example.com. 2001:db8::10",
            "hosts miss",
            "example.com. 203.0.113.14",
        ]
    );
}

#[test]
fn one_resolver_walks_once_for_a_name() {
    let world = World::new(LAN, 1);
    let resolver = world.resolver();
    world.run(async {
        resolver.lookup("www.example.com", walk(), None).await.unwrap();
        resolver.lookup("www.example.com", walk(), None).await.unwrap();
    });
    assert_eq!(world.rungs()[4..], ["hosts miss", "own 203.0.113.10"]);
    world.lookup("www.example.com", walk()).unwrap();
    assert_eq!(
        world.rungs()[7..],
        [". → com.", "com. → example.com.", "example.com. 203.0.113.10",]
    );
}

#[test]
fn an_alias_leads_into_another_zone() {
    let world = World::new(LAN, 1);
    let lookup = world.lookup("cdn.example.com", walk()).unwrap();
    assert_eq!(lookup.aliases, ["edge.example.net."]);
    assert_eq!((lookup.addresses(), lookup.ttl), (ips(&["203.0.113.20"]), Some(20)));
    // The server has both zones and says both, but for the other zone it is not believed.
    assert_eq!(
        world.rungs()[3..],
        [
            "example.com. alias edge.example.net.",
            ". → net.",
            "net. → example.net.",
            "example.net. 203.0.113.20",
        ]
    );
}

#[test]
fn servers_without_glue_are_looked_up_on_the_way() {
    let world = World::new(LAN, 1);
    let lookup = world.lookup("www.example.org", walk()).unwrap();
    assert_eq!(lookup.addresses(), ips(&["203.0.113.30"]));
    let rungs = world.rungs();
    assert!(rungs.contains(&"org. → example.org.".into()), "{rungs:#?}");
    assert!(rungs.contains(&"example.net. 198.51.100.53".into()), "{rungs:#?}");
}

#[test]
fn lame_servers_are_passed_over() {
    let world = World::new(LAN, 1);
    let lookup = world.lookup("www.lame.com", walk()).unwrap();
    assert_eq!(lookup.addresses(), ips(&["203.0.113.40"]));
    let rungs = world.rungs();
    assert!(rungs.iter().any(|rung| rung.starts_with("lame.com. lame")), "{rungs:#?}");
}

#[test]
fn a_zone_whose_servers_are_silent_is_given_up() {
    let world = World::new(LAN, 1);
    let fault = world.lookup("www.dead.com", walk()).unwrap_err();
    // The fault names the zone whose servers are silent, not this machine's own.
    let FaultKind::BadDelegation { zone, parent, what, .. } = &*fault.kind else {
        panic!("{fault:?}")
    };
    assert_eq!((zone.as_str(), parent.as_deref()), ("dead.com.", Some("com.")));
    assert_eq!(*what, DelegationFault::Silent);
    assert!(world.messages().len() < 40);
}

#[test]
fn what_does_not_exist_is_said_by_its_zone() {
    let world = World::new(LAN, 1);
    for (name, soa, ttl) in
        [("nope.example.com", "example.com.", 60), ("nope.com", "com.", 600), ("nope", ".", 600)]
    {
        let fault = world.lookup(name, Options::walk()).unwrap_err();
        assert_eq!(
            *fault.kind,
            FaultKind::NxDomain { name: format!("{name}."), soa: Some(soa.into()), ttl: Some(ttl) }
        );
    }
}

#[test]
fn circles_and_attacks_end_soon() {
    let world = World::new(LAN, 1);
    let fault = world.lookup("www.circle-one.org", walk()).unwrap_err();
    let FaultKind::BadDelegation { zone, what, .. } = &*fault.kind else { panic!("{fault:?}") };
    assert_eq!(zone, "circle-one.org.");
    let DelegationFault::Circular { through } = what else { panic!("{what:?}") };
    assert!(through.contains(&"circle-two.org.".to_owned()), "{through:?}");
    let circle = world.messages().len();
    assert!(circle < 60, "{circle}");
    let fault = world.lookup("one.example.com", walk()).unwrap_err();
    assert!(matches!(*fault.kind, FaultKind::AliasLoop { .. }), "{fault:?}");
    // A referral to nine servers without glue: only some of them are looked for (NXNSAttack).
    let before = world.messages().len();
    assert!(world.lookup("www.attack.org", walk()).is_err());
    let victims = world.asked().iter().filter(|asked| asked.name.ends_with(".victim.org.")).count();
    assert!(victims <= 6, "{victims}");
    assert!(world.messages().len() - before < 2 * 64);
}
