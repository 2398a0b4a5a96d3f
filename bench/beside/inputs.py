"""Inputs for the rows where no folder of cases is named: small answers, zones and certificates that are wrong in the
ways users met."""

import gzip


def field(*lines, body=b"", status="200 OK"):
    """An answer with these fields as they stand here."""
    return b"".join(line + b"\r\n" for line in (f"HTTP/1.1 {status}".encode(), *lines, b"")) + body


def sized(*lines, body=b"", status="200 OK"):
    return field(*lines, b"Content-Length: %d" % len(body), body=body, status=status)


PAGE = b"<!doctype html><p>hello</p><p>x  "
HTML, TEXT, GZIP = b"Content-Type: text/html", b"Content-Type: text/plain", b"Content-Encoding: gzip"
CHUNKED = b"Transfer-Encoding: chunked"
PACKED = gzip.compress(b"hello world", mtime=0)
HINT = field(b"Link: </a.css>; rel=preload; as=style", status="103 Early Hints")


def moved(*lines):
    return sized(*lines, b"Location: /next", status="302 Found")


ANSWERS = {
    "206-offset0": sized(b"Content-Range: bytes 0-9/10", body=b"0123456789", status="206 Partial"),
    "chunkzeros": field(CHUNKED, body=b"0" * 20 + b"5\r\nbody\n\r\n000\r\n\r\n"),
    "cookie-2digit": moved(b"Set-Cookie: a=1; Path=/; Expires=Sat, 01-Jan-00 00:00:00 GMT"),
    "cookie-utc": moved(b"Set-Cookie: a=1; Path=/; Expires=Thu, 01 Jan 1970 00:00:01 UTC"),
    "disposition": sized(b"Content-Disposition: attachment; filename=real.txt", body=b"hey"),
    "empty-html": sized(HTML),
    "fold": sized(b"X-A: one", b" two", body=b"five\n"),
    "gztrail0": sized(TEXT, GZIP, body=PACKED + bytes(20)),
    "gztrailnl": sized(TEXT, GZIP, body=PACKED + b"\n\n"),
    "gztrailtext": sized(TEXT, GZIP, body=PACKED + b"more of it"),
    "info103": HINT * 3 + sized(body=b"five\n"),
    "lf": sized(body=b"five\n").replace(b"\r\n", b"\n"),
    "location-latin1": sized(b"Location: /caf\xe9", status="302 Found"),
    "te204": field(CHUNKED, body=b"0\r\n\r\n", status="204 No Content"),
    "trailer": field(CHUNKED, b"Trailer: X-Sum", body=b'5;ext="a;b"\r\nbody\n\r\n0\r\nX-Sum: 1\r\nX-More: 2\r\n\r\n'),
    "type-empty": sized(b"Content-Type:", body=PAGE),
    "type-html": sized(b"Content-Type: html", body=PAGE),
    "utf8enc": sized(TEXT, b"Content-Encoding: UTF-8", body=b"plain\n"),
}

FLOW_LABEL = """--ip_version=ipv6
0   socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0  setsockopt(3, SOL_SOCKET, SO_REUSEADDR, [1], 4) = 0
+0  bind(3, ..., ...) = 0
+0  listen(3, 1) = 0
+0  < [flowlabel 0x0] S 0:0(0) win 32792 <mss 1460>
+0  > [flowlabel 0x0] S. 0:0(0) ack 1 <mss 1440>
"""

# Runs a command in namespaces of its own, beside the name server of a zone: `run.sh FOLDER COMMAND`.
RUN = r"""#!/bin/bash
here=$(dirname "$(realpath "$0")") D=$(realpath "$1"); shift
export here D ADDRS="${ADDRS:-127.0.0.53}" COMMAND="$*"
exec unshare --net --mount --uts bash -c '
  ip link set lo up
  for address in $ADDRS; do
    case $address in 127.*) ;; *) ip address add "$address/32" dev lo ;; esac
  done
  mount -t tmpfs tmpfs /run 2>/dev/null
  for file in resolv.conf hosts nsswitch.conf; do
    [ ! -e "$D/$file" ] || mount --bind "$D/$file" "/etc/$file"
  done
  : > "$D/q.log"
  "${PYTHON:-python3}" "$here/server.py" "$D" $ADDRS & server=$!
  eval "$COMMAND"
  kill "$server"
'
"""

