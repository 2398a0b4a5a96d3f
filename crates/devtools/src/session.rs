//! Commands to a browser, and its answers.

use core::time::Duration;
use std::ffi::OsString;
use std::path::PathBuf;

use roundtrip_os::Clock;
use roundtrip_record::Time;
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::error::DevtoolsError;
use crate::pipe::Received;

/// How long an answer may take. A page at work answers late, and a large body takes a while.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A browser that is spoken to.
pub(crate) struct Session {
    browser: Browser,
    clock: Clock,
    sent: u64,
    /// How long an answer is waited for.
    pub(crate) patience: Duration,
    /// What every target is told that comes to be: frames of other sites, workers.
    pub(crate) greeting: Vec<(&'static str, Value)>,
}

/// What was heard.
pub(crate) enum Heard {
    Event(Event),
    /// The answer to the command of this number; `null` where it was refused.
    Answer(u64, Value),
    /// Nothing in the time given.
    Nothing,
}

/// Something the browser told of its own accord.
pub(crate) struct Event {
    /// The target that it is about; empty for the browser.
    pub(crate) session: String,
    pub(crate) method: String,
    pub(crate) params: Value,
}

impl Session {
    pub(crate) fn start(program: PathBuf, arguments: &[OsString]) -> Result<Self, DevtoolsError> {
        Ok(Self {
            browser: Browser::start(program, arguments)?,
            clock: Clock::start(),
            sent: 0,
            patience: PATIENCE,
            greeting: Vec::new(),
        })
    }

    pub(crate) fn now(&self) -> Time {
        self.clock.now()
    }

    /// Sends a command to a target (`""` for the browser) and does not wait for its answer; its number.
    pub(crate) fn tell(
        &mut self,
        session: &str,
        method: &str,
        params: Value,
    ) -> Result<u64, DevtoolsError> {
        self.sent += 1;
        let mut message = json!({"id": self.sent, "method": method});
        message["params"] = params;
        if !session.is_empty() {
            message["sessionId"] = session.into();
        }
        self.browser.pipe.send(&message).map_err(|_| self.gone())?;
        Ok(self.sent)
    }

    /// Sends a command and waits for what it comes to; what is told meanwhile goes to `heard`.
    pub(crate) fn ask(
        &mut self,
        session: &str,
        method: &str,
        params: Value,
        mut heard: impl FnMut(Event),
    ) -> Result<Value, DevtoolsError> {
        let id = self.tell(session, method, params)?;
        let until = self.now() + self.patience;
        loop {
            let left = until.since(self.now());
            let message = match self.browser.pipe.receive(left) {
                Received::Message(message) => message,
                Received::Closed => return Err(self.gone()),
                Received::Nothing => {
                    return Err(DevtoolsError::Silent {
                        program: self.browser.program.clone(),
                        method: method.to_owned(),
                        seconds: self.patience.as_secs(),
                    });
                }
            };
            if message["id"] == id {
                return match message.get("error") {
                    None => Ok(message["result"].clone()),
                    Some(error) => Err(DevtoolsError::Refused {
                        program: self.browser.program.clone(),
                        method: method.to_owned(),
                        why: error["message"].as_str().unwrap_or("without a reason").to_owned(),
                    }),
                };
            }
            if let Some(event) = event(message) {
                self.react(&event)?;
                heard(event);
            }
        }
    }

    /// Waits for what comes next, at most so long.
    pub(crate) fn listen(&mut self, wait: Duration) -> Result<Heard, DevtoolsError> {
        let mut message = match self.browser.pipe.receive(wait) {
            Received::Message(message) => message,
            Received::Nothing => return Ok(Heard::Nothing),
            Received::Closed => return Err(self.gone()),
        };
        if let Some(id) = message["id"].as_u64() {
            return Ok(Heard::Answer(id, message["result"].take()));
        }
        let Some(event) = event(message) else { return Ok(Heard::Nothing) };
        self.react(&event)?;
        Ok(Heard::Event(event))
    }

    /// Does at once what the page would wait for: a dialog is answered, and a new target is told what it has
    /// to be told and goes on.
    fn react(&mut self, event: &Event) -> Result<(), DevtoolsError> {
        match event.method.as_str() {
            "Page.javascriptDialogOpening" => {
                let accept = json!({"accept": true});
                self.tell(&event.session, "Page.handleJavaScriptDialog", accept)?;
            }
            "Target.attachedToTarget" => {
                let target = event.params["sessionId"].as_str().unwrap_or_default().to_owned();
                self.greet(&target)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Tells a target what every one is told.
    pub(crate) fn greet(&mut self, target: &str) -> Result<(), DevtoolsError> {
        for (method, params) in self.greeting.clone() {
            self.tell(target, method, params)?;
        }
        Ok(())
    }

    fn gone(&self) -> DevtoolsError {
        DevtoolsError::Gone { program: self.browser.program.clone(), said: self.browser.said() }
    }
}

/// A message that answers nothing, as an event.
fn event(mut message: Value) -> Option<Event> {
    let method = message["method"].as_str()?.to_owned();
    let session = message["sessionId"].as_str().unwrap_or_default().to_owned();
    Some(Event { session, method, params: message["params"].take() })
}
