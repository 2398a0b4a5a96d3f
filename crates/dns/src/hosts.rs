//! `Hosts`: the hosts file (hosts(5)).

use std::net::IpAddr;

/// One line that names an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostsLine {
    /// The line's number in the file, from 1.
    pub line: usize,
    /// The address.
    pub address: IpAddr,
    /// The names, the canonical one first, as written.
    pub names: Vec<String>,
}

/// A hosts file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hosts {
    lines: Vec<HostsLine>,
}

impl Hosts {
    /// Parses a hosts file. As in libc, a line without an address or without a name is ignored.
    pub fn parse(text: &str) -> Self {
        let lines = text.lines().enumerate().filter_map(|(at, line)| read(at + 1, line)).collect();
        Self { lines }
    }

    /// The lines that give `name` an address, in the file's order. As in libc, names are compared
    /// as they are written, with any dot at the end, but without regard to case.
    pub fn find<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a HostsLine> {
        self.lines
            .iter()
            .filter(move |line| line.names.iter().any(|known| known.eq_ignore_ascii_case(name)))
    }

    /// The names of an address: those of the first line that has it, the canonical one first, as
    /// libc's `gethostbyaddr` gives them.
    pub fn names_of(&self, address: IpAddr) -> Vec<String> {
        let line = self.lines.iter().find(|line| line.address == address);
        line.map(|line| line.names.clone()).unwrap_or_default()
    }

    /// All lines.
    pub fn lines(&self) -> &[HostsLine] {
        &self.lines
    }
}

fn read(line: usize, text: &str) -> Option<HostsLine> {
    let before_comment = text.split('#').next()?;
    let mut words = before_comment.split_ascii_whitespace();
    let address = words.next()?;
    // As in libc, an address with a scope (`fe80::1%eth0`) is not accepted.
    let address = address.parse().ok()?;
    let names: Vec<String> = words.map(str::to_owned).collect();
    (!names.is_empty()).then_some(HostsLine { line, address, names })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
# a comment
127.0.0.1\tlocalhost
::1  localhost ip6-localhost   # both
192.0.2.10 www.example.com www\tWWW2 #tail www3
2001:db8::10 www.example.com
192.0.2.11\twww
not-an-address www
192.0.2.12
  192.0.2.13 indented\r
fe80::1%eth0 scoped
192.0.2.14 rooted. www
";

    fn found(name: &str) -> Vec<(usize, String)> {
        Hosts::parse(FILE).find(name).map(|l| (l.line, l.address.to_string())).collect()
    }

    #[test]
    fn every_line_with_the_name_counts_in_order() {
        assert_eq!(
            found("www.example.com"),
            [(4, "192.0.2.10".into()), (5, "2001:db8::10".into())]
        );
        assert_eq!(
            found("www"),
            [(4, "192.0.2.10".into()), (6, "192.0.2.11".into()), (11, "192.0.2.14".into())]
        );
        assert_eq!(found("localhost").len(), 2);
    }

    #[test]
    fn an_address_has_the_names_of_its_first_line() {
        let hosts = Hosts::parse("192.0.2.1 a.example a\n192.0.2.1 b\n::1 six");
        assert_eq!(hosts.names_of("192.0.2.1".parse().unwrap()), ["a.example", "a"]);
        assert_eq!(hosts.names_of("::1".parse().unwrap()), ["six"]);
        assert!(hosts.names_of("192.0.2.2".parse().unwrap()).is_empty());
    }

    #[test]
    fn case_comments_and_odd_lines() {
        assert_eq!(found("www2"), [(4, "192.0.2.10".into())]);
        assert_eq!(found("www3"), []);
        assert_eq!(found("indented"), [(9, "192.0.2.13".into())]);
        assert_eq!(found("scoped"), []);
        assert_eq!(found("rooted"), []);
        assert_eq!(found("rooted."), [(11, "192.0.2.14".into())]);
        assert_eq!(Hosts::parse(FILE).lines().len(), 7);
    }
}
