#!/usr/bin/env bash
# HTTP caches of Python clients: CacheControl 0.14.4, requests-cache 1.3.3 (cache_control=True), hishel 2.0.0 (rfc=True); beside them
# undici's cache 7.30.2 (npm), private, too. Each asks twice for a resource; what reached the server is listed.
# Expected: RFC 9111 section 4.2.3: what an answer's Age says counts as its age, so `max-age=60` with `Age: 100` is stale on
# arrival, and so is one whose Date is an hour past; section 5.2.2.4: `no-cache, max-age=60` is asked again with its ETag
# each time; section 4.4: a POST to the URL that succeeds ends what is stored for it.
# Seen: none of the three Python caches counts Age (hishel hands the stored answer on with its Age put back from 100 to 0);
# requests-cache does not count Date either; CacheControl uses a `no-cache` answer without asking; with CacheControl and
# requests-cache a POST leaves the stored answer in use. undici does all four as expected.
# Why it matters: behind a CDN a client with such a cache keeps an answer up to twice its lifetime; whoever replays a client's session
# must take "was it asked again" from the record, not from the fields.
. "$(dirname "$0")/common/lib.sh"
need_pip CacheControl==0.14.4 requests==2.34.2 requests-cache==1.3.3 hishel==2.0.0 httpx==0.28.1
need_npm undici@7.30.2
mkfifo port
python3 "$here/common/cache_server.py" >port & pids+=($!)
read -r port <port
cat >twice.py <<'P'
import json, sys, urllib.request
base, which = f"http://127.0.0.1:{sys.argv[1]}", sys.argv[2]
if which == "CacheControl":
    import cachecontrol, requests
    client = cachecontrol.CacheControl(requests.Session())
elif which == "requests-cache":
    import requests_cache
    client = requests_cache.CachedSession(backend="memory", cache_control=True)
else:
    import hishel, hishel.httpx
    client = hishel.httpx.CacheClient(storage=hishel.SqliteStorage(database_path="hishel.db"), rfc=hishel.CacheOptions(shared=False))
for path in "fresh", "age", "old_date", "no_cache", "post":
    client.get(f"{base}/{path}")
    if path == "post":
        client.post(f"{base}/{path}")
    last = client.get(f"{base}/{path}")
    log = json.load(urllib.request.urlopen(f"{base}/log"))
    age = f" (Age: {last.headers['age']})" if path == "age" else ""
    print(f"{which} {path}: {', '.join(log)}{age}")
P
cat >twice.mjs <<'P'
import { Agent, interceptors, request } from 'undici'
const base = `http://127.0.0.1:${process.argv[2]}`
const dispatcher = new Agent().compose(interceptors.cache({ type: 'private' }))
const ask = async (path, method = 'GET') => (await request(`${base}/${path}`, { dispatcher, method })).body.text()
for (const path of ['fresh', 'age', 'old_date', 'no_cache', 'post']) {
  await ask(path)
  await new Promise(done => setTimeout(done, 100)) // what is stored is seen a little later
  if (path === 'post') await ask(path, 'POST')
  await ask(path)
  const log = await (await request(`${base}/log`)).body.json()
  console.log(`undici ${path}: ${log.join(', ')}`)
}
P
for client in CacheControl requests-cache hishel; do env/bin/python twice.py "$port" $client; done >seen.txt
node twice.mjs "$port" >>seen.txt
expect seen.txt <<'S'
CacheControl fresh: GET
CacheControl age: GET (Age: 100)
CacheControl old_date: GET, GET
CacheControl no_cache: GET
CacheControl post: GET, POST
requests-cache fresh: GET
requests-cache age: GET (Age: 100)
requests-cache old_date: GET
requests-cache no_cache: GET, GET conditional
requests-cache post: GET, POST
hishel fresh: GET
hishel age: GET (Age: 0)
hishel old_date: GET, GET
hishel no_cache: GET, GET conditional
hishel post: GET, POST, GET
undici fresh: GET
undici age: GET, GET
undici old_date: GET, GET
undici no_cache: GET, GET conditional
undici post: GET, POST, GET
S
echo "as stated"
