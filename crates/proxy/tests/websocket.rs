//! WebSocket by way of the proxy, in the lab.

mod common;

use common::{PROXY, Scene};
use flate2::{Compress, Compression, FlushCompress};
use roundtrip_lab::Internet;
use roundtrip_proxy::Options;
use roundtrip_record::{Direction, Role, What};
use roundtrip_wire::{Listener as _, Wire as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// A frame; a client's is masked.
fn frame(first: u8, payload: &[u8], masked: bool) -> Vec<u8> {
    let mut bytes = vec![first, payload.len() as u8 | if masked { 0x80 } else { 0 }];
    if masked {
        let mask = [1, 2, 3, 4];
        bytes.extend_from_slice(&mask);
        bytes.extend(payload.iter().enumerate().map(|(at, byte)| byte ^ mask[at % 4]));
    } else {
        bytes.extend_from_slice(payload);
    }
    bytes
}

/// A message as `permessage-deflate` has it (RFC 7692 §7.2.1).
fn deflate(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(1000);
    let mut state = Compress::new(Compression::default(), false);
    state.compress_vec(text, &mut out, FlushCompress::Sync).unwrap();
    out.truncate(out.len() - 4);
    out
}

/// Answers 101 with these fields, then sends `frames`, then takes what comes to its end.
fn serve(scene: &mut Scene, fields: &'static str, frames: Vec<u8>) -> String {
    let address = Internet::web_address(80);
    let wire = scene.internet.add_server("socket", Role::WebServer, address.into());
    let mut listener = wire.listen((address, 80).into()).unwrap();
    let serving = async move {
        let mut stream = listener.accept().await.unwrap();
        let mut request = vec![0; 4096];
        let got = stream.read(&mut request).await.unwrap();
        let text = String::from_utf8_lossy(&request[..got]).to_lowercase();
        assert!(
            text.contains("connection: upgrade") && text.contains("upgrade: websocket"),
            "{text}"
        );
        let head = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{fields}\r\n"
        );
        // The first frame comes together with the head.
        stream.write_all(&[head.as_bytes(), &frames].concat()).await.unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
        let _ = stream.write_all(&rest).await;
        let _ = stream.shutdown().await;
    };
    wire.spawn(serving).detach();
    address.to_string()
}

/// Upgrades by way of the proxy, sends frames, and gives all that came after the head.
fn converse(scene: &Scene, host: &str, frames: Vec<u8>) -> Vec<u8> {
    let wire = scene.internet.client().clone();
    let head = format!(
        "GET http://{host}/chat HTTP/1.1\r\nHost: {host}\r\nConnection: keep-alive, Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    scene.run(async move {
        let mut stream = wire.connect(PROXY.parse().unwrap(), None, None).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut all = Vec::new();
        let mut piece = [0; 512];
        while !all.windows(4).any(|four| four == b"\r\n\r\n") {
            let got = stream.read(&mut piece).await.unwrap();
            assert_ne!(got, 0, "{}", String::from_utf8_lossy(&all));
            all.extend_from_slice(&piece[..got]);
        }
        assert!(all.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&all));
        stream.write_all(&frames).await.unwrap();
        stream.shutdown().await.unwrap();
        stream.read_to_end(&mut all).await.unwrap();
        let end = all.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        all.split_off(end + 4)
    })
}

/// What was recorded of each frame: who sent it, what it is, and its payload as it reads.
fn recorded(scene: &Scene) -> Vec<(Direction, u8, String)> {
    let events = scene.events();
    let ended = events.iter().find_map(|event| match &event.what {
        What::WebSocketEnded(ended) => Some(ended.clone()),
        _ => None,
    });
    let ended = ended.expect("it has ended");
    assert_eq!(ended.broken, None);
    let frames = events.iter().filter_map(|event| match &event.what {
        What::WebSocketFrame(frame) => Some(frame),
        _ => None,
    });
    let text = |frame: &roundtrip_record::WebSocketFrame| {
        let side = match frame.direction {
            Direction::Sent => &ended.sent,
            Direction::Received => &ended.received,
        };
        let all = scene.bodies().get(side.payload.as_ref().unwrap()).unwrap();
        let from = frame.offset.unwrap() as usize;
        String::from_utf8_lossy(&all[from..from + frame.kept as usize]).into_owned()
    };
    frames.map(|frame| (frame.direction, frame.opcode, text(frame))).collect()
}

#[test]
fn frames_pass_and_are_recorded() {
    let mut scene = Scene::new(Vec::new());
    let hello = frame(0x81, b"hello", false);
    let host = serve(&mut scene, "", hello.clone());
    scene.serve(Options::default());
    let sent =
        [frame(0x01, b"one, ", true), frame(0x80, b"two", true), frame(0x89, b"p", true)].concat();
    let came = converse(&scene, &host, sent.clone());
    assert_eq!(came, [hello, sent].concat(), "byte for byte, and back");
    let (out, back) = (Direction::Sent, Direction::Received);
    let seen = recorded(&scene);
    let of = |direction| -> Vec<(u8, String)> {
        let own = seen.iter().filter(|(of, _, _)| *of == direction);
        own.map(|(_, opcode, text)| (*opcode, text.clone())).collect()
    };
    let texts = [(1, "one, ".to_owned()), (0, "two".into()), (9, "p".into())];
    assert_eq!(of(out), texts);
    assert_eq!(of(back)[0], (1, "hello".to_owned()));
    let asked = scene.asked();
    assert_eq!((asked[0].status(), asked[0].complete), (Some(101), true));
    assert_eq!(asked[0].frames.len(), seen.len());
}

#[test]
fn compressed_messages_are_recorded_as_they_read() {
    let mut scene = Scene::new(Vec::new());
    let text = "again and again and again and again";
    let message = frame(0xc1, &deflate(text.as_bytes()), false);
    let host =
        serve(&mut scene, "Sec-WebSocket-Extensions: permessage-deflate\r\n", message.clone());
    scene.serve(Options::default());
    let came = converse(&scene, &host, frame(0x88, b"\x03\xe8", true));
    assert!(came.starts_with(&message), "it passes as it is");
    assert_eq!(recorded(&scene)[0], (Direction::Received, 1, text.to_owned()));
}

#[test]
fn what_is_no_frame_passes_all_the_same() {
    let mut scene = Scene::new(Vec::new());
    let host = serve(&mut scene, "", b"\xff\xff no frame".to_vec());
    scene.serve(Options::default());
    let came = converse(&scene, &host, b"nor is this".to_vec());
    assert_eq!(came, b"\xff\xff no framenor is this");
    let broken = scene.events().into_iter().find_map(|event| match event.what {
        What::WebSocketEnded(ended) => Some(ended.broken),
        _ => None,
    });
    assert!(broken.flatten().is_some_and(|why| why.contains("not known")), "it is said");
}
