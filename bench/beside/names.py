"""B, C and the walks of F: names beside glibc, in network namespaces with name servers of their own."""

import shutil

from .desk import Result, row

ROOTS = "10.53.0.1 " + " ".join([
    "198.41.0.4", "170.247.170.2", "192.33.4.12", "199.7.91.13", "192.203.230.10", "192.5.5.241", "192.112.36.4",
    "198.97.190.53", "192.36.148.17", "192.58.128.30", "193.0.14.129", "199.7.83.42", "202.12.27.33"])


def within(desk, name, command, zone=None, hosts=None, resolv=None, addresses="127.0.0.53", timeout=60):
    """Runs a shell's command beside the name servers of a case."""
    place = desk.place() / "zone"
    place.mkdir()
    dns = desk.cases / "dns"
    if name:
        shutil.copytree(dns / name, place, dirs_exist_ok=True)
    if zone:
        (place / "zone.py").write_text(zone)
    (place / "hosts").write_text(hosts or "127.0.0.1 localhost\n")
    if resolv or not name:
        (place / "resolv.conf").write_text(resolv or "nameserver 127.0.0.53\n")
    python = shutil.which("python3")
    # On a busy machine the name servers take longer to come up than the cases' own script waits.
    command = "for n in $(seq 80); do ss -Hlun 'sport = :53' | grep -q . && break; sleep 0.1; done; sleep 0.2; " + command
    return desk.run("bash", dns / "run.sh", place, command, timeout=timeout,
                    more={"ADDRS": addresses, "PYTHON": python}), place


GETENT = "getent ahosts {0} | awk '/STREAM/{{print $1}}' | sort -u; echo rc=${{PIPESTATUS[0]}}"
OURS = "roundtrip resolve --short {0} 2>/dev/null | sort -u; echo rc=${{PIPESTATUS[0]}}"


def addresses(text):
    """The addresses, and whether there were any."""
    found = sorted({word for line in text.splitlines() for word in line.split() if word.count(".") == 3 or ":" in word})
    code = text.rsplit("rc=", 1)[-1].strip()
    return f"{' '.join(found) or 'none'}, {'found' if code == '0' else 'not found'}"


def beside_glibc(letter, title, name, host, addresses_of="127.0.0.53", **more):
    @row(letter, title, "glibc", needs=["root", "unshare"])
    def _(desk):
        theirs, _ = within(desk, name, GETENT.format(host), addresses=addresses_of, **more)
        ours, _ = within(desk, name, OURS.format(host), addresses=addresses_of, **more)
        told = [addresses(ran.out.decode()) for ran in (theirs, ours)]
        return Result(told[0], f"{told[1]} in {ours.seconds:.1f} s", told[0] == told[1])


beside_glibc("C", "a referral from the first server: the next is asked", "s_ref", "a.test", "127.0.0.53 127.0.0.54")
beside_glibc("C", "SERVFAIL to EDNS: asked again without", "e_servfail", "www.example")
ANSWER = """
from zlib_ import *
def answer(q,proto,addr,raw):
    n=q.question[0].name.to_text(); t=q.question[0].rdtype
    if q.edns>=0: {refusal}
    return reply(q,[(n,300,'IN','A','192.0.2.1')] if t==1 else [],auth=[] if t==1 else [('example.',60,'IN','SOA','ns. h. 1 2 3 4 60')])
"""
for title, refusal in [("FORMERR", "return reply(q,rcode=1,edns=False)"), ("BADVERS", "return reply(q,rcode=16)"),
                       ("NOTIMP", "return reply(q,rcode=4,edns=False)")]:
    beside_glibc("C", f"{title} to EDNS: asked again without", None, "www.example", zone=ANSWER.format(refusal=refusal))


@row("C", "silence to EDNS: asked again without, within 10 s", needs=["root", "unshare"])
def silence(desk):
    ours, _ = within(desk, None, OURS.format("www.example"), zone=ANSWER.format(refusal="return None"))
    told = addresses(ours.out.decode())
    return Result("", f"{told} in {ours.seconds:.1f} s", told == "192.0.2.1, found" and ours.seconds < 10)


