//! Responsive images: which of several sources a browser takes (HTML standard, section 4.8.4.3).

use cssparser::{ParseError, Parser, Token};

use crate::media::Media;

/// One candidate of a `srcset` attribute.
#[derive(Debug, Clone, PartialEq)]
struct Candidate<'a> {
    url: &'a str,
    descriptor: Descriptor,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Descriptor {
    Width(f32),
    Density(f32),
}

/// One place an image can come from: an `<img>`, or a `<source>` before it in a `<picture>`.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Source<'a> {
    pub(crate) src: Option<&'a str>,
    pub(crate) srcset: Option<&'a str>,
    pub(crate) sizes: Option<&'a str>,
    pub(crate) media: Option<&'a str>,
    pub(crate) mime: Option<&'a str>,
}

/// The address, as written, that a browser would load for an `<img>` with these `<source>`s
/// before it. `None` if there is none.
pub(crate) fn choose<'a>(sources: &[Source<'a>], img: Source<'a>, media: Media) -> Option<&'a str> {
    let mut applicable = sources.iter().filter(|source| {
        source.media.is_none_or(|query| media.matches(query)) && source.mime.is_none_or(drawable)
    });
    applicable
        .find_map(|source| best(source.srcset?, source.sizes, None, media))
        .or_else(|| best(img.srcset.unwrap_or(""), img.sizes, img.src, media))
}

/// Whether images of this type can be drawn.
pub(crate) fn drawable(mime: &str) -> bool {
    let mime = mime.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    matches!(
        mime.as_str(),
        "" | "image/png"
            | "image/apng"
            | "image/jpeg"
            | "image/jpg"
            | "image/pjpeg"
            | "image/gif"
            | "image/webp"
            | "image/svg+xml"
            | "image/bmp"
            | "image/x-icon"
            | "image/vnd.microsoft.icon"
    )
}

fn best<'a>(
    srcset: &'a str,
    sizes: Option<&str>,
    src: Option<&'a str>,
    media: Media,
) -> Option<&'a str> {
    let mut candidates = candidates(srcset);
    let by_width = candidates.iter().any(|c| matches!(c.descriptor, Descriptor::Width(_)));
    let has_one = candidates.iter().any(|c| c.descriptor == Descriptor::Density(1.0));
    if let Some(src) = src.map(str::trim).filter(|src| !src.is_empty())
        && !by_width
        && !has_one
    {
        candidates.push(Candidate { url: src, descriptor: Descriptor::Density(1.0) });
    }
    let size = source_size(sizes.unwrap_or(""), media);
    let mut dense: Vec<(f32, &str)> = candidates
        .iter()
        .map(|candidate| {
            let density = match candidate.descriptor {
                Descriptor::Width(width) => width / size.max(1e-3),
                Descriptor::Density(density) => density,
            };
            (density, candidate.url)
        })
        .collect();
    dense.sort_by(|a, b| a.0.total_cmp(&b.0));
    dense.dedup_by(|later, earlier| later.0.total_cmp(&earlier.0).is_eq());
    select(&dense, media.ratio)
}

/// Blink's choice (`ImageCandidate` selection): the first that is dense enough, unless the one
/// before is nearer by geometric mean.
fn select<'a>(dense: &[(f32, &'a str)], ratio: f32) -> Option<&'a str> {
    for pair in dense.windows(2) {
        let ((this, url), (next, next_url)) = (pair[0], pair[1]);
        if next < ratio {
            continue;
        }
        let nearer_next = (ratio <= 1.0 && ratio > this) || ratio >= (this * next).sqrt();
        return Some(if nearer_next { next_url } else { url });
    }
    dense.last().map(|(_, url)| *url)
}

