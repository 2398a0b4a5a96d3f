//! `Nsswitch`: the `hosts:` line of nsswitch.conf(5).

/// The result of asking a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The service knows the name.
    Success,
    /// The service works, and does not know the name.
    NotFound,
    /// The service is not available.
    Unavailable,
    /// The service cannot answer at the moment.
    TryAgain,
}

impl Status {
    /// Whether the service knows the name.
    pub(crate) fn is_success(self) -> bool {
        self == Self::Success
    }
}

/// What to do after a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The lookup ends with what was found so far.
    Return,
    /// The next service is asked, and what was found is dropped.
    Continue,
    /// The next service is asked, and what it finds is added.
    Merge,
}

/// A service of the line, with an action for each result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// The service's name: `files`, `dns`, `resolve` …
    pub name: String,
    actions: [Action; 4],
}

/// The services of the `hosts:` line, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nsswitch {
    services: Vec<Service>,
}

/// The error of a `hosts:` line that cannot be parsed, with the part that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nsswitch.conf line {line}: {why}: {part}")]
pub struct BadNsswitch {
    line: usize,
    why: &'static str,
    part: String,
}

impl Service {
    /// A service with the default actions: success ends the lookup, anything else goes on.
    pub fn new(name: &str) -> Self {
        let mut actions = [Action::Continue; 4];
        actions[Status::Success as usize] = Action::Return;
        Self { name: name.to_owned(), actions }
    }

    /// The action after this result.
    pub fn action(&self, status: Status) -> Action {
        self.actions[status as usize]
    }
}

impl Default for Nsswitch {
    /// `files dns`, the order of Debian's file. A glibc without the file uses the reverse; other C
    /// libraries have no such file, and ask in this order.
    fn default() -> Self {
        Self { services: vec![Service::new("files"), Service::new("dns")] }
    }
}

impl Nsswitch {
    /// Parses the last `hosts:` line, which is the one libc uses; the default if there is none.
    ///
    /// # Errors
    /// When an action list is not closed, or has an unknown status or action.
    pub fn parse(text: &str) -> Result<Self, BadNsswitch> {
        let mut last = None;
        for (at, line) in text.lines().enumerate() {
            if let Some((database, rest)) = without_comment(line).split_once(':')
                && database.trim() == "hosts"
            {
                let bad = |(why, part): Wrong<'_>| BadNsswitch {
                    line: at + 1,
                    why,
                    part: part.to_owned(),
                };
                last = Some(Self { services: services(rest).map_err(bad)? });
            }
        }
        Ok(last.unwrap_or_default())
    }

    /// The services in order.
    pub fn services(&self) -> &[Service] {
        &self.services
    }
}

/// Cuts off a comment. The sign begins one only at the start of a word; within a word it is part of
/// a service's name.
fn without_comment(line: &str) -> &str {
    let begins = |at: &usize| *at == 0 || line[..*at].ends_with(char::is_whitespace);
    let comment = line.match_indices('#').map(|(at, _)| at).find(begins);
    &line[..comment.unwrap_or(line.len())]
}

type Wrong<'a> = (&'static str, &'a str);

fn services(mut rest: &str) -> Result<Vec<Service>, Wrong<'_>> {
    let mut services: Vec<Service> = Vec::new();
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return Ok(services);
        }
        if let Some(list) = rest.strip_prefix('[') {
            let (list, after) = list.split_once(']').ok_or(("`[` is not closed", rest))?;
            let service = services.last_mut().ok_or(("actions before a service", rest))?;
            for item in list.split_ascii_whitespace() {
                set(&mut service.actions, item)?;
            }
            rest = after;
        } else {
            let end = rest.find(|c: char| c.is_whitespace() || c == '[').unwrap_or(rest.len());
            services.push(Service::new(&rest[..end]));
            rest = &rest[end..];
        }
    }
}

/// Parses one `STATUS=action` or `!STATUS=action`, without regard to case.
fn set<'a>(actions: &mut [Action; 4], item: &'a str) -> Result<(), Wrong<'a>> {
    let (status, action) = item.split_once('=').ok_or(("not STATUS=action", item))?;
    let action = match action.to_ascii_lowercase().as_str() {
        "return" => Action::Return,
        "continue" => Action::Continue,
        "merge" => Action::Merge,
        _ => return Err(("unknown action", item)),
    };
    let (others, status) = match status.strip_prefix('!') {
        Some(status) => (true, status),
        None => (false, status),
    };
    let status = match status.to_ascii_lowercase().as_str() {
        "success" => Status::Success,
        "notfound" => Status::NotFound,
        "unavail" => Status::Unavailable,
        "tryagain" => Status::TryAgain,
        _ => return Err(("unknown status", item)),
    } as usize;
    for (at, slot) in actions.iter_mut().enumerate() {
        if (at == status) != others {
            *slot = action;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use Action::{Continue, Merge, Return};

    /// The services with their actions on success, not found, unavailable, try again.
    fn read(text: &str) -> Vec<(String, [Action; 4])> {
        let line = Nsswitch::parse(text).unwrap();
        line.services().iter().map(|s| (s.name.clone(), s.actions)).collect()
    }

    const PLAIN: [Action; 4] = [Return, Continue, Continue, Continue];

    #[test]
    fn debians_lines() {
        assert_eq!(
            read("passwd: files systemd\nhosts:          files dns\nnetworks: files\n"),
            [("files".into(), PLAIN), ("dns".into(), PLAIN)]
        );
        let line = "hosts: files mymachines resolve [!UNAVAIL=return] myhostname dns # end";
        let services = read(line);
        assert_eq!(services.len(), 5);
        assert_eq!(services[2], ("resolve".into(), [Return, Return, Continue, Return]));
        assert_eq!(
            read("hosts:files mdns4_minimal [NOTFOUND=return] dns")[1],
            ("mdns4_minimal".into(), [Return, Return, Continue, Continue])
        );
    }

    #[test]
    fn several_actions_in_any_case_and_without_spaces() {
        assert_eq!(
            read("hosts: files[success=merge TryAgain=return]dns")[0],
            ("files".into(), [Merge, Continue, Continue, Return])
        );
        assert_eq!(read("hosts: dns [SUCCESS=continue] files")[0].1, [Continue; 4]);
    }

    #[test]
    fn no_line_is_the_default_and_a_broken_one_an_error() {
        assert_eq!(read("# hosts: dns\npasswd: files"), read("hosts: files dns"));
        assert_eq!(read("hosts: dns\nhosts: files # dns\n"), [("files".into(), PLAIN)]);
        assert_eq!(read("hosts: dns#x"), [("dns#x".into(), PLAIN)]);
        for broken in [
            "hosts: files [NOTFOUND",
            "hosts: [NOTFOUND=return] files",
            "hosts: files [MAYBE=return]",
            "hosts: files [NOTFOUND=stop]",
            "hosts: files [NOTFOUND]",
        ] {
            assert!(Nsswitch::parse(broken).is_err(), "{broken}");
        }
    }
}
