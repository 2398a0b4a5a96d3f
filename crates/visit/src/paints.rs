//! `Paints`: the moments at which what is to be seen of a page changes, and what a look back at them tells: when the
//! largest content was painted (W3C Largest Contentful Paint), and a row of pictures.
//!
//! While a page loads, only how it stands is kept, which costs little. It is laid out as it stood, and painted small,
//! when it has loaded: in the lab that takes no time, and on a real wire none of the load.

use core::time::Duration;

use roundtrip_page::{Candidate, Goal, Look, Page, PaintError, Png, Snapshot};
use roundtrip_record::{
    EventId, LargestContent, Milestone, PageFrame, PageMilestone, PageNote, Time, Trace as _, What,
    WireKind,
};
use roundtrip_wire::Wire;

/// The time between two frames of a display: 60 in a second.
const FRAME: Duration = Duration::from_nanos(16_666_667);
/// The most moments that are kept; every second one goes when there are more.
const MOST_MOMENTS: usize = 256;
/// Resources that are very many.
const MANY: usize = 256;
/// The most pictures in a row.
const MOST_PICTURES: usize = 8;
/// The most layouts that a look back may take.
const MOST_LOOKS: usize = 16;
/// The most elements that all these layouts may have together: a large page is looked at less often.
const MOST_ELEMENTS: usize = 120_000;

/// The moments at which what is to be seen of a page changes, from the first paint on.
#[derive(Default)]
pub(crate) struct Paints {
    moments: Vec<Moment>,
    /// There was content in the first paint.
    began_with_content: bool,
}

/// One frame of the display that differs from the one before.
struct Moment {
    at: Time,
    /// The event that tells most lately of what came.
    cause: Option<EventId>,
    snapshot: Snapshot,
    /// Bytes of the document that had come.
    document: usize,
    /// Resources that had come.
    resources: usize,
}

/// What led to a moment.
pub(crate) struct Came {
    /// The event that tells most lately of it.
    pub(crate) cause: Option<EventId>,
    /// Bytes of the document so far.
    pub(crate) document: usize,
}

/// What a look at one of the moments has shown.
struct Looked {
    /// Which.
    moment: usize,
    look: Look,
}

impl Paints {
    /// The first paint is on the display at this time.
    pub(crate) fn first(&mut self, page: &Page, at: Time, came: &Came, with_content: bool) {
        self.began_with_content = with_content;
        self.moments = vec![Moment::new(page, at, came)];
    }

    /// Something came; if the page looks different for it, that is on the display with the first frame from
    /// `ready` on.
    pub(crate) fn changed(&mut self, page: &Page, ready: Time, came: &Came) {
        let (Some(first), Some(last)) = (self.moments.first(), self.moments.last()) else { return };
        if !page.differs_from(&last.snapshot) || !page.ready_to_paint() {
            return;
        }
        let frames = ready.since(first.at).as_nanos().div_ceil(FRAME.as_nanos());
        let at = first.at + FRAME * u32::try_from(frames).unwrap_or(u32::MAX);
        // What the first paint shows was settled when it was laid out.
        let at = at.max(first.at + FRAME);
        if last.at == at {
            // To keep how a page of very many resources stands, again and again, takes its time: one moment a
            // frame will do, and the last is brought up to date in the end.
            if last.resources > MANY {
                return;
            }
            self.moments.pop();
        }
        self.moments.push(Moment::new(page, at, came));
        if self.moments.len() > MOST_MOMENTS {
            let mut place = 0;
            self.moments.retain(|_| {
                place += 1;
                place % 2 == 1
            });
        }
    }

    /// Looks back, and tells what was to be seen when. `pictures`: with a row of pictures, in the lab.
    pub(crate) async fn tell<W: Wire>(&mut self, wire: &W, page: &Page, pictures: bool) {
        if let [_, .., last] = &mut self.moments[..]
            && page.differs_from(&last.snapshot)
        {
            let came = Came { cause: last.cause, document: last.document };
            *last = Moment::new(page, last.at, &came);
        }
        let Some(last) = self.moments.last() else { return };
        let most = (MOST_ELEMENTS / page.summary().elements.max(1)).min(MOST_LOOKS);
        let pictures = pictures && wire.kind() == WireKind::Lab;
        let mut looked = Vec::new();
        if most >= 2 {
            let goal = if pictures { Goal::Frame } else { Goal::Content };
            let wanted = if pictures { MOST_PICTURES.min(most.div_ceil(2)) } else { 2 };
            for moment in self.spread(wanted) {
                match self.look(wire, page, moment, goal).await {
                    Ok(look) => looked.push(Looked { moment, look }),
                    Err(error) => return note(wire, last, &not_looked(&error)),
                }
            }
        } else {
            note(
                wire,
                last,
                "the largest contentful paint is not looked for: the page is too large",
            );
        }
        let spare = most.saturating_sub(looked.len());
        if let Err(error) = self.content(wire, page, &looked, spare).await {
            note(wire, last, &not_looked(&error));
        }
        self.pictures(wire, looked);
    }