beside_glibc("C", "an alias whose target does not exist", "c_nx2", "a.test")
beside_glibc("C", "a truncated answer whose rest cannot be had over TCP", "c_tcnotcp", "a.test")
ZERO = """
from zlib_ import *
count=0
def answer(q,proto,addr,raw):
    global count
    t=q.question[0].rdtype
    if t!=1: return reply(q,auth=[('test.',0,'IN','SOA','ns. h. 1 2 3 4 0')])
    count+=1
    return reply(q,[('a.test.',0,'IN','A','192.0.2.%d'%count)])
"""


@row("C", "a TTL of 0 is not kept", "glibc", needs=["root", "unshare"])
def zero(desk):
    theirs, _ = within(desk, None, "; ".join(["getent ahostsv4 a.test | awk '/STREAM/{print $1}'"] * 2), zone=ZERO)
    ours, _ = within(desk, None, "; ".join(["roundtrip resolve --short a.test"] * 2), zone=ZERO)
    told = [" ".join(ran.out.decode().split()) for ran in (theirs, ours)]
    return Result(*told, "192.0.2.1" in told[1] and "192.0.2.2" in told[1])


TWO = """
from zlib_ import *
def answer(q,proto,addr,raw):
    n=q.question[0].name.to_text(); t=q.question[0].rdtype
    return reply(q,[(n,300,'IN','A','127.0.0.1')] if t==1 else [(n,300,'IN','AAAA','2001:db8::1')] if t==28 else [])
"""


@row("C", "the order of addresses is RFC 6724's", "glibc", needs=["root", "unshare"])
def order(desk):
    commands = ["getent ahosts a.test | awk '/STREAM/{print $1}'", "roundtrip resolve --short a.test"]
    told = [" ".join(within(desk, None, command, zone=TWO)[0].out.decode().split()) for command in commands]
    return Result(*told, told[0] == told[1])


SLOW = """
from zlib_ import *
import time
def answer(q,proto,addr,raw):
    n=q.question[0].name.to_text(); t=q.question[0].rdtype
    if t==28: {aaaa}
    return reply(q,[(n,300,'IN','A','127.0.0.1')] if t==1 else [])
"""
for title, aaaa in [("silent", "return None"), ("slow", "time.sleep(3); return reply(q,[(n,300,'IN','AAAA','2001:db8::1')])")]:

    @row("C", f"a {title} AAAA does not hold up a page whose A is there", needs=["root", "unshare"])
    def _(desk, aaaa=aaaa):
        place = desk.place()
        (place / "index.html").write_text("<p>x")
        serve = f"roundtrip serve {place} --listen 127.0.0.1:80 >/dev/null 2>&1 & S=$!; sleep 1; "
        get = "roundtrip get -s -w '%{http_code} %{time_namelookup}' -o /dev/null http://a.test/; kill $S"
        ran, _ = within(desk, None, serve + get, zone=SLOW.format(aaaa=aaaa))
        code, seconds = (ran.out.decode().split() + ["", "9"])[:2]
        return Result("", f"{code} after {seconds} s", code == "200" and float(seconds) < 1)


@row("C", "zone ids in URLs", "curl", needs=["root", "unshare"])
def zones(desk):
    place = desk.place()
    (place / "index.html").write_text("ok")
    setup = ("ip link add d0 type veth peer name d1; ip link set d1 up; ip link set d0 up; "
             "ip addr add fe80::5/64 dev d0 nodad; "
             f"roundtrip serve {place} --listen '[::]:80' >/dev/null 2>&1 & S=$!; sleep 1; ")
    told = []
    for ask in ("curl", "roundtrip get"):
        ran, _ = within(desk, None, setup + "; ".join(f"{ask} -s 'http://[{host}]/'; echo \" exit $?\"" for host in (
            "fe80::5%25d0", "fe80::5%d0")) + "; kill $S", zone=TWO)
        told.append(ran.out.decode())
    return Result(*told, told[0] == told[1])


RECORDS = """
from zlib_ import *
def answer(q,proto,addr,raw):
    n=q.question[0].name.to_text(); t=q.question[0].rdtype
    if t==15: return reply(q,[('a.test.',300,'IN','MX','10 mail.a.test.')])
    if t==16: return reply(q,[('a.test.',300,'IN','TXT','"some text"')])
    if t==12: return reply(q,[(n,300,'IN','PTR','host.test.')])
    if n=='nosuch.test.': return reply(q,rcode=3,auth=[('test.',60,'IN','SOA','ns. h. 1 2 3 4 60')])
    return reply(q,[(n,300,'IN','A','192.0.2.1')] if t==1 else [])
"""


