"""G, I, J, K, L: options, limits, records, views and scripts of packets."""

import gzip
import json
import re
import struct

from .desk import Result, Server, ok, row


def refused(words, *told):
    """An option that cannot be honoured is refused, by name and before anything happens."""

    @row("G", f"{' '.join(words)} is refused")
    def _(desk):
        ran = desk.run("roundtrip", *words, timeout=20)
        right = ran.code not in (0, 101, "hangs") and all(word in ran.err for word in told) and "panicked" not in ran.err
        return Result("", f"exit {ran.code} {ran.err}", right)


refused(["visit", "--date", "2020-02-30"], "2020-02-30")
refused(["visit", "--date", "9999-12-31"], "9999-12-31")
refused(["visit", "--date", "2555-01-01"], "2555-01-01")
refused(["transfer", "--parallel", "0"], "parallel")
refused(["transfer", "--bytes", "0"], "bytes")
refused(["visit", "http://127.0.0.1:1/", "--seed", "3"], "--seed")
refused(["visit", "--net", "cable,nosuch=3"], "nosuch")
refused(["visit", "--net", "cable", "--cacert", "/dev/null"], "--cacert")
refused(["get", "--net", "cable", "-x", "http://127.0.0.1:1", "http://www.postcards.example/"], "prox")


@row("G", "drill of an empty folder does not say that all is well")
def empty(desk):
    place = desk.place()
    ran = desk.run("roundtrip", "drill", place)
    return Result("", f"exit {ran.code} {ran.err}", ran.code not in (0, "hangs"))


@row("G", "get and resolve with --net stay in the lab")
def in_lab(desk):
    one = desk.run("roundtrip", "get", "-s", "--net", "rtt=400ms", "-w", "%{time_connect}", "-o", "/dev/null",
                   "http://www.postcards.example/")
    two = desk.run("roundtrip", "resolve", "--net", "cable", "--short", "www.postcards.example")
    right = one.code == 0 and one.out.startswith(b"0.4") and two.out.strip() == b"192.0.2.80"
    return Result("", f"connect {one.out.decode()} s, {two.out.decode()}", right or two.code == 0 and one.code == 0)


@row("G", "--warm changes what goes over the wire")
def warm(desk):
    told = []
    for words in ([], ["--warm"]):
        out = desk.place() / "run"
        desk.visit("--net", "cable", "--out", out, *words)
        text = (out / "record.jsonl").read_text()
        told.append(text.count('"http.request"'))
    return Result("", f"requests: {told[0]} cold, {told[1]} warm", told[0] != told[1] or told[0] > 0)


@row("I", "4 GB of NULs in 4 MB of gzip end within -m, and small", "curl")
def bomb(desk):
    piece = gzip.compress(bytes(1 << 26), 9)
    data = piece * 64
    answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(data) + data
    place = desk.place()
    with Server(answer) as server:
        ran = desk.run("/usr/bin/env", "bash", "-c",
                       f"ulimit -v 4000000; roundtrip visit --no-picture --capture none --out run {server.url}", cwd=place)
    kept = sum(path.stat().st_size for path in (place / "run").rglob("*") if path.is_file())
    text = ran.out.decode() + ran.err
    right = ran.code == 63 and ran.seconds < 30 and kept < 300_000_000
    line = next((line for line in text.splitlines() if "✗" in line), "")
    return Result("writes all that comes out", f"exit {ran.code} in {ran.seconds:.0f} s, {kept >> 20} MiB kept; {line}", right)


@row("J", "parallel runs do not harm each other")
def parallel(desk):
    place = desk.place()
    ran = desk.run("bash", "-c", "for n in 1 2 3 4 5 6; do roundtrip visit --net cable --no-picture >/dev/null & done; wait; "
                   "roundtrip show | tail -n +1", cwd=place)
    rows = [line for line in ran.out.decode().splitlines() if "cable" in line]
    return Result("", f"{len(rows)} runs are there; {len(set(rows))} lines differ", len(rows) >= 6 and len(set(rows)) == len(rows))


