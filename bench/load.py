"""Measures generators and servers on loopback: see bench/load."""
import os, resource, signal, statistics, subprocess, sys

from loopback import free_port, spent, until_open

work, requests, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
tool = os.environ["ROUNDTRIP"]
CONNECTIONS = 50
NGINX = """daemon off; master_process off; worker_processes 1; pid WORK/pid; error_log WORK/error;
events { worker_connections 2000; }
http { access_log off; keepalive_requests 1000000000; sendfile on; types { } default_type text/plain;
  client_body_temp_path WORK/a; proxy_temp_path WORK/b; fastcgi_temp_path WORK/c; uwsgi_temp_path WORK/d; scgi_temp_path WORK/e;
  server { listen 127.0.0.1:PORT; root WORK/site; } }
"""


def run(*command):
    """Runs a command; its processor time and what it said."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{command}: {done.stdout}{done.stderr}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout


def h2load(port):
    own, said = run("h2load", "--h1", "-t1", f"-c{CONNECTIONS}", f"-n{requests}", f"http://127.0.0.1:{port}/k")
    if f"{requests} succeeded" not in said:
        raise SystemExit(said)
    return own


def load(port):
    own, said = run(tool, "load", f"http://127.0.0.1:{port}/k", "--threads", "1", "-c", str(CONNECTIONS), "-n", str(requests),
                    "--http1.1", "--format", "json")
    if f'"answered": {requests},' not in said or '"errors": 0,' not in said:
        raise SystemExit(said)
    return own


os.mkdir(f"{work}/site")
open(f"{work}/site/k", "w").write("x" * 1024)
# Old enough that a server may keep what it knows of it.
os.utime(f"{work}/site/k", (1_700_000_000, 1_700_000_000))
ports = {"nginx": free_port(), "roundtrip": free_port()}
open(f"{work}/conf", "w").write(NGINX.replace("WORK", work).replace("PORT", str(ports["nginx"])))
servers = {
    "nginx": subprocess.Popen(["nginx", "-c", f"{work}/conf"], stderr=subprocess.DEVNULL),
    "roundtrip": subprocess.Popen([tool, "serve", f"{work}/site", "-q", "--workers", "1", "--listen", f"127.0.0.1:{ports['roundtrip']}"],
                                  stdout=subprocess.DEVNULL),
}
try:
    for port in ports.values():
        until_open(port)
    of_servers = {name: [] for name in servers}
    of_generators = {"h2load": [], "roundtrip": []}
    for _ in range(rounds):
        for name, child in servers.items():
            before = spent(child.pid)
            h2load(ports[name])
            of_servers[name].append((spent(child.pid) - before) / requests * 1e6)
        of_generators["h2load"].append(h2load(ports["nginx"]) / requests * 1e6)
        of_generators["roundtrip"].append(load(ports["nginx"]) / requests * 1e6)
    print(f"processor time a request, µs, medians of {rounds} in turn ({requests} requests, {CONNECTIONS} connections)")
    for what, figures, peer in [("server", of_servers, "nginx"), ("generator", of_generators, "h2load")]:
        own, other = (statistics.median(figures[name]) for name in ("roundtrip", peer))
        spread = " ".join(f"{value:.1f}" for value in sorted(figures["roundtrip"]))
        print(f"{what:10} roundtrip {own:6.2f}   {peer} {other:6.2f}   ratio {own / other:.2f}   ({spread})")
finally:
    for child in servers.values():
        child.send_signal(signal.SIGTERM)
