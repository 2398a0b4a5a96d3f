"""Clients of HTTP/3 against a server of ours that serves large.bin and /echo: libcurl with nghttp3, and aioquic.

client.py PORT CERT FOLDER
"""

import asyncio
import io
import os
import ssl
import sys

import pycurl
from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration

port, certificate, folder = int(sys.argv[1]), sys.argv[2], sys.argv[3]
large = open(os.path.join(folder, "large.bin"), "rb").read()
CURL_HTTP_VERSION_3ONLY = 31


def by_curl(path, upload=None):
    out, curl = io.BytesIO(), pycurl.Curl()
    curl.setopt(pycurl.URL, f"https://localhost:{port}{path}")
    curl.setopt(pycurl.HTTP_VERSION, CURL_HTTP_VERSION_3ONLY)
    curl.setopt(pycurl.CAINFO, certificate)
    curl.setopt(pycurl.WRITEDATA, out)
    curl.setopt(pycurl.FAILONERROR, True)
    curl.setopt(pycurl.NOPROXY, "*")
    if upload is not None:
        curl.setopt(pycurl.POST, True)
        curl.setopt(pycurl.POSTFIELDSIZE, len(upload))
        curl.setopt(pycurl.READDATA, io.BytesIO(upload))
    curl.perform()
    assert curl.getinfo(pycurl.INFO_HTTP_VERSION) == 30, curl.getinfo(pycurl.INFO_HTTP_VERSION)
    curl.close()
    return out.getvalue()


class Client(QuicConnectionProtocol):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.http, self.asked = H3Connection(self._quic), {}

    def quic_event_received(self, event):
        for one in self.http.handle_event(event):
            if isinstance(one, (HeadersReceived, DataReceived)):
                got, done = self.asked[one.stream_id]
                if isinstance(one, HeadersReceived):
                    got[0].append(dict(one.headers))
                else:
                    got[1].extend(one.data)
                if one.stream_ended:
                    done.set_result(None)

    async def get(self, path):
        stream = self._quic.get_next_available_stream_id()
        got = ([], bytearray())
        done = asyncio.get_running_loop().create_future()
        self.asked[stream] = (got, done)
        head = [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"localhost"), (b":path", path)]
        self.http.send_headers(stream, head, True)
        self.transmit()
        await done
        return got[0][-1][b":status"], bytes(got[1])


async def by_aioquic():
    configuration = QuicConfiguration(alpn_protocols=H3_ALPN, is_client=True, server_name="localhost")
    configuration.load_verify_locations(certificate)
    async with connect("127.0.0.1", port, configuration=configuration, create_protocol=Client) as client:
        got = await asyncio.gather(*(client.get(b"/small.txt") for _ in range(100)))
        assert all(one == (b"200", b"small\n") for one in got), got[0]
        client._quic.request_key_update()
        assert (await client.get(b"/large.bin")) == (b"200", large)
        client.change_connection_id()
        assert (await client.get(b"/missing"))[0] == b"404"
    # A version that nobody speaks: the server names its own, and aioquic begins anew.
    configuration = QuicConfiguration(
        alpn_protocols=H3_ALPN, is_client=True, server_name="localhost", supported_versions=[0x1A2A3A4A, 1],
        original_version=0x1A2A3A4A,
    )
    configuration.load_verify_locations(certificate)
    async with connect("127.0.0.1", port, configuration=configuration, create_protocol=Client) as client:
        assert (await client.get(b"/small.txt")) == (b"200", b"small\n")


assert by_curl("/small.txt") == b"small\n"
assert by_curl("/large.bin") == large
echoed = by_curl("/echo", large[:900_000])
print("libcurl", pycurl.version.split("libcurl/")[1].split()[0], "with nghttp3: small, large, upload")
assert len(echoed) > 900_000, len(echoed)
asyncio.run(by_aioquic())
print("aioquic: 100 streams, key update, another connection id, version negotiation")
