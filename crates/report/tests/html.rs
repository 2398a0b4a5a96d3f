//! The report is one file that needs nothing and runs nothing.

mod common;

use roundtrip_report::{Attachments, Model, html};

fn report(scene: &common::Scene) -> String {
    let attachments = Attachments { bodies: scene.log.bodies(), capture: None };
    html(&Model::new(scene.events()), &attachments)
}

#[test]
fn a_visit_has_all_its_sections() {
    let page = report(&common::visit());
    std::fs::write(concat!(env!("CARGO_TARGET_TMPDIR"), "/visit.html"), &page).unwrap();
    for part in [
        "id=\"waterfall\"",
        "id=\"names\"",
        "id=\"neighbours\"",
        "id=\"connections\"",
        "id=\"page\"",
        "id=\"known\"",
        "id=\"downloads\"",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(page.contains("200 OK"));
    assert!(page.contains("SYN_RECEIVED"), "the server's states are drawn");
    let next_hop = page.split("id=\"neighbours\"").nth(1).expect("the next hop");
    for told in ["10.0.0.1", "02:00:00:00:00:02", "by ARP in", "INCOMPLETE", "REACHABLE"] {
        assert!(next_hop.contains(told), "{told}");
    }
    assert!(page.contains("data:image/png;base64,"), "the picture is in it");
    assert!(page.contains("download=\"visit.har\""));
}

#[test]
fn a_live_visit_says_what_it_did_not_see() {
    let page = report(&common::live());
    std::fs::write(concat!(env!("CARGO_TARGET_TMPDIR"), "/live.html"), &page).unwrap();
    assert!(page.contains("CAP_NET_RAW"));
    assert!(page.contains("observed (TCP_INFO)"));
}

#[test]
fn two_reports_of_one_record_are_the_same() {
    assert_eq!(report(&common::visit()), report(&common::visit()));
}