# Answers as a zone says: `answer(query, protocol, address, raw)` gives a message, or None.
SERVER = '''"""A name server whose answers are made by zone.py of a folder; each query is a line of q.log."""

import pathlib
import socketserver
import struct
import sys
import threading

import dns.message
import dns.rdatatype

folder, addresses = pathlib.Path(sys.argv[1]), sys.argv[2:]
sys.path[:0] = [str(folder), str(pathlib.Path(__file__).parent)]
import zone

log = open(folder / "q.log", "a", buffering=1)


def answered(data, protocol, address):
    query = dns.message.from_wire(data)
    asked = query.question[0]
    log.write(f"{protocol} {address} {asked.name} {dns.rdatatype.to_text(asked.rdtype)} \\n")
    answer = zone.answer(query, protocol, address, data)
    return None if answer is None else answer.to_wire(max_size=65535)


class Datagrams(socketserver.BaseRequestHandler):
    def handle(self):
        data, socket = self.request
        answer = answered(data, "udp", self.server.server_address[0])
        if answer:
            socket.sendto(answer, self.client_address)


class Stream(socketserver.StreamRequestHandler):
    def handle(self):
        while len(size := self.rfile.read(2)) == 2:
            answer = answered(self.rfile.read(*struct.unpack(">H", size)), "tcp", self.server.server_address[0])
            if answer:
                self.wfile.write(struct.pack(">H", len(answer)) + answer)


kinds = [(socketserver.ThreadingUDPServer, Datagrams)]
if not getattr(zone, "NOTCP", False):
    socketserver.ThreadingTCPServer.allow_reuse_address = True
    kinds.append((socketserver.ThreadingTCPServer, Stream))
for address in addresses:
    for kind, handler in kinds:
        threading.Thread(target=kind((address, 53), handler).serve_forever).start()
'''

# What zones are made with.
HELPERS = '''import dns.flags
import dns.message
import dns.rrset


def reply(query, ans=(), rcode=0, auth=(), add=(), tc=False, ra=True, edns=True):
    answer = dns.message.make_response(query, recursion_available=ra)
    if not edns:
        answer.use_edns(False)
    answer.set_rcode(rcode)
    if tc:
        answer.flags |= dns.flags.TC
    for section, records in ((answer.answer, ans), (answer.authority, auth), (answer.additional, add)):
        section.extend(dns.rrset.from_text(*record) for record in records)
    return answer


def no(zone):
    return [(zone, 60, "IN", "SOA", "ns. h. 1 2 3 4 60")]


def root(query, servers):
    """A root: refers to the servers of the zone that a name is in, with their addresses."""
    name = query.question[0].name.to_text().lower()
    for zone, (names, glue) in servers.items():
        if name == zone or name.endswith("." + zone):
            glue = [(host, 300, "IN", "A", address) for host, address in glue]
            return reply(query, auth=[(zone, 300, "IN", "NS", *names)], add=glue, ra=False)
    return reply(query, rcode=3, auth=no("."))
'''


def zone(body, head=""):
    """A zone whose answers this makes of `query`, its `name`, its `kind` and the `address` that was asked."""
    return (f"from zlib_ import *\n{head}\ndef answer(query, protocol, address, raw):\n    asked = query.question[0]\n"
            f"    name, kind = asked.name.to_text().lower(), asked.rdtype\n    {body.strip()}\n")


GLUE = '{"test.": (["ns1.test."], [("ns1.test.", "10.53.0.1")])}'
ADDRESS = '[(name, 300, "IN", "A", "192.0.2.1")]'
ZONES = {
    "s_ref": zone(f"""
    if address.endswith("53"):
        return reply(query, auth=[("test.", 300, "IN", "NS", "ns1.test.")], ra=False, edns=False)
    return reply(query, {ADDRESS} if kind == 1 else [])"""),
    "e_servfail": zone(f"""
    if query.edns >= 0:
        return reply(query, rcode=2, edns=False)
    return reply(query, {ADDRESS}) if kind == 1 else reply(query, auth=no("example."))"""),
    "c_nx2": zone("""
    if name == "a.test.":
        return reply(query, [("a.test.", 300, "IN", "CNAME", "gone.elsewhere.")])
    return reply(query, rcode=3, auth=no("elsewhere."))"""),
    "c_tcnotcp": zone(f"return reply(query, {ADDRESS} if kind == 1 else [], tc=True)", "NOTCP = True\n"),
    "split": zone("""
    own = "192.0.2.1" if address.endswith(".53") else "198.51.100.9"
    return reply(query, [(name, 300, "IN", "A", own)]) if kind == 1 else reply(query, auth=no("example."))"""),
    "w_noaa": zone(f"""
    if not address.startswith("10.53"):
        return root(query, {GLUE})
    if name == "www.a.test." and kind == 1:
        return reply(query, {ADDRESS}, ra=False)
    return reply(query, auth=no("test."), ra=False)"""),
    "w_mutual": zone("""return root(query, {"test.": (["ns1.other."], []), "other.": (["ns1.test."], [])})"""),
    "w_nodel": zone(f"""
    if not address.startswith("10.53"):
        return root(query, {GLUE})
    return reply(query, auth=[("a.test.", 300, "IN", "NS", "ns.a.test.")], ra=False)"""),
}

