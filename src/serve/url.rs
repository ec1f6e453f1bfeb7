//! Addresses of pages: a path and its query parameters.

/// The query parameters, in order; a name may occur several times.
#[derive(Clone, Debug, Default)]
pub(super) struct Params(pub(super) Vec<(String, String)>);

impl Params {
    /// The last value of a name; an empty one counts as missing.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().rev().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// Every value of a name, without duplicates.
    pub(super) fn all(&self, name: &str) -> Vec<&str> {
        let mut found: Vec<&str> = vec![];
        for (known, value) in &self.0 {
            if known == name && !value.is_empty() && !found.contains(&value.as_str()) {
                found.push(value);
            }
        }
        found
    }

    /// A parameter as a number, if it is one.
    pub(super) fn number(&self, name: &str) -> Option<i64> {
        self.get(name)?.parse().ok()
    }

    /// The address of `path` with these parameters, except for those that `changes` replaces; an empty value
    /// removes one.
    pub(super) fn href(&self, path: &str, changes: &[(&str, &str)]) -> String {
        let kept = self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let kept = kept.filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
        href(path, kept.chain(changes.iter().copied()))
    }
}

/// The address of `path` with these parameters, empty ones left out.
pub(super) fn href<'a>(path: &str, params: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut address = path.to_owned();
    for (name, value) in params.into_iter().filter(|(_, value)| !value.is_empty()) {
        address.push(if address.contains('?') { '&' } else { '?' });
        address += &format!("{}={}", encode(name), encode(value));
    }
    address
}

/// Escapes a text for an address.
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b':' | b'*' | b',' => {
                encoded.push(char::from(byte));
            }
            _ => encoded += &format!("%{byte:02X}"),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_holds_the_state_of_a_page() {
        let pair = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let params = Params(
            [("q", "f1>0.6 a&b"), ("page", "2"), ("run", "a"), ("run", "b"), ("run", "a")].map(pair).into(),
        );
        assert_eq!(params.all("run"), ["a", "b"]);
        assert_eq!((params.number("page"), params.number("q"), params.get("none")), (Some(2), None, None));
        let changed = params.href("/runs", &[("page", ""), ("run", ""), ("sort", "f1")]);
        assert_eq!(changed, "/runs?q=f1%3E0.6%20a%26b&sort=f1");
    }
}
