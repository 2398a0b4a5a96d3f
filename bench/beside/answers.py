"""D: answers that break the rules, as `get` takes them beside curl and `visit` beside Chromium. The RFCs' MUSTs stand
above curl where the two differ; each such row says so."""

import json
import re

from .desk import Result, Server, alike, ok, row

PAGE = b"<!doctype html><p>hello</p><p>x  "


def case(desk, name):
    return (desk.cases / name).read_bytes()


def taken(letter, title, answer, body, words=(), note=None, code=0):
    """`get` must give this body and code; curl's own answer stands beside it."""

    @row(letter, f"get: {title}", "curl")
    def _(desk):
        data = answer(desk) if callable(answer) else answer
        told = []
        for ask in (desk.curl, desk.get):
            with Server(data) as server:
                ran = ask(*words, server.url)
                told.append(f"exit {ran.code} {ran.out!r}")
        right = told[1] == f"exit {code} {body!r}"
        if note is None:
            right = right and told[0] == told[1]
        return Result(told[0] + (f" ({note})" if note else ""), told[1], right)


def of(name):
    return lambda desk: case(desk, name)


taken("D", "obs-fold is replaced by a blank (RFC 9112 §5.2)", of("resp-fold.bin"), b"five\n")
taken("D", "204 with Transfer-Encoding has no body", of("resp-te204.bin"), b"")
taken("D", "304 with Transfer-Encoding has no body", b"HTTP/1.1 304 N\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"")
taken("D", "lines that end with LF alone", of("resp-lf.bin"), b"five\n")
taken("D", "chunk sizes with many zeros", of("resp-chunkzeros.bin"), b"body\n",
      note="curl takes 16 digits at most; RFC 9112 §7.1 has no limit, browsers take them")
CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
taken("D", "chunk sizes with blanks behind them", CHUNKS + b"5  \r\nbody\n\r\n0 \r\n\r\n", b"body\n")
taken("D", "chunk extensions", CHUNKS + b'5;a="b;c"\r\nbody\n\r\n0\r\n\r\n', b"body\n")
taken("D", "an empty field name", b"HTTP/1.1 200 OK\r\n: x\r\nContent-Length: 3\r\n\r\nok\n", b"ok\n")
taken("D", "a control character in a value", b"HTTP/1.1 200 OK\r\nX-A: a\x01b\r\nContent-Length: 3\r\n\r\nok\n", b"ok\n")
taken("D", "a field without a colon", b"HTTP/1.1 200 OK\r\nnonsense\r\nContent-Length: 3\r\n\r\nok\n", b"ok\n",
      note="curl 7.88 ends with 8; browsers pass it over")
taken("D", "bytes that are no UTF-8 in the reason", b"HTTP/1.1 200 caf\xe9\r\nContent-Length: 3\r\n\r\nok\n", b"ok\n")
taken("D", "what is no HTTP: exit 1", b"220 mail ESMTP\r\n", b"", code=1)
for coding in (b"none", b"utf-8", b"identity", b"binary"):
    answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: " + coding + b"\r\nContent-Length: 3\r\n\r\nok\n"
    taken("D", f"the content coding {coding.decode()} without --compressed", answer, b"ok\n")


@row("D", "a Location of bytes is asked for as bytes", "curl")
def location(desk):
    return alike(desk, [case(desk, "resp-location-latin1.bin"), ok()], ["-L", "--max-redirs", "1", "URL"])


@row("D", "a file name of bytes in Content-Disposition", "curl")
def disposition(desk):
    answer = b'HTTP/1.1 200 OK\r\nContent-Disposition: attachment; filename="caf\xe9.txt"\r\nContent-Length: 3\r\n\r\nok\n'
    seen = []
    for ask in (desk.curl, desk.get):
        place = desk.place()
        with Server(answer) as server:
            ran = ask("-OJ", server.url, cwd=place)
        seen.append(f"exit {ran.code} {[bytes(path) for path in place.iterdir()]}".replace(str(place), ""))
    return Result(seen[0], seen[1], seen[0] == seen[1])


def words_of(desk, url):
    """The text that Chromium shows."""
    return " ".join(re.sub(r"<style.*?</style>|<script.*?</script>|<[^>]+>", " ", desk.dom(url), flags=re.S).split())


def shown(title, answer, text, kinds=None):
    """`visit` takes an answer as Chromium does: both end well, and Chromium shows the text."""

    @row("D", f"visit: {title}", "Chromium")
    def _(desk):
        data = answer(desk) if callable(answer) else answer
        with Server(data, keep=False) as server:
            theirs = words_of(desk, server.url)
        with Server(data) as server:
            out = desk.place() / "run"
            ran = desk.visit("--format", "json", "--out", out, server.url)
        body = bodies(out)
        right = ran.code == 0 and text in theirs and text.encode() in body
        return Result(repr(theirs), f"exit {ran.code}, {body!r}", right)


def bodies(run):
    folder = run / "bodies"
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    return b"".join(path.read_bytes() for path in files if path.is_file())


shown("obs-fold", of("resp-fold.bin"), "five")
shown("lines that end with LF alone", of("resp-lf.bin"), "five")
shown("NULs behind the gzip", of("resp-gztrail0.bin"), "hello")
shown("a line end behind the gzip", of("resp-gztrailnl.bin"), "hello")
shown("text behind the gzip", of("resp-gztrailtext.bin"), "hello")
shown("the content coding UTF-8", of("resp-utf8enc.bin"), "plain")
shown("an empty Content-Type", of("resp-type-empty.bin"), "hello")
shown("a Content-Type without a slash", of("resp-type-html.bin"), "hello")
shown("chunk sizes with many zeros", of("resp-chunkzeros.bin"), "body")
shown("a control character in a value", b"HTTP/1.1 200 OK\r\nX-A: a\x01b\r\nContent-Length: 3\r\n\r\nok\n", "ok")


@row("D", "visit: an empty page is a page", "Chromium")
def empty(desk):
    data = case(desk, "resp-empty-html.bin")
    with Server(data) as server:
        theirs = desk.dom(server.url)
    with Server(data) as server:
        ran = desk.visit(server.url)
    return Result(repr(theirs), f"exit {ran.code} {ran.out.decode().splitlines()[0]}", ran.code == 0 and "<body>" in theirs)


@row("D", "visit: 204 leaves no page and is no fault")
def no_content(desk):
    with Server(case(desk, "resp-te204.bin")) as server:
        ran = desk.visit(server.url)
    return Result("", f"exit {ran.code} {ran.out.decode().splitlines()[0]}", ran.code == 0)


@row("D", "what is tolerated is a finding of the record")
def noted(desk):
    told = []
    for name in ("resp-fold.bin", "resp-lf.bin", "resp-gztrailtext.bin", "resp-utf8enc.bin"):
        with Server(case(desk, name)) as server:
            out = desk.place() / "run"
            desk.visit("--out", out, server.url)
        events = [json.loads(line) for line in (out / "record.jsonl").read_text().splitlines()]
        notes = [event["data"]["what"] for event in events if event["kind"] == "http.note"]
        told.append(f"{name}: {notes}")
    return Result("", "; ".join(told), all("[]" not in one for one in told))


@row("D", "the server stays strict")
def strict(desk):
    import socket
    import subprocess

    folder = desk.place()
    (folder / "index.html").write_text("x")
    serving = subprocess.Popen(
        ["roundtrip", "serve", str(folder), "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, env=desk.environment)
    try:
        port = int(serving.stdout.readline().decode().strip().rstrip("/").rsplit(":", 1)[1])
        told = []
        for request in (b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", b"GET / HTTP/1.1\nHost: a\n\n",
                        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                        b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x01\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
                client.sendall(request)
                told.append(client.recv(4096).split(b"\r\n")[0].decode())
    finally:
        serving.terminate()
        serving.wait()
    return Result("", "; ".join(told), all(" 400 " in line for line in told))
