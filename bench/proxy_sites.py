"""Twenty sites by way of the proxy and without it: see bench/proxy-sites.

A page reports what its scripts saw, each answer as status, length and digest; the server keeps what it was sent. Both have to be
the same by either way, but for what differs from load to load (dates, ports).
"""
import base64, gzip, hashlib, http.server, json, os, pathlib, random, re, shutil, signal, struct, subprocess, sys, threading, time

from loopback import free_port, until_open

tool, work, size = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3])
chance = random.Random(7)
BLOCK = chance.randbytes(1 << 20)
PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
TEXT = ("Änderung " * 3000).encode()
# What each page does besides its markup; `see` fetches, and remembers status, length and digest.
PAGES = {
    "plain": ("<link rel=stylesheet href=a.css><script src=a.js></script><img src=x.png><img src=y.png><iframe src=frame.html></iframe>",
              "await see('a.css'); await see('data.json');"),
    "many": ("".join(f"<img src=i{n}.png>" for n in range(40)),
             "await Promise.all([...Array(30).keys()].map(n => see('n' + n + '.bin')));"),
    "redirects": ("<link rel=stylesheet href=/to/301/plain/a.css>",
                  "for (const code of [301, 302, 303, 307, 308]) { await see('/to/' + code + '/plain/data.json');"
                  " await see('/to/' + code + '/echo', {method: 'POST', body: 'x'.repeat(1000)}); }"
                  "await see('/chain/8');"),
    "websocket": ("", "for (const length of [0, 1, 125, 126, 65535, 65536, 1000000]) await frames(length);"),
    "upload": ("", "for (const length of [0, 1, 100000, 5000000]) await see('/echo', {method: 'PUT', body: new Uint8Array(length).fill(7)});"
               "await see('/sum', {method: 'POST', body: new URLSearchParams({a: 'ä&b', c: 'd'.repeat(70000)})});"
               "await see('/sum', {method: 'POST', body: new Blob(['x'.repeat(300000)], {type: 'text/x-own'})});"),
    "auth": ("", "await see('/secret', {headers: {Authorization: 'Basic ' + btoa('u:p')}}); await see('/secret', {credentials: 'omit'});"
             "await new Promise(done => { const x = new XMLHttpRequest(); x.open('GET', '/secret?xhr', true, 'u', 'p');"
             " x.onloadend = () => { seen.push(['xhr', x.status, x.responseText.length]); done(); }; x.send(); });"),
    "cookies": ("", "await see('/cookie/set'); await see('/cookie/get'); document.cookie = 'own=1; path=/'; await see('/cookie/get');"),
    "codings": ("", "for (const path of ['/gzip', '/chunked', '/chunked/gzip', '/range', '/empty', '/none', '/head', '/large-head']) await see(path, path === '/range' ? {headers: {Range: 'bytes=5-99'}} : path === '/head' ? {method: 'HEAD'} : {});"),
    "streams": ("", "await new Promise(done => { const source = new EventSource('/events'); let got = []; source.onmessage = e => {"
                " got.push(e.data); if (got.length === 5) { source.close(); seen.push(['events', got.join()]); done(); } }; });"
                "await see('/slow');"),
    "download": ("", "await download('/download');"),
}
SCRIPT = """
const seen = [];
const hex = bytes => [...new Uint8Array(bytes)].map(byte => byte.toString(16).padStart(2, '0')).join('');
const digest = async bytes => hex(await crypto.subtle.digest('SHA-256', bytes)).slice(0, 16);
async function see(path, options) {
  try {
    const answer = await fetch(path, {cache: 'no-store', ...options});
    const bytes = await answer.arrayBuffer();
    seen.push([path, answer.status, answer.redirected, answer.headers.get('content-type'), bytes.byteLength, await digest(bytes)]);
  } catch (error) { seen.push([path, String(error)]); }
}
async function frames(length) {
  await new Promise(done => {
    const socket = new WebSocket(location.origin.replace('http', 'ws') + '/socket');
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => { socket.send('t'.repeat(Math.min(length, 1000))); socket.send(new Uint8Array(length).fill(5)); };
    let got = [];
    socket.onmessage = async event => { got.push(event.data); if (got.length === 2) socket.close(1000, 'done'); };
    socket.onclose = async event => { seen.push(['socket', length, event.code, got.length, got[0]?.length ?? -1, got[1] ? await digest(got[1]) : '']); done(); };
  });
}
async function download(path) {
  const answer = await fetch(path, {cache: 'no-store'});
  const reader = answer.body.getReader();
  let length = 0, sum = 0;
  for (;;) {
    const {done, value} = await reader.read();
    if (done) break;
    // Each 251st byte of the whole, wherever pieces end.
    for (let at = (251 - length % 251) % 251; at < value.length; at += 251) sum = (Math.imul(sum, 31) + value[at]) | 0;
    length += value.length;
  }
  seen.push([path, answer.status, length, sum]);
}
addEventListener('load', async () => {
  try { await run(); } catch (error) { seen.push(['broke', String(error)]); }
  await fetch('/report', {method: 'POST', body: JSON.stringify(seen)});
  document.title = 'over';
});
"""


