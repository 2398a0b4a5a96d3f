//! The form of frames (RFC 9113 §4, §6, §7).

use crate::case::{
    CANCEL, Case, FLOW_CONTROL_ERROR, FRAME_SIZE_ERROR, Must, NO_ERROR, PROTOCOL_ERROR,
    STREAM_CLOSED, case,
};
use crate::common::frames::{
    ACK, END_HEADERS, END_STREAM, Frame, GOAWAY, PADDED, PING, PRIORITY, PUSH_PROMISE, RST_STREAM,
    SETTINGS, WHOLE, block, common as fields, continuation, data, headers, priority, rst_stream,
    settings,
};

/// The longest frame that a server must take (RFC 9113 §4.2).
const LONGEST: usize = 16 * 1024;

fn get(stream: u32) -> Frame {
    headers(stream, WHOLE, &block(&fields("GET", "/a")))
}

fn post(stream: u32) -> Frame {
    headers(stream, END_HEADERS, &block(&fields("POST", "/a")))
}

/// A block of fields, cut in three.
fn pieces() -> [Vec<u8>; 3] {
    let whole = block(&fields("GET", "/a"));
    [whole[..9].to_vec(), whole[9..13].to_vec(), whole[13..].to_vec()]
}

pub(crate) fn cases() -> Vec<Case> {
    [format(), bodies(), priorities(), settings_of_a_client(), pings(), blocks(), codes()]
        .into_iter()
        .flatten()
        .collect()
}

fn format() -> Vec<Case> {
    let [first, second, third] = pieces();
    let pong = Frame::new(PING, 0, 0, b"PingPong");
    vec![
        case("http2/4.1/1", "9113 §4.1", "a frame of an unknown type")
            .send([Frame::new(0x16, 0, 0, &[0; 8]), pong.clone()])
            .must(Must::Pong(b"PingPong")),
        case("http2/4.1/2", "9113 §4.1", "flags that the frame does not have")
            .send([Frame { flags: 0x16, ..pong.clone() }])
            .must(Must::Pong(b"PingPong")),
        case("http2/4.1/3", "9113 §4.1", "the reserved bit")
            .send([Frame { stream: 0x8000_0000, ..pong }])
            .must(Must::Pong(b"PingPong")),
        case("http2/4.2/1", "9113 §4.2", "DATA as long as any server takes it")
            .send([post(1), data(1, END_STREAM, &[b'a'; LONGEST])])
            .must(Must::Answer(1, "POST /a 16384 bytes")),
        // An error of the stream, which may be one of the connection (§5.4.1).
        case("http2/4.2/2", "9113 §4.2", "DATA that is longer")
            .send([post(1), data(1, END_STREAM, &[b'a'; LONGEST + 1])])
            .must(Must::End(FRAME_SIZE_ERROR)),
        case("http2/4.2/3", "9113 §4.2", "HEADERS that are longer")
            .send([headers(1, WHOLE, &[0; LONGEST + 1])])
            .must(Must::End(FRAME_SIZE_ERROR)),
        case("http2/4.3/2", "9113 §4.3", "PRIORITY within a block of fields")
            .send([headers(1, END_STREAM, &first), priority(1, 0, 255)])
            .send([continuation(1, END_HEADERS, &[second.clone(), third.clone()].concat())])
            .must(Must::End(PROTOCOL_ERROR)),
        case("http2/4.3/3", "9113 §4.3", "HEADERS of another stream within a block of fields")
            .send([headers(1, END_STREAM, &first), get(3)])
            .must(Must::End(PROTOCOL_ERROR)),
    ]
}

fn bodies() -> Vec<Case> {
    vec![
        case("http2/6.1/1", "9113 §6.1", "DATA of the connection")
            .send([data(0, END_STREAM, b"words")])
            .must(Must::End(PROTOCOL_ERROR)),
        case("http2/6.1/2", "9113 §6.1", "DATA on a stream that the client has ended")
            .send([settings(&[(4, 0)]), get(1), data(1, 0, b"words")])
            .must(Must::End(STREAM_CLOSED)),
        case("http2/6.1/3", "9113 §6.1", "DATA with more padding than the frame is long")
            .send([post(1), data(1, END_STREAM | PADDED, b"\x06words")])
            .must(Must::End(PROTOCOL_ERROR)),
        case("own/padding", "9113 §6.1", "DATA without the length of the padding that it has")
            .send([post(1), data(1, END_STREAM | PADDED, b"")])
            .must(Must::End(FRAME_SIZE_ERROR)),
    ]
}

