#!/usr/bin/env bash
# HAR, a posted form given as postData.params only: har-validator 5.1.5 (npm), mitmproxy 11.0.2 and har2warc 1.0.4 (PyPI).
# Expected: HAR 1.2 calls text and params mutually exclusive, so a form with params alone is the textbook case and
# every reader takes it; at worst one entry is skipped.
# Seen: har-validator calls the file valid; mitmproxy stops at that entry ("Please provide a valid HAR file", KeyError: 'text')
# and every entry after it is missing from what it then writes; har2warc stops there with the same KeyError.
# Why it matters: write text next to params when others shall read the file, and read either.
. "$(dirname "$0")/common/lib.sh"
need_npm har-validator@5.1.5
need_pip mitmproxy==11.0.2 har2warc==1.0.4
PYTHONPATH=$here/common python3 - <<'P'
from har_make import entry, write
def form(**more):
    return entry({"method": "POST", "url": "https://example.test/f", "bodySize": 3,
                  "postData": {"mimeType": "application/x-www-form-urlencoded", **more}})
params = [{"name": "a", "value": "1"}]
write("params.har", [entry(), form(params=params), entry()], [])
write("both.har", [entry(), form(params=params, text="a=1"), entry()], [])
P
cat >valid.cjs <<'J'
const fs = require('fs');
require('har-validator/lib/async.js').har(JSON.parse(fs.readFileSync(process.argv[2])), (error, ok) => console.log('har-validator', ok));
J
for f in params both; do
  echo "== $f"
  node valid.cjs $f.har
  env/bin/mitmdump -nq -r $f.har --set hardump=$f.out --set confdir="$work/conf" >log.txt 2>&1 || true
  echo "mitmproxy entries $(python3 -c "import json,sys; print(len(json.load(open('$f.out'))['log']['entries']))" 2>/dev/null || echo none) $(grep -oE "KeyError: 'text'" log.txt | head -1)"
  env/bin/har2warc $f.har $f.warc >log.txt 2>&1 && echo "har2warc done" || echo "har2warc stops $(grep -oE "KeyError: 'text'" log.txt | head -1)"
done | sed 's/ *$//' >seen.txt
expect seen.txt <<'S'
== params
har-validator true
mitmproxy entries 1 KeyError: 'text'
har2warc stops KeyError: 'text'
== both
har-validator true
mitmproxy entries 3
har2warc done
S
echo "as stated"