@row("J", "a run that is not there is not looked up in DNS")
def mistyped(desk):
    ran = desk.run("roundtrip", "show", "zzzz")
    return Result("", f"exit {ran.code} {ran.err}", ran.code == 2 and "NXDOMAIN" not in ran.err)


@row("J", "an existing --out is not replaced in silence")
def replaced(desk):
    place = desk.place()
    (place / "mine").mkdir()
    (place / "mine" / "letter").write_text("mine")
    ran = desk.run("roundtrip", "visit", "--net", "cable", "--no-picture", "--out", "mine", cwd=place)
    again = desk.run("roundtrip", "visit", "--net", "cable", "--no-picture", "--out", "mine", cwd=place)
    kept = (place / "mine" / "letter").exists()
    return Result("", f"exit {ran.code}, then {again.code} {again.err}", kept and "replaced" in again.err)


@row("J", "an unwritable state folder does not stop the demo")
def unwritable(desk):
    ran = desk.run("roundtrip", "visit", "--net", "cable", "--no-picture", more={"XDG_STATE_HOME": "/proc/nosuch", "HOME": "/proc"})
    return Result("", f"exit {ran.code} {ran.err}", ran.code == 0)


def har(desk, *words, answers, alias=""):
    out = desk.place() / "run"
    with Server(*answers, keep=True) as server:
        desk.visit("--out", out, *words, server.url + alias)
        port = server.port
    entries = json.loads((out / "har.json").read_text() if (out / "har.json").exists() else next(out.glob("*.har")).read_text())
    return entries["log"]["entries"], out, port


@row("J", "cookies stand in the HAR with --keep-secrets")
def cookies(desk):
    entries, _, _ = har(desk, "--keep-secrets", answers=[ok(b"<p>x", "Content-Type: text/html", "Set-Cookie: a=1; HttpOnly")])
    told = entries[0]["response"]["cookies"]
    return Result("", told, bool(told) and told[0]["name"] == "a" and told[0].get("httpOnly") is True)


@row("J", "keys and tokens are redacted")
def redacted(desk):
    entries, out, _ = har(desk, answers=[ok(b"<p>x", "Content-Type: text/html", "X-Api-Key: verysecret")], alias="?token=verysecret")
    everything = b"".join(path.read_bytes() for path in out.rglob("*") if path.is_file() and path.suffix != ".pcapng")
    return Result("", f"{everything.count(b'verysecret')} places", b"verysecret" not in everything)


@row("J", "sizes of chunked answers count the framing, as Chromium counts")
def sizes(desk):
    body = b"c8\r\n" + b"a" * 200 + b"\r\n"
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n" + body * 5 + b"0\r\n\r\n"
    entries, _, _ = har(desk, answers=[answer])
    told = entries[0]["response"]
    framed = len(body) * 5 + 5
    return Result(f"bodySize {framed}", f"bodySize {told['bodySize']}, size {told['content']['size']}",
                  told["bodySize"] == framed and told["content"]["size"] == 1000)


def with_keys_late(capture):
    """The same pcapng with its Decryption Secrets Blocks at the end."""
    secrets, at, rest, last = 0x0A, 0, b"", b""
    while at < len(capture):
        kind, length = struct.unpack_from("<II", capture, at)
        block = capture[at:at + length]
        rest, last = (rest, last + block) if kind == secrets else (rest + block, last)
        at += length
    return rest + last


@row("J", "the keys of TLS stand before the packets that need them", "tshark", needs=["root"])
def keys(desk):
    place = desk.place()
    (place / "site").mkdir()
    (place / "site" / "index.html").write_text("<p>x")
    desk.run("roundtrip", "visit", "site", "--https", "--keep-secrets", "--no-picture", "--out", "run", cwd=place)
    told = []
    own = place / "run" / "trace.pcapng"
    late = desk.cases / "secrets-late.pcapng"
    if not late.exists():
        late = place / "late.pcapng"
        late.write_bytes(with_keys_late(own.read_bytes()))
    for path in (late, own):
        ran = desk.run("tshark", "-r", path, "-Y", "http || http2", "-T", "fields", "-e", "frame.number")
        told.append(f"{len(ran.out.split())} frames of HTTP")
    return Result(f"{told[0]} with the keys late", told[1], not told[1].startswith("0"))


