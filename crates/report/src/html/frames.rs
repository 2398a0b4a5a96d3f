//! The page as it came on the display: small pictures in a row, each with its time and what had come by then.

use data_encoding::BASE64;
use maud::{Markup, html as markup};
use roundtrip_record::Bodies;

use crate::model::Model;
use crate::text::{bytes as size, count, duration};

/// The largest picture that is embedded, in bytes.
const LARGEST: u64 = 256 << 10;

pub(super) fn section(model: &Model, bodies: &Bodies) -> Markup {
    if model.frames.is_empty() {
        return markup! {};
    }
    let start = model.total().start;
    markup! {
        section #frames {
            h2 { (say!("As it came on the display")) }
            div.film tabindex="0" role="group" aria-label=(say!("As it came on the display")) {
                @for frame in &model.frames {
                    @let since = duration(frame.at - start);
                    figure {
                        @match bodies.get(&frame.what.picture) {
                            Ok(png) if png.len() as u64 <= LARGEST && png.starts_with(b"\x89PNG") => {
                                img alt=(say!("The page after {}", since)) width=(frame.what.width) height=(frame.what.height) src=(format!("data:image/png;base64,{}", BASE64.encode(&png)));
                            }
                            Ok(_) => p.note { (say!("The picture is in the record's folder.")) }
                            Err(_) => p.note { (say!("The picture was not kept.")) }
                        }
                        figcaption {
                            b { (since) }
                            " " (say!("{} of the document, {}", size(frame.what.document), count(frame.what.resources as usize, "resource")))
                        }
                    }
                }
            }
            p.note { (say!("When something came, the time until it is on the display is modelled. Pictures that show what the one before shows are left out.")) }
        }
    }
}
