//! The views of a visit, read by those they are for: tshark, readers of HAR, a browser.

mod common;

use std::path::Path;
use std::process::Command;

use common::{Roundtrip, check_har, chromium, events, has, text};
use roundtrip_record::{HostId, Role, TcpSegment, What};

/// tshark with every checksum validated.
fn tshark(capture: &Path, filter: &str, fields: &[&str]) -> Vec<Vec<String>> {
    let mut command = Command::new("tshark");
    command.arg("-r").arg(capture);
    for protocol in ["ip", "udp", "tcp"] {
        command.args(["-o", &format!("{protocol}.check_checksum:TRUE")]);
    }
    command.args(["-Y", filter, "-T", "fields"]);
    for field in fields {
        command.args(["-e", field]);
    }
    let output = command.output().expect("tshark starts");
    assert!(output.status.success(), "tshark: {}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    lines.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

/// Malformed, or a bad checksum.
const BAD: &str = "_ws.malformed || ip.checksum.status == \"Bad\" || \
    udp.checksum.status == \"Bad\" || tcp.checksum.status == \"Bad\"";

/// A bad checksum, or malformed beneath TCP.
const SUMS: &str = "ip.checksum.status == \"Bad\" || udp.checksum.status == \"Bad\" || \
    tcp.checksum.status == \"Bad\" || (_ws.malformed && !tcp)";

/// Packets with which tshark finds fault.
fn bad(capture: &Path, filter: &str) -> Vec<Vec<String>> {
    tshark(capture, filter, &["frame.number", "_ws.col.Protocol", "_ws.col.Info"])
}

/// The demo in a folder.
fn demo(roundtrip: &Roundtrip, name: &str, arguments: &[&str]) -> String {
    let folder = roundtrip.folder(name);
    let all = [&["visit", "--out", &folder], arguments].concat();
    roundtrip.run(&all).expect(0);
    folder
}

#[test]
fn tshark_finds_no_fault_with_any_packet() {
    if !has("tshark") {
        return;
    }
    let roundtrip = Roundtrip::new();
    // Where a packet stands there once for each interface it passed, or arrives twice, tshark
    // calls overlapping data malformed; in the rest it must find nothing at all.
    let strict = format!("{BAD} || _ws.expert.severity >= \"Error\"");
    for (name, arguments, filter) in [
        ("http", &[][..], &strict[..]),
        ("https", &["--https"], &strict),
        ("all", &["--capture", "all"], SUMS),
        ("lossy", &["--net", "3g,loss=5%,reorder=5%,duplicate=5%"], SUMS),
    ] {
        let folder = demo(&roundtrip, name, arguments);
        let capture = Path::new(&folder).join("trace.pcapng");
        assert_eq!(bad(&capture, filter), Vec::<Vec<String>>::new(), "{name}");
        // It did look: every packet of TCP and UDP was validated, and is in the record too.
        let good = "tcp.checksum.status == \"Good\" || udp.checksum.status == \"Good\"";
        let validated = tshark(&capture, good, &["frame.number"]).len();
        let all = tshark(&capture, "tcp || udp", &["frame.number"]).len();
        assert!(validated > 20 && validated == all, "{name}: {validated} of {all} validated");
        let numbered = events(&folder)
            .iter()
            .filter(|event| matches!(&event.what, What::Frame(frame) if frame.packet.is_some()))
            .count();
        assert_eq!(tshark(&capture, "frame", &["frame.number"]).len(), numbered, "{name}");
    }
}

/// The check above finds a packet that is broken on purpose.
#[test]
fn a_broken_packet_is_found() {
    if !has("tshark") {
        return;
    }
    let roundtrip = Roundtrip::new();
    let folder = demo(&roundtrip, "demo", &[]);
    let capture = Path::new(&folder).join("trace.pcapng");
    let mut bytes = std::fs::read(&capture).expect("a capture");
    let request = b"POST /order";
    let at = bytes.windows(request.len()).position(|window| window == request);
    bytes[at.expect("the request is in the capture")] ^= 0x01;
    std::fs::write(&capture, bytes).expect("the capture can be changed");
    assert_eq!(bad(&capture, BAD).len(), 1, "{:?}", bad(&capture, BAD));
}

/// Every segment of the client, its handshakes and closes among them: what tshark dissects is what
/// the record tells, in order.
#[test]
fn tshark_reads_the_segments_that_the_record_tells_of() {
    if !has("tshark") {
        return;
    }
    let roundtrip = Roundtrip::new();
    let folder = demo(&roundtrip, "demo", &[]);
    let capture = Path::new(&folder).join("trace.pcapng");
    let fields = ["tcp.seq_raw", "tcp.ack_raw", "tcp.flags", "tcp.len", "tcp.srcport"];
    let read: Vec<(u32, u32, u8, u32)> = tshark(&capture, "tcp", &fields)
        .iter()
        .map(|row| {
            let number = |at: usize| row[at].parse().expect("a number");
            let flags = u16::from_str_radix(row[2].trim_start_matches("0x"), 16).expect("flags");
            (number(0), number(1), flags as u8, number(3))
        })
        .collect();
    let told: Vec<(u32, u32, u8, u32)> = client_segments(&folder)
        .iter()
        .map(|segment| (segment.seq, segment.ack.unwrap_or(0), segment.flags.0, segment.length))
        .collect();
    assert_eq!(read, told);
    // A handshake and a close are there to agree on.
    let with = |flags: u8| told.iter().filter(|segment| segment.2 & 0x17 == flags).count();
    let connections = with(0x02);
    assert!(connections >= 2, "SYN");
    assert_eq!(with(0x12), connections, "SYN, ACK");
    let fins = told.iter().filter(|segment| segment.2 & 0x01 != 0).count();
    assert_eq!(fins, 2 * connections, "each end of each connection sent its FIN");
    for syn in told.iter().filter(|segment| segment.2 & 0x17 == 0x02) {
        let answered = told.iter().any(|s| s.2 & 0x17 == 0x12 && s.1 == syn.0.wrapping_add(1));
        assert!(answered, "SYN {} was not acknowledged", syn.0);
    }
}

fn client_segments(folder: &str) -> Vec<TcpSegment> {
    let events = events(folder);
    let client: Option<HostId> = events.iter().find_map(|event| match &event.what {
        What::HostDeclared(host) if host.role == Role::Client => Some(host.id),
        _ => None,
    });
    let segments = events.into_iter().filter_map(|event| match event.what {
        What::TcpSegment(segment) if Some(event.host) == client => Some(segment),
        _ => None,
    });
    segments.collect()
}

#[test]
fn the_archive_is_har_1_2_and_its_phases_add_up() {
    let roundtrip = Roundtrip::new();
    for (name, arguments) in [
        ("http", &[][..]),
        ("https", &["--https"]),
        ("slow", &["--net", "3gslow,loss=2%"]),
        ("closing", &["--no-keepalive"]),
    ] {
        let folder = demo(&roundtrip, name, arguments);
        assert!(check_har(&folder) >= 2, "{name}: redirect and page");
    }
}

/// A browser opens the report: what it is to show is in its document, and something is on the screen.
#[test]
fn the_report_opens_in_a_browser() {
    if !has("chromium") {
        return;
    }
    let roundtrip = Roundtrip::new();
    let folder = demo(&roundtrip, "demo", &[]);
    let report = format!("file://{folder}/report.html");
    let dom = chromium(&roundtrip, &["--dump-dom", &report]).out();
    for shown in
        ["id=\"waterfall\"", "aria-label=\"Sequence diagram\"", "SYN_SENT", "TIME_WAIT", "303"]
    {
        assert!(dom.contains(shown), "{shown} is not in the report");
    }
    let failing = text(&folder, "report.html");
    assert!(!failing.contains("<script src") && !failing.contains("<link rel=\"stylesheet\""));
    let picture = dom.contains("<img") && dom.contains("data:image/png");
    assert_eq!(picture, cfg!(feature = "page"), "the page's picture");

    let shot = roundtrip.folder("shot.png");
    chromium(&roundtrip, &[&format!("--screenshot={shot}"), "--window-size=1280,2400", &report]);
    let png = std::fs::read(&shot).expect("a screenshot");
    assert!(png.starts_with(b"\x89PNG"));
    // A blank page of this size is some ten kilobytes.
    assert!(png.len() > 60_000, "a screenshot of {} bytes shows next to nothing", png.len());
}

#[test]
fn without_a_picture_a_visit_is_the_same_but_for_it() {
    let roundtrip = Roundtrip::new();
    let told = |folder: &str, option: Option<&str>| {
        let path = roundtrip.folder(folder);
        let mut arguments = vec!["visit", "-q", "--out", &path];
        arguments.extend(option);
        roundtrip.run(&arguments).expect(0);
        let painted = |what: &What| {
            matches!(what, What::PagePainted(_) | What::PageFrame(_) | What::RunEnded(_))
        };
        let all: Vec<String> = events(&path)
            .into_iter()
            .filter(|event| !painted(&event.what))
            .map(|event| format!("{:?} {:?}", event.at, event.what))
            .collect();
        (all, Path::new(&path).join("page.png").exists())
    };
    let (with, picture) = told("with", None);
    let (without, none) = told("without", Some("--no-picture"));
    assert_eq!((picture, none), (true, false));
    assert_eq!(with, without);
}

/// `latest` is a name for the run that it was: the replay is a later one.
#[test]
fn a_replay_of_the_latest_run_knows_its_original() {
    let roundtrip = Roundtrip::new();
    roundtrip.run(&["visit", "--no-page"]).expect(0);
    let replayed = roundtrip.run(&["visit", "--no-page", "latest", "--net", "3g"]).expect(0);
    assert!(replayed.out().contains("recorded"), "{}", replayed.out());
    assert!(replayed.verdict().contains(" cable → "), "{}", replayed.verdict());
    let short = roundtrip.run(&["show", "latest", "--short"]).expect(0);
    assert!(short.out().lines().count() <= 5, "{}", short.out());
}
