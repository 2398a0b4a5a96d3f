//! What every client may do, and what every server therefore understands: h2spec's generic cases.

use crate::case::{CANCEL, Case, Must, NO_ERROR, case};
use crate::common::frames::{
    ACK, END_HEADERS, END_STREAM, Frame, PADDED, PING, WHOLE, WITH_PRIORITY, block,
    common as fields, continuation, data, headers, priority, rst_stream, settings, window_update,
};

/// A request without a body.
fn get(stream: u32) -> Frame {
    headers(stream, WHOLE, &block(&fields("GET", "/a")))
}

/// The head of a request with a body.
fn post(stream: u32) -> Frame {
    headers(stream, END_HEADERS, &block(&fields("POST", "/a")))
}

/// A request whose block of fields has these bytes after those that all have.
fn coded(more: &[u8]) -> Frame {
    headers(1, WHOLE, &[&block(&fields("GET", "/a")), more].concat())
}

/// The same with these before them.
fn coded_first(first: &[u8]) -> Frame {
    headers(1, WHOLE, &[first, &block(&fields("GET", "/a"))].concat())
}

pub(crate) fn cases() -> Vec<Case> {
    [states(), frames(), messages(), representations()].into_iter().flatten().collect()
}

fn states() -> Vec<Case> {
    vec![
        case("generic/2/1", "9113 §5.1", "PRIORITY on an idle stream")
            .send([priority(1, 0, 255), get(1)])
            .must(Must::Answer(1, "GET /a")),
        case("generic/2/2", "9113 §5.1", "WINDOW_UPDATE on a half-closed (remote) stream")
            .send([settings(&[(4, 0)]), get(1), window_update(1, 100)])
            .must(Must::Answer(1, "GET /a")),
        case("generic/2/3", "9113 §5.1", "PRIORITY on a half-closed (remote) stream")
            .send([settings(&[(4, 0)]), get(1), priority(1, 0, 255), window_update(1, 100)])
            .must(Must::Answer(1, "GET /a")),
        case("generic/2/4", "9113 §5.1", "RST_STREAM on a half-closed (remote) stream")
            .send([settings(&[(4, 0)]), get(1), rst_stream(1, CANCEL), window_update(0, 1)])
            .must(Must::Data(1, &[])),
        case("generic/2/5", "9113 §5.1", "PRIORITY on a closed stream")
            .send([get(1)])
            .wait_for(1)
            .send([priority(1, 0, 255), get(3)])
            .must(Must::Answer(1, "GET /a"))
            .must(Must::Answer(3, "GET /a")),
    ]
}

