//! What `-v` adds: the links, the header fields, the handshake and the close between both ends.

use super::view::View;
use crate::leg;
use crate::model::Leg;
use crate::sequence;
use crate::text::{clean, clip, clip_middle, duration, left, millis, rate, right, width, wrap};

/// The columns of the name of a leg.
const NAME: usize = 36;

impl View<'_> {
    /// The handshake and the close between both ends, and the properties of the links.
    pub(super) fn verbose(&mut self) {
        for link in &self.model.links {
            let name = |id| {
                self.model
                    .hosts
                    .values()
                    .find(|host| host.interfaces.iter().any(|interface| interface.id == id))
                    .map_or("?", |host| host.name.as_str())
            };
            let speed = link.rate.map_or(say!("no limit").into(), rate);
            let loss = if link.loss_ppm > 0 {
                say!(", loss {} %", f64::from(link.loss_ppm) / 10_000.0)
            } else {
                String::new()
            };
            let text = say!(
                "{} → {}: {}, {} one way{}, queue {}",
                clean(name(link.from)),
                clean(name(link.to)),
                speed,
                duration(link.delay),
                loss,
                if link.queue.is_empty() { say!("none") } else { &link.queue }
            );
            self.fact("link", &text);
        }
        self.paths();
        self.fields();
        let lines = sequence::lines(self.model, self.options, sequence::Extent::Ends);
        if !lines.is_empty() {
            self.blank();
            self.lines.extend(lines);
            self.blank();
        }
    }

    /// The critical paths to the first paint and to the load, leg by leg.
    fn paths(&mut self) {
        let load = self.model.critical_to_load();
        let end = if self.model.milestones.is_empty() { say!("end") } else { say!("load") };
        let paint = self.model.critical_to_paint().map(|path| (say!("first paint"), path));
        for (title, path) in paint.into_iter().chain([(end, load)]) {
            if path.legs.len() < 2 {
                continue;
            }
            self.blank();
            self.fact("path", &say!("to the {}, {}", title, duration(path.span.took())));
            for leg in &path.legs {
                self.leg(leg);
            }
        }
        self.blank();
    }

    /// A leg: its time, what it was spent on, what happened in it.
    fn leg(&mut self, leg: &Leg) {
        let name = left(&clip_middle(&leg::name(leg, self.model), NAME), NAME);
        let head = format!("{}{} ms  {name}  ", " ".repeat(12), right(&millis(leg.took()), 8));
        let room = self.options.columns().saturating_sub(width(&head));
        for (n, line) in wrap(&leg::detail(leg, self.model), room).into_iter().enumerate() {
            let head = if n == 0 { head.clone() } else { " ".repeat(width(&head)) };
            // A time of many digits can leave less room than a word takes.
            self.lines.push(clip(&format!("{head}{line}"), self.options.columns()));
        }
    }

    /// The header fields as they were sent and received, whole.
    fn fields(&mut self) {
        for exchange in self.model.chain() {
            self.blank();
            if let Some(request) = &exchange.request {
                let what = &request.what;
                let (method, target) = (clean(&what.method), clean(&what.target));
                self.message_line(
                    '>',
                    &format!("{method} {target} {}", clean(what.version.as_str())),
                );
                for field in &what.fields {
                    self.message_line('>', &format!("{}: {}", clean(&field.0), clean(&field.1)));
                }
            }
            for head in &exchange.heads {
                let what = &head.what;
                let (version, reason) = (clean(what.version.as_str()), clean(&what.reason));
                self.message_line('<', &format!("{version} {} {reason}", what.status));
                for field in &what.fields {
                    self.message_line('<', &format!("{}: {}", clean(&field.0), clean(&field.1)));
                }
            }
        }
    }

    /// A line of a message's head, with as many lines as it needs.
    fn message_line(&mut self, direction: char, text: &str) {
        for (n, line) in wrap(text, self.options.columns() - 8).into_iter().enumerate() {
            let indent = if n == 0 { "" } else { "    " };
            self.lines.push(format!("  {direction} {indent}{line}"));
        }
    }
}
