//! What is kept on the graphics card, within its bounds. No browser in here.

use std::collections::HashMap;
use std::hash::Hash;

/// A least-recently-used cache of bounded size. What was used in the current frame is never given up.
#[derive(Debug)]
pub struct Cache<K, T> {
    entries: HashMap<K, Entry<T>>,
    bytes: usize,
    most_bytes: usize,
    frame: u64,
}

#[derive(Debug)]
struct Entry<T> {
    value: T,
    bytes: usize,
    used: u64,
}

impl<K: Copy + Eq + Hash, T> Cache<K, T> {
    /// An empty cache.
    #[must_use]
    pub fn new(most_bytes: usize) -> Self {
        Self {
            entries: HashMap::new(),
            bytes: 0,
            most_bytes,
            frame: 0,
        }
    }

    /// A new frame begins.
    pub fn next_frame(&mut self) {
        self.frame += 1;
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Bytes held at most, unless more are in use.
    #[must_use]
    pub fn most_bytes(&self) -> usize {
        self.most_bytes
    }

    /// Whether the value is held.
    #[must_use]
    pub fn contains(&self, key: &K) -> bool {
        self.entries.contains_key(key)
    }

    /// All keys, in no order.
    pub fn keys(&self) -> impl Iterator<Item = K> {
        self.entries.keys().copied()
    }

    /// A value, used in this frame.
    pub fn get(&mut self, key: &K) -> Option<&T> {
        let entry = self.entries.get_mut(key)?;
        entry.used = self.frame;
        Some(&entry.value)
    }

    /// A value, without using it.
    #[must_use]
    pub fn peek(&self, key: &K) -> Option<&T> {
        self.entries.get(key).map(|entry| &entry.value)
    }

    /// Puts a value in and hands back what had to go for it.
    #[must_use]
    pub fn insert(&mut self, key: K, value: T, bytes: usize) -> Vec<T> {
        let mut gone = Vec::new();
        let entry = Entry {
            value,
            bytes,
            used: self.frame,
        };
        if let Some(before) = self.entries.insert(key, entry) {
            self.bytes -= before.bytes;
            gone.push(before.value);
        }
        self.bytes += bytes;
        self.give_up(&mut gone);
        gone
    }

    /// Takes a value out.
    pub fn remove(&mut self, key: &K) -> Option<T> {
        let entry = self.entries.remove(key)?;
        self.bytes -= entry.bytes;
        Some(entry.value)
    }

    /// Holds no more than so many bytes from now on, and hands back what had to go for it.
    #[must_use]
    pub fn shrink(&mut self, most_bytes: usize) -> Vec<T> {
        self.most_bytes = most_bytes;
        let mut gone = Vec::new();
        self.give_up(&mut gone);
        gone
    }

    /// Gives up what was used longest ago, until the rest is within the bounds.
    fn give_up(&mut self, gone: &mut Vec<T>) {
        while self.bytes > self.most_bytes {
            let Some(oldest) = self
                .entries
                .iter()
                .filter(|(_, entry)| entry.used < self.frame)
                .min_by_key(|(_, entry)| entry.used)
                .map(|(&key, _)| key)
            else {
                break;
            };
            gone.extend(self.remove(&oldest));
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) -> Vec<T> {
        self.bytes = 0;
        self.entries.drain().map(|(_, entry)| entry.value).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_stays_within_its_bytes_and_keeps_what_is_in_use() {
        let mut cache = Cache::new(100);
        for key in 0..5 {
            cache.next_frame();
            assert_eq!(cache.insert(key, key * 10, 20), Vec::<i32>::new());
        }
        cache.next_frame();
        assert_eq!(cache.get(&0), Some(&0));
        assert_eq!(cache.insert(5, 50, 20), [10]);
        assert!(cache.contains(&0) && !cache.contains(&1));
        assert_eq!(cache.bytes(), 100);
        for key in 2..5 {
            let _ = cache.get(&key);
        }
        assert_eq!(cache.insert(6, 60, 20), Vec::<i32>::new(), "all are in use");
        cache.next_frame();
        assert_eq!(cache.insert(7, 70, 20).len(), 2);
        assert_eq!(cache.bytes(), 100);
        assert_eq!(cache.clear().len(), 5);
        assert_eq!(cache.bytes(), 0);
    }

    #[test]
    fn a_smaller_bound_holds_at_once_but_for_what_is_in_use() {
        let mut cache = Cache::new(100);
        for key in 0..5 {
            cache.next_frame();
            assert_eq!(cache.insert(key, key, 20), Vec::<i32>::new());
        }
        assert_eq!(cache.shrink(60), [0, 1]);
        assert_eq!((cache.bytes(), cache.most_bytes()), (60, 60));
        assert_eq!(cache.shrink(10), [2, 3], "the last one is in use");
        assert_eq!(cache.remove(&4), Some(4));
        assert_eq!((cache.bytes(), cache.remove(&4)), (0, None));
    }
}