fn priorities() -> Vec<Case> {
    vec![
        case("http2/6.3/1", "9113 §6.3", "PRIORITY of the connection")
            .send([priority(0, 1, 255)])
            .must(Must::End(PROTOCOL_ERROR)),
        // An error of the stream, which may be one of the connection (§5.4.1).
        case("http2/6.3/2", "9113 §6.3", "PRIORITY of another length than 5")
            .send([post(1), Frame::new(PRIORITY, 0, 1, &[0, 0, 0, 0])])
            .must(Must::End(FRAME_SIZE_ERROR)),
        case("http2/6.4/1", "9113 §6.4", "RST_STREAM of the connection")
            .send([rst_stream(0, CANCEL)])
            .must(Must::End(PROTOCOL_ERROR)),
        case("http2/6.4/2", "9113 §6.4", "RST_STREAM of an idle stream below one in use")
            .send([get(3)])
            .wait_for(3)
            .send([rst_stream(5, CANCEL)])
            .must(Must::End(PROTOCOL_ERROR)),
        case("http2/6.4/3", "9113 §6.4", "RST_STREAM of another length than 4")
            .send([post(1), Frame::new(RST_STREAM, 0, 1, &[0, 0, 0])])
            .must(Must::End(FRAME_SIZE_ERROR)),
        case("http2/8.2/1", "9113 §8.4", "PUSH_PROMISE of a client")
            .send([post(1), Frame::new(PUSH_PROMISE, END_HEADERS, 1, &[0, 0, 0, 2, 0x82])])
            .must(Must::End(PROTOCOL_ERROR)),
        case("own/push", "9113 §8.4", "PUSH_PROMISE of the connection")
            .send([Frame::new(PUSH_PROMISE, END_HEADERS, 0, &[0, 0, 0, 2, 0x82])])
            .must(Must::End(PROTOCOL_ERROR)),
    ]
}

fn settings_of_a_client() -> Vec<Case> {
    vec![
        case("http2/6.5/1", "9113 §6.5", "SETTINGS that acknowledge and have a payload")
            .send([Frame { flags: ACK, ..settings(&[(3, 1)]) }])
            .must(Must::End(FRAME_SIZE_ERROR)),
        case("http2/6.5/2", "9113 §6.5", "SETTINGS of a stream")
            .send([Frame { stream: 1, ..settings(&[(3, 1)]) }])
            .must(Must::End(PROTOCOL_ERROR)),
        case("http2/6.5/3", "9113 §6.5", "SETTINGS of another length than a multiple of 6")
            .send([Frame::new(SETTINGS, 0, 0, &[0, 3, 0])])
            .must(Must::End(FRAME_SIZE_ERROR)),
        case("http2/6.5.2/1", "9113 §6.5.2", "SETTINGS_ENABLE_PUSH of 2")
            .send([settings(&[(2, 2)])])
            .must(Must::End(PROTOCOL_ERROR)),
        case("http2/6.5.2/2", "9113 §6.5.2", "SETTINGS_INITIAL_WINDOW_SIZE of 2^31")
            .send([settings(&[(3, 1), (4, 1 << 31)])])
            .must(Must::End(FLOW_CONTROL_ERROR)),
        case("http2/6.5.2/3", "9113 §6.5.2", "SETTINGS_MAX_FRAME_SIZE below the least")
            .send([settings(&[(5, LONGEST as u32 - 1)])])
            .must(Must::End(PROTOCOL_ERROR)),
        case("http2/6.5.2/4", "9113 §6.5.2", "SETTINGS_MAX_FRAME_SIZE above the greatest")
            .send([settings(&[(5, 1 << 24)])])
            .must(Must::End(PROTOCOL_ERROR)),
        case("http2/6.5.2/5", "9113 §6.5.2", "a parameter that is not known")
            .send([settings(&[(0xff, 1)]), get(1)])
            .must(Must::Acknowledged(1))
            .must(Must::Answer(1, "GET /a")),
        case("http2/6.5.3/1", "9113 §6.5.3", "one parameter twice: the last counts")
            .send([settings(&[(4, 100), (4, 1)]), get(1)])
            .must(Must::Data(1, &[1])),
        case("http2/6.5.3/2", "9113 §6.5.3", "SETTINGS, each of which is acknowledged")
            .send([settings(&[]), settings(&[(3, 1)])])
            .must(Must::Acknowledged(2)),
    ]
}