fn frames() -> Vec<Case> {
    let padded = [&[3], &block(&fields("GET", "/a"))[..], &[0; 3]].concat();
    let dependent = [&[0, 0, 0, 0, 255], &block(&fields("GET", "/a"))[..]].concat();
    let exclusive = |stream| priority(stream, 0x8000_0000, 255);
    let whole = block(&fields("GET", "/a"));
    let (first, rest) = whole.split_at(9);
    let (second, third) = rest.split_at(4);
    vec![
        case("generic/3.1/1", "9113 §6.1", "DATA")
            .send([post(1), data(1, END_STREAM, b"words")])
            .must(Must::Answer(1, "POST /a words")),
        case("generic/3.1/2", "9113 §6.1", "several DATA frames")
            .send([post(1), data(1, 0, b"some"), data(1, 0, b""), data(1, END_STREAM, b" words")])
            .must(Must::Answer(1, "POST /a some words")),
        case("generic/3.1/3", "9113 §6.1", "DATA with padding")
            .send([post(1), data(1, END_STREAM | PADDED, b"\x04words\0\0\0\0")])
            .must(Must::Answer(1, "POST /a words")),
        case("generic/3.2/1", "9113 §6.2", "HEADERS")
            .send([get(1)])
            .must(Must::Answer(1, "GET /a")),
        case("generic/3.2/2", "9113 §6.2", "HEADERS with padding")
            .send([headers(1, WHOLE | PADDED, &padded)])
            .must(Must::Answer(1, "GET /a")),
        case("generic/3.2/3", "9113 §6.2", "HEADERS with RFC 7540's priority, which means nothing")
            .send([headers(1, WHOLE | WITH_PRIORITY, &dependent)])
            .must(Must::Answer(1, "GET /a")),
        // RFC 9113 §5.3.2 has these frames borne and without a meaning.
        case("generic/3.3/1", "9113 §6.3", "PRIORITY with the least weight")
            .send([priority(1, 0, 0), get(1)])
            .must(Must::Answer(1, "GET /a")),
        case("generic/3.3/2", "9113 §6.3", "PRIORITY with the greatest weight")
            .send([priority(1, 0, 255), get(1)])
            .must(Must::Answer(1, "GET /a")),
        case("generic/3.3/3", "9113 §6.3", "PRIORITY that depends on another stream")
            .send([priority(3, 1, 255), get(3)])
            .must(Must::Answer(3, "GET /a")),
        case("generic/3.3/4", "9113 §6.3", "PRIORITY that is exclusive")
            .send([exclusive(1), get(1)])
            .must(Must::Answer(1, "GET /a")),
        case(
            "generic/3.3/5",
            "9113 §6.3",
            "PRIORITY on an idle stream, then a lower one is opened",
        )
        .send([priority(3, 0, 255), get(1)])
        .must(Must::Answer(1, "GET /a")),
        case("generic/3.4/1", "9113 §6.4", "RST_STREAM on a stream that is open")
            .send([post(1), rst_stream(1, CANCEL), get(3)])
            .must(Must::Nothing(1))
            .must(Must::Answer(3, "GET /a")),
        case("generic/3.5/1", "9113 §6.5", "SETTINGS")
            .send([settings(&[(3, 100)])])
            .must(Must::Acknowledged(1)),
        case("generic/3.7/1", "9113 §6.7", "PING")
            .send([Frame::new(PING, 0, 0, b"PingPong")])
            .must(Must::Pong(b"PingPong")),
        case("generic/3.8/1", "9113 §6.8", "GOAWAY: what was begun goes on to its end")
            .send([post(1), Frame::new(7, 0, 0, &[0; 8]), data(1, END_STREAM, b"words")])
            .must(Must::Answer(1, "POST /a words"))
            .must(Must::End(NO_ERROR)),
        case("generic/3.9/1", "9113 §6.9", "WINDOW_UPDATE of the connection")
            .send([window_update(0, 1), get(1)])
            .must(Must::Answer(1, "GET /a")),
        case("generic/3.9/2", "9113 §6.9", "WINDOW_UPDATE of a stream")
            .send([settings(&[(4, 2)]), get(1), window_update(1, 1), window_update(1, 9)])
            .must(Must::Answer(1, "GET /a")),
        case("generic/3.10/1", "9113 §6.10", "a CONTINUATION")
            .send([headers(1, END_STREAM, first), continuation(1, END_HEADERS, rest)])
            .must(Must::Answer(1, "GET /a")),
        case("generic/3.10/2", "9113 §6.10", "several CONTINUATIONs")
            .send([
                headers(1, END_STREAM, first),
                continuation(1, 0, second),
                continuation(1, END_HEADERS, third),
            ])
            .must(Must::Answer(1, "GET /a")),
    ]
}

fn messages() -> Vec<Case> {
    vec![
        case("generic/4/1", "9113 §8.1", "GET").send([get(1)]).must(Must::Answer(1, "GET /a")),
        case("generic/4/2", "9113 §8.1", "HEAD, whose response has no body")
            .send([headers(1, WHOLE, &block(&fields("HEAD", "/a")))])
            .must(Must::Answer(1, "")),
        case("generic/4/3", "9113 §8.1", "POST")
            .send([post(1), data(1, END_STREAM, b"words")])
            .must(Must::Answer(1, "POST /a words")),
        case("generic/4/4", "9113 §8.1", "POST with trailers")
            .send([post(1), data(1, 0, b"words"), headers(1, WHOLE, &block(&[("x-last", "yes")]))])
            .must(Must::Answer(1, "POST /a words +x-last=yes")),
    ]
}

