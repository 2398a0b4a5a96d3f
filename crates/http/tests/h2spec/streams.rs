//! The states of streams, their numbers, and errors (RFC 9113 §5).

use crate::case::{
    CANCEL, Case, FLOW_CONTROL_ERROR, FRAME_SIZE_ERROR, Must, PROTOCOL_ERROR, REFUSED_STREAM,
    STREAM_CLOSED, case,
};
use crate::common::frames::{
    END_HEADERS, END_STREAM, Frame, PING, WHOLE, WITH_PRIORITY, block, common as fields,
    continuation, data, headers, priority, rst_stream, settings, window_update,
};

fn get(stream: u32) -> Frame {
    headers(stream, WHOLE, &block(&fields("GET", "/a")))
}

fn post(stream: u32) -> Frame {
    headers(stream, END_HEADERS, &block(&fields("POST", "/a")))
}

pub(crate) fn cases() -> Vec<Case> {
    [idle(), half_closed(), reset(), closed(), numbers(), errors(), windows()]
        .into_iter()
        .flatten()
        .collect()
}

fn idle() -> Vec<Case> {
    let more = block(&[("x-more", "1")]);
    vec![
        case("http2/5.1/1", "9113 §5.1", "DATA on an idle stream")
            .send([data(1, END_STREAM, b"words")])
            .must(Must::End(PROTOCOL_ERROR)),
        case("http2/5.1/2", "9113 §5.1", "RST_STREAM on an idle stream")
            .send([rst_stream(1, CANCEL)])
            .must(Must::End(PROTOCOL_ERROR)),
        case("http2/5.1/3", "9113 §5.1", "WINDOW_UPDATE on an idle stream")
            .send([window_update(1, 100)])
            .must(Must::End(PROTOCOL_ERROR)),
        case("http2/5.1/4", "9113 §5.1", "CONTINUATION on an idle stream")
            .send([continuation(1, END_HEADERS, &more)])
            .must(Must::End(PROTOCOL_ERROR)),
    ]
}

/// The client has sent all of its request, and no response has ended. What it sends then is an error of
/// the stream by §5.1; a server may make any of these one of the connection (§5.4.1), and ours does,
/// since only a client that has lost count does such a thing.
fn half_closed() -> Vec<Case> {
    // No window, so that no response can end.
    let open = || [settings(&[(4, 0)]), get(1)];
    let more = block(&[("x-more", "1")]);
    vec![
        case("http2/5.1/5", "9113 §5.1", "DATA on a half-closed (remote) stream")
            .send(open())
            .send([data(1, END_STREAM, b"words")])
            .must(Must::End(STREAM_CLOSED)),
        case("http2/5.1/6", "9113 §5.1", "HEADERS on a half-closed (remote) stream")
            .send(open())
            .send([get(1)])
            .must(Must::End(STREAM_CLOSED)),
        case("http2/5.1/7", "9113 §6.10", "CONTINUATION on a half-closed (remote) stream")
            .send(open())
            .send([continuation(1, END_HEADERS, &more)])
            .must(Must::End(PROTOCOL_ERROR)),
    ]
}

/// The client has reset the stream. RFC 7540 §5.1 asked for an error of the stream for each frame that
/// comes then; RFC 9113 §5.1 allows one of the connection, except for frames that it lists.
fn reset() -> Vec<Case> {
    let more = block(&[("x-more", "1")]);
    vec![
        case("http2/5.1/8", "9113 §5.1", "DATA after RST_STREAM")
            .send([post(1), rst_stream(1, CANCEL), data(1, END_STREAM, b"words")])
            .must(Must::End(STREAM_CLOSED)),
        case("http2/5.1/9", "9113 §5.1", "HEADERS after RST_STREAM")
            .send([post(1), rst_stream(1, CANCEL), get(1)])
            .must(Must::End(STREAM_CLOSED)),
        case("http2/5.1/10", "9113 §6.10", "CONTINUATION after RST_STREAM")
            .send([post(1), rst_stream(1, CANCEL), continuation(1, END_HEADERS, &more)])
            .must(Must::End(PROTOCOL_ERROR)),
        case("own/late", "9113 §5.1", "WINDOW_UPDATE, RST_STREAM and PRIORITY after RST_STREAM")
            .send([post(1), rst_stream(1, CANCEL), window_update(1, 5)])
            .send([rst_stream(1, CANCEL), priority(1, 0, 9), get(3)])
            .must(Must::Answer(3, "GET /a")),
    ]
}

/// Both ends have sent all that they will.
fn closed() -> Vec<Case> {
    let more = block(&[("x-more", "1")]);
    vec![
        case("http2/5.1/11", "9113 §5.1", "DATA on a closed stream")
            .send([get(1)])
            .wait_for(1)
            .send([data(1, END_STREAM, b"words")])
            .must(Must::End(STREAM_CLOSED)),
        case("http2/5.1/12", "9113 §5.1", "HEADERS on a closed stream")
            .send([get(1)])
            .wait_for(1)
            .send([get(1)])
            .must(Must::End(STREAM_CLOSED)),
        case("http2/5.1/13", "9113 §6.10", "CONTINUATION on a closed stream")
            .send([get(1)])
            .wait_for(1)
            .send([continuation(1, END_HEADERS, &more)])
            .must(Must::End(PROTOCOL_ERROR)),
        case("own/closed", "9113 §5.1", "WINDOW_UPDATE and RST_STREAM on a closed stream")
            .send([get(1)])
            .wait_for(1)
            .send([window_update(1, 100), rst_stream(1, CANCEL), get(3)])
            .must(Must::Answer(3, "GET /a")),
        case("own/skipped", "9113 §5.1.1", "HEADERS on a closed stream after others")
            .send([get(1), get(3), get(5)])
            .wait_for(5)
            .send([get(3)])
            .must(Must::End(STREAM_CLOSED)),
    ]
}

