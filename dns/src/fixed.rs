//! Owns the addresses the user fixed by hand (`--resolve host:addr`), asked before anything else.
//! Never expires and never fills itself.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use crate::name::folded;

/// A table of names whose addresses are given, not asked for.
#[derive(Clone, Debug, Default)]
pub struct FixedNames {
    addrs: HashMap<Box<str>, Arc<[IpAddr]>>,
}

impl FixedNames {
    /// Builds the table; a name given several times has all its addresses, in the order given.
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

    /// The addresses fixed for `name`, never an empty list.
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
    fn a_name_not_given_is_not_there() {
        assert_eq!(FixedNames::default().get("a.test"), None);
        let fixed = FixedNames::new([("a.test", IpAddr::from([127, 0, 0, 1]))]);
        assert_eq!(fixed.get("b.a.test"), None);
    }
}
