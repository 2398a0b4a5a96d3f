#!/usr/bin/env bash
# pcapng, packet times finer than a nanosecond, read by tshark 4.0.17 (Debian 12).
# Expected: if_tsresol may be any power of ten or of two; a reader that shows nanoseconds rounds the rest away, so
# 0.75 s past the second is .750000000 at every resolution.
# Seen: right down to 10^-10 and 2^-34; at 10^-11, 10^-12, 10^-13, 2^-36 and 2^-40 the fraction of the second is
# another number altogether (as if units times 10^9 no longer fitted 64 bits), without a warning.
# Why it matters: hardware that stamps in picoseconds writes such files; a record should be written in nanoseconds,
# and times read through tshark from a finer capture cannot be trusted.
. "$(dirname "$0")/common/lib.sh"
need_deb tshark 4.0.17-0+deb12u3
PYTHONPATH=$here/common python3 - <<'P'
from pcapng_make import frame, interface, packet, resolution, section, write
for name, exponent, scale in [("10^-9", 9, 10**9), ("10^-10", 10, 10**10), ("10^-11", 11, 10**11), ("10^-12", 12, 10**12),
                              ("10^-13", 13, 10**13), ("2^-34", 128 + 34, 2**34), ("2^-36", 128 + 36, 2**36), ("2^-40", 128 + 40, 2**40)]:
    write(name, section(), interface(resolution(exponent)), packet(100 * scale + scale * 3 // 4, frame(1)))
P
for f in 10^-9 10^-10 10^-11 10^-12 10^-13 2^-34 2^-36 2^-40; do
  echo "$f $(tshark -r "$f" -T fields -e frame.time_epoch 2>/dev/null)"
done >seen.txt
expect seen.txt <<'S'
10^-9 100.750000000
10^-10 100.750000000
10^-11 100.012130237
10^-12 100.012130237
10^-13 100.001062190
2^-34 100.750000000
2^-36 100.213129088
2^-40 100.011802496
S
echo "as stated"
