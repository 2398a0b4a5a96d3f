"""F: what is told of TLS, of HTTP/2 and of what takes too long, beside curl."""

import functools
import socket
import struct
import threading

from .desk import Result, Server, ok, row


@functools.cache
def made(desk):
    """The certificates, as the cases' own script makes them."""
    place = desk.place() / "tls"
    place.mkdir()
    text = (desk.cases / "tls" / "mk.sh").read_text()
    # The longest keys take minutes, and are no fault.
    text = "\n".join(line for line in text.splitlines() if not line.startswith(("leaf rsa8192", "leaf rsa4096")))
    (place / "mk.sh").write_text(text)
    desk.run("bash", "mk.sh", cwd=place, timeout=300)
    for chain in place.glob("*.chain"):
        key = chain.with_suffix(".key")
        if key.exists():
            chain.with_suffix(".both").write_text(chain.read_text() + key.read_text())
    return place


def refused(name, title, *words):
    """Both refuse a certificate, or we do and say why."""

    @row("F", f"certificate: {title}", "curl", needs=["openssl"])
    def _(desk):
        place = made(desk)
        told = []
        for ask in (desk.curl, desk.get):
            with Server(ok(), tls=place / f"{name}.both") as server:
                ran = ask("--cacert", place / "root.pem", server.url)
                told.append((f"exit {ran.code} {ran.err}", ran))
        ours = told[1][1]
        right = ours.code == 60 and all(word in ours.err for word in words)
        right = right and "usual ones" not in ours.err and "Other(" not in ours.err
        return Result(told[0][0], told[1][0], right)


refused("sha1", "signed with SHA-1", "no longer taken")
refused("rsa1024", "a key that is too short", "too short")
refused("ekuclient", "for clients only", "not for servers")
refused("caleaf", "an authority's, as a server's", "authority")
refused("critunk", "a critical extension that nobody knows", "critical extension")
refused("ncbad", "outside of its authority's names", "name")
refused("self", "signed by itself", "signed by itself")
refused("v1", "X.509 version 1", "version 1")
refused("expired", "expired", "expired")
refused("future", "not valid yet", "valid")
refused("wrong", "for another name", "not for localhost")
refused("missing", "without its intermediate", "")


@row("F", "-k takes any certificate", "curl", needs=["openssl"])
def insecure(desk):
    place, told = made(desk), ([], [])
    for chain in sorted(place.glob("*.both")):
        for ask, into in zip((desk.curl, desk.get), told):
            with Server(ok(), tls=chain) as server:
                if ask("-k", server.url).code != 0:
                    into.append(chain.stem)
    texts = [f"refused: {' '.join(names) or 'none'}" for names in told]
    return Result(*texts, not told[1] or told[1] == told[0])


def cut(connection, _):
    """The end of TCP without that of TLS."""
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\nhalf")
    raw = connection.detach()
    socket.socket(fileno=raw).close()


@row("F", "TLS that ends without close_notify is a fault of its own", "curl", needs=["openssl"])
def close_notify(desk):
    place, told = made(desk), []
    for ask in (desk.curl, desk.get):
        with Server(cut, tls=place / "good.both") as server:
            told.append(ask("--cacert", place / "root.pem", server.url))
    right = told[1].code == 18 and "close_notify" in told[1].err
    return Result(*[f"exit {ran.code} {ran.err}" for ran in told], right)


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


HEADERS, RST, SETTINGS, GOAWAY, DATA = 1, 3, 4, 7, 0


def two(*frames):
    """Answers the first request over HTTP/2 with these frames."""

    def answer(connection):
        need = b""
        while len(need) < 24:
            need += connection.recv(65536)
        connection.sendall(frame(SETTINGS, 0, 0) + frame(SETTINGS, 1, 0))
        rest = need[24:]
        while True:
            while len(rest) >= 9 and len(rest) >= 9 + int.from_bytes(rest[:3], "big"):
                length, kind = int.from_bytes(rest[:3], "big"), rest[3]
                rest = rest[9 + length:]
                if kind == HEADERS:
                    connection.sendall(b"".join(frames))
            piece = connection.recv(65536)
            if not piece:
                return
            rest += piece

    return answer


class Two(Server):
    """A server of HTTP/2 over TLS."""

    def talk(self, connection):
        try:
            connection.settimeout(5)
            connection = self.context.wrap_socket(connection, server_side=True)
            self.answers[0](connection)
        except OSError:
            pass
        finally:
            connection.close()


def over_two(title, frames, *words, options=(), out=None):
    @row("F", f"HTTP/2: {title}", "curl", needs=["openssl"])
    def _(desk):
        place, told = made(desk), []
        for ask in (desk.curl, desk.get):
            with Two(two(*frames), tls=place / "good.both", alpn=["h2"]) as server:
                told.append(ask("--cacert", place / "root.pem", *options, server.url))
        ours = told[1]
        right = ours.code == told[0].code and all(word in ours.err for word in words)
        right = right and (out is None or all(part in ours.out for part in out))
        return Result(*[f"exit {ran.code} {ran.out!r} {ran.err}" for ran in told], right)