/// The standard's "parse a srcset attribute".
fn candidates(srcset: &str) -> Vec<Candidate<'_>> {
    let mut found = Vec::new();
    let mut rest = srcset;
    loop {
        rest = rest.trim_start_matches(|c: char| is_space(c) || c == ',');
        if rest.is_empty() {
            return found;
        }
        let end = rest.find(is_space).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        let url = word.trim_end_matches(',');
        let descriptors = if url.len() < word.len() {
            rest = after;
            ""
        } else {
            let end = descriptors_end(after);
            rest = after.get(end + 1..).unwrap_or("");
            &after[..end]
        };
        if let Some(descriptor) = descriptor(descriptors)
            && !url.is_empty()
        {
            found.push(Candidate { url, descriptor });
        }
    }
}

/// Where a candidate's descriptors end: at a comma outside parentheses.
fn descriptors_end(text: &str) -> usize {
    let mut depth = 0usize;
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => return at,
            _ => {}
        }
    }
    text.len()
}

fn descriptor(text: &str) -> Option<Descriptor> {
    let mut result = Descriptor::Density(1.0);
    for (index, word) in text.split(is_space).filter(|word| !word.is_empty()).enumerate() {
        let number = |suffix: char| {
            word.strip_suffix(suffix).and_then(|n| n.parse::<f32>().ok()).filter(|n| n.is_finite())
        };
        if let Some(width) = number('w').filter(|n| *n > 0.0 && index == 0) {
            result = Descriptor::Width(width);
        } else if let Some(density) = number('x').filter(|n| *n >= 0.0 && index == 0) {
            result = Descriptor::Density(density);
        } else if number('h').is_none() {
            return None;
        }
    }
    Some(result)
}

/// The `sizes` attribute: the first length whose media condition matches, 100vw otherwise.
fn source_size(sizes: &str, media: Media) -> f32 {
    let mut parser = Parser::new(sizes);
    let found = parser.parse_comma_separated_ignoring_errors(|p| one_size(p, media));
    found.into_iter().flatten().next().unwrap_or(media.width)
}

/// One entry of `sizes`: its length if its condition matches.
fn one_size(p: &mut Parser<'_>, media: Media) -> Result<Option<f32>, ParseError<()>> {
    let start = p.position();
    let mut last = (start, start, None);
    loop {
        p.skip_whitespace();
        let before = p.position();
        let Ok(token) = p.next() else { break };
        let length = match token {
            Token::Dimension { value, unit, .. } => media.length(*value, unit),
            Token::Number { value, .. } if *value == 0.0 => Some(0.0),
            Token::Function(name) if is_maths(name) => Some(p.parse_nested_block(|p| {
                let length = sum(p, media, 0);
                while p.next().is_ok() {}
                Ok::<_, ParseError<()>>(length)
            })?)
            .flatten(),
            _ => None,
        };
        last = (before, p.position(), length);
    }
    let Some(length) = last.2 else { return Err(ParseError::custom(())) };
    let condition = p.slice(start..last.0).trim();
    Ok(media.matches(condition).then_some(length))
}

fn is_maths(name: &str) -> bool {
    ["calc", "-webkit-calc"].iter().any(|f| name.eq_ignore_ascii_case(f))
}

/// `calc()`'s sums, products and parentheses; `None` for what is not a length in the end.
fn sum(p: &mut Parser<'_>, media: Media, depth: usize) -> Option<f32> {
    let mut total = product(p, media, depth)?;
    loop {
        let sign = p.try_parse(|p| match p.next() {
            Ok(Token::Delim('+')) => Ok(1.0),
            Ok(Token::Delim('-')) => Ok(-1.0),
            _ => Err(()),
        });
        let Ok(sign) = sign else { return Some(total) };
        total += sign * product(p, media, depth)?;
    }
}

fn product(p: &mut Parser<'_>, media: Media, depth: usize) -> Option<f32> {
    let mut total = term(p, media, depth)?;
    loop {
        let times = p.try_parse(|p| match p.next() {
            Ok(Token::Delim('*')) => Ok(true),
            Ok(Token::Delim('/')) => Ok(false),
            _ => Err(()),
        });
        let Ok(times) = times else { return Some(total) };
        let factor = term(p, media, depth)?;
        total = if times { total * factor } else { total / factor };
    }
}

