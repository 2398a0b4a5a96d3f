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
const PATIENCE: Duration = Duration::from_secs(30);

/// A browser that is spoken to.
pub(crate) struct Session {
    browser: Browser,
    clock: Clock,
    sent: u64,
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
        Ok(Self { browser: Browser::start(program, arguments)?, clock: Clock::start(), sent: 0 })
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
        let mut message = json!({"id": self.sent, "method": method, "params": params});
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
        let until = self.now() + PATIENCE;
        loop {
            let left = until.since(self.now());
            let message = match self.browser.pipe.receive(left) {
                Received::Message(message) => message,
                Received::Closed => return Err(self.gone()),
                Received::Nothing => {
                    return Err(DevtoolsError::Silent {
                        program: self.browser.program.clone(),
                        method: method.to_owned(),
                        seconds: PATIENCE.as_secs(),
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
                heard(event);
            }
        }
    }

    /// Waits for the next event, at most so long.
    pub(crate) fn listen(&self, wait: Duration) -> Result<Option<Event>, DevtoolsError> {
        match self.browser.pipe.receive(wait) {
            Received::Message(message) => Ok(event(message)),
            Received::Nothing => Ok(None),
            Received::Closed => Err(self.gone()),
        }
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