class Kept:
    """What one load of one site came to."""

    def __init__(self):
        self.asked, self.report, self.over = [], None, threading.Event()


kept = Kept()
lock = threading.Lock()


class Site(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def give(self, body, kind="text/plain", status=200, **fields):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if fields.pop("chunked", False):
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(len(body)))
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        return body

    def answer(self):
        body = self.body()
        path = self.path
        if path not in ("/report", "/favicon.ico"):
            with lock:
                kept.asked.append((self.command, path, len(body), hashlib.sha256(body).hexdigest()[:16],
                                   self.headers.get("Content-Type", "").split(";")[0], self.headers.get("Authorization", ""),
                                   self.headers.get("Cookie", ""), self.headers.get("Range", "")))
        if path == "/report":
            kept.report = json.loads(body)
            self.write(self.give(b""))
            kept.over.set()
        elif path == "/socket":
            self.socket()
        elif path == "/download":
            self.head_of_download()
            for at in range(0, size, len(BLOCK)):
                self.write(BLOCK[:min(len(BLOCK), size - at)])
        else:
            self.small(path, body)

    def head_of_download(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(size))
        self.end_headers()

    def small(self, path, body):
        name = path.split("?")[0]
        if found := re.fullmatch(r"/to/(\d+)(/.*)", name):
            self.write(self.give(b"elsewhere", status=int(found[1]), Location=found[2]))
        elif found := re.fullmatch(r"/chain/(\d+)", name):
            left = int(found[1])
            to = f"/chain/{left - 1}" if left else "/plain/data.json"
            self.write(self.give(b"", status=302, Location=to))
        elif name == "/echo":
            self.write(self.give(body, "application/octet-stream"))
        elif name == "/sum":
            self.write(self.give(hashlib.sha256(body).hexdigest().encode()))
        elif name == "/secret":
            allowed = self.headers.get("Authorization") == "Basic " + base64.b64encode(b"u:p").decode()
            fields = {} if allowed else {"WWW_Authenticate": 'Basic realm="r"'}
            self.write(self.give(b"in" if allowed else b"out", status=200 if allowed else 401, **fields))
        elif name == "/cookie/set":
            self.write(self.give(b"set", Set_Cookie="a=b; Path=/"))
        elif name == "/cookie/get":
            self.write(self.give(";".join(sorted(self.headers.get("Cookie", "").split("; "))).encode()))
        elif name in ("/gzip", "/chunked", "/chunked/gzip"):
            packed = gzip.compress(TEXT, mtime=0) if "gzip" in name else TEXT
            fields = {"Content_Encoding": "gzip"} if "gzip" in name else {}
            if "chunked" not in name:
                return self.write(self.give(packed, "text/html; charset=utf-8", **fields))
            self.give(b"", "text/html; charset=utf-8", chunked=True, **fields)
            for at in range(0, len(packed), 777):
                piece = packed[at:at + 777]
                self.write(b"%x;e=1\r\n%s\r\n" % (len(piece), piece))
            self.write(b"0\r\nTrailer-Field: x\r\n\r\n")
        elif name == "/range":
            self.write(self.give(TEXT[5:100], status=206, Content_Range=f"bytes 5-99/{len(TEXT)}"))
        elif name == "/none":
            self.send_response(204)
            self.end_headers()
        elif name == "/empty":
            self.write(self.give(b""))
        elif name == "/large-head":
            self.write(self.give(b"x", **{f"X_{n}": "v" * 400 for n in range(30)}))
        elif name == "/events":
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Connection", "close")
            self.end_headers()
            for n in range(5):
                self.write(b"data: %d\n\n" % n)
                time.sleep(0.02)
            self.close_connection = True
        elif name == "/slow":
            self.give(b"", chunked=True)
            for n in range(5):
                self.write(b"1\r\n%d\r\n" % n)
                time.sleep(0.05)
            self.write(b"0\r\n\r\n")
        else:
            self.file(name)

    def file(self, name):
        parts = name.strip("/").split("/")
        if len(parts) == 1 and parts[0] in PAGES and not name.endswith("/"):
            return self.write(self.give(b"", status=301, Location=f"/{parts[0]}/"))
        page, leaf = (parts + [""])[:2]
        if page in PAGES and leaf == "" and name.endswith("/"):
            markup, script = PAGES[page]
            html = f"<!doctype html><meta charset=utf-8><title>{page}</title>{markup}<script>{SCRIPT}async function run() {{ {script} }}</script>"
            return self.write(self.give(html.encode(), "text/html; charset=utf-8"))
        kinds = {"css": ("text/css", b"body { background: url(b.png) }"), "js": ("text/javascript", b"globalThis.a = 1"), "png": ("image/png", PNG),
                 "json": ("application/json", b'{"a": "\xc3\xa4"}'), "html": ("text/html", b"<p>in a frame"), "bin": ("application/octet-stream", BLOCK[:50_000])}
        kind = kinds.get(name.rsplit(".", 1)[-1])
        if kind is None:
            return self.write(self.give(b"nothing", status=404))
        return self.write(self.give(kind[1], kind[0]))

    do_GET = do_POST = do_PUT = do_HEAD = answer

    def body(self):
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            whole = b""
            while length := int(self.rfile.readline().split(b";")[0], 16):
                whole += self.rfile.read(length)
                self.rfile.readline()
            self.rfile.readline()
            return whole
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def write(self, bytes):
        if self.command != "HEAD" and bytes:
            self.wfile.write(bytes)

    def socket(self):
        """Gives each message of WebSocket (RFC 6455) back."""
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        for name, value in (("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())):
            self.send_header(name, value)
        self.end_headers()
        self.close_connection = True
        message, kind = b"", 0
        while head := self.rfile.read(2):
            final, code, length = head[0] & 0x80, head[0] & 15, head[1] & 127
            length = struct.unpack(">H", self.rfile.read(2))[0] if length == 126 else struct.unpack(">Q", self.rfile.read(8))[0] if length == 127 else length
            mask = self.rfile.read(4)
            payload = self.rfile.read(length)
            whole = int.from_bytes(payload, "big") ^ int.from_bytes((mask * (length // 4 + 1))[:length], "big")
            payload = whole.to_bytes(length, "big")
            kind, message = code or kind, message + payload if code < 8 else message
            if code == 8:
                self.frame(8, payload)
                return
            if final and code < 8:
                with lock:
                    kept.asked.append(("message", kind, len(message), hashlib.sha256(message).hexdigest()[:16]))
                self.frame(kind, message)
                message = b""

    def frame(self, code, payload):
        length = len(payload)
        head = bytes([0x80 | code]) + (bytes([length]) if length < 126 else b"\x7e" + struct.pack(">H", length) if length < 65536 else b"\x7f" + struct.pack(">Q", length))
        self.wfile.write(head + payload)


children = []


def start(*command, **options):
    child = subprocess.Popen(list(map(str, command)), **options)
    children.append(child)
    return child


def serve_secure(plain):
    """nginx with TLS and HTTP/2 before the same server."""
    port = free_port()
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-keyout", work / "key.pem",
                    "-out", work / "cert.pem", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"], check=True, stderr=subprocess.DEVNULL)
    (work / "nginx.conf").write_text(f"""daemon off; pid {work}/nginx.pid; error_log {work}/nginx.log; worker_processes 1; events {{}}
http {{ access_log off; map $http_upgrade $on {{ default upgrade; '' ''; }} client_max_body_size 0; proxy_temp_path {work}/t1; client_body_temp_path {work}/t2;
 fastcgi_temp_path {work}/t3; uwsgi_temp_path {work}/t4; scgi_temp_path {work}/t5;
 server {{ listen 127.0.0.1:{port} ssl http2; ssl_certificate {work}/cert.pem; ssl_certificate_key {work}/key.pem;
  location / {{ proxy_pass http://127.0.0.1:{plain}; proxy_http_version 1.1; proxy_buffering off; proxy_request_buffering off; proxy_read_timeout 600s;
   proxy_set_header Host $host; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $on; }} }} }}
""")
    start("nginx", "-c", work / "nginx.conf", "-g", f"lock_file {work}/nginx.lock;")
    until_open(port)
    return port


def begin_proxy(*more):
    child = start(tool, "proxy", "--listen", "127.0.0.1:0", "--cacert", work / "cert.pem", "--quiet", "--out", work / "run", "--keep-body", "1m",
                  "--capture", "none", *more, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    lines = []
    for line in child.stdout:
        lines.append(line)
        if found := re.search(r"http://127\.0\.0\.1:(\d+)/", line):
            threading.Thread(target=lambda: lines.extend(child.stdout), daemon=True).start()
            return child, int(found[1]), lines
    raise SystemExit("".join(lines))


def load(url, proxy, patience):
    """What a site comes to in Chromium."""
    global kept
    kept = Kept()
    profile = work / f"profile-{time.monotonic_ns()}"
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or "google-chrome"
    command = [chromium, "--headless=new", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-sandbox",
               "--ignore-certificate-errors", f"--user-data-dir={profile}", "--remote-debugging-port=0"]
    if proxy:
        command += [f"--proxy-server=http://127.0.0.1:{proxy}", "--proxy-bypass-list=<-loopback>"]
    browser = start(*command, url, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    over = kept.over.wait(patience)
    time.sleep(0.3)
    browser.terminate()
    try:
        browser.wait(20)
    except subprocess.TimeoutExpired:
        browser.kill()
    shutil.rmtree(profile, ignore_errors=True)
    # What is asked for at one time comes in any order.
    return (sorted(kept.report, key=repr) if over else "no report"), sorted(map(repr, kept.asked))


def clients(base, proxy, certificate, name):
    """The download's head by other clients: the same bytes?"""
    wanted = hashlib.sha256(BLOCK[:50_000]).hexdigest()
    url = f"{base}/many/n1.bin"
    file = work / "got"
    environment = dict(os.environ, http_proxy=f"http://127.0.0.1:{proxy}", https_proxy=f"http://127.0.0.1:{proxy}", HTTP_PROXY=f"http://127.0.0.1:{proxy}",
                       HTTPS_PROXY=f"http://127.0.0.1:{proxy}", NODE_USE_ENV_PROXY="1", NODE_EXTRA_CA_CERTS=str(certificate), SSL_CERT_FILE=str(certificate))
    httpx = os.environ.get("HTTPX", "python3")
    code = f"import httpx,sys; c=httpx.Client(verify={str(certificate)!r}); open({str(file)!r},'wb').write(c.get({url!r}).content)"
    node = f"fetch('{url}').then(async r => require('fs').writeFileSync('{file}', Buffer.from(await r.arrayBuffer())))"
    all = {"curl": ["curl", "-sS", "--noproxy", "", "--cacert", certificate, "-o", file, url], "wget": ["wget", "-q", f"--ca-certificate={certificate}", url, "-O", file],
           "httpx": [httpx, "-c", code], "node": [os.environ.get("NODE", "node"), "-e", node]}
    # Node takes proxies from the environment from version 24 on; an older one would ask the server itself.
    node = "process.exit(Number(process.versions.node.split('.')[0]) >= 24 ? 0 : 1)"
    if not shutil.which(all["node"][0]) or subprocess.run([all["node"][0], "-e", node]).returncode:
        del all["node"]
        print(f"{'node':12}{name:10}not here (24 or newer)")
    wrong = 0
    for client, command in all.items():
        file.unlink(missing_ok=True)
        try:
            subprocess.run(list(map(str, command)), env=environment, check=True, stderr=subprocess.PIPE, timeout=120)
            verdict = "same" if hashlib.sha256(file.read_bytes()).hexdigest() == wanted else "DIFFERENT"
        except (OSError, subprocess.SubprocessError) as error:
            missing = isinstance(error, FileNotFoundError) or b"ModuleNotFoundError" in (getattr(error, "stderr", b"") or b"")
            verdict = "not here" if missing else f"FAILED {(getattr(error, 'stderr', b'') or b'').decode()[-200:]}"
        wrong += verdict not in ("same", "not here")
        print(f"{client:12}{name:10}{verdict}", flush=True)
    return wrong


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    plain = server.server_port
    secure = serve_secure(plain)
    child, proxy, lines = begin_proxy()
    wrong = 0
    print(f"{'site':12}{'':10}{'requests':>9}{'seen':>6}  verdict")
    for name, base in (("HTTP/1.1", f"http://localhost:{plain}"), ("HTTP/2", f"https://localhost:{secure}")):
        for page in PAGES:
            patience = 60 + (size >> 20) // 4 if page == "download" else 90
            began = time.monotonic()
            straight = load(f"{base}/{page}/", None, patience)
            between = time.monotonic()
            through = load(f"{base}/{page}/", proxy, patience)
            same = straight == through and isinstance(straight[0], list)
            wrong += not same
            took = f"{between - began:.0f} s, {time.monotonic() - between:.0f} s" if page == "download" else ""
            print(f"{page:12}{name:10}{len(straight[1]):9}{len(straight[0]):6}  {'same' if same else 'DIFFERENT'} {took}", flush=True)
            if not same:
                for kind, one, other in (("seen", straight[0], through[0]), ("asked", straight[1], through[1])):
                    for a in [one] if isinstance(one, str) else one:
                        if a not in other:
                            print(f"    {kind} without it only: {str(a)[:200]}")
                    for a in [other] if isinstance(other, str) else other:
                        if a not in one:
                            print(f"    {kind} by way of it only: {str(a)[:200]}")
    certificate = work / "ca.pem"
    subprocess.run([tool, "proxy", "--ca", certificate], check=True, stdout=subprocess.DEVNULL)
    wrong += clients(f"http://localhost:{plain}", proxy, certificate, "HTTP/1.1")
    wrong += clients(f"https://localhost:{secure}", proxy, certificate, "HTTP/2")
    child.send_signal(signal.SIGINT)
    child.wait(300)
    entries = json.loads((work / "run" / "visit.har").read_text())["log"]["entries"]
    print(f"{len(entries)} exchanges in the record; proxy ended with {child.returncode}")
    if child.returncode:
        print("".join(lines[-5:]))
    return int(wrong > 0 or child.returncode != 0)


try:
    code = main()
finally:
    for child in children:
        if child.poll() is None:
            child.terminate()
sys.exit(code)
