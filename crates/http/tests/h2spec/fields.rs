//! The code of fields (RFC 7541, RFC 9113 §4.3): what cannot be decoded is an error of the connection,
//! because nothing after it can be decoded either.

use crate::case::{COMPRESSION_ERROR, Case, Must, case};
use crate::common::frames::{END_HEADERS, END_STREAM, WHOLE, block, common, continuation, headers};

/// A row for a block that cannot be decoded: what all requests have, and then these bytes.
fn broken(of: &'static str, section: &'static str, what: &'static str, bytes: &[u8]) -> Case {
    let coded = [&block(&common("GET", "/a"))[..], bytes].concat();
    case(of, section, what).send([headers(1, WHOLE, &coded)]).must(Must::End(COMPRESSION_ERROR))
}

/// A literal that is not kept, whose name is `x` and whose value is coded so.
fn literal(value: &[u8]) -> Vec<u8> {
    [b"\x00\x01x", value].concat()
}

pub(crate) fn cases() -> Vec<Case> {
    let whole = block(&common("GET", "/a"));
    let large = [&[0x3f, 0xe2, 0x1f], &whole[..]].concat();
    let (first, second) = whole.split_at(9);
    vec![
        broken("http2/4.3/1", "9113 §4.3", "a literal that is cut off", b"\x00\x05x-o"),
        broken("hpack/2.3.3/1", "7541 §2.3.3", "an index beyond the tables", &[0xc6]),
        broken("hpack/2.3.3/2", "7541 §2.3.3", "a name by an index beyond", &[0x7f, 0x07, 0x00]),
        broken("hpack/4.2/1", "7541 §4.2", "a size of the table after a field", &[0x21]),
        // `a` is 00011, and its padding 111.
        broken(
            "hpack/5.2/1",
            "7541 §5.2",
            "padding of more than 7 bits",
            &literal(&[0x82, 0x1f, 0xff]),
        ),
        broken("hpack/5.2/2", "7541 §5.2", "padding of zeros", &literal(&[0x81, 0x18])),
        broken(
            "hpack/5.2/3",
            "7541 §5.2",
            "the code of the end",
            &literal(&[0x84, 255, 255, 255, 255]),
        ),
        broken("hpack/6.1/1", "7541 §6.1", "the index 0", &[0x80]),
        // 4097, one more than SETTINGS_HEADER_TABLE_SIZE.
        case("hpack/6.3/1", "7541 §6.3", "a size of the table above that of the server")
            .send([headers(1, WHOLE, &large)])
            .must(Must::End(COMPRESSION_ERROR)),
        broken("own/integer", "7541 §5.1", "an integer without end", &[0xff; 12]),
        case("own/continued", "9113 §4.3", "a field that is broken in a CONTINUATION")
            .send([
                headers(1, END_STREAM, first),
                continuation(1, END_HEADERS, &[second, &[0x80]].concat()),
            ])
            .must(Must::End(COMPRESSION_ERROR)),
        case("own/trailers", "9113 §4.3", "trailers that cannot be decoded")
            .send([headers(1, END_HEADERS, &whole), headers(1, WHOLE, &[0x80])])
            .must(Must::End(COMPRESSION_ERROR)),
        case("own/unused", "9113 §4.3", "a block that is broken on a stream that was reset")
            .send([headers(1, WHOLE, &block(&[(":path", "/a")])), headers(3, WHOLE, &[0x80])])
            .must(Must::End(COMPRESSION_ERROR)),
        case("own/cut", "7541 §5.2", "a block that ends within a string of a CONTINUATION")
            .send([
                headers(1, END_STREAM, first),
                continuation(1, END_HEADERS, &second[..second.len() - 2]),
            ])
            .must(Must::End(COMPRESSION_ERROR)),
    ]
}
