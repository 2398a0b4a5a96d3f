//! What `-v` adds: the links, the header fields, the handshake and the close between both ends.

use super::view::View;
use crate::sequence;
use crate::text::{clean, clip, duration, rate};

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
            let speed = link.rate.map_or("no limit".into(), rate);
            let loss = if link.loss_ppm > 0 {
                format!(", loss {} %", f64::from(link.loss_ppm) / 10_000.0)
            } else {
                String::new()
            };
            let text = format!(
                "{} → {}: {speed}, {} one way{loss}, queue {}",
                clean(name(link.from)),
                clean(name(link.to)),
                duration(link.delay),
                if link.queue.is_empty() { "none" } else { &link.queue }
            );
            self.fact("link", &text);
        }
        self.fields();
        let lines = sequence::lines(self.model, self.options, sequence::Extent::Ends);
        if !lines.is_empty() {
            self.blank();
            self.lines.extend(lines);
            self.blank();
        }
    }

    /// The header fields as they were sent and received.
    fn fields(&mut self) {
        let columns = self.options.columns();
        for exchange in self.model.chain() {
            self.blank();
            if let Some(request) = &exchange.request {
                let what = &request.what;
                self.lines.push(clip(
                    &format!(
                        "  > {} {} {}",
                        clean(&what.method),
                        clean(&what.target),
                        clean(what.version.as_str())
                    ),
                    columns,
                ));
                for field in &what.fields {
                    self.lines.push(clip(
                        &format!("  > {}: {}", clean(&field.0), clean(&field.1)),
                        columns,
                    ));
                }
            }
            for head in &exchange.heads {
                let what = &head.what;
                self.lines.push(clip(
                    &format!(
                        "  < {} {} {}",
                        clean(what.version.as_str()),
                        what.status,
                        clean(&what.reason)
                    ),
                    columns,
                ));
                for field in &what.fields {
                    self.lines.push(clip(
                        &format!("  < {}: {}", clean(&field.0), clean(&field.1)),
                        columns,
                    ));
                }
            }
        }
    }
}
