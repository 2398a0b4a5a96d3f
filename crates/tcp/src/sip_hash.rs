//! SipHash-2-4, a short keyed hash (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012).

/// The SipHash-2-4 of whole words, read as little-endian bytes, under a secret key: whoever does not
/// know the key cannot predict it. Behind initial sequence numbers, SYN cookies and ports.
pub fn sip_hash([k0, k1]: [u64; 2], words: &[u64]) -> u64 {
    let mut state = [
        k0 ^ 0x736f_6d65_7073_6575,
        k1 ^ 0x646f_7261_6e64_6f6d,
        k0 ^ 0x6c79_6765_6e65_7261,
        k1 ^ 0x7465_6462_7974_6573,
    ];
    // The last block of the paper holds the message's length in its highest byte, and here no more.
    for word in words.iter().copied().chain([(words.len() as u64 * 8) << 56]) {
        state[3] ^= word;
        round(&mut state);
        round(&mut state);
        state[0] ^= word;
    }
    state[2] ^= 0xff;
    for _ in 0..4 {
        round(&mut state);
    }
    state[0] ^ state[1] ^ state[2] ^ state[3]
}

fn round(state: &mut [u64; 4]) {
    let [mut a, mut b, mut c, mut d] = *state;
    a = a.wrapping_add(b);
    b = b.rotate_left(13) ^ a;
    a = a.rotate_left(32);
    c = c.wrapping_add(d);
    d = d.rotate_left(16) ^ c;
    a = a.wrapping_add(d);
    d = d.rotate_left(21) ^ a;
    c = c.wrapping_add(b);
    b = b.rotate_left(17) ^ c;
    c = c.rotate_left(32);
    *state = [a, b, c, d];
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reference implementation's test vectors whose length is a multiple of eight: key 00 01 …
    /// 0f, messages 00 01 ….
    #[test]
    fn vectors_of_the_reference_implementation() {
        let key = [0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908];
        assert_eq!(sip_hash(key, &[]), 0x726f_db47_dd0e_0e31);
        assert_eq!(sip_hash(key, &[0x0706_0504_0302_0100]), 0x93f5_f579_9a93_2462);
    }
}
