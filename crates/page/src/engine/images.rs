//! Images before they reach the engine: is the size bearable, and is the text in an SVG set in
//! the fonts of this run (the engine would take whatever the machine has).

use std::io::Cursor;
use std::sync::Arc;

use bytes::Bytes;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageReader, Limits};
use usvg::fontdb;

use super::{fonts, han};
use crate::limits;
use crate::options::Fonts;

/// An image that may be decoded.
pub(super) struct Checked {
    /// What decoding it will take.
    pub(super) pixels: u64,
    /// Other bytes to decode in its place.
    pub(super) bytes: Option<Bytes>,
}

/// The fonts for text in SVG images, loaded when the first one has text.
pub(super) struct SvgFonts {
    which: Fonts,
    loaded: Option<Arc<fontdb::Database>>,
    /// Whether the face for Chinese and Japanese is among what is loaded.
    han: bool,
}

impl SvgFonts {
    pub(super) fn new(which: Fonts) -> Self {
        SvgFonts { which, loaded: None, han: false }
    }

    /// The fonts for this SVG.
    fn database(&mut self, svg: &[u8]) -> Arc<fontdb::Database> {
        if !self.han && std::str::from_utf8(svg).is_ok_and(han::is_needed_for) {
            (self.han, self.loaded) = (true, None);
        }
        let (which, han) = (self.which, self.han);
        Arc::clone(self.loaded.get_or_insert_with(|| {
            let mut database = fontdb::Database::new();
            if which == Fonts::System {
                database.load_system_fonts();
            }
            for (family, bytes) in fonts::carried() {
                let source = fontdb::Source::Binary(Arc::new(bytes));
                for id in database.load_font_source(source) {
                    also_called(&mut database, id, fonts::aliases(family));
                }
            }
            if han {
                for id in database.load_font_source(fontdb::Source::Binary(Arc::new(han::face()))) {
                    also_called(&mut database, id, han::NAMES.into_iter());
                }
            }
            database.set_serif_family(fonts::SERIF);
            database.set_sans_serif_family(fonts::SANS);
            database.set_monospace_family(fonts::MONO);
            database.set_cursive_family(fonts::SANS);
            database.set_fantasy_family(fonts::SANS);
            Arc::new(database)
        }))
    }
}

/// Registers a face under more family names.
fn also_called(
    database: &mut fontdb::Database,
    id: fontdb::ID,
    names: impl Iterator<Item = &'static str>,
) {
    let Some(mut info) = database.face(id).cloned() else { return };
    let Some(language) = info.families.first().map(|family| family.1) else { return };
    for name in names {
        info.families.push((name.to_owned(), language));
    }
    database.remove_face(id);
    database.push_face_info(info);
}

/// Whether an image can be drawn; why not, in words.
pub(super) fn check(bytes: &[u8], fonts: &mut SvgFonts) -> Result<Checked, String> {
    if bytes.is_empty() {
        return Err("it is empty".to_owned());
    }
    if let Some(format) =
        image::guess_format(bytes).ok().filter(image::ImageFormat::reading_enabled)
    {
        let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
        reader.limits(Limits::default());
        let decoder = reader.into_decoder().map_err(|error| error.to_string())?;
        let (width, height) = decoder.dimensions();
        let pixels = u64::from(width) * u64::from(height);
        if pixels > limits::IMAGE_PIXELS {
            return Err(format!("{width} × {height} pixels are too many"));
        }
        return Ok(Checked { pixels, bytes: upright(decoder) });
    }
    if looks_like_svg(bytes) {
        return svg(bytes, fonts);
    }
    Err("its format is not one of PNG, JPEG, GIF, WebP and SVG".to_owned())
}

/// The picture the right way up, if its metadata say that it is to be turned (CSS Images 3, section
/// 5.2), which the engine does not look at; as a PNG that costs little to make.
fn upright(mut decoder: impl ImageDecoder) -> Option<Bytes> {
    let orientation = decoder.orientation().ok()?;
    if orientation == Orientation::NoTransforms {
        return None;
    }
    // One that cannot be decoded is left to the engine, which says so.
    let mut picture = DynamicImage::from_decoder(decoder).ok()?;
    picture.apply_orientation(orientation);
    let mut bytes = Vec::new();
    let encoder =
        PngEncoder::new_with_quality(&mut bytes, CompressionType::Fast, FilterType::NoFilter);
    picture.write_with_encoder(encoder).ok()?;
    Some(bytes.into())
}

fn looks_like_svg(bytes: &[u8]) -> bool {
    let gzip = bytes.starts_with(&[0x1F, 0x8B]);
    let head = &bytes[..bytes.len().min(4096)];
    gzip || head.windows(4).any(|window| window == b"<svg")
}

/// Text in an SVG image becomes outlines here, in the fonts of this run.
fn svg(bytes: &[u8], fonts: &mut SvgFonts) -> Result<Checked, String> {
    let has_text = bytes.windows(5).any(|window| window == b"<text");
    if !has_text {
        return Ok(Checked { pixels: 0, bytes: None });
    }
    let outlined = outline(bytes, fonts)?;
    Ok(Checked { pixels: 0, bytes: Some(Bytes::from(outlined.svg)) })
}

/// An SVG whose text is outlines.
pub(super) struct Outlined {
    pub(super) svg: String,
    pub(super) width: f32,
    pub(super) height: f32,
}

/// Turns the text of an SVG into outlines.
pub(super) fn outline(svg: impl AsRef<[u8]>, fonts: &mut SvgFonts) -> Result<Outlined, String> {
    let options = usvg::Options {
        font_family: fonts::SERIF.to_owned(),
        fontdb: fonts.database(svg.as_ref()),
        ..usvg::Options::default()
    };
    let tree = usvg::Tree::from_data(svg.as_ref(), &options).map_err(|error| error.to_string())?;
    Ok(Outlined {
        svg: tree.to_string(&usvg::WriteOptions::default()),
        width: tree.size().width(),
        height: tree.size().height(),
    })
}

#[cfg(test)]
mod tests {
    use image::codecs::jpeg::JpegEncoder;
    use image::{ImageEncoder as _, RgbImage};

    use super::*;

    /// A JPEG, white on the left and black on the right, with an orientation in its metadata.
    fn jpeg(orientation: u8) -> Vec<u8> {
        let picture = RgbImage::from_fn(32, 16, |x, _| {
            if x < 16 { image::Rgb([255; 3]) } else { image::Rgb([0; 3]) }
        });
        let mut bytes = Vec::new();
        let mut encoder = JpegEncoder::new(&mut bytes);
        // A TIFF header, and a directory of one entry: orientation, one short.
        let mut exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
        exif.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
        encoder.set_exif_metadata(exif).unwrap();
        picture.write_with_encoder(encoder).unwrap();
        bytes
    }

    #[test]
    fn a_picture_is_turned_as_its_metadata_say() {
        let mut fonts = SvgFonts::new(Fonts::CarriedOnly);
        assert!(check(&jpeg(1), &mut fonts).unwrap().bytes.is_none());
        // 6: the right is where the bottom was; 3: upside down.
        for (orientation, size, white) in [(6, (16, 32), (8, 4)), (3, (32, 16), (28, 8))] {
            let turned = check(&jpeg(orientation), &mut fonts).unwrap().bytes.unwrap();
            let turned = image::load_from_memory(&turned).unwrap().into_rgb8();
            assert_eq!(turned.dimensions(), size, "{orientation}");
            assert!(turned.get_pixel(white.0, white.1).0[0] > 200, "{orientation}");
        }
    }
}
