use std::time::Duration;

use roundtrip_packet::Flags;

use super::{Definitions, parse};
use crate::ast::{
    About, Action, Body, Direction, Expr, Numbering, OptionSpec, PacketSpec, Script, TosSpec, When,
};
use crate::source::{Place, ReadError};

fn read(text: &str) -> Script {
    parse(text, &Definitions::default()).unwrap_or_else(|error| panic!("{error}"))
}

fn tcp(text: &str) -> crate::ast::TcpSpec {
    match read(text).events.remove(0).action {
        Action::Packet(packet) => match packet.body {
            Body::Tcp(tcp) => tcp,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

fn complaint(text: &str) -> String {
    parse(text, &Definitions::default()).expect_err("it cannot be read").to_string()
}

#[test]
fn a_segment_with_everything() {
    let syn = tcp("+0 > [ect0] 1 > 2 SEW. 0:0(0) ack 1 win 65535 urg 5 \
                   <mss 1460,sackOK,TS val 100 ecr 0,nop,wscale 8>");
    assert_eq!(syn.flags, Flags::SYN_ACK | Flags::ECE | Flags::CWR);
    assert_eq!((syn.ack, syn.window, syn.urgent), (1, Some(65535), 5));
    let options = syn.options.unwrap();
    assert_eq!(options[0], OptionSpec::Mss(1460));
    assert_eq!(
        options[2],
        OptionSpec::Timestamps { value: Some(100), echo: 0, is_echo_absolute: false }
    );
    assert_eq!(options[4], OptionSpec::WindowScale(8));
}

#[test]
fn what_is_left_out_is_not_looked_at() {
    let ack = tcp("* > . 1:1(0) ack 1001 <...>");
    assert_eq!((ack.window, ack.options), (None, None));
    assert_eq!(tcp("0 > . 1:1(0) win *").window, None);
    assert_eq!(tcp("0 < - 5:15(10) win 1").flags, Flags::NONE);
}

#[test]
fn times_of_all_kinds() {
    let whens: Vec<When> = read(
        "0 close(3) = 0\n0.25 close(3) = 0\n+.1 close(3) = 0\n+.1~+.2 > . 1:1(0)\n\
         1~1.5 > . 1:1(0)\n* > . 1:1(0)",
    )
    .events
    .into_iter()
    .map(|event| event.when)
    .collect();
    let ms = Duration::from_millis;
    assert_eq!(
        whens,
        [
            When::At(ms(0)),
            When::At(ms(250)),
            When::After(ms(100)),
            When::AfterBetween(ms(100), ms(200)),
            When::Between(ms(1000), ms(1500)),
            When::Anytime,
        ]
    );
}

#[test]
fn a_call_that_blocks() {
    let script =
        read("+.1...0.2 connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)");
    let Action::Call(call) = &script.events[0].action else { panic!() };
    assert_eq!(call.end, Some(Duration::from_millis(200)));
    assert_eq!((call.result.clone(), call.errno.as_deref()), (Expr::Int(-1), Some("EINPROGRESS")));
    assert_eq!(call.arguments, [Expr::Int(3), Expr::Ellipsis, Expr::Ellipsis]);
}

#[test]
fn groups_with_and_without_names() {
    let script = read(
        "0 recvmsg(3, {msg_name(...)=..., msg_iov(1)=[{..., 1000}], msg_flags=MSG_A|MSG_B}, 0) = 1",
    );
    let Action::Call(call) = &script.events[0].action else { panic!() };
    let message = &call.arguments[1];
    assert_eq!(message.member("msg_name"), Some(&Expr::Ellipsis));
    let Some(Expr::List(iov)) = message.member("msg_iov") else { panic!() };
    let Expr::Group(members) = &iov[0] else { panic!() };
    assert_eq!(members[1].value, Expr::Int(1000));
    assert!(matches!(message.member("msg_flags"), Some(Expr::Or(both)) if both.len() == 2));
}

#[test]
fn head_preamble_code_and_cleanup() {
    let script = read(
        "// what it is about\n--tolerance_usecs=10000\n--define=PORT=8080\n`sysctl -q a.b=1\nls`\n\
         /* and */ 0 bind(3, PORT, \"a\\n\" \"b\") = 0\n+0 %{\nassert x }%\n`clean up`",
    );
    assert_eq!(script.options[0].value.as_deref(), Some("10000"));
    assert_eq!(script.preamble.as_ref().unwrap().text, "sysctl -q a.b=1\nls");
    assert_eq!(script.cleanup.unwrap().text, "clean up");
    let Action::Call(call) = &script.events[0].action else { panic!() };
    assert_eq!(call.arguments[1], Expr::Int(8080));
    assert_eq!(call.arguments[2], Expr::Text(b"a\nb".to_vec()));
    let Action::Code(code) = &script.events[1].action else { panic!() };
    assert_eq!(code.text.trim(), "assert x");
}

#[test]
fn packets_of_other_protocols() {
    let script = read(
        "0 < icmp unreachable frag_needed mtu 1280 [1:1461(1460)]\n\
         0 > udp (100)\n0 < icmp echo_request id 7 [raw (64)]",
    );
    let bodies: Vec<_> = script
        .events
        .iter()
        .map(|event| match &event.action {
            Action::Packet(packet) => (packet.direction, packet.body.clone()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(matches!(&bodies[0], (Direction::Inbound, Body::Icmp(icmp)) if icmp.mtu == Some(1280)));
    assert_eq!(bodies[1], (Direction::Outbound, Body::Udp { length: 100 }));
    assert!(matches!(&bodies[2], (_, Body::Icmp(icmp)) if icmp.id == 7));
}

#[test]
fn complaints_have_a_place_a_caret_and_what_was_expected() {
    assert_eq!(
        complaint("0 socket(1) = 3\n+0 > S. 0:0(0) ack foo"),
        "2:20: expected an acknowledgement number, found `foo`\n \
         2 | +0 > S. 0:0(0) ack foo\n   |                    ^^^"
    );
    for (text, expected) in [
        ("0 < . 1:1(0) ack 1", "`win` and a number"),
        ("0 > . 1:11(11) ack 1", "12: 1 and 11 bytes"),
        ("0 > S. 0:0(0) <mss 1460,nop>", "these take 5 bytes"),
        ("0~1 close(3) = 0", "only expected packets"),
        ("+.2~+.1 > . 1:1(0)", "not before it"),
        ("0 > SS 0:0(0)", "TCP flags"),
        ("0 < [ect01] . 1:1(0) win 1", "one of the two"),
        ("0 close(3", "`,` or `)`"),
        ("0 %{ assert", "`}%`"),
        ("/* ", "`*/`"),
        ("0 > . 4294967296:0(0)", "32 bits"),
        ("\"", "a closing \""),
    ] {
        assert!(complaint(text).contains(expected), "{text}: {}", complaint(text));
    }
}

#[test]
fn what_is_not_run_here_is_named() {
    let error = parse("\n 0 > ipv4 1.2.3.4 > 5.6.7.8: . 1:1(0)", &Definitions::default());
    let Err(ReadError::Unsupported(unsupported)) = error else { panic!("{error:?}") };
    assert_eq!(unsupported.place, Place { line: 2, column: 6 });
    assert_eq!(unsupported.what, "packets inside ipv4");
}

#[test]
fn nesting_has_a_limit() {
    let deep = format!("0 f({}1{}) = 0", "[".repeat(10_000), "]".repeat(10_000));
    assert!(complaint(&deep).contains("nested"));
}

/// Notation that nplab's packetdrill, and the FreeBSD tests written for it, add to Google's.
#[test]
fn what_other_dialects_write() {
    let reset = tcp("+0 > R. 0:0(0)! ack 2 win 0");
    assert_eq!((reset.numbering, reset.start), (Numbering::Absolute, 0));
    assert_eq!(tcp("+0 > . ...(10) ack 2").numbering, Numbering::Any);
    let stamps = tcp("+0 > . 1:1(0) ack 2 <nop,nop,TS val ... ecr 7!>").options.unwrap();
    assert_eq!(stamps[2], OptionSpec::Timestamps { value: None, echo: 7, is_echo_absolute: true });
    let ip = |text: &str| match &read(text).events[0].action {
        Action::Packet(packet) => packet.ip,
        other => panic!("{other:?}"),
    };
    let class = ip("0 > [class 0x20, hlim 4] . 1:1(0) ack 1");
    assert_eq!((class.tos, class.ttl), (TosSpec::Tos(0x20), Some(4)));
    assert_eq!(ip("0 > (dscp EF) . 1:1(0) ack 1").tos, TosSpec::Dscp(46));
    assert_eq!(ip("0 > (dscp CS1, ecn ce) . 1:1(0) ack 1").tos, TosSpec::Tos(0x23));
    assert!(complaint("0 > [tos 0x1, ce] . 1:1(0)").contains("one word on each bit"));
    assert!(complaint("0 < . ...(10) win 1").contains("can only be expected"));
    let about = |text: &str| match &read(text).events[0].action {
        Action::Packet(PacketSpec { body: Body::Icmp(message), .. }) => message.about,
        other => panic!("{other:?}"),
    };
    let older = about("0 < [1:1461(1460)] icmp unreachable frag_needed mtu 1200");
    assert_eq!(older, about("0 < icmp unreachable frag_needed mtu 1200 [1:1461(1460)]"));
    assert_eq!(older, About::Tcp { start: 1, length: 1460 });
    assert!(complaint("0 < [1:2(1)] . 1:1(0) win 1").contains("`icmp`"));
    assert!(complaint("--psp_udp_port=1000\n0 > . 1:1(0) <mss MSS>").contains("PSP"));
    let udp = complaint("0 < F. 1:1(0) ack 1 win 32767/udp(1 > 9811)");
    assert!(udp.contains("TCP inside UDP"), "{udp}");
    assert!(complaint("0 > sctp: DATA[]").contains("SCTP"));
}

#[test]
fn parts_for_those_who_define_a_name() {
    let text = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n#ifdef FreeBSD\n+0 what\n#endif\n";
    assert_eq!(read(text).events.len(), 1);
    assert!(complaint("#ifdef FreeBSD\n0 what\n#endif\n").contains("-D FreeBSD"));
    let unclosed = complaint("0 close(3) = 0\n#ifdef FreeBSD\n");
    assert!(unclosed.starts_with("2:1: expected `#endif`"), "{unclosed}");
    assert!(complaint("#endif\n").starts_with("1:1: expected `#ifdef`"));
}
