//! Recorded bodies in the codings they came in, as long as they came. A record keeps bodies decoded, so
//! they are coded again; where the coding leaves room for bytes that mean nothing, these make up the
//! length.

use std::io::{self, Write as _};

use flate2::Compression;
use flate2::write::GzEncoder;

/// How long a field of a gzip header may be for common decoders, with its end.
const LONGEST_FIELD: usize = 65_535;

/// A body, coded.
pub(crate) struct Coded {
    pub(crate) bytes: Vec<u8>,
    /// It is as long as it was recorded.
    pub(crate) is_exact: bool,
}

/// Codes a body so that it has `wanted` bytes, or as nearly as can be.
pub(crate) fn encode(plain: &[u8], codings: &[String], wanted: usize) -> Coded {
    let bytes = all(plain, codings, Some(wanted));
    let is_exact = bytes.len() == wanted;
    Coded { bytes, is_exact }
}

/// Codes a body as servers do that nobody has told otherwise.
pub(crate) fn encode_usually(plain: &[u8], codings: &[String]) -> Vec<u8> {
    all(plain, codings, None)
}

/// Codes a body by one coding after the other; the last gives it the length, where one is wanted.
fn all(plain: &[u8], codings: &[String], wanted: Option<usize>) -> Vec<u8> {
    let mut bytes = plain.to_vec();
    for (index, coding) in codings.iter().enumerate() {
        let length = wanted.filter(|_| index + 1 == codings.len());
        match encode_once(&bytes, coding, length) {
            Ok(coded) => bytes = coded,
            // A coding that is not known was not undone either.
            Err(_) => break,
        }
    }
    bytes
}

/// Codes once; with a length, as near to it as can be.
fn encode_once(body: &[u8], coding: &str, length: Option<usize>) -> io::Result<Vec<u8>> {
    match coding {
        "gzip" | "x-gzip" => gzip(body, length),
        "deflate" => nearest(length, [6, 9, 1], |level| {
            let mut out = flate2::write::ZlibEncoder::new(Vec::new(), Compression::new(level));
            out.write_all(body)?;
            out.finish()
        }),
        "br" => nearest(length, [5, 9, 11, 4, 2], |quality| {
            let mut out = brotli::CompressorWriter::new(Vec::new(), 4096, quality, 22);
            out.write_all(body)?;
            Ok(out.into_inner())
        }),
        "zstd" => {
            let coded = nearest(length, [3, 9, 19, 1], |level| {
                zstd::encode_all(body, i32::try_from(level).unwrap_or(3))
            })?;
            Ok(skippable(coded, length))
        }
        _ => Err(io::ErrorKind::Unsupported.into()),
    }
}

/// The longest result that is not longer than `length`, or else the shortest; the first where there is
/// no length, or where it fits exactly.
fn nearest<const N: usize>(
    length: Option<usize>,
    levels: [u32; N],
    encode: impl Fn(u32) -> io::Result<Vec<u8>>,
) -> io::Result<Vec<u8>> {
    let mut best = encode(levels[0])?;
    let Some(length) = length else { return Ok(best) };
    let rank = |bytes: &Vec<u8>| (bytes.len() > length, length.abs_diff(bytes.len()));
    for level in &levels[1..] {
        // A few hundredths are not worth another round over a large body.
        if rank(&best) <= (false, length / 64) {
            break;
        }
        let other = encode(*level)?;
        if rank(&other) < rank(&best) {
            best = other;
        }
    }
    Ok(best)
}

/// gzip (RFC 1952), whose header has room for a comment and a file's name.
fn gzip(body: &[u8], length: Option<usize>) -> io::Result<Vec<u8>> {
    let mut coded = Vec::new();
    for level in [6, 9] {
        let mut out = GzEncoder::new(Vec::new(), Compression::new(level));
        out.write_all(body)?;
        coded = out.finish()?;
        let room = length.unwrap_or(coded.len()).checked_sub(coded.len());
        if let Some(room) = room {
            fill_header(&mut coded, room);
            break;
        }
    }
    Ok(coded)
}

/// Puts so many bytes, or as many as have room there, into a gzip header that has no fields yet (RFC 1952
/// §2.3): texts of spaces, which have an end of their own.
fn fill_header(coded: &mut Vec<u8>, room: usize) {
    const FLAGS: usize = 3;
    const FIELDS: usize = 10;
    const FNAME: u8 = 1 << 3;
    const FCOMMENT: u8 = 1 << 4;
    let comment = room.min(LONGEST_FIELD);
    let name = (room - comment).min(LONGEST_FIELD);
    let mut texts = Vec::with_capacity(name + comment);
    for (flag, length) in [(FNAME, name), (FCOMMENT, comment)] {
        if length > 0 {
            coded[FLAGS] |= flag;
            texts.resize(texts.len() + length - 1, b' ');
            texts.push(0);
        }
    }
    coded.splice(FIELDS..FIELDS, texts);
}

/// Adds a frame that decoders pass over (RFC 8878 §3.1.2), where there is room for one.
fn skippable(mut coded: Vec<u8>, length: Option<usize>) -> Vec<u8> {
    let missing = length.and_then(|length| length.checked_sub(coded.len() + 8));
    if let Some(missing) = missing.and_then(|missing| u32::try_from(missing).ok()) {
        coded.extend([0x50, 0x2a, 0x4d, 0x18]);
        coded.extend(missing.to_le_bytes());
        coded.resize(coded.len() + missing as usize, 0);
    }
    coded
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn text() -> Vec<u8> {
        (0..4000u32).flat_map(|n| format!("{n} sheep; ").into_bytes()).collect()
    }

    #[test]
    fn gzip_has_the_length_that_is_wanted() {
        let least = gzip(&text(), None).expect("memory").len();
        for more in [0, 1, 2, 17, 1000, 65_535, 65_536, 70_000, 131_070] {
            let coded = encode(&text(), &["gzip".into()], least + more);
            assert!(coded.is_exact, "{more}");
            let mut plain = Vec::new();
            flate2::read::GzDecoder::new(&coded.bytes[..]).read_to_end(&mut plain).expect("gzip");
            assert!(plain == text(), "{more}");
        }
        assert!(!encode(&text(), &["gzip".into()], 20).is_exact);
    }

    /// The fields are where flate2 itself puts them.
    #[test]
    fn a_filled_header_is_a_header_like_any() {
        for (name, comment) in [(0, 1), (0, 300), (1, 65_535), (20, 65_535)] {
            let texts = [name, comment].map(|length: usize| length.checked_sub(1));
            let [name_text, comment_text] =
                texts.map(|length| length.map(|length| vec![b' '; length]));
            let mut header = flate2::GzBuilder::new();
            if let Some(text) = name_text {
                header = header.filename(text);
            }
            if let Some(text) = comment_text {
                header = header.comment(text);
            }
            let mut expected = header.write(Vec::new(), Compression::new(6));
            expected.write_all(&text()).expect("memory");
            let least = gzip(&text(), None).expect("memory").len();
            let filled = gzip(&text(), Some(least + name + comment)).expect("memory");
            assert!(filled == expected.finish().expect("memory"), "{name} {comment}");
        }
    }

    #[test]
    fn zstd_has_it_where_a_frame_fits() {
        let least = zstd::encode_all(&text()[..], 19).expect("memory").len();
        let coded = encode(&text(), &["zstd".into()], least + 5000);
        assert!(coded.is_exact);
        assert!(zstd::decode_all(&coded.bytes[..]).expect("zstd") == text());
    }
}
