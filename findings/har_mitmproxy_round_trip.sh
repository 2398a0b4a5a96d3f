#!/usr/bin/env bash
# HAR in, HAR out: mitmproxy 11.0.2 (PyPI, the newest for Python 3.11).
# Expected: what the exporter can't know it leaves at -1; the total stays, and no phase of an exchange lasts less than 0.
# Seen: an exchange of 35 ms comes back with 70 ms: the whole duration is booked both to send and to receive, wait is
# -35 ms (-1 alone means "not applicable" in HAR 1.2), and connect, ssl (10 and 6 ms in) are gone. HTTP/2 comes back as HTTP/1.1
# and page and server address are lost. A body that was gzip on the wire comes back with content.size = the bytes of mitmproxy's own
# compression and a `compression` larger than that size.
# Why it matters: timings of a HAR that passed through mitmproxy are not measurements; an importer must not read a
# negative wait as time, and should say that phases are missing.
. "$(dirname "$0")/common/lib.sh"
need_pip mitmproxy==11.0.2
PYTHONPATH=$here/common python3 - <<'P'
from har_make import entry, write
coded = {"headers": [{"name": "content-type", "value": "text/plain"}, {"name": "content-encoding", "value": "gzip"}],
         "content": {"size": 1000, "compression": 960, "mimeType": "text/plain", "text": "x" * 1000}, "bodySize": 40}
page = [{"id": "p", "title": "p", "startedDateTime": "2026-03-01T10:00:00.000Z", "pageTimings": {}}]
write("in.har", [entry(pageref="p", serverIPAddress="192.0.2.1"), entry({"url": "https://example.test/gz"}, coded, pageref="p")], page)
P
env/bin/mitmdump -nq -r in.har --set hardump=out.har --set confdir="$work/conf" >log.txt 2>&1 || { cat log.txt; exit 1; }
python3 - >seen.txt <<'P'
import json
log = json.load(open("out.har"))["log"]
first, coded = log["entries"]
print("pages", len(log["pages"]), "time", round(first["time"]), "version", first["response"]["httpVersion"],
      "pageref" in first, "serverIPAddress" in first)
print({k: round(v) for k, v in sorted(first["timings"].items())})
content = coded["response"]["content"]
print("size under 1000:", content["size"] < 1000, "compression over size:", content["compression"] > content["size"],
      "text whole:", len(content["text"]) == 1000)
P
expect seen.txt <<'S'
pages 0 time 70 version HTTP/1.1 False False
{'connect': -1, 'receive': 35, 'send': 35, 'ssl': -1, 'wait': -35}
size under 1000: True compression over size: True text whole: True
S
echo "as stated"
