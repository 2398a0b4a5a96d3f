"""What the rows of bench/cases share: the programs, servers that say what a row wants, and the list of rows."""

import collections
import os
import pathlib
import shutil
import socket
import ssl
import subprocess
import threading
import traceback

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROWS = []

Result = collections.namedtuple("Result", "peer ours right")
Ran = collections.namedtuple("Ran", "code out err seconds")


class Row:
    def __init__(self, letter, title, peer, needs, function):
        self.letter, self.title, self.peer, self.needs, self.function = letter, title, peer, needs, function

    def run(self, desk):
        """What peer and roundtrip do; a row that breaks is a wrong one."""
        try:
            return self.function(desk)
        except Exception:
            return Result("", traceback.format_exc().splitlines()[-1], False)


def row(letter, title, peer=None, needs=()):
    """Adds a row: a function that gives a Result."""

    def add(function):
        ROWS.append(Row(letter, title, peer, tuple(needs) + ((peer,) if peer in TOOLS else ()), function))
        return function

    return add


TOOLS = {"curl": "curl", "glibc": "getent", "Chromium": "chromium", "tshark": "tshark", "openssl": "openssl"}


class Desk:
    def __init__(self, cases, folder, binary):
        self.cases, self.folder = cases, folder
        self.binary = pathlib.Path(binary or built()).resolve()
        self.browser = shutil.which("chromium")
        self.count = 0
        path = folder / "bin"
        path.mkdir()
        (path / "roundtrip").symlink_to(self.binary)
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")},
            "PATH": f"{path}:{os.environ['PATH']}",
            "HOME": str(folder),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "XDG_STATE_HOME": str(folder / "state"),
            "COLUMNS": "100",
        }

    def has(self, tool):
        if tool == "root":
            return os.geteuid() == 0
        if tool == "Chromium" and not self.browser:
            return False
        return shutil.which(TOOLS.get(tool, tool)) is not None

    def place(self):
        """An empty folder."""
        self.count += 1
        folder = self.folder / f"place{self.count}"
        folder.mkdir()
        return folder

    def run(self, *words, cwd=None, stdin=b"", timeout=60, more=None):
        from time import monotonic

        began = monotonic()
        try:
            ran = subprocess.run(
                [str(word) for word in words], cwd=cwd or self.place(), input=stdin, capture_output=True,
                timeout=timeout, env={**self.environment, **(more or {})})
            code, out, err = ran.returncode, ran.stdout, ran.stderr
        except subprocess.TimeoutExpired as late:
            code, out, err = "hangs", late.stdout or b"", late.stderr or b""
        return Ran(code, out, err.decode("utf-8", "replace"), monotonic() - began)

    def get(self, *words, **more):
        return self.run("roundtrip", "get", "-sS", "-m", "20", *words, **more)

    def curl(self, *words, **more):
        return self.run("curl", "-sS", "-m", "20", *words, **more)

    def visit(self, *words, **more):
        return self.run("roundtrip", "visit", "--no-picture", "--capture", "none", *words, **more)

    def dom(self, url, *words):
        """What Chromium makes of a page."""
        ran = self.run(
            self.browser, "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={self.place()}",
            "--disable-background-networking", "--no-first-run", "--virtual-time-budget=3000", *words, "--dump-dom", url)
        return ran.out.decode("utf-8", "replace")


def built():
    """The binary of this tree."""
    subprocess.run(["cargo", "build", "--release", "-q", "-p", "roundtrip"], cwd=ROOT, check=True)
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return target / "release" / "roundtrip"


class Server:
    """Answers each request in turn with bytes, or with what a function of (connection, head) does; takes down what it
    was asked. `tls` is a chain with its key in one file. The last answer serves all requests that are left."""

    def __init__(self, *answers, tls=None, alpn=(), keep=False):
        self.answers, self.keep, self.asked = answers, keep, []
        self.lock = threading.Lock()
        self.context = None
        if tls:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.set_ciphers("ALL:@SECLEVEL=0")
            self.context.load_cert_chain(tls)
            if alpn:
                self.context.set_alpn_protocols(list(alpn))
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.socket.getsockname()[1]
        self.url = f"http{'s' if tls else ''}://{'localhost' if tls else '127.0.0.1'}:{self.port}/"
        threading.Thread(target=self.listen, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def listen(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.talk, args=(connection,), daemon=True).start()

    def talk(self, connection):
        try:
            connection.settimeout(20)
            if self.context:
                connection = self.context.wrap_socket(connection, server_side=True)
            rest = b""
            while True:
                request, rest = self.read(connection, rest)
                if request is None:
                    return
                with self.lock:
                    self.asked.append(request)
                    answer = self.answers[min(len(self.asked), len(self.answers)) - 1]
                if callable(answer):
                    answer(connection, request)
                else:
                    connection.sendall(answer)
                if not self.keep:
                    if not self.context:
                        connection.shutdown(socket.SHUT_WR)
                        while connection.recv(65536):
                            pass
                    else:
                        connection.unwrap()
                    return
        except OSError:
            pass
        finally:
            connection.close()

    @staticmethod
    def read(connection, rest):
        """The next request, its body included as far as its framing tells."""
        while b"\r\n\r\n" not in rest:
            piece = connection.recv(65536)
            if not piece:
                return None, b""
            rest += piece
        end = rest.index(b"\r\n\r\n") + 4
        head, rest = rest[:end], rest[end:]
        fields = head.lower()
        if b"expect: 100-continue" in fields:
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        length = 0
        for line in fields.split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        if b"transfer-encoding: chunked" in fields:
            while not rest.endswith(b"0\r\n\r\n"):
                piece = connection.recv(65536)
                if not piece:
                    break
                rest += piece
            return head + rest, b""
        while len(rest) < length:
            piece = connection.recv(65536)
            if not piece:
                break
            rest += piece
        return head + rest[:length], rest[length:]

    def requests(self):
        """What it was asked, with names of agents and ports taken out."""
        text = b"".join(self.asked).decode("latin-1").replace(str(self.port), "PORT")
        return "\n".join(line for line in text.split("\r\n") if not line.lower().startswith("user-agent:"))


def filled(word, server):
    return str(word).replace("URL", server.url).replace("PORTOF", str(server.port))


def alike(desk, answers, words, files=(), norm=lambda text: text, **server):
    """Runs curl and `get` with the same words (URL is the server's) against servers that answer alike, and compares
    exit code, output, requests and files."""
    seen = []
    for ask in (desk.curl, desk.get):
        place = desk.place()
        for name, text in files:
            (place / name).write_bytes(text)
        with Server(*answers, **server) as peer:
            ran = ask(*[filled(word, peer) for word in words], cwd=place)
            written = [(path.name, path.read_bytes()) for path in sorted(place.iterdir())]
            told = f"exit {ran.code} {ran.out!r} {norm(peer.requests())} {norm(str(written))}"
            seen.append(told.replace(str(peer.port), "PORT"))
    return Result(seen[0], seen[1], seen[0] == seen[1])


def ok(body=b"ok\n", *fields):
    """An answer."""
    head = "".join(f"{field}\r\n" for field in fields)
    return f"HTTP/1.1 200 OK\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode("latin-1") + body