for name, number in [("INTERNAL_ERROR", 2), ("REFUSED_STREAM", 7), ("ENHANCE_YOUR_CALM", 11)]:
    over_two(f"a stream reset with {name}", [frame(RST, 0, 1, struct.pack(">I", number))], name)
over_two("a stream reset inside the body",
         [frame(HEADERS, 4, 1, b"\x88"), frame(DATA, 0, 1, b"part"), frame(RST, 0, 1, struct.pack(">I", 8))], "CANCEL")
EARLY = b"\x08\x03103\x00\x04link\x15</a.css>; rel=preload"
over_two("103 is shown with -i", [frame(HEADERS, 4, 1, EARLY), frame(HEADERS, 4, 1, b"\x88"), frame(DATA, 1, 1, b"ok\n")],
         options=["-i"], out=[b"HTTP/2 103", b"link: </a.css>; rel=preload", b"HTTP/2 200", b"ok\n"])


def slow(title, start, words, right_words):
    """What `-m 1` says of what takes too long."""

    @row("F", f"time is up: {title}")
    def _(desk):
        with start(desk) as server:
            filled = [word.replace("URL", server.url).replace("PORT", str(server.port)) for word in words]
            ran = desk.run("roundtrip", "get", "-sS", "-m", "1", *filled)
        return Result("", f"exit {ran.code} {ran.err}", ran.code == 28 and right_words in ran.err)


class Silent:
    """Takes connections, or datagrams, and says nothing."""

    def __init__(self, kind):
        self.socket = socket.socket(socket.AF_INET, kind)
        self.socket.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            self.socket.listen(9)
        self.port = self.socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/"

    def answer(self, words):
        """Says something to everybody after all."""
        while True:
            try:
                connection, _ = self.socket.accept()
                connection.recv(4096)
                connection.sendall(words)
                connection.close()
            except OSError:
                return

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


def tcp(_):
    return Silent(socket.SOCK_STREAM)


slow("a name server is silent", lambda _: Silent(socket.SOCK_DGRAM), ["--dns", "127.0.0.1:PORT", "http://a.example/"],
     "name was still being looked up")
slow("TLS is silent", tcp, ["https://127.0.0.1:PORT/"], "TLS handshake was not over")
slow("the server is silent", tcp, ["URL"], "request was sent, and no answer")
slow("a proxy is silent", tcp, ["-x", "URL", "https://a.example/"], "connection was not open yet")


@row("F", "time is up: the body stalls")
def body(desk):
    def half(connection, _):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf")
        threading.Event().wait(3)

    with Server(half) as server:
        ran = desk.run("roundtrip", "get", "-sS", "-m", "1", server.url)
    return Result("", f"exit {ran.code} {ran.err}", ran.code == 28 and "body was still coming" in ran.err)


@row("F", "a failed TLS handshake is drawn as TLS, not as blocked", needs=["openssl"])
def drawn(desk):
    with Silent(socket.SOCK_STREAM) as server:
        threading.Thread(target=server.answer, args=(b"HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n",), daemon=True).start()
        out = desk.place() / "run"
        ran = desk.visit("--out", out, f"https://127.0.0.1:{server.port}/")
    text = ran.out.decode()
    rows = [line.split()[0] for line in text.splitlines() if line.strip() and "▇" in line or "╵" in line]
    return Result("", f"exit {ran.code}, rows {' '.join(rows)}", ran.code == 35 and "blocked" not in text)


@row("F", "each sentence stands once", needs=["openssl"])
def once(desk):
    page = b"<!doctype html>" + b"".join(b'<img src="/%d.png">' % number for number in range(9))

    def answer(connection, request):
        first = request.split(b" ")[1] == b"/"
        connection.sendall(ok(page, "Content-Type: text/html") if first else b"HTTP/1.1 200 OK\r\nContent-Le")

    with Server(answer) as server:
        ran = desk.visit("--out", desk.place() / "run", server.url)
    lines = [line.strip() for line in ran.out.decode().splitlines() if len(line.split()) > 5 and "●" not in line]
    twice = sorted({line for line in lines if lines.count(line) > 1})
    return Result("", twice or "no line twice", not twice)


@row("F", "time is up: a visit says that the body stalled")
def visit_stalls(desk):
    def half(connection, _):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 99\r\n\r\n<p>half")
        threading.Event().wait(3)

    with Server(half) as server:
        ran = desk.visit("-m", "1", server.url)
    text = ran.out.decode()
    return Result("", f"exit {ran.code} {text}", ran.code == 28 and text.startswith("✗ body") and "7 B had arrived" in text)


@row("H", "a proxy through TLS is trusted apart from servers", "curl", needs=["openssl"])
def proxy(desk):
    place, told = made(desk), ([], [])
    for trust in (["--proxy-cacert", place / "root.pem"], ["--proxy-insecure"], [], ["-k"], ["--cacert", place / "root.pem"]):
        for ask, into in zip((desk.curl, desk.get), told):
            with Server(ok(), tls=place / "good.both") as server:
                ran = ask("-x", server.url, *trust, "http://a.invalid/x")
                into.append(f"{ran.code} {ran.out!r} {server.requests()}")
    return Result(*(" | ".join(texts) for texts in told), told[0] == told[1])
