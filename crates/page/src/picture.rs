//! A painted page.

use std::fmt;

use bytes::Bytes;

/// A painted page: opaque pixels in sRGB.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    /// Device pixels.
    pub width: u32,
    /// Device pixels.
    pub height: u32,
    /// Rows from the top, pixels from the left, four bytes each: red, green, blue, alpha (255).
    pub rgba: Vec<u8>,
}

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Picture({} × {})", self.width, self.height)
    }
}

impl Picture {
    /// Red, green and blue of one pixel; `None` outside the picture.
    pub fn pixel(&self, x: u32, y: u32) -> Option<[u8; 3]> {
        if x >= self.width || y >= self.height {
            return None;
        }
        let at = (y as usize * self.width as usize + x as usize) * 4;
        self.rgba.get(at..at + 3)?.try_into().ok()
    }

    /// The picture as wide as this, if it is wider, and no higher than `height`: what is below is left out. Each
    /// pixel is the mean of those that it stands for, in whole numbers.
    #[must_use]
    pub fn shrunk(&self, width: u32, height: u32) -> Picture {
        let width = width.clamp(1, self.width.max(1));
        let whole = u64::from(self.height) * u64::from(width) / u64::from(self.width.max(1));
        let height = (whole.max(1) as u32).min(height.max(1));
        // Which pixels of the old picture, along one side, a pixel of the new one stands for.
        let span = |at: u32| {
            let edge = |at: u32| u64::from(at) * u64::from(self.width) / u64::from(width);
            edge(at) as usize..edge(at + 1) as usize
        };
        let stride = self.width as usize * 4;
        let mut rgba = Vec::with_capacity(width as usize * height as usize * 4);
        for y in 0..height {
            let rows = span(y).start..span(y).end.min(self.height as usize);
            for x in 0..width {
                let columns = span(x);
                let (mut sum, mut count) = ([0u64; 4], 0);
                for row in rows.clone() {
                    let line = &self.rgba
                        [row * stride + columns.start * 4..row * stride + columns.end * 4];
                    for pixel in line.chunks_exact(4) {
                        for (sum, part) in sum.iter_mut().zip(pixel) {
                            *sum += u64::from(*part);
                        }
                        count += 1;
                    }
                }
                rgba.extend(sum.map(|sum| ((sum + count / 2) / count.max(1)) as u8));
            }
        }
        Picture { width, height, rgba }
    }

    /// The picture as a PNG file (W3C PNG, third edition): 8 bits a channel, no alpha, always
    /// the same filter and compression, so that equal pictures are equal files.
    pub fn png(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.rgba.len() / 16);
        let rgb: Vec<u8> =
            self.rgba.chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
        let mut encoder = png::Encoder::new(&mut out, self.width, self.height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::Balanced);
        encoder.set_filter(png::Filter::Adaptive);
        // Writing to memory cannot fail, and the size was checked when the picture was made.
        let written = encoder.write_header().and_then(|mut writer| {
            writer.write_image_data(&rgb)?;
            writer.finish()
        });
        debug_assert!(written.is_ok(), "{written:?}");
        out
    }
}

/// A painted page as a file.
#[derive(Clone, PartialEq, Eq)]
pub struct Png {
    /// Device pixels.
    pub width: u32,
    /// Device pixels.
    pub height: u32,
    /// The file: see [`Picture::png`].
    pub bytes: Bytes,
}

impl fmt::Debug for Png {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Png({} × {}, {} bytes)", self.width, self.height, self.bytes.len())
    }
}

impl Png {
    /// The pixels; `None` if this is no file of ours.
    pub fn picture(&self) -> Option<Picture> {
        let mut reader = png::Decoder::new(std::io::Cursor::new(&self.bytes)).read_info().ok()?;
        let mut rgb = vec![0; reader.output_buffer_size()?];
        let frame = reader.next_frame(&mut rgb).ok()?;
        let ours = (frame.width, frame.height, frame.color_type, frame.bit_depth)
            == (self.width, self.height, png::ColorType::Rgb, png::BitDepth::Eight);
        let rgba = rgb.chunks_exact(3).flat_map(|pixel| [pixel[0], pixel[1], pixel[2], 255]);
        ours.then(|| Picture { width: self.width, height: self.height, rgba: rgba.collect() })
    }
}

/// Why there is no picture.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PaintError {
    /// The layout engine gave up. What it said is kept; the page can still be scanned and shown.
    #[error("the layout engine failed while {during}: {message}")]
    Engine {
        /// What it was doing.
        during: String,
        /// Its panic message and place.
        message: String,
    },
    /// No thread could be started to lay out on.
    #[error("no thread to lay out on: {0}")]
    Thread(String),
    /// The process that lays out and paints could not be started, or is gone: in words, what
    /// became of it.
    #[error("the process that lays out and paints {0}")]
    Child(String),
    /// Nothing has come yet that could be painted.
    #[error("no markup has come yet")]
    Empty,
}
