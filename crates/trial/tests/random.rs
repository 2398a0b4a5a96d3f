//! Every trial with seeded random bytes, and with the corpus that the fuzz targets have found.
//!
//! ```sh
//! ROUNDTRIP_SEEDS=100000 cargo test -p roundtrip-trial --test random   # more of them
//! ```

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use roundtrip_trial::Chance;

/// Random inputs to each trial.
const SEEDS: u64 = 2_000;

fn seeds() -> u64 {
    let more = std::env::var("ROUNDTRIP_SEEDS").ok();
    more.map_or(SEEDS, |text| text.parse().expect("a number"))
}

/// Tries each input that `make` gives for a seed.
fn random(name: &str, trial: fn(&[u8]), make: impl Fn(&mut Chance<'_>) -> Vec<u8>) {
    random_of(seeds(), name, trial, make);
}

fn random_of(seeds: u64, name: &str, trial: fn(&[u8]), make: impl Fn(&mut Chance<'_>) -> Vec<u8>) {
    for seed in 0..seeds {
        let input = make(&mut Chance::from_seed(seed));
        let result = catch_unwind(AssertUnwindSafe(|| trial(&input)));
        assert!(result.is_ok(), "{name}, seed {seed}: {input:02x?}");
    }
}

/// Tries the files of `fuzz/corpus/NAME`.
fn corpus(name: &str, trial: fn(&[u8])) {
    let folder = Path::new("../../fuzz/corpus").join(name);
    // Sorted below.
    #[allow(clippy::disallowed_methods)]
    let entries = std::fs::read_dir(&folder).expect("a corpus");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    for file in files {
        let input = std::fs::read(&file).expect("a file");
        let result = catch_unwind(AssertUnwindSafe(|| trial(&input)));
        assert!(result.is_ok(), "{}", file.display());
    }
}

fn any(chance: &mut Chance<'_>, most: u32) -> Vec<u8> {
    let length = chance.below(most) as usize;
    chance.bytes(length)
}

#[test]
fn packets() {
    corpus("packet", roundtrip_trial::packet);
    random("packet", roundtrip_trial::packet, |chance| {
        let mut bytes = any(chance, 200);
        let kinds: [&[u8]; 5] =
            [&[8, 0, 0x45], &[8, 6, 0, 1, 8, 0], &[0x86, 0xdd, 0x60], &[8], &[]];
        let kind = kinds[chance.below(5) as usize];
        if let Some(place) = bytes.get_mut(12..12 + kind.len()) {
            place.copy_from_slice(kind);
        }
        bytes
    });
}

#[test]
fn hosts() {
    corpus("host", roundtrip_trial::host);
    random("host", roundtrip_trial::host, |chance| any(chance, 3_000));
}

#[test]
fn pairs() {
    corpus("pair", roundtrip_trial::pair);
    random("pair", roundtrip_trial::pair, |chance| any(chance, 600));
}

/// A visit has its handshakes: there are fewer.
#[test]
fn strangers() {
    corpus("three", roundtrip_trial::three);
    random_of(seeds() / 10, "three", roundtrip_trial::three, |chance| any(chance, 400));
}

/// The words of the language in any order.
#[test]
fn scripts() {
    const WORDS: &str = "0 +0 +.1 * ~ < > S S. P. . F. 0:0(0) 1:1001(1000) ack 1 win 1000 <mss 1460> \
        <nop,wscale 7> <...> socket(..., SOCK_STREAM, IPPROTO_TCP) = 3 bind(3, ..., ...) = 0 \
        listen(3, 1) = 0 accept(3, ..., ...) = 4 write(4, ..., 100) = 100 read(4, ..., 9) = -1 EAGAIN \
        close(4) = 0 %{ print(tcpi_rtt) }% %{ assert 1 == 1 }% --ip_version=ipv6 \n \n ( ) { } [ ] ` \" \
        ... , = - 99999999999999999999 0x1 icmp unreachable udp (5) setsockopt(3, SOL_SOCKET, \
        SO_REUSEADDR, [1], 4) = 0 poll([{fd=3, events=POLLIN}], 1, 0) = 0 /* // # \u{00e4}";
    let words: Vec<&str> = WORDS.split(' ').collect();
    corpus("drill", roundtrip_trial::script);
    random("drill", roundtrip_trial::script, |chance| {
        let count = chance.below(60);
        let pieces = (0..count).map(|_| words[chance.below(words.len() as u32) as usize]);
        pieces.collect::<Vec<_>>().join(" ").into_bytes()
    });
}

/// Random bytes are hardly a file of anything: most are the files' own words in any order.
#[test]
fn names() {
    const INPUTS: u64 = 10_000;
    const WORDS: &str = "127.0.0.1 ::1 fe80::1%eth0 fe80::1%25lo 192.0.2.300 localhost www.example. a..b \
        \u{00fc}ber.example nameserver search domain options ndots:99 timeout:0 attempts:x use-vc \
        rotate single-request # ; \n \n \r \t hosts: files dns resolve [ ] [!UNAVAIL=return] \
        [SUCCESS=merge ] label precedence scopev4 ::ffff:0:0/96 10.0.0.0/33 -1 4294967296 $TTL $ORIGIN \
        $INCLUDE @ * IN CH SOA NS A AAAA CNAME MX TXT ( ) \" \\ ns root 1 300 web.example. sub _8080._https";
    let words: Vec<&str> = WORDS.split(' ').filter(|word| !word.is_empty()).collect();
    corpus("names", roundtrip_trial::names);
    random_of(seeds().max(INPUTS), "names", roundtrip_trial::names, |chance| {
        if chance.one_in(4) {
            return any(chance, 400);
        }
        let count = chance.below(40);
        let pieces = (0..count).map(|_| words[chance.below(words.len() as u32) as usize]);
        pieces.collect::<Vec<_>>().join(" ").into_bytes()
    });
}
