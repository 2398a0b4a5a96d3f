"""An HTTP/2 server made of single frames, so that a finding can answer in any order the RFC allows.

usage: h2_server.py PORT-FILE LOG BEHAVIOUR. It listens on a free port of 127.0.0.1 (TLS, ALPN h2 and http/1.1) with
cert.pem and key.pem of the current folder, and logs what each connection sent.
"""
import socket, ssl, struct, sys, threading, time
from hpack import Decoder, Encoder

NAMES = {0: "DATA", 1: "HEADERS", 2: "PRIORITY", 3: "RST_STREAM", 4: "SETTINGS", 6: "PING", 7: "GOAWAY", 8: "WINDOW_UPDATE"}
LOG_LOCK = threading.Lock()


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


class Connection:
    count = 0

    def __init__(self, channel):
        Connection.count += 1
        self.number, self.channel, self.buffer = Connection.count, channel, b""
        self.decoder, self.encoder, self.requests = Decoder(), Encoder(), 0

    def log(self, *words):
        with LOG_LOCK, open(sys.argv[2], "a") as out:
            print(f"connection {self.number}:", *words, file=out, flush=True)

    def send(self, data):
        self.channel.sendall(data)

    def read(self, size):
        while len(self.buffer) < size:
            data = self.channel.recv(65536)
            if not data:
                raise EOFError
            self.buffer += data
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def next_frame(self):
        head = self.read(9)
        payload = self.read(int.from_bytes(head[:3], "big"))
        kind, flags, stream = head[3], head[4], int.from_bytes(head[5:], "big") & 0x7FFFFFFF
        if kind == 4 and not flags & 1:
            self.send(frame(4, 1, 0))
        self.note(kind, flags, stream, payload)
        return kind, flags, stream

    def note(self, kind, flags, stream, payload):
        if kind == 1:
            skip = 5 if flags & 0x20 else 0
            fields = dict(self.decoder.decode(payload[skip:]))
            self.requests += 1
            self.log("HEADERS", stream, fields.get(":method"))
        elif kind in (3, 7, 8):
            self.log(NAMES[kind], stream, int.from_bytes(payload[-4:] if kind == 3 else payload[:4], "big"))

    def head(self, stream, status, *fields, end=False):
        self.send(frame(1, 5 if end else 4, stream, self.encoder.encode([(":status", status), *fields])))

    def answer(self, stream, status="200", body=b"ok\n"):
        self.head(stream, status, ("content-length", str(len(body))))
        self.send(frame(0, 1, stream, body))


def refuse(c, stream):
    c.send(frame(3, 0, stream, struct.pack(">I", 7)))


def http11(c, stream):
    c.send(frame(3, 0, stream, struct.pack(">I", 13)))


def goaway_below(c, stream):
    if c.number == 1:
        c.send(frame(7, 0, 0, struct.pack(">II", 0, 0)))
    else:
        c.answer(stream)


def goaway_graceful(c, stream):
    c.send(frame(7, 0, 0, struct.pack(">II", 0x7FFFFFFF, 0)))
    time.sleep(0.3)
    c.answer(stream)
    c.send(frame(7, 0, 0, struct.pack(">II", stream, 0)))


def misdirected(c, stream):
    c.answer(stream, "421" if c.number == 1 else "200", b"no\n")


def serve(raw, context, behaviour):
    channel = context.wrap_socket(raw, server_side=True)
    channel.settimeout(8)
    if channel.selected_alpn_protocol() != "h2":
        line = channel.recv(65536).split(b"\r\n")[0].decode()
        with LOG_LOCK, open(sys.argv[2], "a") as out:
            print("http/1.1:", line, file=out, flush=True)
        channel.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nh1\n")
        channel.close()
        return
    c = Connection(channel)
    c.read(24)
    c.send(frame(4, 0, 0))
    while True:
        kind, _, stream = c.next_frame()
        if kind == 1:
            behaviour(c, stream)


def guarded(*args):
    try:
        serve(*args)
    except (EOFError, OSError):
        pass


def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("cert.pem", "key.pem")
    context.set_alpn_protocols(["h2", "http/1.1"])
    listener = socket.create_server(("127.0.0.1", 0))
    with open(sys.argv[1], "w") as out:
        out.write(str(listener.getsockname()[1]))
    while True:
        raw, _ = listener.accept()
        threading.Thread(target=guarded, args=(raw, context, globals()[sys.argv[3]]), daemon=True).start()


main()