fn pings() -> Vec<Case> {
    let ping = Frame::new(PING, 0, 0, b"PingPong");
    vec![
        case("http2/6.7/1", "9113 §6.7", "PING").send([ping.clone()]).must(Must::Pong(b"PingPong")),
        case("http2/6.7/2", "9113 §6.7", "PING that answers is not answered")
            .send([Frame { flags: ACK, ..ping.clone() }])
            .must(Must::NoPong),
        case("http2/6.7/3", "9113 §6.7", "PING of a stream")
            .send([Frame { stream: 1, ..ping }])
            .must(Must::End(PROTOCOL_ERROR)),
        case("http2/6.7/4", "9113 §6.7", "PING of another length than 8")
            .send([Frame::new(PING, 0, 0, &[0; 6])])
            .must(Must::End(FRAME_SIZE_ERROR)),
        case("http2/6.8/1", "9113 §6.8", "GOAWAY of a stream")
            .send([post(1), Frame::new(GOAWAY, 0, 1, &[0; 8])])
            .must(Must::End(PROTOCOL_ERROR)),
        case("own/away", "9113 §6.8", "GOAWAY that is too short")
            .send([Frame::new(GOAWAY, 0, 0, &[0; 7])])
            .must(Must::End(FRAME_SIZE_ERROR)),
    ]
}

/// `HEADERS` and `CONTINUATION`.
fn blocks() -> Vec<Case> {
    let [first, second, third] = pieces();
    let more = block(&[("x-more", "1")]);
    let begin = || headers(1, END_STREAM, &first);
    vec![
        case("http2/6.2/1", "9113 §6.2", "HEADERS that are not whole, and then PRIORITY")
            .send([begin(), priority(3, 0, 255)])
            .must(Must::End(PROTOCOL_ERROR)),
        case("http2/6.2/2", "9113 §6.2", "HEADERS that are not whole, and then those of another")
            .send([begin(), headers(3, END_STREAM, &first)])
            .must(Must::End(PROTOCOL_ERROR)),
        case("http2/6.2/3", "9113 §6.2", "HEADERS of the connection")
            .send([get(0)])
            .must(Must::End(PROTOCOL_ERROR)),
        case("http2/6.2/4", "9113 §6.2", "HEADERS with more padding than the frame is long")
            .send([headers(1, WHOLE | PADDED, &[&[200], &first[..]].concat())])
            .must(Must::End(PROTOCOL_ERROR)),
        case("own/short", "9113 §6.2", "HEADERS too short for the priority that they have")
            .send([headers(1, WHOLE | 32, &[0, 0])])
            .must(Must::End(FRAME_SIZE_ERROR)),
        case("http2/6.10/1", "9113 §6.10", "several CONTINUATIONs, the first of them empty")
            .send([begin(), continuation(1, 0, &[]), continuation(1, 0, &second)])
            .send([continuation(1, END_HEADERS, &third)])
            .must(Must::Answer(1, "GET /a")),
        case("http2/6.10/2", "9113 §6.10", "DATA between CONTINUATIONs")
            .send([begin(), continuation(1, 0, &second), data(1, END_STREAM, b"words")])
            .must(Must::End(PROTOCOL_ERROR)),
        case("http2/6.10/3", "9113 §6.10", "CONTINUATION of the connection")
            .send([
                begin(),
                continuation(0, END_HEADERS, &[second.clone(), third.clone()].concat()),
            ])
            .must(Must::End(PROTOCOL_ERROR)),
        case("http2/6.10/4", "9113 §6.10", "CONTINUATION after HEADERS that were whole")
            .send([post(1), continuation(1, END_HEADERS, &more)])
            .must(Must::End(PROTOCOL_ERROR)),
        case("http2/6.10/5", "9113 §6.10", "CONTINUATION after the last CONTINUATION")
            .send([headers(1, 0, &first)])
            .send([continuation(1, END_HEADERS, &[second.clone(), third.clone()].concat())])
            .send([continuation(1, END_HEADERS, &more)])
            .must(Must::End(PROTOCOL_ERROR)),
        case("http2/6.10/6", "9113 §6.10", "CONTINUATION after DATA")
            .send([post(1), data(1, 0, b"words"), continuation(1, END_HEADERS, &more)])
            .must(Must::End(PROTOCOL_ERROR)),
    ]
}

/// Error codes that are not known are borne (RFC 9113 §7).
fn codes() -> Vec<Case> {
    vec![
        case("http2/7/1", "9113 §7", "GOAWAY with an unknown code: the client opens no more")
            .send([get(1), Frame::new(GOAWAY, 0, 0, &[0, 0, 0, 0, 0, 0, 0, 0xff])])
            .must(Must::Answer(1, "GET /a"))
            .must(Must::End(NO_ERROR)),
        case("http2/7/2", "9113 §7", "RST_STREAM with an unknown code")
            .send([post(1), rst_stream(1, 0xff), get(3)])
            .must(Must::Nothing(1))
            .must(Must::Answer(3, "GET /a")),
    ]
}
