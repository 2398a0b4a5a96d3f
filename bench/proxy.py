"""Measures proxies on loopback: see bench/proxy."""
import os, re, signal, socket, ssl, statistics, subprocess, sys, time

from loopback import free_port, spent, until_open

work, requests = sys.argv[1], int(sys.argv[2])
tool, mitmdump = os.environ["ROUNDTRIP"], os.environ["MITMDUMP"]
children = []


def start(*command):
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    children.append(child)
    return child


def listening(child, pattern):
    """The port in the first line that the pattern fits; what follows goes to a file."""
    for line in child.stdout:
        found = re.search(pattern, line)
        if found:
            subprocess.Popen(["cat"], stdin=child.stdout, stdout=subprocess.DEVNULL)
            return int(found.group(1))
    raise SystemExit(f"{child.args} ended")


def memory(pid):
    """What it has in memory, in MiB."""
    return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{pid}/status").read()).group(1)) / 1024


class Connection:
    """One connection that carries requests, one after the other."""

    def __init__(self, port, proxy, secure):
        self.socket = socket.create_connection(("127.0.0.1", proxy or port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        host = f"localhost:{port}"
        if secure:
            if proxy:
                self.socket.sendall(f"CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
                assert b" 200 " in self.socket.recv(4096)
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            context.set_alpn_protocols(["http/1.1"])
            self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        target = f"http://{host}/page.txt" if proxy and not secure else "/page.txt"
        self.request = f"GET {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n".encode()

    def ask(self):
        self.socket.sendall(self.request)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self.socket.recv(65536)
        head, body = answer.split(b"\r\n\r\n", 1)
        length = int(re.search(rb"content-length: (\d+)", head, re.I).group(1))
        while len(body) < length:
            body += self.socket.recv(65536)
        assert head.startswith(b"HTTP/1.1 200") and len(body) == 1024, head


def latencies(count, port, proxy, secure):
    connection = Connection(port, proxy, secure)
    times = []
    for _ in range(count):
        began = time.perf_counter()
        connection.ask()
        times.append(time.perf_counter() - began)
    return times


def begin_ours():
    child = start(tool, "proxy", "--listen", "127.0.0.1:0", "--insecure", "--quiet", "--out", f"{work}/run", "--capture", "none")
    return child, listening(child, r"http://127\.0\.0\.1:(\d+)/")


def begin_mitmdump():
    port = free_port()
    child = subprocess.Popen(
        [mitmdump, "-q", "--listen-host", "127.0.0.1", "-p", str(port), "--ssl-insecure", "--set", f"confdir={work}/mitm",
         "-w", f"{work}/flows"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    children.append(child)
    until_open(port)
    return child, port


def end(child):
    child.send_signal(signal.SIGINT)
    try:
        child.wait(60)
    except subprocess.TimeoutExpired:
        child.kill()


def main():
    os.makedirs(f"{work}/site")
    open(f"{work}/site/page.txt", "w").write("x" * 1024)
    key = [f"{work}/key.pem", f"{work}/cert.pem"]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-keyout", key[0], "-out", key[1], "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
                   check=True, stderr=subprocess.DEVNULL)
    serve = [tool, "serve", f"{work}/site", "--listen", "127.0.0.1:0", "--quiet", "--keepalive-timeout", "600"]
    plain = listening(start(*serve), r":(\d+)/$")
    secure = listening(start(*serve, "--cert", key[1], "--key", key[0]), r":(\d+)/$")
    proxies = [("roundtrip", begin_ours)] + ([("mitmdump", begin_mitmdump)] if mitmdump else [])
    cost = {}
    for name, port, is_secure in (("clear", plain, False), ("TLS", secure, True)):
        for proxy_name, begin in proxies:
            child, proxy = begin()
            latencies(500, port, proxy, is_secure)
            # In turn, so that both meet the same machine; the kernel's own work is in both.
            straight, through, used, asked = [], [], 0.0, 0
            rounds = 10
            before = memory(child.pid)
            for _ in range(rounds):
                straight += latencies(max(requests // rounds // 4, 50), port, None, is_secure)
                began = spent(child.pid)
                count = requests // rounds
                through += latencies(count, port, proxy, is_secure)
                used, asked = used + spent(child.pid) - began, asked + count
            added = statistics.median(through) - statistics.median(straight)
            cost[name, proxy_name] = used / asked
            print(f"{name:6} {proxy_name:10} added p50 {added * 1e3:6.3f} ms   processor {used / asked * 1e6:7.1f} µs a request"
                  f"   memory {before:6.1f} MiB, {memory(child.pid):6.1f} after {asked:,}", flush=True)
            end(child)
    if mitmdump:
        for name in ("clear", "TLS"):
            print(f"{name:6} processor time a request: {cost[name, 'roundtrip'] / cost[name, 'mitmdump']:.3f} of mitmdump's")


try:
    main()
finally:
    for child in children:
        if child.poll() is None:
            child.terminate()
