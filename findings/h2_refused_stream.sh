#!/usr/bin/env bash
# HTTP/2: a server that refuses every stream (REFUSED_STREAM), and how often, where and how fast it is asked again.
# Expected: RFC 9113 section 8.7: a refused request was not processed and may be sent again; the connection is fine, so the new try is
# a new stream on it, and after a few tries with growing waits the client gives up.
# Seen: libcurl 8.23.0 opens a NEW connection for each of its 5 new tries; Bun 1.4.5 tries 5 times on the same
# connection, Node's fetch (26.12.1) and Deno 2.9.6 once; httpx 0.28.1, niquests 3.21.2 and Node's http2 never.
# Why it matters: one page visit is 1 to 6 requests and 1 to 6 connections at the server; retries of a record must
# say on which connection they went.
. "$(dirname "$0")/common/lib.sh"
. "$here/common/h2_clients.sh"
h2_clients
for client in libcurl bun node-fetch deno httpx niquests node-http2; do
  ask refuse GET $client >one.txt
  requests=$(grep -c HEADERS one.txt)
  echo "$client requests $requests connections $(grep -oE 'connection [0-9]+' one.txt | sort -u | wc -l)"
done >seen.txt
expect seen.txt <<'S'
libcurl requests 6 connections 6
bun requests 6 connections 1
node-fetch requests 2 connections 1
deno requests 2 connections 1
httpx requests 1 connections 1
niquests requests 1 connections 1
node-http2 requests 1 connections 1
S
echo "as stated"
