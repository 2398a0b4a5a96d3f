#!/usr/bin/env bash
# HAR timings: haralyzer 2.4.0 (PyPI) and an entry with a TLS handshake.
# Expected: HAR 1.2 says that `ssl` is contained in `connect`; the time to the first byte of a page is
# blocked + dns + connect + send + wait, without those that are -1: 10 + 0 + 20 = 30 ms here (ssl 6 ms of the 10).
# Seen: time_to_first_byte is 36 ms: ssl counts once more on top of connect, on every https page with a new connection.
# Why it matters: two tools reading the same file disagree by one TLS handshake; a reader that compares our numbers with
# haralyzer's should know which one follows the format.
. "$(dirname "$0")/common/lib.sh"
need_pip haralyzer==2.4.0
PYTHONPATH=$here/common env/bin/python - >seen.txt <<'P'
import json
from har_make import entry, write
page = [{"id": "p", "title": "p", "startedDateTime": "2026-03-01T10:00:00.000Z", "pageTimings": {"onLoad": 50}}]
from haralyzer import HarParser
for ssl in (6, 0, -1):
    timings = {"blocked": 0, "dns": 0, "connect": 10, "ssl": ssl, "send": 0, "wait": 20, "receive": 5}
    write("in.har", [entry(pageref="p", timings=timings)], page)
    print("ssl", ssl, "first byte", HarParser(json.load(open("in.har"))).pages[0].time_to_first_byte)
P
expect seen.txt <<'S'
ssl 6 first byte 36
ssl 0 first byte 30
ssl -1 first byte 30
S
echo "as stated"