@row("C", "record types, -x and --short", needs=["root", "unshare"])
def records(desk):
    ran, _ = within(desk, None, "; ".join(f"roundtrip resolve --short {words}" for words in (
        "a.test MX", "a.test TXT", "-x 192.0.2.1", "a.test A")), zone=RECORDS)
    told = ran.out.decode().splitlines()
    right = len(told) == 4 and all(part in line for part, line in zip(
        ("mail.a.test", "some text", "host.test", "192.0.2.1"), told))
    return Result("", " | ".join(told), right)


@row("C", "a bare name that does not exist takes three lines", needs=["root", "unshare"])
def bare(desk):
    ran, _ = within(desk, None, "roundtrip resolve nosuch.test; echo \"rc=$?\"", zone=RECORDS)
    told = [line for line in (ran.out.decode() + ran.err).splitlines() if line.strip() and "rc=" not in line]
    return Result("", " | ".join(told), len(told) <= 3 and "rc=6" in ran.out.decode())


CHANGE = "{ask}; sed -i 's/192.0.2.1/192.0.2.2/' $D/hosts; cat $D/hosts > /etc/hosts 2>/dev/null; {ask}"


@row("B", "an edited hosts file is seen at once", "glibc", needs=["root", "unshare"])
def hosts(desk):
    told = []
    for ask in ("getent ahosts h.test | awk '/STREAM/{print $1}'", "roundtrip resolve --short h.test"):
        ran, _ = within(desk, "split", CHANGE.format(ask=ask), hosts="127.0.0.1 localhost\n192.0.2.1 h.test\n")
        told.append(" ".join(ran.out.decode().split()))
    return Result(*told, told[0] == told[1])


@row("B", "another resolv.conf is seen at once", "glibc", needs=["root", "unshare"])
def resolv(desk):
    told = []
    for ask in ("getent ahosts vpn.example | awk '/STREAM/{print $1}' | sort -u", "roundtrip resolve --short vpn.example"):
        change = f"{ask}; echo 'nameserver 127.0.0.54' > /etc/resolv.conf; {ask}"
        ran, _ = within(desk, "split", change, addresses="127.0.0.53 127.0.0.54")
        told.append(" ".join(ran.out.decode().split()))
    return Result(*told, told[0] == told[1])


def queries(place):
    return sum("vpn.example. A " in line for line in (place / "q.log").read_text().splitlines())


# What stands on loopback has a cache of its own, and nothing of it is kept.
REMOTE = {"resolv": "nameserver 10.53.0.9\n", "addresses": "10.53.0.9"}


@row("B", "--dns, --fresh and --flush ask anew", needs=["root", "unshare"])
def fresh(desk):
    told, right = [], True
    for words, expected in (("", 1), ("--dns 10.53.0.9", 2), ("--fresh", 2)):
        command = "; ".join([f"roundtrip resolve --short {words} vpn.example >/dev/null"] * 2)
        _, place = within(desk, "split", "export XDG_CACHE_HOME=$(mktemp -d); " + command, **REMOTE)
        right &= queries(place) == expected
        told.append(f"{words or 'plainly'}: asked {queries(place)} times")
    flush = ("export XDG_CACHE_HOME=$(mktemp -d); roundtrip resolve --short vpn.example; roundtrip resolve --flush; "
             "roundtrip resolve --short vpn.example")
    _, place = within(desk, "split", flush, **REMOTE)
    right &= queries(place) == 2
    return Result("", ", ".join(told) + f", with --flush between: {queries(place)}", right)


def walks(title, name, *words):
    @row("F", f"--walk: {title}", needs=["root", "unshare"])
    def _(desk):
        ran, _ = within(desk, name, "roundtrip resolve www.a.test --walk; echo \"rc=$?\"", addresses=ROOTS)
        text = ran.out.decode() + ran.err
        verdict = next((line for line in text.splitlines() if line.strip()), "")
        blames = any(word in text.lower() for word in ("this machine", "no way to", "no route"))
        return Result("", verdict, all(word in text for word in words) and not blames)


walks("answers without authority are taken", "w_noaa", "192.0.2.1")
walks("zones that need each other", "w_mutual", "need")
walks("a delegation without glue", "w_nodel", "a.test")