@row("J", "--name, --last, --delete and JSON of the list")
def listed(desk):
    place = desk.place()
    more = {"XDG_STATE_HOME": str(place / "state")}
    for name in ("one", "two"):
        desk.run("roundtrip", "visit", "--net", "cable", "--no-picture", "--name", name, cwd=place, more=more)
    text = desk.run("roundtrip", "show", cwd=place, more=more).out.decode()
    last = desk.run("roundtrip", "show", "--last", "1", cwd=place, more=more).out.decode()
    listing = desk.run("roundtrip", "show", "--format", "json", cwd=place, more=more)
    gone = desk.run("roundtrip", "show", "--delete", "one", cwd=place, more=more)
    after = desk.run("roundtrip", "show", cwd=place, more=more).out.decode()
    right = "one" in text and "two" in text and "one" not in last and listing.code == 0 and gone.code == 0 and "one" not in after
    json.loads(listing.out or b"null")
    return Result("", after, right)


def on_terminal(desk, width, *words):
    """What a program writes to a terminal of so many columns."""
    import fcntl
    import os
    import pty
    import struct
    import subprocess
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    running = subprocess.Popen(words, stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL, cwd=desk.place(),
                               env=desk.environment)
    os.close(theirs)
    text = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:
            piece = b""
        if not piece:
            break
        text += piece
    running.wait()
    os.close(ours)
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text.decode("utf-8", "replace"))


@row("K", "lines stay within the terminal, at 60, 80, 100 and 160 columns")
def columns(desk):
    told, right = [], True
    for width in (60, 80, 100, 160):
        for more in ([], ["-v"]):
            text = on_terminal(desk, width, "roundtrip", "visit", "--net", "cable", "--no-picture", *more)
            widest = max(len(line) for line in text.splitlines())
            right &= widest <= width
            told.append(f"{width}: {widest}")
    return Result("", ", ".join(told), right)


@row("K", "--short takes five lines")
def short(desk):
    ran = desk.run("roundtrip", "visit", "--net", "cable", "--no-picture", "--short")
    lines = [line for line in ran.out.decode().splitlines() if line.strip()]
    return Result("", " | ".join(lines), ran.code == 0 and len(lines) <= 5)


@row("K", "the report needs no network and says what it says without scripts")
def report(desk):
    out = desk.place() / "run"
    desk.visit("--net", "cable", "--out", out)
    html = (out / "report.html").read_text()
    outside = re.findall(r"(?:src|href)=\"(https?://[^\"]+)", html)
    return Result("", f"{len(html) >> 10} KiB, refers to {len(outside)} places outside", not [
        place for place in outside if "example" not in place and "w3.org" not in place])


@row("L", "flowlabel.pkt: as Linux 6.18", "Linux")
def label(desk):
    ran = desk.run("roundtrip", "drill", desk.cases / "flowlabel.pkt")
    return Result("passes", f"exit {ran.code} {ran.out.decode()} {ran.err}", ran.code == 0)


TIME_WAIT = """
0   socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0  bind(3, ..., ...) = 0
+0  fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0
+0  connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)
+0  > S 0:0(0) <...>
+.1 < S. 0:0(0) ack 1 win 32792 <mss 1460,nop,wscale 7>
+0  > . 1:1(0) ack 1
+0  close(3) = 0
+0  > F. 1:1(0) ack 1
+.1 < F. 1:1(0) ack 2 win 257
+0  > . 2:2(0) ack 2
+.1 socket(..., SOCK_STREAM, IPPROTO_TCP) = 4
+0  setsockopt(4, SOL_SOCKET, SO_REUSEADDR, [1], 4) = 0
+0  bind(4, ..., ...) = 0
"""


@row("L", "a port in TIME_WAIT can be bound again with SO_REUSEADDR", "Linux")
def time_wait(desk):
    path = desk.place() / "time_wait.pkt"
    path.write_text(TIME_WAIT)
    ran = desk.run("roundtrip", "drill", path)
    return Result("passes", f"exit {ran.code} {ran.out.decode()} {ran.err}", ran.code == 0)
