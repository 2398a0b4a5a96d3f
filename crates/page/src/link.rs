//! The `Link` field (RFC 8288): addresses that a response names, each with parameters.
//!
//! The grammar of RFC 8288 is read as tolerantly as its appendix B.2 says: what cannot be read is passed over
//! up to the next comma, and so costs one link and not the whole field.

/// One link of a field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Link {
    /// Between the angle brackets, as it was written.
    pub(crate) target: String,
    /// Names in lower case, with values; one without a value has an empty one. Of several of one name, the
    /// first (RFC 8288 §3.3, §3.4.1).
    pub(crate) parameters: Vec<(String, String)>,
}

impl Link {
    /// The value of a parameter.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let mut parameters = self.parameters.iter();
        parameters.find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// The links of one field, in their order.
pub(crate) fn links(field: &str) -> Vec<Link> {
    let mut rest = Rest(field);
    let mut links = Vec::new();
    while !rest.skip_blank().is_empty() {
        if rest.take(',') {
            continue;
        }
        links.extend(rest.link());
        rest.skip_link();
    }
    links
}

/// What is still to be read of a field.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    /// What comes after white space (RFC 9110 §5.6.3).
    fn skip_blank(&mut self) -> &'a str {
        self.0 = self.0.trim_start_matches([' ', '\t']);
        self.0
    }

    /// Whether this character came next; then it is behind.
    fn take(&mut self, char: char) -> bool {
        let rest = self.skip_blank().strip_prefix(char);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    /// Everything before the first of these characters, which stays.
    fn until(&mut self, ends: &[char]) -> &'a str {
        let (before, rest) = self.0.split_at(self.0.find(ends).unwrap_or(self.0.len()));
        self.0 = rest;
        before.trim_matches([' ', '\t'])
    }

    /// A target with its parameters, if one stands here.
    fn link(&mut self) -> Option<Link> {
        if !self.take('<') {
            return None;
        }
        let (target, rest) = self.0.split_once('>')?;
        self.0 = rest;
        let mut link = Link { target: target.trim().to_owned(), ..Link::default() };
        while self.take(';') {
            self.skip_blank();
            let name = self.until(&['=', ';', ',']).to_ascii_lowercase();
            let value = if self.take('=') { self.value() } else { String::new() };
            if !name.is_empty() && link.get(&name).is_none() {
                link.parameters.push((name, value));
            }
        }
        Some(link)
    }

    /// A token, or a quoted string without its quotes and backslashes (RFC 9110 §5.6.4).
    fn value(&mut self) -> String {
        if !self.take('"') {
            return self.until(&[';', ',']).to_owned();
        }
        let mut value = String::new();
        let mut chars = self.0.char_indices();
        while let Some((at, char)) = chars.next() {
            match char {
                '"' => {
                    self.0 = &self.0[at + 1..];
                    return value;
                }
                '\\' => value.extend(chars.next().map(|(_, char)| char)),
                _ => value.push(char),
            }
        }
        self.0 = "";
        value
    }

    /// Goes past the comma that ends the link, though something stands before it that cannot be read.
    fn skip_link(&mut self) {
        loop {
            self.until(&[',', '"']);
            if self.take('"') {
                self.value_rest();
            } else {
                self.take(',');
                return;
            }
        }
    }

    /// Goes past the end of a quoted string that has begun.
    fn value_rest(&mut self) {
        let mut escaped = false;
        let end = self.0.find(|char| {
            let is_end = char == '"' && !escaped;
            escaped = char == '\\' && !escaped;
            is_end
        });
        self.0 = end.map_or("", |end| &self.0[end + 1..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A field as its links, each as `target name=value …`.
    fn read(field: &str) -> Vec<String> {
        let text = |link: &Link| {
            let parameters = link.parameters.iter();
            let parameters: String =
                parameters.map(|(name, value)| format!(" {name}={value}")).collect();
            format!("{}{parameters}", link.target)
        };
        links(field).iter().map(text).collect()
    }

    #[test]
    fn fields_are_read_as_rfc_8288_has_them() {
        let cases: [(&str, &[&str]); 20] = [
            ("</a.css>; rel=preload; as=style", &["/a.css rel=preload as=style"]),
            ("</a.css>;rel=\"preload\";as=\"style\"", &["/a.css rel=preload as=style"]),
            ("<a>; rel=preload, <b>; rel=preconnect", &["a rel=preload", "b rel=preconnect"]),
            ("<a>;rel=preload;as=font;crossorigin", &["a rel=preload as=font crossorigin="]),
            // Commas and semicolons in addresses and in quotes end nothing.
            ("</a,b;c>; rel=preload", &["/a,b;c rel=preload"]),
            ("<a>; title=\"x, \\\"y\\\"; z\"; rel=next", &["a title=x, \"y\"; z rel=next"]),
            (
                "<a>; imagesrcset=\"a 1x, b 2x\"; rel=preload",
                &["a imagesrcset=a 1x, b 2x rel=preload"],
            ),
            // White space where it may stand, and names in any case.
            (" < a > ; REL = preload ;\tAs=style ", &["a rel=preload as=style"]),
            // The first of several.
            ("<a>; rel=preload; rel=next", &["a rel=preload"]),
            ("<>; rel=preload", &[" rel=preload"]),
            ("", &[]),
            (" , ,", &[]),
            ("<a>", &["a"]),
            ("<a>;;; rel=preload;", &["a rel=preload"]),
            // What cannot be read costs one link.
            ("a.css; rel=preload, <b>; rel=preload", &["b rel=preload"]),
            ("<a.css; rel=preload", &[]),
            ("<a> x; rel=preload, <b>", &["a", "b"]),
            ("x \"<a>, <b>\", <c>", &["c"]),
            ("<a>; rel=\"preload", &["a rel=preload"]),
            ("<a>; rel=\"preload\" x, <b>", &["a rel=preload", "b"]),
        ];
        for (field, expected) in cases {
            assert_eq!(read(field), expected, "{field}");
        }
    }

    #[test]
    fn any_field_comes_to_an_end() {
        for field in ["\"", "\\", "<\"", "<a>;\"", "<a>;=", "<a>; rel=\"\\", "é<é>;é=é,é", ">>,<"]
        {
            let _ = links(field);
        }
    }
}
