//! Holds our pictures against Chromium's: `score CASES OURS` compares `CASES/NAME.chromium.png`
//! with `OURS/NAME/page.png` and prints for each NAME how many pixels differ, then their sum.
//! A pixel differs if its colour is more than 15 % of the way from black to white away: the edges
//! of letters stay below that, a missing box does not.

use std::error::Error;
use std::io::Write as _;
use std::path::Path;

use image::RgbImage;

/// Reads a picture, without its alpha channel.
fn read(path: &Path) -> Result<RgbImage, image::ImageError> {
    Ok(image::open(path)?.into_rgb8())
}

/// How many pixels of the larger picture differ.
fn differing(ours: &RgbImage, theirs: &RgbImage) -> usize {
    let (width, height) = (ours.width().max(theirs.width()), ours.height().max(theirs.height()));
    let at = |of: &RgbImage, x, y| of.get_pixel_checked(x, y).map(|pixel| pixel.0.map(i32::from));
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
            Err(_) => theirs.pixels().len(),
        };
        total += pixels;
        writeln!(out, "{pixels}\t{name}")?;
    }
    writeln!(out, "{total}\ttotal")?;
    Ok(())
}
