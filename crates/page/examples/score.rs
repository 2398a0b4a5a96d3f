//! Holds our pictures against Chromium's: `score CASES OURS` compares `CASES/NAME.chromium.png`
//! with `OURS/NAME/page.png` and prints for each NAME how many pixels differ, then their sum.
//! A pixel differs if its colour is more than 15 % of the way from black to white away: the edges
//! of letters stay below that, a missing box does not.

use std::error::Error;
use std::fs::File;
use std::io::{BufReader, Write as _};
use std::path::Path;

/// A picture without its alpha channel.
struct Pixels {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
}

fn read(path: &Path) -> Result<Pixels, Box<dyn Error>> {
    let mut decoder = png::Decoder::new(BufReader::new(File::open(path)?));
    decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::STRIP_16);
    let mut reader = decoder.read_info()?;
    let mut bytes = vec![0; reader.output_buffer_size().ok_or("too large")?];
    let frame = reader.next_frame(&mut bytes)?;
    let channels = frame.color_type.samples();
    let pixel = |pixel: &[u8]| match channels {
        1 | 2 => [pixel[0]; 3],
        _ => [pixel[0], pixel[1], pixel[2]],
    };
    let (width, height) = (frame.width as usize, frame.height as usize);
    let rgb = bytes[..frame.buffer_size()].chunks_exact(channels).flat_map(pixel).collect();
    Ok(Pixels { width, height, rgb })
}

/// How many pixels of the larger picture differ.
fn differing(ours: &Pixels, theirs: &Pixels) -> usize {
    let (width, height) = (ours.width.max(theirs.width), ours.height.max(theirs.height));
    let at = |of: &Pixels, x: usize, y: usize| -> Option<[i32; 3]> {
        let inside = x < of.width && y < of.height;
        let from = (y * of.width + x) * 3;
        inside.then(|| [0, 1, 2].map(|channel| i32::from(of.rgb[from + channel])))
    };
    // The square of 15 % of 255, for each of three channels.
    let most = 3 * 1463;
    let differs = |x, y| match (at(ours, x, y), at(theirs, x, y)) {
        (Some(a), Some(b)) => (0..3).map(|i| (a[i] - b[i]).pow(2)).sum::<i32>() > most,
        _ => true,
    };
    (0..height).map(|y| (0..width).filter(|&x| differs(x, y)).count()).sum()
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [cases, ours] = &arguments[..] else {
        return Err("usage: score CASES OURS".into());
    };
    let mut names = Vec::new();
    #[allow(clippy::disallowed_methods, reason = "sorted below")]
    for entry in std::fs::read_dir(cases)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        names.extend(name.strip_suffix(".chromium.png").map(str::to_owned));
    }
    names.sort();
    let mut total = 0;
    let mut out = std::io::stdout().lock();
    for name in names {
        let theirs = read(&Path::new(cases).join(format!("{name}.chromium.png")))?;
        let pixels = match read(&Path::new(ours).join(&name).join("page.png")) {
            Ok(ours) => differing(&ours, &theirs),
            Err(_) => theirs.width * theirs.height,
        };
        total += pixels;
        writeln!(out, "{pixels}\t{name}")?;
    }
    writeln!(out, "{total}\ttotal")?;
    Ok(())
}
