//! Advice about the bytes themselves. They are made, so that their sizes are real.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::webp::WebPEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder as _, ImageEncoder as _, ImageFormat};
use roundtrip_http::client::Scheme;
use roundtrip_http::media::essence;
use roundtrip_record::ResourceKind;
use roundtrip_visit::answers::Answer;

use crate::change::{AnswerChange, Change};
use crate::proposals::{Proposals, Untried};
use crate::seen::{Resource, Seen};
use crate::variant::Variant;
use crate::words::{kilobytes, list, several};

/// Answers shorter than this are not coded or made anew: they fit into one segment as they are.
const LEAST: usize = 1_000;
/// The quality at which photographs are coded anew.
const QUALITY: u8 = 75;
/// The most pixels of a picture that is coded anew.
const PIXELS: u64 = 40_000_000;
/// The most bytes of all pictures that are coded anew: it takes a second for some ten megabytes.
const ALL: usize = 64 << 20;
/// Where at the latest a PNG says that it moves.
const MOVES_BY: usize = 4096;

/// What needs the recorded bytes.
pub(crate) fn not_recorded(seen: &Seen<'_>, proposals: &mut Proposals) {
    let resources = seen.resources();
    let lacking = resources.iter().filter(|one| one.answer.is_stand_in()).count();
    if lacking > 0 {
        proposals.untried.push(Untried::new(
            "compression, other pictures, inlined and merged files",
            format!("the recording lacks {lacking} bodies (a HAR with content has them)"),
        ));
    }
}

pub(crate) fn compression(seen: &Seen<'_>, proposals: &mut Proposals) {
    let mut texts = seen.contents();
    texts.retain(|one| is_text(one.answer) && one.answer.content().len() >= LEAST);
    let plain = |one: &&Resource<'_>| one.answer.codings().is_empty();
    let secure = |one: &&Resource<'_>| one.origin.scheme == Scheme::Https;
    let uncoded: Vec<&Resource<'_>> = texts.iter().filter(plain).collect();
    let with_gzip = texts
        .iter()
        .filter(|one| !plain(one) && !one.answer.codings().iter().any(|coding| coding != "gzip"))
        .filter(secure);
    proposals.variants.extend(coded(&uncoded, "gzip", "gzip"));
    // Browsers offer the newer ones over https alone.
    let secure_uncoded = uncoded.iter().copied().filter(secure);
    let all: Vec<&Resource<'_>> = secure_uncoded.chain(with_gzip).collect();
    for (coding, name) in [("br", "Brotli"), ("zstd", "Zstandard")] {
        proposals.variants.extend(coded(&all, coding, name));
    }
}