fn numbers() -> Vec<Case> {
    // The server takes ten at one time; that there is no window keeps all of them open.
    let many = (0..11).map(|number| get(2 * number + 1));
    vec![
        case("http2/5.1.1/1", "9113 §5.1.1", "an even number of a stream")
            .send([get(2)])
            .must(Must::End(PROTOCOL_ERROR)),
        case("http2/5.1.1/2", "9113 §5.1.1", "a number that was passed over")
            .send([get(5), get(3)])
            .must(Must::End(PROTOCOL_ERROR)),
        case("http2/5.1.2/1", "9113 §5.1.2", "more streams than the server takes at one time")
            .send([settings(&[(4, 0)])])
            .send(many)
            .must(Must::Head(19))
            .must(Must::Reset(21, &[REFUSED_STREAM, PROTOCOL_ERROR])),
        // RFC 9113 §5.3.2 takes the meaning from these; RFC 7540 §5.3.1 asked for an error.
        case("http2/5.3.1/1", "9113 §5.3.2", "HEADERS that depend on their own stream")
            .send([headers(
                1,
                WHOLE | WITH_PRIORITY,
                &[&[0, 0, 0, 1, 255], &block(&fields("GET", "/a"))[..]].concat(),
            )])
            .must(Must::Reset(1, &[PROTOCOL_ERROR])),
        case("http2/5.3.1/2", "9113 §5.3.2", "PRIORITY that depends on its own stream")
            .send([post(1), priority(1, 1, 255)])
            .must(Must::Reset(1, &[PROTOCOL_ERROR])),
    ]
}

fn errors() -> Vec<Case> {
    let whole = block(&fields("GET", "/a"));
    let (first, rest) = whole.split_at(9);
    let unknown = |stream| Frame::new(0xee, 0xff, stream, b"something");
    vec![
        case("http2/5.4.1/1", "9113 §5.4.1", "an error of the connection is told before its end")
            .send([get(1)])
            .wait_for(1)
            .send([Frame::new(PING, 0, 1, &[0; 8])])
            .must(Must::Answer(1, "GET /a"))
            .must(Must::End(PROTOCOL_ERROR)),
        case("http2/5.5/1", "9113 §5.5", "frames of an unknown type")
            .send([unknown(0), unknown(1), get(1), unknown(1)])
            .must(Must::Answer(1, "GET /a")),
        case("http2/5.5/2", "9113 §5.5", "a frame of an unknown type within a block of fields")
            .send([headers(1, END_STREAM, first), unknown(1)])
            .send([continuation(1, END_HEADERS, rest)])
            .must(Must::End(PROTOCOL_ERROR)),
    ]
}

/// Flow control (RFC 9113 §6.9).
fn windows() -> Vec<Case> {
    const MOST: u32 = 0x7fff_ffff;
    vec![
        case("http2/6.9/1", "9113 §6.9", "WINDOW_UPDATE of the connection by nothing")
            .send([window_update(0, 0)])
            .must(Must::End(PROTOCOL_ERROR)),
        // An error of the stream, which may be one of the connection (§5.4.1).
        case("http2/6.9/2", "9113 §6.9", "WINDOW_UPDATE of a stream by nothing")
            .send([post(1), window_update(1, 0)])
            .must(Must::End(PROTOCOL_ERROR)),
        case("http2/6.9/3", "9113 §6.9", "WINDOW_UPDATE of another length than 4")
            .send([Frame::new(8, 0, 0, &[0, 0, 1])])
            .must(Must::End(FRAME_SIZE_ERROR)),
        case("http2/6.9.1/1", "9113 §6.9.1", "a window of 1")
            .send([settings(&[(4, 1)]), get(1)])
            .must(Must::Data(1, &[1])),
        case("http2/6.9.1/2", "9113 §6.9.1", "a window of the connection that is too large")
            .send([window_update(0, MOST), window_update(0, MOST)])
            .must(Must::End(FLOW_CONTROL_ERROR)),
        case("http2/6.9.1/3", "9113 §6.9.1", "a window of a stream that is too large")
            .send([post(1), window_update(1, MOST), window_update(1, MOST)])
            .must(Must::Reset(1, &[FLOW_CONTROL_ERROR])),
        case("http2/6.9.2/1", "9113 §6.9.2", "an initial window that changes under a stream")
            .send([settings(&[(4, 0)]), get(1), settings(&[(4, 1)])])
            .must(Must::Data(1, &[1])),
        // 3 were sent; 2 - 3 + 2 = 1.
        case("http2/6.9.2/2", "9113 §6.9.2", "a window that becomes negative")
            .send([settings(&[(4, 3)]), get(1)])
            .send([settings(&[(4, 2)]), window_update(1, 2)])
            .must(Must::Sent(1, 4)),
        case("http2/6.9.2/3", "9113 §6.9.2", "an initial window that is too large")
            .send([settings(&[(4, MOST + 1)])])
            .must(Must::End(FLOW_CONTROL_ERROR)),
        case("own/grown", "9113 §6.9.2", "an initial window that makes that of a stream too large")
            .send([post(1), window_update(1, MOST - 65_535), settings(&[(4, 65_536)])])
            .must(Must::End(FLOW_CONTROL_ERROR)),
    ]
}
