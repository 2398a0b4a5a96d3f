//! Messages that are malformed (RFC 9113 §8): each is an error of its stream. Where a name or a value
//! is not even one of a field, ours makes it one of the connection, as a server may (§5.4.1).

use crate::case::{Case, Must, PROTOCOL_ERROR, case};
use crate::common::frames::{END_HEADERS, END_STREAM, Frame, WHOLE, block, common, data, headers};

const MALFORMED: Must = Must::Reset(1, &[PROTOCOL_ERROR]);

type Fields = [(&'static str, &'static str)];

/// A request with these fields after those that all have, and one beside it that is well.
fn with(more: &Fields) -> [Frame; 2] {
    let fields = [&common("GET", "/a")[..], more].concat();
    [headers(1, WHOLE, &block(&fields)), well()]
}

/// A request with these fields and no others, and one beside it that is well.
fn only(fields: &Fields) -> [Frame; 2] {
    [headers(1, WHOLE, &block(fields)), well()]
}

fn well() -> Frame {
    headers(3, WHOLE, &block(&common("GET", "/b")))
}

fn post(path: &'static str, more: &Fields) -> Frame {
    headers(1, END_HEADERS, &block(&[&common("POST", path)[..], more].concat()))
}

/// A row for a request that is malformed; that beside it has its response.
fn malformed(of: &'static str, section: &'static str, what: &'static str) -> Case {
    case(of, section, what).must(MALFORMED).must(Must::Answer(3, "GET /b"))
}

/// A row for a request whose fields are none.
fn unreadable(of: &'static str, section: &'static str, what: &'static str) -> Case {
    case(of, section, what).must(Must::End(PROTOCOL_ERROR))
}

pub(crate) fn cases() -> Vec<Case> {
    [fields(), pseudo_fields(), bodies()].into_iter().flatten().collect()
}

fn fields() -> Vec<Case> {
    vec![
        unreadable("http2/8.1.2/1", "9113 §8.2.1", "a name in upper case")
            .send(with(&[("X-Own", "1")])),
        unreadable("own/name", "9113 §8.2.1", "a name with a space").send(with(&[("x own", "1")])),
        unreadable("own/value", "9113 §8.2.1", "a value with a line feed")
            .send(with(&[("x-own", "1\n2")])),
        malformed("http2/8.1.2.2/1", "9113 §8.2.2", "Connection")
            .send(with(&[("connection", "close")])),
        malformed("own/keep", "9113 §8.2.2", "Keep-Alive").send(with(&[("keep-alive", "5")])),
        malformed("own/chunked", "9113 §8.2.2", "Transfer-Encoding")
            .send(with(&[("transfer-encoding", "chunked")])),
        malformed("own/upgrade", "9113 §8.2.2", "Upgrade").send(with(&[("upgrade", "h2c")])),
        malformed("own/proxy", "9113 §8.2.2", "Proxy-Connection")
            .send(with(&[("proxy-connection", "close")])),
        malformed("http2/8.1.2.2/2", "9113 §8.2.2", "TE with anything but trailers")
            .send(with(&[("te", "trailers, deflate")])),
        case("own/te", "9113 §8.2.2", "TE with trailers")
            .send(with(&[("te", "trailers")]))
            .must(Must::Answer(1, "GET /a te=trailers")),
    ]
}

fn pseudo_fields() -> Vec<Case> {
    const METHOD: (&str, &str) = (":method", "GET");
    const SCHEME: (&str, &str) = (":scheme", "http");
    const PATH: (&str, &str) = (":path", "/a");
    const AUTHORITY: (&str, &str) = (":authority", "www0.test");
    vec![
        unreadable("http2/8.1.2.1/1", "9113 §8.3", "one that is not known")
            .send(with(&[(":own", "1")])),
        malformed("http2/8.1.2.1/2", "9113 §8.3", "one of responses")
            .send(with(&[(":status", "200")])),
        malformed("http2/8.1.2.1/3", "9113 §8.3", "one in trailers").send([
            post("/a", &[]),
            headers(1, WHOLE, &block(&[(":method", "GET")])),
            well(),
        ]),
        malformed("http2/8.1.2.1/4", "9113 §8.3", "one after a field").send(only(&[
            METHOD,
            SCHEME,
            ("x-own", "1"),
            PATH,
            AUTHORITY,
        ])),
        malformed("http2/8.1.2.3/1", "9113 §8.3.1", "an empty :path").send(only(&[
            METHOD,
            SCHEME,
            (":path", ""),
            AUTHORITY,
        ])),
        malformed("http2/8.1.2.3/2", "9113 §8.3.1", "no :method")
            .send(only(&[SCHEME, PATH, AUTHORITY])),
        malformed("http2/8.1.2.3/3", "9113 §8.3.1", "no :scheme")
            .send(only(&[METHOD, PATH, AUTHORITY])),
        malformed("http2/8.1.2.3/4", "9113 §8.3.1", "no :path")
            .send(only(&[METHOD, SCHEME, AUTHORITY])),
        malformed("http2/8.1.2.3/5", "9113 §8.3.1", "two of :method")
            .send(only(&[METHOD, METHOD, SCHEME, PATH, AUTHORITY])),
        malformed("http2/8.1.2.3/6", "9113 §8.3.1", "two of :scheme")
            .send(only(&[METHOD, SCHEME, SCHEME, PATH, AUTHORITY])),
        malformed("http2/8.1.2.3/7", "9113 §8.3.1", "two of :path")
            .send(only(&[METHOD, SCHEME, PATH, PATH, AUTHORITY])),
    ]
}

fn bodies() -> Vec<Case> {
    let more = headers(1, END_HEADERS, &block(&[("x-more", "1")]));
    vec![
        malformed("http2/8.1/1", "9113 §8.1", "a second HEADERS that does not end the stream")
            .send([post("/a", &[]), data(1, 0, b"words"), more.clone(), well()]),
        malformed("http2/8.1.2.6/1", "9113 §8.1.1", "Content-Length that is not the body's")
            .send([post("/a", &[("content-length", "1")]), data(1, END_STREAM, b"words"), well()]),
        malformed("http2/8.1.2.6/2", "9113 §8.1.1", "Content-Length that is not that of all DATA")
            .send([post("/a", &[("content-length", "1")]), data(1, 0, b"wo")])
            .send([data(1, END_STREAM, b"rds"), well()]),
        malformed("own/more", "9113 §8.1.1", "Content-Length that is more than the body's").send([
            post("/a", &[("content-length", "9")]),
            data(1, END_STREAM, b"words"),
            well(),
        ]),
        // The response has gone out before the request is whole.
        malformed("own/hasty", "9113 §8.1", "a second HEADERS after the response").send([
            post("/hasty", &[]),
            data(1, 0, b"words"),
            more,
            well(),
        ]),
    ]
}