fn term(p: &mut Parser<'_>, media: Media, depth: usize) -> Option<f32> {
    match p.next().ok()?.clone() {
        Token::Number { value, .. } => Some(value),
        Token::Dimension { value, unit, .. } => media.length(value, &unit),
        Token::ParenthesisBlock if depth < 16 => nested(p, media, depth),
        Token::Function(name) if depth < 16 && is_maths(&name) => nested(p, media, depth),
        _ => None,
    }
}

fn nested(p: &mut Parser<'_>, media: Media, depth: usize) -> Option<f32> {
    p.parse_nested_block(|p| {
        let total = sum(p, media, depth + 1);
        while p.next().is_ok() {}
        total.ok_or_else(|| ParseError::<()>::custom(()))
    })
    .ok()
}

fn is_space(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\u{C}' | '\r' | ' ')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Scheme;

    fn media(width: f32, ratio: f32) -> Media {
        Media { width, height: 800.0, ratio, scheme: Scheme::Light }
    }

    #[test]
    fn one_candidate_is_taken() {
        // srcset, sizes, src, viewport width, ratio, expected
        let rows = [
            ("", "", "a.png", 1280.0, 1.0, Some("a.png")),
            ("b.png 2x", "", "a.png", 1280.0, 1.0, Some("a.png")),
            ("b.png 2x", "", "a.png", 1280.0, 2.0, Some("b.png")),
            ("b.png 2x, c.png 3x", "", "a.png", 1280.0, 1.6, Some("b.png")),
            ("b.png", "", "a.png", 1280.0, 2.0, Some("b.png")),
            ("s.png 400w, m.png 800w, l.png 1600w", "", "a.png", 1280.0, 1.0, Some("l.png")),
            ("s.png 400w, m.png 800w, l.png 1600w", "50vw", "a.png", 1280.0, 1.0, Some("m.png")),
            (
                "s.png 400w, m.png 800w",
                "(max-width: 500px) 100vw, 300px",
                "a.png",
                480.0,
                1.0,
                Some("m.png"),
            ),
            (
                "s.png 400w, m.png 800w",
                "(max-width: 500px) 100vw, 300px",
                "a.png",
                1280.0,
                1.0,
                Some("s.png"),
            ),
            ("s.png 400w, m.png 800w", "calc(100vw - 900px)", "", 1280.0, 1.0, Some("s.png")),
            (
                "s.png 400w, m.png 800w",
                "calc((100vw - 280px) * 0.5)",
                "",
                1280.0,
                1.0,
                Some("m.png"),
            ),
            ("a,b.png, c.png 2x", "", "", 1280.0, 1.0, Some("a,b.png")),
            ("a.png 1q, b.png 1x", "", "", 1280.0, 1.0, Some("b.png")),
            ("a.png 100w 50h", "", "", 1280.0, 1.0, Some("a.png")),
            (" , ,", "", "", 1280.0, 1.0, None),
            ("", "", "  ", 1280.0, 1.0, None),
        ];
        for (srcset, sizes, src, width, ratio, expected) in rows {
            let img = Source {
                src: Some(src),
                srcset: Some(srcset),
                sizes: Some(sizes),
                ..Source::default()
            };
            assert_eq!(choose(&[], img, media(width, ratio)), expected, "{srcset} | {sizes}");
        }
    }

    #[test]
    fn a_picture_takes_the_first_source_that_applies() {
        let img = Source { src: Some("fallback.png"), ..Source::default() };
        let source =
            |srcset, media, mime| Source { srcset: Some(srcset), media, mime, ..Source::default() };
        let avif = source("a.avif", None, Some("image/avif"));
        let narrow = source("narrow.png", Some("(max-width: 600px)"), None);
        let webp = source("a.webp", None, Some("image/webp"));
        assert_eq!(choose(&[avif, narrow, webp], img, media(1280.0, 1.0)), Some("a.webp"));
        assert_eq!(choose(&[avif, narrow, webp], img, media(500.0, 1.0)), Some("narrow.png"));
        assert_eq!(choose(&[avif], img, media(1280.0, 1.0)), Some("fallback.png"));
    }
}
