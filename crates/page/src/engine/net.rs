//! Blitz's network, which is a queue answered from what was delivered.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use blitz_traits::net::{Bytes, NetHandler, NetProvider, Request};
use url::Url;

use super::input::Input;
use super::note::LayoutNote;
use super::sheet::{self, Used};
use super::{embedded, images};
use crate::fetch::Kind;
use crate::limits;
use crate::policy::{Claims, Csp, RefusedData};
use crate::scan::fetchable;

/// Requests in the order Blitz made them.
pub(super) struct Queue(Mutex<Vec<(Url, Box<dyn NetHandler>)>>);

impl Queue {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Queue(Mutex::new(Vec::new())))
    }

    fn take(&self) -> Vec<(Url, Box<dyn NetHandler>)> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

impl NetProvider for Queue {
    fn fetch(&self, _document: usize, request: Request, handler: Box<dyn NetHandler>) {
        let mut queue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        queue.push((request.url, handler));
    }
}

/// What the queue is answered from, and what could not be answered.
pub(super) struct Answers<'a> {
    input: &'a Input,
    used: Used,
    pub(super) fonts: images::SvgFonts,
    pixels: u64,
    /// Checked images: whether they may be decoded.
    checked: BTreeMap<String, Option<Bytes>>,
    asked: BTreeSet<Url>,
    pub(super) missing: Vec<Url>,
    pub(super) notes: Vec<LayoutNote>,
    /// The policies of the page.
    csp: Rc<Csp>,
    pub(super) refused: Vec<RefusedData>,
}

impl<'a> Answers<'a> {
    pub(super) fn new(input: &'a Input, used: Used, csp: Rc<Csp>) -> Self {
        Answers {
            input,
            used,
            fonts: images::SvgFonts::new(input.options.fonts),
            pixels: 0,
            checked: BTreeMap::new(),
            asked: BTreeSet::new(),
            missing: Vec::new(),
            notes: Vec::new(),
            csp,
            refused: Vec::new(),
        }
    }

    /// Answers every request in the queue; tells how many there were. What did not come is
    /// answered with no bytes: Blitz would wait for a style sheet for ever.
    pub(super) fn answer(&mut self, queue: &Queue) -> usize {
        let requests = queue.take();
        let count = requests.len();
        for (url, handler) in requests {
            let bytes = self.bytes(&url);
            handler.bytes(url.into(), bytes);
        }
        count
    }

    fn bytes(&mut self, url: &Url) -> Bytes {
        if url.scheme() == "data" {
            if self.is_refused(url) {
                return Bytes::new();
            }
            let Some(bytes) = embedded::decode(url) else { return Bytes::new() };
            return self.image(url, bytes);
        }
        let Some(key) = fetchable(url.clone()) else { return Bytes::new() };
        if let Some(css) = self.input.styles.get(key.as_str()) {
            return match std::str::from_utf8(css) {
                Ok(css) => sheet::prepare(css, &self.used).into(),
                Err(_) => css.clone(),
            };
        }
        if let Some(bytes) = self.input.bytes.get(key.as_str()) {
            return self.image(&key, bytes.clone());
        }
        if self.asked.insert(key.clone()) {
            self.missing.push(key);
        }
        Bytes::new()
    }

    /// Whether the page's policy keeps an image out that stands in its address, which is then told.
    fn is_refused(&mut self, url: &Url) -> bool {
        let violated = self.csp.request(url, Kind::Image, &Claims::default(), false);
        let Some(violated) = violated.first() else { return false };
        let refused = RefusedData::new(short(url).to_string(), violated);
        if !self.refused.contains(&refused) && self.refused.len() < limits::LISTED {
            self.refused.push(refused);
        }
        true
    }

    /// An image's bytes if it can be drawn within the limits.
    fn image(&mut self, url: &Url, bytes: Bytes) -> Bytes {
        let key = url.as_str();
        if let Some(known) = self.checked.get(key) {
            return known.clone().unwrap_or_default();
        }
        let drawable = match images::check(&bytes, &mut self.fonts) {
            Ok(checked) if self.pixels + checked.pixels > limits::PAGE_PIXELS => {
                Err("the page's images together are too large".to_owned())
            }
            Ok(checked) => {
                self.pixels += checked.pixels;
                Ok(checked.bytes.unwrap_or(bytes))
            }
            Err(why) => Err(why),
        };
        let kept = match drawable {
            Ok(bytes) => Some(bytes),
            Err(why) => {
                self.notes.push(LayoutNote::ImageNotDrawn { url: short(url), why });
                None
            }
        };
        self.checked.insert(key.to_owned(), kept.clone());
        kept.unwrap_or_default()
    }
}

/// A `data:` address can be as long as the image: notes keep its beginning.
fn short(url: &Url) -> Url {
    if url.scheme() != "data" || url.as_str().len() <= 80 {
        return url.clone();
    }
    let end = url.as_str().floor_char_boundary(80);
    Url::parse(&format!("{}…", &url.as_str()[..end])).unwrap_or_else(|_| url.clone())
}
