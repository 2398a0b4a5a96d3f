#!/usr/bin/env bash
# HTTP/2: 421 Misdirected Request, and whether the request is sent again.
# Expected: RFC 9110 section 15.5.20: the client MAY send it again over a DIFFERENT connection, whatever the method; the Fetch
# Standard asks for that once, on a new connection. Here the second connection would answer 200.
# Seen: fetch of Node 26.12.1 does send the request again, POST with its body too, but on the SAME connection, where it gets
# the same 421. None of the others (libcurl 8.23.0, httpx 0.28.1, niquests 3.21.2, Node's http2, Deno 2.9.6, Bun 1.4.5, Go
# 1.27.3) tries at all.
# Why it matters: a record shows two requests for one call, and a server counts two; a 421 in a record is mostly final.
. "$(dirname "$0")/common/lib.sh"
. "$here/common/h2_clients.sh"
h2_clients
for method in GET POST; do
  echo "== $method"
  ask misdirected $method node-fetch node-http2 libcurl httpx niquests deno bun go | grep -vE 'WINDOW_UPDATE|GOAWAY|RST_STREAM'
done >seen.txt
{
  for method in GET POST; do
    echo "== $method"
    printf 'node-fetch: 421\n  connection 1: HEADERS 1 %s\n  connection 1: HEADERS 3 %s\n' $method $method
    for client in 'node-http2: 421' 'libcurl: 421 HTTP/2' 'httpx: 421 HTTP/2' 'niquests: 421 HTTP/2' 'deno: 421' 'bun: 421' 'go: 421 HTTP/2.0'; do
      printf '%s\n  connection 1: HEADERS 1 %s\n' "$client" $method
    done
  done
} >wanted.txt
expect seen.txt <wanted.txt
echo "as stated"
