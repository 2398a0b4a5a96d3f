#!/usr/bin/env bash
# pcapng, one packet time, three Python readers: scapy 2.8.0, dpkt 1.9.8, python-pcapng 2.1.1 (PyPI).
# Expected: every file below says 2026-03-01T10:00:00.5Z (1772359200.5) for its last packet by the pcapng draft, so every
# reader gives that.
# Seen: scapy ignores if_tsoffset, and after a second Section Header still reads interface 0 of the first section (a
# nanosecond time taken as microseconds: the year is off by a factor of 1000); dpkt uses the first interface's clock
# for every packet; python-pcapng ignores if_tsoffset; each is right where another is wrong. dpkt passes over a Simple
# Packet Block; scapy yields it with no bytes and with the time of reading.
# Why it matters: mergecap and `cat a b` make such files daily. A capture's import must keep a clock per interface and
# per section, and a packet without a time must stay without one.
. "$(dirname "$0")/common/lib.sh"
need_pip scapy==2.8.0 dpkt==1.9.8 python-pcapng==2.1.1
PYTHONPATH=$here/common env/bin/python - >seen.txt 2>errors.txt <<'P' || { cat errors.txt; exit 1; }
import logging, struct, time
logging.disable(logging.CRITICAL)
from pcapng_make import START, frame, interface, option, packet, resolution, section, simple_packet, write
import dpkt, pcapng
from scapy.utils import PcapNgReader

nano = interface(resolution(9))
late = START * 10**9 + 5 * 10**8
first = packet(START * 10**6, frame(1))
write("one_clock", section(), nano, packet(late, frame(2)))
write("two_interfaces", section(), interface(), nano, first, packet(late, frame(2), 1))
write("two_sections", section(), interface(), first, section(), nano, packet(late, frame(2)))
write("offset", section(), interface(option(14, struct.pack("<q", START - 10))), packet(10_500_000, frame(2)))
write("no_time", section(), interface(), simple_packet(frame(1)), first)

def scapy(name):
    return [(p.time, len(p)) for p in PcapNgReader(name)]
def dpkt_(name):
    return [(t, len(b)) for t, b in dpkt.pcapng.Reader(open(name, "rb"))]
def python_pcapng(name):
    blocks = pcapng.FileScanner(open(name, "rb"))
    return [(getattr(b, "timestamp", None), len(b.packet_data)) for b in blocks if hasattr(b, "packet_data")]
for name in ("one_clock", "two_interfaces", "two_sections", "offset"):
    print(name, *(f"{label}={float(read(name)[-1][0]):.1f}" for label, read in (("scapy", scapy), ("dpkt", dpkt_), ("python-pcapng", python_pcapng))))
now = time.time()
def kind(t):
    return "none" if t is None else "now" if abs(float(t) - now) < 60 else "stamped"
for label, read in (("scapy", scapy), ("dpkt", dpkt_), ("python-pcapng", python_pcapng)):
    print("no_time", label, [(kind(t), n) for t, n in read("no_time")])
P
expect seen.txt <<'S'
one_clock scapy=1772359200.5 dpkt=1772359200.5 python-pcapng=1772359200.5
two_interfaces scapy=1772359200.5 dpkt=1772359200500.0 python-pcapng=1772359200.5
two_sections scapy=1772359200500.0 dpkt=1772359200500.0 python-pcapng=1772359200.5
offset scapy=10.5 dpkt=1772359200.5 python-pcapng=10.5
no_time scapy [('now', 0), ('stamped', 46)]
no_time dpkt [('stamped', 46)]
no_time python-pcapng [('none', 46), ('stamped', 46)]
S
echo "as stated"
