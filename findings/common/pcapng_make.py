"""Builds small pcapng files block by block, following draft-ietf-opsawg-pcapng."""
import struct

START = 1772359200  # seconds: 2026-03-01T10:00:00Z


def block(kind, body, order="<"):
    body += bytes(-len(body) % 4)
    total = len(body) + 12
    return struct.pack(order + "II", kind, total) + body + struct.pack(order + "I", total)


def option(code, value, order="<"):
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def section(order="<"):
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def interface(options=b"", order="<"):
    end = bytes(4) if options else b""
    return block(1, struct.pack(order + "HHI", 1, 0, 0) + options + end, order)


def resolution(exponent, order="<"):
    return option(9, bytes([exponent]), order)


def packet(units, data, number=0, options=b"", order="<"):
    head = struct.pack(order + "5I", number, units >> 32, units & 0xFFFFFFFF, len(data), len(data))
    end = bytes(4) if options else b""
    return block(6, head + data + bytes(-len(data) % 4) + options + end, order)


def simple_packet(data):
    return block(3, struct.pack("<I", len(data)) + data)


def frame(number):
    """An Ethernet frame with one UDP datagram from 10.0.0.1 to 10.0.0.2."""
    payload = b"n%03d" % number
    udp = struct.pack(">4H", 40000 + number, 40000, 8 + len(payload), 0) + payload
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), number, 0, 64, 17, 0, b"\n\0\0\1", b"\n\0\0\2")
    total = sum(struct.unpack(">10H", head))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    head = head[:10] + struct.pack(">H", 0xFFFF ^ total) + head[12:]
    return b"\2\0\0\0\0\2\2\0\0\0\0\1\x08\0" + head + udp


def write(name, *parts):
    with open(name, "wb") as out:
        out.write(b"".join(parts))
