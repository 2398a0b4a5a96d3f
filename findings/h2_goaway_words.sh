#!/usr/bin/env bash
# HTTP/2: GOAWAY while a request is under way: below its stream (not processed), and graceful (still to be answered).
# Expected: RFC 9113 section 6.8: streams above the last one named may be sent again; the first GOAWAY of a graceful end names 2^31-1,
# so that every stream under way gets its answer (0.3 s later here). An error says GOAWAY.
# Seen: httpx 0.28.1 drops a request that the graceful GOAWAY promises to answer. Below the stream: libcurl 8.23.0, Node's
# fetch (26.12.1), Deno 2.9.6, Bun 1.4.5 and Go 1.27.3 ask again on a new connection (Bun and Go first reset, with CANCEL,
# the stream that was disowned); httpx and niquests 3.21.2 give up, niquests saying the connection closed, which it did
# not; Node's http2 reports REFUSED_STREAM, a code that was never on the wire.
# Why it matters: the client's own error text is no witness of what the peer sent; a record of frames is.
. "$(dirname "$0")/common/lib.sh"
. "$here/common/h2_clients.sh"
h2_clients
for behaviour in goaway_graceful goaway_below; do
  echo "== $behaviour"
  ask $behaviour GET libcurl node-fetch deno bun go node-http2 niquests httpx | grep -vE 'WINDOW_UPDATE|: GOAWAY|: HEADERS 1 GET'
done >seen.txt
expect seen.txt <<'S'
== goaway_graceful
libcurl: 200 HTTP/2
node-fetch: 200
deno: 200
bun: 200
go: 200 HTTP/2.0
node-http2: 200
niquests: 200 HTTP/2
httpx: error RemoteProtocolError <ConnectionTerminated error_code:0, last_stream_id:2147483647, additional_data:None>
== goaway_below
libcurl: 200 HTTP/2
node-fetch: 200
deno: 200
bun: 200
  connection 1: RST_STREAM 1 8
go: 200 HTTP/2.0
  connection 1: RST_STREAM 1 8
node-http2: error Stream closed with error code NGHTTP2_REFUSED_STREAM
niquests: error ConnectionError Remote end closed connection without response
httpx: error RemoteProtocolError <ConnectionTerminated error_code:0, last_stream_id:0, additional_data:None>
S
echo "as stated"