/// Resources in a coding, where that makes them smaller by a tenth.
fn coded(resources: &[&Resource<'_>], coding: &'static str, name: &str) -> Option<Variant> {
    let smaller = |one: &&Resource<'_>| {
        let mut answer = Answer::clone(one.answer);
        answer.set_coding(Some(coding));
        let (was, is) = (one.answer.encoded_size(), answer.encoded_size());
        (is * 10 <= was * 9).then_some((was, is))
    };
    let sizes = resources.iter().filter_map(|one| Some((*one, smaller(one)?)));
    let found: Vec<(&Resource<'_>, (usize, usize))> = sizes.collect();
    if found.is_empty() {
        return None;
    }
    let names: Vec<String> = found.iter().map(|(one, _)| one.name()).collect();
    let was: usize = found.iter().map(|(_, (was, _))| was).sum();
    let is: usize = found.iter().map(|(_, (_, is))| is).sum();
    let sizes = format!("{} → {}", kilobytes(was), kilobytes(is));
    let anew = found.iter().all(|(one, _)| !one.answer.codings().is_empty());
    let instead = if anew { ", not gzip" } else { "" };
    let title = format!("compressed {} with {name}{instead} ({sizes})", several(&names, "file"));
    let change = |(one, _): &(&Resource<'_>, _)| {
        Change::Answer(one.url.clone(), AnswerChange::Coding(coding))
    };
    Some(
        Variant::new(coding, title)
            .how(format!("Content-Encoding: {coding} for {}", list(&names)))
            .lighthouse("document-latency-insight")
            .excluding("coding")
            .with(found.iter().map(change)),
    )
}

/// Whether an answer is of a kind that compresses well.
fn is_text(answer: &Answer) -> bool {
    let media = essence(answer.fields.text("Content-Type").unwrap_or(""));
    media.starts_with("text/")
        || ["json", "javascript", "xml", "x-javascript", "ecmascript"]
            .iter()
            .any(|end| media.ends_with(end))
        || matches!(
            media.as_str(),
            "application/wasm"
                | "font/ttf"
                | "font/otf"
                | "application/vnd.ms-fontobject"
                | "application/manifest+json"
                | "image/x-icon"
                | "image/bmp"
        )
}

pub(crate) fn images(seen: &Seen<'_>, proposals: &mut Proposals) {
    let mut pictures = seen.contents();
    pictures.retain(|one| {
        let kind = one.exchange.kind;
        matches!(kind, ResourceKind::Image | ResourceKind::Icon)
            && one.answer.encoded_size() >= LEAST
    });
    let mut so_far = 0;
    pictures.retain(|one| {
        so_far += one.answer.content().len();
        so_far <= ALL
    });
    let made: Vec<(&Resource<'_>, Made)> =
        pictures.iter().filter_map(|one| Some((one, smaller(one.answer)?))).collect();
    for (media, name, form) in [
        ("image/webp", "webp", "as lossless WebP".to_owned()),
        ("image/jpeg", "jpeg", format!("as JPEG of quality {QUALITY}")),
    ] {
        let of_media: Vec<_> = made.iter().filter(|(_, made)| made.media == media).collect();
        if of_media.is_empty() {
            continue;
        }
        let names: Vec<String> = of_media.iter().map(|(one, _)| one.name()).collect();
        let was: usize = of_media.iter().map(|(one, _)| one.answer.encoded_size()).sum();
        let is: usize = of_media.iter().map(|(_, made)| made.content.len()).sum();
        let sizes = format!("{} → {}", kilobytes(was), kilobytes(is));
        let changes = of_media.iter().map(|(one, made)| {
            let content = made.content.clone().into();
            Change::Answer(one.url.clone(), AnswerChange::Content { content, media })
        });
        proposals.variants.push(
            Variant::new(name, format!("sent {} {form} ({sizes})", several(&names, "picture")))
                .how(format!("coded anew, so that the bytes are real: {}", list(&names)))
                .lighthouse("image-delivery-insight")
                .with(changes),
        );
    }
    if !pictures.is_empty() {
        proposals.untried.push(Untried::new(
            "pictures in AVIF or lossy WebP, or as large as they are shown",
            "they are coded by lossless WebP and JPEG alone here, in their own dimensions",
        ));
    }
}

/// A picture in another form.
struct Made {
    content: Vec<u8>,
    media: &'static str,
}

/// The picture in a form that is smaller by a tenth, if there is one. What it looks like stays: one that
/// moves, has more than eight bits, or is to be turned is left alone, and its colour profile goes with it.
fn smaller(answer: &Answer) -> Option<Made> {
    let was = answer.content();
    let format = image::guess_format(was).ok()?;
    let mut reader = image::ImageReader::with_format(Cursor::new(was.as_ref()), format);
    reader.limits(image::Limits::default());
    let mut decoder = reader.into_decoder().ok()?;
    let (width, height) = decoder.dimensions();
    let is_turned = decoder.orientation().ok()? != Orientation::NoTransforms;
    let is_deep = decoder.color_type().bytes_per_pixel() > decoder.color_type().channel_count();
    let moves = was.windows(4).take(MOVES_BY).any(|bytes| bytes == b"acTL");
    if u64::from(width) * u64::from(height) > PIXELS || is_turned || is_deep || moves {
        return None;
    }
    let profile = decoder.icc_profile().ok()?;
    let encoded = |content: Vec<u8>, media| Made { content, media };
    let picture = DynamicImage::from_decoder(decoder).ok()?;
    let made = match format {
        ImageFormat::Png => encoded(webp(&picture, profile)?, "image/webp"),
        ImageFormat::Jpeg => encoded(jpeg(&picture, profile)?, "image/jpeg"),
        // A GIF may move, and WebP is as small as it gets here.
        _ => return None,
    };
    (made.content.len() * 10 <= was.len() * 9).then_some(made)
}

fn webp(picture: &DynamicImage, profile: Option<Vec<u8>>) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let alpha = picture.color().has_alpha();
    let eight =
        if alpha { picture.to_rgba8().into() } else { DynamicImage::from(picture.to_rgb8()) };
    let mut encoder = WebPEncoder::new_lossless(&mut out);
    profile.map_or(Ok(()), |profile| encoder.set_icc_profile(profile)).ok()?;
    eight.write_with_encoder(encoder).ok()?;
    Some(out)
}

fn jpeg(picture: &DynamicImage, profile: Option<Vec<u8>>) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut out, QUALITY);
    profile.map_or(Ok(()), |profile| encoder.set_icc_profile(profile)).ok()?;
    DynamicImage::from(picture.to_rgb8()).write_with_encoder(encoder).ok()?;
    Some(out)
}
