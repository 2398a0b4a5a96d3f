//! Paints an HTML file: `cargo run -p roundtrip-page --example paint -- page.html page.png [full] [1280x800] [system] [dark] [2x]`.
//! Sub-resources come from the disk, beside the page; `http:` ones are missing.

use std::path::Path;
use std::process::ExitCode;

use roundtrip_page::{Delivered, Extent, Fetch, Fonts, Options, Page, PaintError, Scheme, Url};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [input, output, words @ ..] = arguments.as_slice() else {
        eprintln!("usage: paint PAGE.html PAGE.png [full] [WIDTHxHEIGHT] [system] [dark] [2x]");
        return ExitCode::from(2);
    };
    match paint(input, output, words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn paint(input: &str, output: &str, words: &[String]) -> Result<(), Box<dyn std::error::Error>> {
    let path = std::path::absolute(input)?;
    let url = Url::from_file_path(&path).map_err(|()| "not a file's path")?;
    let mut page = Page::new(url, options(words, &path)?);
    for piece in std::fs::read(&path)?.chunks(1400) {
        page.feed(piece);
    }
    page.finish_document();
    let picture = loop {
        while let Some(fetch) = page.poll_fetch() {
            eprintln!("{:?} {:?} {:?} {}", fetch.priority, fetch.kind, fetch.blocks, fetch.url);
            let delivered = load(&fetch);
            page.deliver(fetch.id, delivered);
        }
        let picture = page.paint()?;
        if page.pending().next().is_none() {
            break picture;
        }
    };
    for note in page.notes() {
        eprintln!("note: {note}");
    }
    eprintln!("{:?} {:?}", picture, page.summary());
    std::fs::write(output, picture.png())?;
    Ok::<_, PaintError>(()).map_err(Into::into)
}

fn options(words: &[String], path: &Path) -> Result<Options, Box<dyn std::error::Error>> {
    let mut options = Options::default();
    if path.extension().is_some_and(|ending| ending == "xhtml") {
        options.content_type = Some("application/xhtml+xml".to_owned());
    }
    for word in words {
        match word.as_str() {
            "full" => options.extent = Extent::Full,
            "system" => options.fonts = Fonts::System,
            "dark" => options.scheme = Scheme::Dark,
            _ => match word.strip_suffix('x').and_then(|scale| scale.parse().ok()) {
                Some(scale) => options.scale = scale,
                None => options.viewport = word.parse()?,
            },
        }
    }
    Ok(options)
}

fn load(fetch: &Fetch) -> Delivered {
    let failed = |reason: String| Delivered::Failed { reason };
    let Ok(path) = fetch.url.to_file_path() else { return failed("not on this disk".to_owned()) };
    match std::fs::read(path) {
        Ok(bytes) => Delivered::Loaded {
            bytes: bytes.into(),
            content_type: None,
            final_url: fetch.url.clone(),
        },
        Err(error) => failed(error.to_string()),
    }
}
