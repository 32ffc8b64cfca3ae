//! Owns a slab with generational ids: the id of a removed value is never valid again.
//! Never shrinks: it keeps the capacity of the most values held at a time.

/// Identifies a value until it is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Id {
    index: u32,
    generation: u32,
}

impl Id {
    pub(super) fn to_bits(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.index)
    }

    pub(super) fn from_bits(bits: u64) -> Self {
        let [generation, index] = [bits >> 32, bits & u64::from(u32::MAX)];
        Self {
            index: u32::try_from(index).unwrap_or(u32::MAX),
            generation: u32::try_from(generation).unwrap_or(u32::MAX),
        }
    }
}

#[derive(Debug)]
pub(super) struct Slab<T> {
    places: Vec<(u32, Option<T>)>,
    free: Vec<u32>,
}

impl<T> Slab<T> {
    pub(super) const fn new() -> Self {
        Self {
            places: Vec::new(),
            free: Vec::new(),
        }
    }

    pub(super) fn insert(&mut self, value: T) -> Id {
        let index = self.free.pop().unwrap_or_else(|| {
            self.places.push((0, None));
            u32::try_from(self.places.len() - 1).unwrap_or(u32::MAX)
        });
        let (generation, place) = &mut self.places[index as usize];
        *place = Some(value);
        Id {
            index,
            generation: *generation,
        }
    }

    pub(super) fn get(&self, id: Id) -> Option<&T> {
        match self.places.get(id.index as usize) {
            Some((generation, place)) if *generation == id.generation => place.as_ref(),
            _ => None,
        }
    }

    pub(super) fn get_mut(&mut self, id: Id) -> Option<&mut T> {
        match self.places.get_mut(id.index as usize) {
            Some((generation, place)) if *generation == id.generation => place.as_mut(),
            _ => None,
        }
    }

    pub(super) fn remove(&mut self, id: Id) -> Option<T> {
        let (generation, place) = self.places.get_mut(id.index as usize)?;
        if *generation != id.generation {
            return None;
        }
        let value = place.take()?;
        *generation = generation.wrapping_add(1);
        self.free.push(id.index);
        Some(value)
    }

    pub(super) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_not_valid_for_what_takes_its_place() {
        let mut slab = Slab::new();
        let first = slab.insert('a');
        assert_eq!(slab.remove(first), Some('a'));
        let second = slab.insert('b');
        assert_eq!((slab.get(first), slab.get(second)), (None, Some(&'b')));
        assert_eq!((slab.remove(first), slab.len()), (None, 1));
        assert_eq!(Id::from_bits(second.to_bits()), second);
    }
}
