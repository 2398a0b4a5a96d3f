"""A, E, H: bytes that go out and are written, cookies, and `get` where curl has its own ways."""

import re

from .desk import Result, Server, alike, ok, row


def same(letter, title, answers, *words, files=(), norm=lambda text: text, **server):
    """A row that compares `get` with curl."""

    @row(letter, title, "curl")
    def _(desk):
        return alike(desk, [answer(desk) if callable(answer) else answer for answer in answers], words, files, norm,
                     **server)


def case(name):
    return lambda desk: (desk.cases / name).read_bytes()


def boundary(text):
    """Without the boundary, which is each client's own, and without where it is cut into chunks."""
    return re.sub(r"(?m)^[0-9a-f]{0,3}$\n?", "", re.sub(r"-{10,}[0-9A-Za-z]+", "BOUNDARY", text))


CHUNKED = "Transfer-Encoding: chunked"
same("A", "-d with Transfer-Encoding: chunked sends chunks", [ok()], "-d", "x", "-H", CHUNKED, "URL")
same("A", "-T with Transfer-Encoding: chunked sends chunks", [ok()], "-T", "up", "-H", CHUNKED, "URL",
     files=[("up", b"12345")])
same("A", "-F with Transfer-Encoding: chunked sends chunks", [ok()], "-F", "a=zz", "-H", CHUNKED, "URL", norm=boundary)


@row("A", "-d with an empty Content-Length keeps its body", "curl")
def without_length(desk):
    result = alike(desk, [ok()], ["-d", "x=1", "-H", "Content-Length:", "URL"])
    # curl sends the body without saying where it ends, which no server can read (RFC 9112 §6.3).
    return Result(result.peer, result.ours, CHUNKED in result.ours and "3\nx=1\n0" in result.ours)


same("A", "-C - and a 206 of another part: exit 33, file untouched", [case("resp-206-offset0.bin")], "-C", "-", "-o",
     "p", "URL", files=[("p", b"01234")])
same("A", "-C - and a 206 without Content-Range", [b"HTTP/1.1 206 P\r\nContent-Length: 3\r\n\r\nabc"], "-C", "-", "-o",
     "p", "URL", files=[("p", b"01234")])
same("A", "an upload is resumed", [ok()], "-C", "3", "-T", "up", "URL", files=[("up", b"0123456789")])
JAR = ("-c", "jar", "URL")


def lines(text):
    """Without the notes at the top of a jar, and without the seconds of dates."""
    return re.sub(r"\\n(# |#?\\n)[^\\]*|b'# [^\\]*", "", re.sub(r"\t\d{9,}\t", "\tDATE\t", text))


same("A", "a tab in a cookie makes no line of its own", [ok(b"ok\n", "Set-Cookie: a=1\t2", "Set-Cookie: b=2")], *JAR,
     norm=lines)
for host in ("www.example.co.uk", "user.github.io"):
    above = host.split(".", 1)[1]
    same("A", f"no cookie for all of {above}", [ok(b"ok\n", f"Set-Cookie: s=1; Domain={above}", "Set-Cookie: own=1")],
         "-c", "jar", "--connect-to", "::127.0.0.1:PORTOF", f"http://{host}/", norm=lines)

same("E", "a date with a year of two digits", [case("resp-cookie-2digit.bin"), ok()], "-L", "-b", "nofile", "URL")
same("E", "a date whose zone is UTC", [case("resp-cookie-utc.bin"), ok()], "-L", "-b", "nofile", "URL")
MOVED = "HTTP/1.1 302 F\r\nLocation: /next\r\nContent-Length: 0\r\n"
for title, date in [
    ("a date in another order", "00:00:01 Thu 1970 Jan 01"), ("a date without a day of the week", "01 Jan 1970 00:00:01"),
    ("a date with a zone is not shifted", "Thu, 01 Jan 2099 00:00:01 +0500"), ("a date of asctime", "Thu Jan  1 00:00:01 1970"),
    ("a date that is none", "someday"), ("a year of two digits in this century", "Sat, 01-Jan-68 00:00:00 GMT"),
]:
    answer = f"{MOVED}Set-Cookie: a=1; Path=/; Expires={date}\r\n\r\n".encode()
    same("E", title, [answer, ok()], "-L", "-b", "nofile", "URL")
ORDER = "".join(f"Set-Cookie: {cookie}\r\n" for cookie in ["a=1; Path=/", "longer=2; Path=/next", "b=3", "b=4; Path=/n"])
same("E", "the order of cookies", [f"{MOVED}{ORDER}\r\n".encode(), ok()], "-L", "-b", "nofile", "URL")

BUSY = b"HTTP/1.1 503 Busy\r\nRetry-After: 999999999\r\nContent-Length: 0\r\n\r\n"


@row("H", "--retry-max-time with a Retry-After beyond it ends at once", "curl")
def retry(desk):
    with Server(BUSY) as one, Server(BUSY) as other:
        words = ["--retry", "1", "--retry-max-time", "5", "-w", "%{http_code}"]
        theirs, ours = desk.curl(*words, one.url), desk.get(*words, other.url)
        told = [f"exit {ran.code} {ran.out.decode()} in {ran.seconds:.0f} s" for ran in (theirs, ours)]
        return Result(*told, ours.seconds < 5 and ours.out == theirs.out and ours.code == theirs.code)


REFUSED = b"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n"
same("H", "417 is asked again without Expect", [REFUSED, ok()], "-T", "up", "-H", "Expect: 100-continue", "URL",
     files=[("up", b"x" * 3000)], keep=True)
