#!/usr/bin/env bash
# HAR to load script: har-to-k6 0.14.16 (npm) and parameters that stand twice.
# Expected: queryString and postData.params are lists in HAR 1.2, `?a=1&a=2` is an ordinary form's answer (two ticked
# boxes), and har-validator 5.1.5 accepts the file; the script made from it asks for the same URL and sends the same form.
# Seen: the URL gets a third parameter (`a=1&a=2&a=2`), and the two form fields become ONE whose value is both, joined by
# a comma (`a=1%2C2`). No warning.
# Why it matters: a load test made from a record then exercises another request than users send (cache keys, filters).
. "$(dirname "$0")/common/lib.sh"
need_npm har-to-k6@0.14.16 har-validator@5.1.5
PYTHONPATH=$here/common python3 - <<'P'
from har_make import entry, write
two = [{"name": "a", "value": "1"}, {"name": "a", "value": "2"}]
form = {"mimeType": "application/x-www-form-urlencoded", "params": two}
write("in.har", [entry({"url": "https://example.test/q?a=1&a=2", "queryString": two}),
                 entry({"method": "POST", "url": "https://example.test/f", "postData": form, "bodySize": 7})])
P
cat >valid.cjs <<'J'
const fs = require('fs');
require('har-validator/lib/async.js').har(JSON.parse(fs.readFileSync('in.har')), (error, ok) => console.log('valid', ok));
J
{ node valid.cjs
  node node_modules/har-to-k6/bin/har-to-k6.js in.har -o out.js >log.txt 2>&1 || { cat log.txt; exit 1; }
  grep -oE "http\.(get|post)\('[^']*'(, '[^']*')?" out.js
} >seen.txt
expect seen.txt <<'S'
valid true
http.get('https://example.test/q?a=1&a=2&a=2'
http.post('https://example.test/f', 'a=1%2C2'
S
echo "as stated"