    /// So many of the moments, even in time, the first and the last among them.
    fn spread(&self, wanted: usize) -> Vec<usize> {
        let (Some(first), Some(last)) = (self.moments.first(), self.moments.last()) else {
            return Vec::new();
        };
        if self.moments.len() <= wanted {
            return (0..self.moments.len()).collect();
        }
        let whole = last.at.since(first.at);
        let steps = wanted.saturating_sub(1).max(1) as u32;
        let mut chosen: Vec<usize> = (0..=steps)
            .map(|step| {
                let at = first.at + whole * step / steps;
                self.moments.partition_point(|moment| moment.at <= at).saturating_sub(1)
            })
            .collect();
        chosen.dedup();
        chosen
    }

    async fn look<W: Wire>(
        &self,
        wire: &W,
        page: &Page,
        moment: usize,
        goal: Goal,
    ) -> Result<Look, PaintError> {
        let job = page.job_of(&self.moments[moment].snapshot, goal);
        wire.work(move || job.look()).await
    }

    /// Tells of the first and of the largest content.
    async fn content<W: Wire>(
        &self,
        wire: &W,
        page: &Page,
        looked: &[Looked],
        spare: usize,
    ) -> Result<(), PaintError> {
        if !self.began_with_content {
            let shows = |look: &Look| !look.candidates.is_empty();
            if let Some(at) = looked.iter().position(|looked| shows(&looked.look)) {
                let moment = self.since(wire, page, (looked, at), spare, shows).await?;
                self.milestone(wire, moment, None, Milestone::FirstContentfulPaint);
            }
        }
        let Some((at, largest)) = largest(looked) else { return Ok(()) };
        let is_there = |look: &Look| look.candidates.iter().any(|one| one.is_same(largest));
        let moment = self.since(wire, page, (looked, at), spare, is_there).await?;
        let content = LargestContent {
            element: largest.element.clone(),
            url: largest.url.as_ref().map(ToString::to_string),
            width: largest.width,
            height: largest.height,
            size: largest.size,
        };
        let Moment { at, cause, .. } = self.moments[moment];
        let told = wire.log().emit(at, cause, || What::LargestContent(content));
        self.milestone(wire, moment, told, Milestone::LargestContentfulPaint);
        Ok(())
    }

    /// The first moment of which something holds, that holds of the look at this place and not of the one before:
    /// halves what is between, as often as may be.
    async fn since<W: Wire>(
        &self,
        wire: &W,
        page: &Page,
        (looked, at): (&[Looked], usize),
        spare: usize,
        holds: impl Fn(&Look) -> bool,
    ) -> Result<usize, PaintError> {
        let mut until = looked[at].moment;
        let Some(before) = at.checked_sub(1) else { return Ok(until) };
        let mut after = looked[before].moment;
        for _ in 0..spare {
            if until - after <= 1 {
                break;
            }
            let middle = usize::midpoint(after, until);
            if holds(&self.look(wire, page, middle, Goal::Content).await?) {
                until = middle;
            } else {
                after = middle;
            }
        }
        Ok(until)
    }

    fn milestone<W: Wire>(&self, wire: &W, moment: usize, cause: Option<EventId>, name: Milestone) {
        let Moment { at, cause: came, .. } = self.moments[moment];
        let what = || What::Milestone(PageMilestone { name });
        wire.log().emit(at, cause.or(came), what);
    }

    /// Keeps the pictures, but for those that show what the one before shows.
    fn pictures<W: Wire>(&self, wire: &W, looked: Vec<Looked>) {
        let mut log = wire.log();
        let mut before: Option<Png> = None;
        for Looked { moment, look } in looked {
            let Some(picture) = look.picture.filter(|picture| before.as_ref() != Some(picture))
            else {
                continue;
            };
            if let Some(kept) = log.body(&picture.bytes) {
                let Moment { at, cause, document, resources, .. } = self.moments[moment];
                log.emit(at, cause, || {
                    What::PageFrame(PageFrame {
                        picture: kept,
                        width: picture.width,
                        height: picture.height,
                        document: document as u64,
                        resources: resources as u32,
                    })
                });
            }
            before = Some(picture);
        }
    }
}

impl Moment {
    fn new(page: &Page, at: Time, came: &Came) -> Self {
        let (snapshot, resources) = (page.snapshot(), page.summary().loaded);
        Moment { at, cause: came.cause, snapshot, document: came.document, resources }
    }
}

/// The largest content of all, and which look it first was in. An element counts once, as it is when it is first
/// seen; one that has gone still counts.
fn largest(looked: &[Looked]) -> Option<(usize, &Candidate)> {
    let mut seen: Vec<&Candidate> = Vec::new();
    let mut largest: Option<(usize, &Candidate)> = None;
    for (at, looked) in looked.iter().enumerate() {
        let known = seen.len();
        for one in &looked.look.candidates {
            if seen[..known].iter().any(|before| before.is_same(one)) {
                continue;
            }
            seen.push(one);
            if one.exceeds(largest.map(|(_, largest)| largest)) {
                largest = Some((at, one));
            }
        }
    }
    largest
}

fn not_looked(error: &PaintError) -> String {
    format!("what was painted when is not all known: {error}")
}

fn note<W: Wire>(wire: &W, last: &Moment, note: &str) {
    wire.log().emit(last.at, last.cause, || What::PageNote(PageNote { note: note.to_owned() }));
}