/// The forms of a field (RFC 7541 §6). The strings in Huffman's code are those of RFC 7541 appendix C.
fn representations() -> Vec<Case> {
    /// `no-cache` in Huffman's code (RFC 7541 C.4.2).
    const NO_CACHE: &[u8] = &[0x86, 0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbf];
    /// `custom-key` (RFC 7541 C.4.3).
    const CUSTOM_KEY: &[u8] = &[0x88, 0x25, 0xa8, 0x49, 0xe9, 0x5b, 0xa9, 0x7d, 0x7f];
    /// `custom-value` (RFC 7541 C.4.3).
    const CUSTOM_VALUE: &[u8] = &[0x89, 0x25, 0xa8, 0x49, 0xe9, 0x5b, 0xb8, 0xe8, 0xb4, 0xbf];
    const CACHE: Must = Must::Answer(1, "GET /a cache-control=no-cache");
    const CUSTOM: Must = Must::Answer(1, "GET /a custom-key=custom-value");
    let plain = b"\x0acustom-key\x0ccustom-value";
    let literal = |form: &[u8], rest: &[&[u8]]| coded(&[form, &rest.concat()].concat());
    vec![
        case("generic/5/1", "7541 §6.1", "an index of the static table")
            .send([coded(&[0x90])])
            .must(Must::Answer(1, "GET /a accept-encoding=gzip, deflate")),
        case("generic/5/2", "7541 §6.2.1", "a literal that is kept, its name by index")
            .send([literal(&[0x58], &[b"\x08no-cache"])])
            .must(CACHE),
        case("generic/5/3", "7541 §6.2.1", "the same in Huffman's code")
            .send([literal(&[0x58], &[NO_CACHE])])
            .must(CACHE),
        case("generic/5/4", "7541 §6.2.1", "a literal that is kept, with a new name")
            .send([literal(&[0x40], &[plain])])
            .must(CUSTOM),
        case("generic/5/5", "7541 §6.2.1", "the same in Huffman's code")
            .send([literal(&[0x40], &[CUSTOM_KEY, CUSTOM_VALUE])])
            .must(CUSTOM),
        case("generic/5/6", "7541 §6.2.2", "a literal that is not kept, its name by index")
            .send([literal(&[0x0f, 0x09], &[b"\x08no-cache"])])
            .must(CACHE),
        case("generic/5/7", "7541 §6.2.2", "the same in Huffman's code")
            .send([literal(&[0x0f, 0x09], &[NO_CACHE])])
            .must(CACHE),
        case("generic/5/8", "7541 §6.2.2", "a literal that is not kept, with a new name")
            .send([literal(&[0x00], &[plain])])
            .must(CUSTOM),
        case("generic/5/9", "7541 §6.2.2", "the same in Huffman's code")
            .send([literal(&[0x00], &[CUSTOM_KEY, CUSTOM_VALUE])])
            .must(CUSTOM),
        case("generic/5/10", "7541 §6.2.3", "a literal that is never kept, its name by index")
            .send([literal(&[0x1f, 0x09], &[b"\x08no-cache"])])
            .must(CACHE),
        case("generic/5/11", "7541 §6.2.3", "the same in Huffman's code")
            .send([literal(&[0x1f, 0x09], &[NO_CACHE])])
            .must(CACHE),
        case("generic/5/12", "7541 §6.2.3", "a literal that is never kept, with a new name")
            .send([literal(&[0x10], &[plain])])
            .must(CUSTOM),
        case("generic/5/13", "7541 §6.2.3", "the same in Huffman's code")
            .send([literal(&[0x10], &[CUSTOM_KEY, CUSTOM_VALUE])])
            .must(CUSTOM),
        // 128, and 4096.
        case("generic/5/14", "7541 §6.3", "a size of the table")
            .send([coded_first(&[0x3f, 0x61])])
            .must(Must::Answer(1, "GET /a")),
        case("generic/5/15", "7541 §4.2", "a small size of the table, and then a large one")
            .send([coded_first(&[0x3f, 0x61, 0x3f, 0xe1, 0x1f])])
            .must(Must::Answer(1, "GET /a")),
        case(
            "own/kept",
            "7541 §2.3.2",
            "a literal that was kept, by its index in the next request",
        )
        .send([
            literal(&[0x40], &[CUSTOM_KEY, CUSTOM_VALUE]),
            headers(3, WHOLE, &[&block(&fields("GET", "/b"))[..], &[0xbe]].concat()),
        ])
        .must(CUSTOM)
        .must(Must::Answer(3, "GET /b custom-key=custom-value")),
        case("own/size", "9113 §6.5.3", "a flag of SETTINGS that is none of theirs")
            .send([Frame { flags: !ACK, ..settings(&[]) }])
            .must(Must::Acknowledged(1)),
    ]
}
