#!/usr/bin/env bash
# pcapng, a packet with epb_verdict (what a filter decided on it), copied by editcap and tshark -w 4.0.17 (Debian 12).
# Expected: a copy without any change asked for reads like the original; an option the tool does not know is dropped
# or kept. The tool does read this one.
# Seen: both tools write the verdict under the code of another option (6, epb_queue, which must be 4 bytes long); the
# copy then does not open in the tool that wrote it, and both finish with exit code 0.
# Why it matters: "normalise the capture with editcap first" is common advice; on such captures it destroys the file,
# so the untouched original is what should be kept and imported.
. "$(dirname "$0")/common/lib.sh"
need_deb wireshark-common 4.0.17-0+deb12u3
need_deb tshark 4.0.17-0+deb12u3
PYTHONPATH=$here/common python3 - <<'P'
import struct
from pcapng_make import START, frame, interface, option, packet, section, write
verdict = option(7, b"\x01" + struct.pack("<Q", 5))  # Linux eBPF XDP, value 5
write("in.pcapng", section(), interface(), packet(START * 10**6, frame(1), options=verdict), packet(START * 10**6 + 5, frame(2)))
P
read_back() { tshark -r "$1" -T fields -e udp.srcport 2>&1 | grep -v 'Running as user' | sed '/^$/d' | tr '\n' ' ' || true; }
{
  echo "original: $(read_back in.pcapng)"
  code=0; editcap in.pcapng one.pcapng || code=$?
  echo "editcap exit $code, copy: $(read_back one.pcapng)"
  code=0; tshark -r in.pcapng -w two.pcapng 2>/dev/null || code=$?
  echo "tshark -w exit $code, copy: $(read_back two.pcapng)"
} | sed 's/ *$//' >seen.txt
expect seen.txt <<'S'
original: 40001 40002
editcap exit 0, copy: tshark: The file "one.pcapng" appears to be damaged or corrupt. (pcapng: packet block queue option length 9 is not 4)
tshark -w exit 0, copy: tshark: The file "two.pcapng" appears to be damaged or corrupt. (pcapng: packet block queue option length 9 is not 4)
S
echo "as stated"
