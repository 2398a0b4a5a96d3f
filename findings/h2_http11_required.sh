#!/usr/bin/env bash
# HTTP/2: a server that resets a stream with HTTP_1_1_REQUIRED (error 13), and the client's next step.
# Expected: RFC 9113 section 7 has the code for exactly this ("use HTTP/1.1 instead"), the server offers http/1.1 in ALPN too, and
# a GET may be sent again: the client comes back over HTTP/1.1.
# Seen: only libcurl 8.23.0 and niquests 3.21.2 do. httpx 0.28.1, fetch and http2 of Node 26.12.1, Deno 2.9.6, Bun 1.4.5 and
# Go 1.27.3 hand the error to the caller, and send nothing over HTTP/1.1.
# Why it matters: this answer (client certificates, NTLM) is a working page in one client and a failed exchange in
# another; a replay must take the fallback from the client it stands for.
. "$(dirname "$0")/common/lib.sh"
. "$here/common/h2_clients.sh"
h2_clients
ask http11 GET libcurl niquests httpx node-http2 node-fetch deno bun go | grep -vE 'WINDOW_UPDATE|GOAWAY|: HEADERS' >seen.txt
expect seen.txt <<'S'
libcurl: 200 HTTP/1.1
  http/1.1: GET / HTTP/1.1
niquests: 200 HTTP/1.1
  http/1.1: GET / HTTP/1.1
httpx: error RemoteProtocolError <StreamReset stream_id:1, error_code:13, remote_reset:True>
node-http2: error Stream closed with error code NGHTTP2_HTTP_1_1_REQUIRED
node-fetch: error Stream closed with error code NGHTTP2_HTTP_1_1_REQUIRED
deno: error stream error received: endpoint requires HTTP/1.1
bun: error HTTP2StreamReset fetching "URL For more information, pass `verbose: true` in the second argument to fetch()
go: error stream error: stream ID 1; HTTP_1_1_REQUIRED; received from peer
S
echo "as stated"
