//! `Pages`: pages of one's own for errors.

use core::ops::RangeInclusive;
use core::str::FromStr;
use std::rc::Rc;

use roundtrip_wire::LocalFuture;

use super::files::Files;
use crate::server::{Handler, Request, RequestBody, Response};

/// The page for answers of some statuses: `STATUS=PATH`, as `404=/404.html` or `5xx=/sorry.html`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorPage {
    statuses: RangeInclusive<u16>,
    path: String,
}

impl FromStr for ErrorPage {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WANTED: &str = "wanted STATUS=PATH, as 404=/404.html or 5xx=/sorry.html";
        let (status, path) = text.split_once('=').ok_or(WANTED)?;
        let statuses = match status {
            "4xx" => 400..=499,
            "5xx" => 500..=599,
            one => {
                let one = one.parse().ok().filter(|one| (400..=599).contains(one)).ok_or(WANTED)?;
                one..=one
            }
        };
        if path.trim_start_matches('/').is_empty() {
            return Err(WANTED);
        }
        Ok(Self { statuses, path: format!("/{}", path.trim_start_matches('/')) })
    }
}

/// Answers as another handler does, with pages of one's own where the server would say in its own words what is
/// wrong. What programs and other servers say of their errors stays.
pub struct Pages {
    own: Vec<ErrorPage>,
    files: Rc<Files>,
    inner: Rc<dyn Handler>,
}

impl Pages {
    /// Those pages, which are among `files`, for what `inner` answers.
    pub fn new(pages: Vec<ErrorPage>, files: Rc<Files>, inner: Rc<dyn Handler>) -> Self {
        Self { own: pages, files, inner }
    }

    /// The page for one status before that for many; the first of several.
    fn page(&self, status: u16, request: &Request) -> Option<Response> {
        let fitting = |one: &&ErrorPage| one.statuses.contains(&status);
        let page = self.own.iter().filter(fitting).min_by_key(|one| one.statuses.len())?;
        self.files.page(&page.path, request)
    }
}

impl Handler for Pages {
    fn handle<'a>(&'a self, request: &'a Request, body: RequestBody) -> LocalFuture<'a, Response> {
        Box::pin(async move {
            let mut response = self.inner.handle(request, body).await;
            if !response.is_words {
                return response;
            }
            if let Some(page) = self.page(response.status.as_u16(), request) {
                for name in ["Content-Type", "Content-Encoding"] {
                    response.fields.remove(name);
                }
                for (name, value) in page.fields.iter() {
                    // It was a field of a response before.
                    let _ = response.fields.push(name, value);
                }
                response.body = page.body;
            }
            response
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_for_errors() {
        let page = "404=nowhere.html".parse::<ErrorPage>().unwrap();
        assert_eq!(page, ErrorPage { statuses: 404..=404, path: "/nowhere.html".into() });
        assert_eq!("5xx=/a".parse::<ErrorPage>().unwrap().statuses, 500..=599);
        for text in ["", "404", "404=", "404=/", "200=/a", "3xx=/a", "x=/a"] {
            assert!(text.parse::<ErrorPage>().is_err(), "{text}");
        }
    }
}
