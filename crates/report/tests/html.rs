//! The report is one file that needs nothing and runs nothing.

mod common;

use core::time::Duration;

use roundtrip_record::{
    CloseReason, Evidence, Initiator, ResourceKind, Side, TcpClosed, TcpOpened, What,
};
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

#[test]
fn the_connection_that_carried_something_is_open_and_a_refused_one_is_folded() {
    let url = "http://example.com/";
    let mut scene = common::Scene::lab(url, Duration::from_millis(5));
    let (exchange, wanted) = scene.want(url, ResourceKind::Document, Initiator::User, None);
    let (connection, host) = (scene.log.connection_id(), scene.client);
    let (local, remote) =
        (common::socket("[2001:db8::2]:40000"), common::socket("[2001:db8::80]:80"));
    let opened = TcpOpened { connection, side: Side::Client, local, remote };
    scene.tell(host, wanted, What::TcpOpened(opened));
    let (reason, how) = (CloseReason::Refused, Evidence::Performed);
    scene.tell(host, wanted, What::TcpClosed(TcpClosed { connection, reason, how }));
    let mut wire = scene.connect(exchange, "192.0.2.80:80", wanted);
    let sent = scene.request(exchange, &mut wire, "/", None, wanted);
    scene.answer(exchange, &mut wire, &common::Answer::ok("text/html", b"hello"), sent);
    let page = report(&scene);
    let connections = page.split("id=\"connections\"").nth(1).expect("the connections");
    let shown: Vec<&str> = connections.split("<details class=\"connection\"").skip(1).collect();
    assert_eq!(shown.len(), 2);
    assert!(shown[0].starts_with('>') && shown[0].contains("2001:db8::80"), "{}", shown[0]);
    assert!(shown[0].contains("<span class=\"failed\">refused</span>"));
    assert!(shown[1].starts_with(" open") && shown[1].contains("192.0.2.80"), "{}", shown[1]);
}

#[test]
fn the_row_of_pictures_is_in_the_report_with_its_times() {
    let page = report(&common::visit());
    let row = page.split("id=\"frames\"").nth(1).expect("the row of pictures");
    let row = row.split("</section>").next().expect("its end");
    assert!(row.contains("data:image/png;base64,") && row.contains("width=\"320\""), "{row}");
    assert!(row.contains("3.1 kB of the document, 1 resource"), "{row}");
    assert!(page.contains("img /img/a-picture-with-a-long-name.jpg, 640 × 400"));
}