same("H", "-OJ of a folder", [case("resp-disposition.bin")], "-OJ", "URLdir/")
same("H", "-O of a folder", [ok()], "-O", "URLdir/")
same("H", "-T - sends what comes", [ok()], "-T", "-", "URL")
same("H", "%{size_upload}, %{method}, %{num_connects}", [ok()], "-d", "abc", "-w",
     "%{size_upload} %{size_download} %{method} %{num_connects} %{http_version} %{response_code}", "URL")
same("H", "what is no HTTP: exit 1", [b"SSH-2.0-OpenSSH_9.2\r\n"], "URL")
same("H", "HTTP/0.9 where it is wanted", [b"hello"], "--http0.9", "URL")
same("H", "-f with a body without end", [b"HTTP/1.1 404 N\r\nContent-Length: 99\r\n\r\n"], "-f", "URL")
same("H", "--fail-with-body", [b"HTTP/1.1 404 N\r\nContent-Length: 3\r\n\r\nabc"], "--fail-with-body", "URL")
same("H", "a POST on a reused connection", [ok(), ok()], "-d", "a", "URL", "--next", "-sS", "-d", "b", "URLtwo", keep=True)
same("H", "--max-filesize", [ok(b"x" * 100)], "--max-filesize", "50", "-o", "f", "URL")
same("H", "--path-as-is", [ok()], "--path-as-is", "URLa/../b/./c")
same("H", "--output-dir and --create-dirs", [ok()], "--output-dir", ".", "-o", "f", "URL")
same("H", "--remove-on-error", [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"], "--remove-on-error", "-o", "f", "URL")
same("H", "--etag-save", [ok(b"ok\n", 'ETag: "t"')], "--etag-save", "tag", "-o", "f", "URL")
same("H", "--etag-compare", [b'HTTP/1.1 304 N\r\nETag: "t"\r\n\r\n'], "--etag-compare", "tag", "-o", "f", "URL",
     files=[("tag", b'"t"\n')])
same("H", "-z FILE-like date", [ok()], "-z", "Sat, 01 Jan 2022 00:00:00 GMT", "URL")
same("H", "-R", [ok(b"ok\n", "Last-Modified: Sat, 01 Jan 2022 00:00:00 GMT")], "-R", "-o", "f", "URL")
same("H", "-n with --netrc-file", [ok()], "--netrc-file", "rc", "URL", files=[("rc", b"machine 127.0.0.1 login u password p\n")])
same("H", "--oauth2-bearer", [ok()], "--oauth2-bearer", "token", "URL")
same("H", "--proto refuses", [ok()], "--proto", "=https", "URL")
same("H", "--tr-encoding", [ok()], "--tr-encoding", "URL")
same("H", "-K FILE", [ok()], "-K", "options", "URL", files=[("options", b'-H "X-A: \\"1\\""\ndata = "x=1"\n')])
same("H", "-Z writes each to its file", [ok(), ok()], "-Z", "-o", "one", "URL", "-o", "two", "URL")
same("H", "a redirect of POST with 303", [b"HTTP/1.1 303 S\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", ok()], "-L",
     "-d", "a=1", "URL")
same("H", "-r of several ranges", [b"HTTP/1.1 206 P\r\nContent-Length: 2\r\n\r\nab"], "-r", "0-0,2-2", "URL")
same("H", "an exit code of a cut body", [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"], "URL")
same("H", "an exit code of too many redirects", [b"HTTP/1.1 302 F\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"], "-L",
     "--max-redirs", "2", "URL")
same("H", "-i shows 1xx heads", [case("resp-info103.bin")], "-i", "URL")
same("H", "-i shows trailers", [case("resp-trailer.bin")], "-i", "URL")
same("H", "-D takes heads down", [case("resp-info103.bin")], "-D", "heads", "URL")


@row("H", "what curl has and we have not is refused by name")
def refused(desk):
    told, right = [], True
    for option in ("--ntlm", "--negotiate", "--krb", "--crlfile", "--ftp-port", "--mail-from"):
        ran = desk.get(option, "x", "http://127.0.0.1:1/")
        right &= ran.code == 2 and option in ran.err and "curl" in ran.err
        told.append(f"{option} exit {ran.code}")
    return Result("", ", ".join(told), right)


for option, value in [("--limit-rate", "1k"), ("--parallel-max", "3"), ("--rate", "5/s"), ("--variable", "a=b"),
                      ("--tls-max", "1.3"), ("--tlsv1.2", None), ("--tlsv1.3", None), ("--anyauth", None),
                      ("--digest", None), ("--hsts", "f"), ("--alt-svc", "f"), ("--interface", "127.0.0.1"),
                      ("--trace-ascii", "f"), ("--pinnedpubkey", "sha256//" + "A" * 43 + "="), ("--ciphers", "DEFAULT"),
                      ("--curves", "X25519")]:

    @row("H", f"{option} is taken")
    def _(desk, option=option, value=value):
        with Server(ok()) as server:
            ran = desk.get(option, *([value] if value else []), server.url)
            return Result("", f"exit {ran.code} {ran.err}", ran.code == 0)

BYTES = b"HTTP/1.1 302 F\r\nLocation: /next\r\nSet-Cookie: a=caf\xe9\r\nSet-Cookie: b=\xc3\xa9\r\nContent-Length: 0\r\n\r\n"
same("E", "cookies of bytes go back as they came", [BYTES, ok()], "-L", "-b", "nofile", "URL")
same("E", "cookies of bytes are kept as they came", [BYTES], "-c", "jar", "URL", norm=lines)
same("E", "cookies of bytes are read from a jar", [ok()], "-b", "jar", "URL",
     files=[("jar", b"127.0.0.1\tFALSE\t/\tFALSE\t0\ta\tcaf\xe9\n")])
same("E", "-b of bytes", [ok()], "-b", "a=\u00e9", "URL")
