"""Makes what bench/import measures: a HAR of 40 MB as a browser saves it, and a capture of 100 MB. Always the same bytes."""
import base64
import json
import random
import struct
import sys

HAR, CAPTURE = 40_000_000, 100_000_000
chance = random.Random(1)


def entry(n):
    kind = ['script', 'stylesheet', 'image', 'fetch'][n % 4]
    if kind == 'image':
        text = base64.b64encode(chance.randbytes(60_000)).decode()
        content = {'size': 60_000, 'mimeType': 'image/jpeg', 'text': text, 'encoding': 'base64'}
    else:
        lines = ['function (a, b) { return a + "b"; }\n', '/* Änderung */\tvar x = 1;\n', '.class { color: red }\n']
        text = ''.join(chance.choice(lines) for _ in range(1300))
        content = {'size': len(text.encode()), 'mimeType': 'text/javascript', 'text': text}
    frames = [{'functionName': f'f{i}', 'scriptId': '7', 'url': f'https://h{i % 3}.example/app.js', 'lineNumber': i,
               'columnNumber': 9} for i in range(12)]
    fields = [{'name': f'header-{i}', 'value': 'value ' * 6 + str(i)} for i in range(18)]
    request = {'method': 'GET', 'url': f'https://h{n % 6}.example/r/{n}', 'httpVersion': 'http/2.0', 'headers': fields,
               'queryString': [], 'cookies': [], 'headersSize': -1, 'bodySize': 0}
    response = {'status': 200, 'statusText': '', 'httpVersion': 'http/2.0', 'headers': fields, 'cookies': [],
                'content': content, 'redirectURL': '', 'headersSize': -1, 'bodySize': -1, '_transferSize': 9_000}
    timings = {'blocked': 1.5, 'dns': -1, 'ssl': -1, 'connect': -1, 'send': 0.5, 'wait': 40, 'receive': 8.5}
    milliseconds = n * 20
    started = f'2026-03-01T12:{milliseconds // 60_000:02}:{milliseconds % 60_000 / 1000:06.3f}Z'
    return {'_initiator': {'type': 'script', 'stack': {'callFrames': frames}}, '_priority': 'High', '_resourceType': kind,
            'cache': {}, 'connection': str(100 + n % 12), 'pageref': 'page_1', 'request': request, 'response': response,
            'serverIPAddress': f'192.0.2.{n % 6 + 1}', 'startedDateTime': started, 'time': 50.5, 'timings': timings}


def har(path):
    entries, size = [], 0
    while size < HAR:
        entries.append(entry(len(entries)))
        size += len(json.dumps(entries[-1]))
    page = {'startedDateTime': '2026-03-01T12:00:00.000Z', 'id': 'page_1', 'title': 'https://h0.example/r/0',
            'pageTimings': {'onContentLoad': 900, 'onLoad': 2000}}
    log = {'version': '1.2', 'creator': {'name': 'WebInspector', 'version': '537.36'}, 'pages': [page], 'entries': entries}
    with open(path, 'w') as out:
        json.dump({'log': log}, out)


def capture(path):
    """Ten connections, each with downloads of 1 MiB over HTTP/1.1, four segments at a time."""
    ethernet = bytes.fromhex('020000000001020000000002') + b'\x08\x00'
    body = chance.randbytes(1 << 20)
    micros, packets, size = 1_000_000, 0, 24
    with open(path, 'wb') as out:
        out.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65_535, 1))

        def packet(n, up, flags, sequence, acknowledgement, payload=b''):
            nonlocal micros, packets, size
            packets, micros = packets + 1, micros + 100
            source, destination = (0x0a000001, 0xc0000250) if up else (0xc0000250, 0x0a000001)
            ports = (40_000 + n, 80) if up else (80, 40_000 + n)
            options = struct.pack('>BBBBII', 1, 1, 8, 10, micros // 1000, 0)
            tcp = struct.pack('>HHIIBBHHH', *ports, sequence, acknowledgement, 0x80, flags, 64_000, 0, 0) + options
            ip = struct.pack('>BBHHHBBHII', 0x45, 0, 20 + len(tcp) + len(payload), packets & 0xffff, 0x4000, 64, 6, 0,
                             source, destination)
            frame = ethernet + ip + tcp + payload
            out.write(struct.pack('<IIII', micros // 1_000_000, micros % 1_000_000, len(frame), len(frame)) + frame)
            size += 16 + len(frame)

        sequences = [[1001, 9001] for _ in range(10)]
        waiting = [b''] * 10
        for n in range(10):
            packet(n, True, 0x02, 1000, 0)
            packet(n, False, 0x12, 9000, 1001)
            packet(n, True, 0x10, 1001, 9001)
        asked = 0
        while size < CAPTURE:
            for n, own in enumerate(sequences):
                if not waiting[n]:
                    request = b'GET /file/%d HTTP/1.1\r\nHost: h.example\r\nAccept: */*\r\n\r\n' % asked
                    packet(n, True, 0x18, own[0], own[1], request)
                    asked, own[0] = asked + 1, own[0] + len(request)
                    waiting[n] = b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n' % len(body) + body
                for _ in range(4):
                    piece, waiting[n] = waiting[n][:1448], waiting[n][1448:]
                    if piece:
                        packet(n, False, 0x10, own[1], own[0], piece)
                        own[1] += len(piece)
                packet(n, True, 0x10, own[0], own[1])


har(sys.argv[1])
capture(sys.argv[2])
