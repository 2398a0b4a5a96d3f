"""A server of HTTP/3 by aioquic: GET /N has N bytes, POST gives back what was sent, and so on.

server.py CERT KEY [retry]: prints the port that it listens on.
"""

import asyncio
import sys

from aioquic.asyncio import QuicConnectionProtocol, serve
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration


def pattern(length):
    return bytes(at % 251 for at in range(251)) * (length // 251) + bytes(range(length % 251))


class Server(QuicConnectionProtocol):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.http = None
        self.asked = {}

    def quic_event_received(self, event):
        if self.http is None:
            self.http = H3Connection(self._quic)
        for one in self.http.handle_event(event):
            if isinstance(one, HeadersReceived):
                self.asked.setdefault(one.stream_id, (dict(one.headers), bytearray()))
            elif isinstance(one, DataReceived):
                self.asked[one.stream_id][1].extend(one.data)
            else:
                continue
            if one.stream_ended:
                self.answer(one.stream_id, *self.asked.pop(one.stream_id))

    def answer(self, stream, headers, body):
        path = headers[b":path"].decode()
        if path == "/interim":
            self.http.send_headers(stream, [(b":status", b"103"), (b"link", b"</a.css>; rel=preload")])
        if headers[b":method"] == b"GET" and path != "/interim":
            body = pattern(int(path[1:]))
        fields = [(b":status", b"200"), (b"content-type", b"application/octet-stream"), (b"x-path", path.encode())]
        self.http.send_headers(stream, fields)
        self.http.send_data(stream, bytes(body), False)
        self.http.send_headers(stream, [(b"x-length", str(len(body)).encode())], True)
        self.transmit()


async def main(certificate, key, retry):
    configuration = QuicConfiguration(alpn_protocols=H3_ALPN, is_client=False)
    configuration.load_cert_chain(certificate, key)
    server = await serve("127.0.0.1", 0, configuration=configuration, create_protocol=Server, retry=retry)
    print(server._transport.get_extra_info("sockname")[1], flush=True)
    await asyncio.Event().wait()


asyncio.run(main(sys.argv[1], sys.argv[2], "retry" in sys.argv[3:]))
