#!/usr/bin/env bash
# The crate http-cache-semantics 3.0.0 (crates.io), on which HTTP caches of Rust clients stand, with http 1.4.2. A policy is made of a GET's
# answer, and asked whether the answer may still be used.
# Expected: RFC 9111 section 5.2: names of directives are compared without regard to case, so `Max-Age=60` is a lifetime; RFC 9110
# section 5.6.7: a recipient reads all three forms of dates; RFC 9111 section 4.2.3: a Date an hour past makes an answer an hour
# old; section 3.2: a 304 replaces and adds fields of what is stored.
# Seen: only directives in lower case are known; an Expires in the two older forms counts as past; Date is not counted; of a 304 the
# fields that the stored answer has are replaced, and those that it has not are lost.
# Why it matters: behind servers that write fields so, such a client asks more often than it may, or keeps an answer too long: how often
# it asks says little of what a browser would do with the same fields.
. "$(dirname "$0")/common/lib.sh"
mkdir src
cat >Cargo.toml <<'P'
[package]
name = "ask"
version = "0.0.0"
edition = "2021"
[dependencies]
http-cache-semantics = "=3.0.0"
http = "=1.4.2"
P
cat >src/main.rs <<'P'
use http::{Request, Response};
use http_cache_semantics::{AfterResponse, BeforeRequest, CachePolicy};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// 2026-01-01T00:00:00Z.
fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_767_225_600)
}

fn answer(status: u16, fields: &[(&str, &str)]) -> Response<()> {
    let start = Response::builder().status(status);
    fields.iter().fold(start, |answer, (name, value)| answer.header(*name, *value)).body(()).unwrap()
}

fn main() {
    let get = Request::get("http://a.example/").body(()).unwrap();
    let policy = |fields: &[(&str, &str)]| CachePolicy::new_options(&get, &answer(200, fields), now(), Default::default());
    for (what, field) in [
        ("max-age=60", ("Cache-Control", "max-age=60")),
        ("Max-Age=60", ("Cache-Control", "Max-Age=60")),
        ("MAX-AGE=60", ("Cache-Control", "MAX-AGE=60")),
        ("Expires in an hour, IMF-fixdate", ("Expires", "Thu, 01 Jan 2026 01:00:00 GMT")),
        ("Expires in an hour, RFC 850", ("Expires", "Thursday, 01-Jan-26 01:00:00 GMT")),
        ("Expires in an hour, asctime", ("Expires", "Thu Jan  1 01:00:00 2026")),
    ] {
        let later = now() + Duration::from_secs(10);
        let fresh = matches!(policy(&[field]).before_request(&get, later), BeforeRequest::Fresh(_));
        println!("{what}, after 10 s: {}", if fresh { "used" } else { "asked again" });
    }
    let old = policy(&[("Date", "Wed, 31 Dec 2025 23:00:00 GMT"), ("Cache-Control", "max-age=60")]);
    let fresh = matches!(old.before_request(&get, now()), BeforeRequest::Fresh(_));
    println!("max-age=60, Date an hour past: {}", if fresh { "used" } else { "asked again" });
    let stored = policy(&[("ETag", "\"a\""), ("Cache-Control", "max-age=1"), ("X-Old", "1")]);
    let told = answer(304, &[("ETag", "\"a\""), ("Cache-Control", "max-age=100"), ("X-New", "2")]);
    if let AfterResponse::NotModified(_, parts) = stored.after_response(&get, &told, now() + Duration::from_secs(5)) {
        for name in ["cache-control", "x-old", "x-new"] {
            println!("after a 304, {name}: {}", parts.headers.get(name).map_or("none", |value| value.to_str().unwrap()));
        }
    }
}
P
echo "http-cache-semantics 3.0.0"
CARGO_TARGET_DIR="$work/target" cargo run --quiet >seen.txt
expect seen.txt <<'S'
max-age=60, after 10 s: used
Max-Age=60, after 10 s: asked again
MAX-AGE=60, after 10 s: asked again
Expires in an hour, IMF-fixdate, after 10 s: used
Expires in an hour, RFC 850, after 10 s: asked again
Expires in an hour, asctime, after 10 s: asked again
max-age=60, Date an hour past: used
after a 304, cache-control: max-age=100
after a 304, x-old: 1
after a 304, x-new: none
S
echo "as stated"
