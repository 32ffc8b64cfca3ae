//! Owns names with fixed addresses: those the user gives (`--resolve host:addr`) and those of a hosts
//! file. Never expires an entry and never adds one.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use crate::name::folded;

/// A table of names with fixed addresses, which are not looked up.
#[derive(Clone, Debug, Default)]
pub struct FixedNames {
    addrs: HashMap<Box<str>, Arc<[IpAddr]>>,
}

impl FixedNames {
    /// Builds the table. A name that occurs several times gets all its addresses, in their order.
    pub fn new<N: AsRef<str>>(pairs: impl IntoIterator<Item = (N, IpAddr)>) -> Self {
        let mut lists = HashMap::<Box<str>, Vec<IpAddr>>::new();
        for (name, addr) in pairs {
            lists
                .entry(folded(name.as_ref()).into())
                .or_default()
                .push(addr);
        }
        let addrs = lists
            .into_iter()
            .map(|(name, list)| (name, list.into()))
            .collect();
        Self { addrs }
    }

    /// Parses the text of a hosts(5) file; malformed lines are skipped.
    pub fn from_hosts(text: &str) -> Self {
        let lines = text.lines().filter_map(|line| {
            let mut words = line.split('#').next()?.split_ascii_whitespace();
            let addr = words.next()?.parse::<IpAddr>().ok()?;
            Some(words.map(move |name| (name, addr)))
        });
        Self::new(lines.flatten())
    }

    /// The fixed addresses of `name`; never an empty list.
    pub fn get(&self, name: &str) -> Option<Arc<[IpAddr]>> {
        if self.addrs.is_empty() {
            return None;
        }
        self.addrs.get(folded(name).as_ref()).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_given_twice_has_both_addresses_in_order() {
        let [first, second] = ["127.0.0.2", "127.0.0.1"].map(|text| text.parse().unwrap());
        let fixed = FixedNames::new([("A.test", first), ("a.test.", second)]);
        assert_eq!(fixed.get("a.TEST").as_deref(), Some(&[first, second][..]));
    }

    #[test]
    fn a_hosts_file_gives_each_name_of_a_line_its_address() {
        let text =
            "# names\n127.0.0.1 localhost here\n\n::1\tlocalhost # six\nnonsense x\n10.0.0.1";
        let fixed = FixedNames::from_hosts(text);
        let both = ["127.0.0.1", "::1"].map(|text| text.parse::<IpAddr>().unwrap());
        assert_eq!(fixed.get("localhost").as_deref(), Some(&both[..]));
        assert_eq!(fixed.get("here").as_deref(), Some(&both[..1]));
        assert_eq!(fixed.get("x"), None);
    }

    #[test]
    fn a_name_not_given_is_not_there() {
        assert_eq!(FixedNames::default().get("a.test"), None);
        let fixed = FixedNames::new([("a.test", IpAddr::from([127, 0, 0, 1]))]);
        assert_eq!(fixed.get("b.a.test"), None);
    }
}
