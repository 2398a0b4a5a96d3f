//! The built-in demo: an order is posted to a shop, answered with a redirect, and the page that
//! follows needs style sheets, pictures from another origin, and one that is not there.

use std::rc::Rc;

use bytes::Bytes;
use http::{Method, StatusCode};
use roundtrip_http::client::Scheme;
use roundtrip_http::handler::{Files, Tree};
use roundtrip_http::server::{Handler, Request, RequestBody, Response};
use roundtrip_wire::LocalFuture;
use url::Url;

use crate::plan::Plan;
use crate::site::Site;

/// The shop, where orders go.
const SHOP: &str = "postcards.example";
/// The shop's pages.
const PAGES: &str = "www.postcards.example";
/// Its pictures.
const PICTURES: &str = "img.postcards.example";
/// The largest order that is read.
const ORDER: usize = 64 * 1024;

/// The demo's hosts.
pub const HOSTS: [&str; 3] = [SHOP, PAGES, PICTURES];

/// What the demo visits.
///
/// # Panics
/// Never: the address is a constant.
pub fn plan(scheme: Scheme) -> Plan {
    let url = format!("{}://{SHOP}/order", scheme.name());
    let mut plan = Plan::get(Url::parse(&url).expect("a constant that is a URL"));
    plan.method = Method::POST;
    plan.fields.add("Content-Type", "application/x-www-form-urlencoded");
    plan.body = Bytes::from_static(b"card=harbour&to=Ada+Lovelace&message=Wish+you+were+here");
    plan
}

/// The demo's three hosts.
pub fn sites(scheme: Scheme) -> Vec<Site> {
    let site = |host: &str, handler: Rc<dyn Handler>| {
        let site = Site::http(host, Box::new(move |_| handler));
        if scheme == Scheme::Https { site.secure() } else { site }
    };
    // The pictures' server closes each connection after one resource; the pages' server keeps them.
    let mut pictures = site(PICTURES, Rc::new(Files::tree(pictures())));
    pictures.options.max_requests = 1;
    vec![
        site(SHOP, Rc::new(Shop { scheme })),
        site(PAGES, Rc::new(Files::tree(pages(scheme)))),
        pictures,
    ]
}

fn pages(scheme: Scheme) -> Tree {
    let page = include_str!("../demo/www/thanks/index.html");
    let page = match scheme {
        Scheme::Http => page.to_owned(),
        Scheme::Https => page.replace("http://", "https://"),
    };
    Tree::new()
        .with("thanks/index.html", page)
        .with("style/page.css", include_str!("../demo/www/style/page.css"))
        .with("style/type.css", include_str!("../demo/www/style/type.css"))
        .with("style/print.css", include_str!("../demo/www/style/print.css"))
        .with("script/stamp.js", include_str!("../demo/www/script/stamp.js"))
        .with("icon.svg", include_str!("../demo/www/icon.svg"))
}

fn pictures() -> Tree {
    Tree::new()
        .with("harbour.svg", include_str!("../demo/cdn/harbour.svg"))
        .with("mountain.svg", include_str!("../demo/cdn/mountain.svg"))
        .with("meadow.svg", include_str!("../demo/cdn/meadow.svg"))
}

/// Takes orders.
struct Shop {
    scheme: Scheme,
}

impl Handler for Shop {
    fn handle<'a>(
        &'a self,
        request: &'a Request,
        mut body: RequestBody,
    ) -> LocalFuture<'a, Response> {
        Box::pin(async move {
            if request.path() != "/order" {
                return Response::error(StatusCode::NOT_FOUND, "There is nothing but orders here.");
            }
            if request.head.line.method != Method::POST {
                let mut response =
                    Response::error(StatusCode::METHOD_NOT_ALLOWED, "Orders are posted.");
                response.fields.add("Allow", "POST");
                return response;
            }
            match body.bytes(ORDER).await {
                // RFC 9110 §15.4.4: the answer to a POST is elsewhere, to be had with GET.
                Ok(order) if order.starts_with(b"card=") => {
                    let location = format!("{}://{PAGES}/thanks/", self.scheme.name());
                    Response::redirect(StatusCode::SEE_OTHER, &location).closing()
                }
                Ok(_) => Response::error(StatusCode::BAD_REQUEST, "An order names a card."),
                Err(error) => Response::error(error.status(), &error.to_string()),
            }
        })
    }
}
