//! Our name servers as a stranger sees them: what they make of bytes that are no query.

mod common;

use std::net::SocketAddr;
use std::time::Duration;

use common::World;
use roundtrip_dns::proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use roundtrip_dns::proto::rr::{Name, RecordType};
use roundtrip_lab::Internet;
use roundtrip_record::What;
use roundtrip_wire::{Datagram as _, Wire as _};

const AT: (std::net::Ipv4Addr, u16) = (Internet::AUTHORITATIVE, 53);

/// Sends each of `sent` to the authoritative server and gives what comes back within a second.
fn talk(world: &World, sent: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let client = world.client().clone();
    world.run(async move {
        let socket = client.datagram("0.0.0.0:0".parse::<SocketAddr>().unwrap()).unwrap();
        for bytes in &sent {
            socket.send_to(bytes, AT.into(), None).await.unwrap();
        }
        let (mut back, end) = (Vec::new(), client.now() + Duration::from_secs(1));
        loop {
            let receive = std::pin::pin!(socket.receive());
            match futures_util::future::select(receive, std::pin::pin!(client.sleep_until(end)))
                .await
            {
                futures_util::future::Either::Left((packet, _)) => back.push(packet.unwrap().bytes),
                futures_util::future::Either::Right(_) => return back,
            }
        }
    })
}

fn query() -> Vec<u8> {
    let mut query = Message::new(77, MessageType::Query, OpCode::Query);
    query.add_query(Query::query(Name::from_ascii("www.example.com.").unwrap(), RecordType::A));
    query.to_vec().unwrap()
}

#[test]
fn responses_and_scraps_are_not_answered_and_broken_queries_are_refused() {
    let world = World::new("lan", 1);
    let mut response = query();
    response[2] |= 0x80;
    let mut broken = query();
    broken.truncate(20);
    let back = talk(&world, vec![response, b"scrap".to_vec(), Vec::new(), broken]);
    assert_eq!(back.len(), 1);
    let answer = Message::from_vec(&back[0]).unwrap();
    assert_eq!((answer.metadata.id, answer.metadata.response_code), (77, ResponseCode::FormErr));
}

#[test]
fn it_lives_through_damaged_queries() {
    let world = World::new("lan", 1);
    let mut state = 1_u64;
    let mut draw = |below: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let mut sent = Vec::new();
    for _ in 0..500 {
        let mut bytes = query();
        for _ in 0..=draw(6) {
            let at = draw(bytes.len());
            bytes[at] = draw(256) as u8;
        }
        bytes.truncate(1 + draw(bytes.len()));
        // Not all at once: the servers' sockets have bounds.
        sent.push(bytes);
    }
    for some in sent.chunks(50) {
        talk(&world, some.to_vec());
    }
    let back = talk(&world, vec![query()]);
    let answer = Message::from_vec(&back[0]).unwrap();
    assert_eq!(answer.answers.len(), 1);
    assert!(answer.metadata.authoritative);
}

#[test]
fn both_ends_record_the_same_messages() {
    let world = World::new("lan", 1);
    world.lookup("www.example.com", roundtrip_dns::Options::walk()).unwrap();
    let sides = |of_client: bool| {
        let mut messages: Vec<(u16, String, Option<String>, u32)> = world
            .events()
            .into_iter()
            .filter(|event| (event.host == world.client_id()) == of_client)
            .filter_map(|event| match event.what {
                What::DnsMessage(m) => Some((m.id, m.question, m.code, m.length)),
                _ => None,
            })
            .collect();
        messages.sort();
        messages
    };
    assert_eq!(sides(true).len(), 8);
    assert_eq!(sides(true), sides(false));
}
