"""Answers that caches judge: each path has its fields, the body counts the requests, /log tells what was asked and forgets it."""
import email.utils
import http.server
import json
import sys
import time

CASES = {  # path -> (fields, validator); a number stands for a date that many seconds from now
    "fresh": ([("Cache-Control", "max-age=60")], None),
    "age": ([("Cache-Control", "max-age=60"), ("Age", "100")], None),
    "old_date": ([("Cache-Control", "max-age=60"), ("Date", -3600)], None),
    "no_cache": ([("Cache-Control", "no-cache, max-age=60")], '"v1"'),
    "post": ([("Cache-Control", "max-age=60")], None),
}
asked = []


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, fields, body=b""):
        self.send_response_only(status)
        for name, value in fields:
            self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if status != 304:
            self.wfile.write(body)

    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/log":
            body = json.dumps(asked).encode()
            asked.clear()
            return self.answer(200, [("Cache-Control", "no-store")], body)
        conditional = "If-None-Match" in self.headers
        asked.append(f"{self.command}{' conditional' if conditional else ''}")
        if self.command == "POST":
            return self.answer(200, [], b"changed")
        fields, validator = CASES[self.path.strip("/")]
        now = time.time()
        fields = [(n, email.utils.formatdate(now + v, usegmt=True) if isinstance(v, int) else v) for n, v in fields]
        if not any(n == "Date" for n, _ in fields):
            fields.append(("Date", email.utils.formatdate(now, usegmt=True)))
        if validator:
            fields.append(("ETag", validator))
        self.answer(304 if validator and conditional else 200, fields, b"answer %d" % len(asked))

    do_POST = do_GET


if __name__ == "__main__":
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    sys.stdout.close()
    server.serve_forever()
