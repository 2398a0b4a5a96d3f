#!/usr/bin/env bash
# HAR of an HTTP/2 request to code: httpsnippet 3.0.10 and @httptoolkit/httpsnippet 3.0.2 (npm).
# Expected: browsers list HTTP/2's pseudo-header fields (:method, :path …) among a request's headers, har-validator 5.1.5 finds nothing
# wrong with that, and the code made from such an entry asks for what was asked.
# Seen: they become header fields of the code, which then sends nothing: requests 2.34.2 and Node's fetch refuse the names. The
# raw request says "GET /q h2", and `:method: GET` stands among its fields. Without the four fields the code of the same
# entry works, and the raw request still says h2.
# Why it matters: "copy as code" fails for nearly every HAR of today's web. Whoever hands a HAR on keeps fields with a colon
# apart; a reader never takes them for fields of the message.
. "$(dirname "$0")/common/lib.sh"
need_pip requests==2.34.2
need_npm httpsnippet@3.0.10 @httptoolkit/httpsnippet@3.0.2 har-validator@5.1.5
mkdir site && echo hello >site/q
python3 -u -m http.server --bind 127.0.0.1 --directory site 0 >port.txt 2>log.txt & pids+=($!)
until grep -q port port.txt; do sleep 0.1; done
port=$(sed 's/.*port \([0-9]*\).*/\1/' port.txt)
PORT=$port PYTHONPATH=$here/common python3 - <<'P'
import os
from har_make import entry, write
url = f"http://127.0.0.1:{os.environ['PORT']}/q"
pseudo = [(":authority", url.split("/")[2]), (":method", "GET"), (":path", "/q"), (":scheme", "http")]
fields = lambda pairs: [{"name": n, "value": v} for n, v in pairs]
write("in.har", [entry({"url": url, "headers": fields(more + [("accept", "*/*")])}) for more in ([], pseudo)])
P
cat >convert.cjs <<'P'
const { log } = JSON.parse(require('fs').readFileSync('in.har'))
const [library, number, target, client] = process.argv.slice(2)
const exported = require(library), HTTPSnippet = exported.HTTPSnippet ?? exported
Promise.resolve(new HTTPSnippet(log.entries[number].request).convert(target, client)).then(code => console.log([code].flat()[0]))
P
# The two libraries hand out code that reads the answer as JSON: what became of the request is seen before.
run() { # library, entry
  node convert.cjs "$1" "$2" python requests | grep -v 'print(' >code.py
  env/bin/python code.py 2>error.txt && echo "  requests: sent" || echo "  requests: $(tail -1 error.txt | sed 's/:.*//')"
  node convert.cjs "$1" "$2" javascript fetch | sed 's/response\.json()/response.text()/' >code.mjs
  node code.mjs 2>&1 | grep -oE '^(hello|TypeError)' | sed 's/^/  fetch: /' || true
  node convert.cjs "$1" "$2" http http1.1 | tr -d '\r' | grep -E '^(GET|:method)' | sed 's/^/  raw: /'
}
{
  echo "valid: $(node -e "require('har-validator').har(JSON.parse(require('fs').readFileSync('in.har'))).then(() => console.log('yes'), e => console.log(e))")"
  for library in httpsnippet @httptoolkit/httpsnippet; do
    echo "$library, fields only"; run $library 0
    echo "$library, with pseudo-header fields"; run $library 1
  done
} >seen.txt
expect seen.txt <<'S'
valid: yes
httpsnippet, fields only
  requests: sent
  fetch: hello
  raw: GET /q h2
httpsnippet, with pseudo-header fields
  requests: requests.exceptions.InvalidHeader
  fetch: TypeError
  raw: GET /q h2
  raw: :method: GET
@httptoolkit/httpsnippet, fields only
  requests: sent
  fetch: hello
  raw: GET /q h2
@httptoolkit/httpsnippet, with pseudo-header fields
  requests: requests.exceptions.InvalidHeader
  fetch: TypeError
  raw: GET /q h2
  raw: :method: GET
S
echo "as stated"