# An authority `root`, one below it, and certificates that are well or badly off: NAME.chain with NAME.key.
CERTIFICATES = r"""
set -e
exec 2>/dev/null
authority='basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n'
here='subjectAltName=DNS:localhost,IP:127.0.0.1\n'
request() { openssl req -new -newkey "${2:-rsa:2048}" -nodes -keyout "$1.key" -out "$1.csr" -subj "/CN=$1"; }
sign() { # NAME EXTENSIONS ISSUER OPTION…
  printf '%b' "$2" > extensions
  openssl x509 -req -in "$1.csr" -CA "$3.pem" -CAkey "$3.key" -CAcreateserial -extfile extensions -out "$1.pem" "${@:4}"
  cat "$1.pem" "$3.pem" > "$1.chain"
}
leaf() { # NAME EXTENSIONS ISSUER KEY OPTION…
  request "$1" "$4"; sign "$1" "$2" "$3" "${@:5}"
}
openssl req -x509 -newkey rsa:2048 -nodes -keyout root.key -out root.pem -days 3650 -subj /CN=root \
  -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
request int; sign int "$authority" root -days 3650; rm int.chain
leaf good "$here" int rsa:2048
cp good.pem missing.chain; cp good.key missing.key
leaf wrong 'subjectAltName=DNS:other.test\n' int rsa:2048
leaf sha1 "$here" int rsa:2048 -sha1
leaf rsa1024 "$here" int rsa:1024
leaf ed "$here" int ed25519
leaf ekuclient "${here}extendedKeyUsage=clientAuth\n" int rsa:2048
leaf caleaf "${here}basicConstraints=critical,CA:TRUE\n" int rsa:2048
leaf critunk "${here}1.2.3.4=critical,ASN1:UTF8String:x\n" int rsa:2048
request nc; sign nc "${authority}nameConstraints=critical,permitted;DNS:a.test\n" root; rm nc.chain
leaf ncbad 'subjectAltName=DNS:localhost\n' nc rsa:2048
openssl req -x509 -newkey rsa:2048 -nodes -keyout self.key -out self.chain -days 365 -subj /CN=localhost \
  -addext subjectAltName=DNS:localhost
request v1; openssl x509 -req -in v1.csr -signkey v1.key -days 365 -out v1.chain
mkdir books; : > books/index; echo 01 > books/serial
printf '[ca]\ndefault_ca=c\n[c]\ndatabase=books/index\nserial=books/serial\nnew_certs_dir=books\ndefault_md=sha256\n' > ca
printf 'policy=p\nunique_subject=no\n[p]\ncommonName=optional\n' >> ca
for when in expired:20200101000000Z:20210101000000Z future:20900101000000Z:20910101000000Z; do
  IFS=: read -r name from to <<< "$when"
  request "$name"; printf '%b' "$here" > extensions
  openssl ca -batch -config ca -cert int.pem -keyfile int.key -in "$name.csr" -startdate "$from" -enddate "$to" \
    -extfile extensions -notext -out "$name.pem"
  cat "$name.pem" int.pem > "$name.chain"
done
"""


def write(folder):
    """Writes them all, as the rows look for them."""
    for name, answer in ANSWERS.items():
        (folder / f"resp-{name}.bin").write_bytes(answer)
    (folder / "flowlabel.pkt").write_text(FLOW_LABEL)
    (folder / "tls").mkdir()
    (folder / "tls" / "mk.sh").write_text(CERTIFICATES)
    names = folder / "dns"
    names.mkdir()
    (names / "run.sh").write_text(RUN)
    (names / "server.py").write_text(SERVER)
    (names / "zlib_.py").write_text(HELPERS)
    for name, text in ZONES.items():
        place = names / name
        place.mkdir()
        (place / "zone.py").write_text(text)
        (place / "hosts").write_text("127.0.0.1 localhost\n")
        second = "nameserver 127.0.0.54\n" if name == "s_ref" else ""
        (place / "resolv.conf").write_text("nameserver 127.0.0.53\n" + second)
