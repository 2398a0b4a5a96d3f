//! Stand-ins for bodies that a record does not have, as that of an archive written without them: of
//! the same length, and naming the resources that the recorded ones named, so that a browser asks
//! for these again.

use core::fmt::Write as _;

use roundtrip_record::{Blocks, Body, Initiator, ResourceKind};
use roundtrip_story::{Exchange, Story};

use crate::scripted::follows_script;

/// What a character of the padding costs once it is compressed: it is one of 64, of which a
/// Huffman code makes a little more than six bits.
const COST: f64 = 0.77;
/// What markup comes to once it is compressed.
const MARKUP: f64 = 0.4;

/// A body in the place of one that the record does not have.
pub(crate) fn body(exchange: &Exchange, recorded: Option<&Body>, story: &Story) -> Vec<u8> {
    let Some(recorded) = recorded else { return Vec::new() };
    let names = |fits: &dyn Fn(&Exchange) -> bool| -> Vec<&Exchange> {
        story.exchanges.iter().filter(|other| other.id != exchange.id && fits(other)).collect()
    };
    let is_document = story.document().is_some_and(|document| document.id == exchange.id);
    let (text, open, close) = match exchange.kind {
        _ if is_document => {
            // What scripts asked for is asked for as they did.
            let named = names(&|other| match &other.initiator {
                Initiator::Parser { url, .. } => *url == exchange.url,
                // What a head named is asked for because of it; the page names what it waits for.
                Initiator::LinkField { url } | Initiator::EarlyHints { url } => {
                    *url == exchange.url && other.blocks != Blocks::Nothing
                }
                _ => false,
            });
            (document(&named, story), "<!--", "-->")
        }
        ResourceKind::Style => {
            // What was only wanted when scripts had run is asked for as it was.
            let own = |other: &Exchange| {
                matches!(&other.initiator, Initiator::Style { url } if *url == exchange.url)
                    && !follows_script(story, other)
            };
            (sheet(&names(&own)), "/*", "*/")
        }
        ResourceKind::Script => (String::new(), "/*", "*/"),
        _ => (String::new(), "", ""),
    };
    let coded = if recorded.codings.is_empty() { None } else { Some(recorded.encoded) };
    padded(text, open, close, recorded.decoded as usize, coded, exchange.id.0)
}

/// A document that names resources, in the order in which they were asked for.
fn document(named: &[&Exchange], story: &Story) -> String {
    let (mut head, mut body) = (String::new(), String::new());
    for exchange in named {
        let url = escaped(&exchange.url);
        let waits = exchange.blocks != Blocks::Nothing;
        let _ = match exchange.kind {
            ResourceKind::Style => writeln!(head, "<link rel=stylesheet href=\"{url}\">"),
            ResourceKind::Script if waits => writeln!(head, "<script src=\"{url}\"></script>"),
            ResourceKind::Script => writeln!(body, "<script src=\"{url}\"></script>"),
            ResourceKind::Icon => writeln!(head, "<link rel=icon href=\"{url}\">"),
            ResourceKind::Font => {
                writeln!(head, "<link rel=preload as=font crossorigin href=\"{url}\">")
            }
            ResourceKind::Frame | ResourceKind::Document => {
                writeln!(body, "<iframe src=\"{url}\"></iframe>")
            }
            ResourceKind::Manifest => writeln!(head, "<link rel=manifest href=\"{url}\">"),
            ResourceKind::Image | ResourceKind::Media | ResourceKind::Other => {
                writeln!(body, "<img src=\"{url}\">")
            }
        };
    }
    // What sheets name is fetched where it is used.
    let sheets = story.exchanges.iter();
    for exchange in sheets.filter(|one| matches!(one.initiator, Initiator::Style { .. })) {
        let _ = writeln!(body, "<i class=r{}>x</i>", exchange.id.0);
    }
    format!(
        "<!doctype html><html><head><title>x</title>\n{head}</head><body>x\n{body}</body></html>\n"
    )
}

/// A style sheet that names resources.
fn sheet(named: &[&Exchange]) -> String {
    let (mut imports, mut rules) = (String::new(), String::new());
    for exchange in named {
        let (url, id) = (exchange.url.replace(['"', '\\'], ""), exchange.id.0);
        let _ = match exchange.kind {
            ResourceKind::Style => writeln!(imports, "@import \"{url}\";"),
            ResourceKind::Font => writeln!(
                rules,
                "@font-face{{font-family:f{id};src:url(\"{url}\")}} .r{id}{{font-family:f{id}}}"
            ),
            _ => writeln!(rules, ".r{id}{{background-image:url(\"{url}\")}}"),
        };
    }
    imports + &rules
}

/// A text made as long as it was, with padding that makes it about as long as it was when coded.
fn padded(
    mut text: String,
    open: &str,
    close: &str,
    length: usize,
    coded: Option<u64>,
    seed: u32,
) -> Vec<u8> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+_";
    let frame = open.len() + close.len();
    let Some(room) = length.checked_sub(text.len() + frame) else {
        return text.into_bytes();
    };
    let wanted = coded.map_or(0.0, |coded| coded as f64 - text.len() as f64 * MARKUP);
    let varied = ((wanted / COST).max(0.0) as usize).min(room);
    text.push_str(open);
    let mut bytes = text.into_bytes();
    let mut state = u64::from(seed) + 1;
    for _ in 0..varied {
        // Knuth's multiplier for 64 bits; the upper bits vary most.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        bytes.push(ALPHABET[(state >> 58) as usize]);
    }
    bytes.resize(bytes.len() + room - varied, b' ');
    bytes.extend_from_slice(close.as_bytes());
    bytes
}

/// A URL within quotes of an attribute.
fn escaped(url: &str) -> String {
    url.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stand_in_is_as_long_as_what_it_stands_for() {
        for (length, coded) in [(10_000, None), (30_000, Some(8_000)), (244_344, Some(32_574))] {
            let body = padded("a{color:red}".into(), "/*", "*/", length, coded, 3);
            assert_eq!(body.len(), length);
            let Some(coded) = coded else { continue };
            let mut gzip =
                flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            std::io::Write::write_all(&mut gzip, &body).unwrap();
            let now = gzip.finish().unwrap().len() as f64;
            assert!((now / coded as f64 - 1.0).abs() < 0.05, "{now} for {coded}");
        }
        assert_eq!(
            padded("longer than it was".into(), "/*", "*/", 5, None, 1),
            b"longer than it was"
        );
    }
}
