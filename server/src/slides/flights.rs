//! Work that several requests wait for is done once: by the first that asks, for all of them, as long as one still waits.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex};

use futures::FutureExt;
use futures::future::{BoxFuture, Shared, WeakShared};

type Flight<V> = Shared<BoxFuture<'static, V>>;
type Under<K, V> = Mutex<HashMap<K, (u64, WeakShared<BoxFuture<'static, V>>)>>;

/// What is under way, by key. The key is let go when the work ends, or when nobody waits for it any more; then the work is
/// dropped where it stands, unless it has come so far that it goes on.
pub struct Flights<K, V: Clone>(Arc<Under<K, V>>);

impl<K, V> Flights<K, V>
where
    K: Hash + Eq + Clone + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Nothing under way.
    pub fn new() -> Self {
        Self(Arc::default())
    }

    /// Joins the work under a key, or begins it. `done` is asked before anything is begun: work that has just ended must not
    /// be done again.
    pub fn join(
        &self,
        key: &K,
        done: impl FnOnce() -> Option<V>,
        work: impl Future<Output = V> + Send + 'static,
    ) -> Flight<V> {
        let mut under = self.0.lock().unwrap_or_else(|error| error.into_inner());
        if let Some(flight) = under.get(key).and_then(|(_, flight)| flight.upgrade()) {
            return flight;
        }
        if let Some(value) = done() {
            return std::future::ready(value).boxed().shared();
        }
        let id = under.get(key).map_or(0, |(id, _)| id + 1);
        let landing = Landing {
            under: Arc::clone(&self.0),
            key: key.clone(),
            id,
        };
        let flight = async move {
            let _landing = landing;
            work.await
        }
        .boxed()
        .shared();
        if let Some(weak) = flight.downgrade() {
            under.insert(key.clone(), (id, weak));
        }
        flight
    }

    /// Has the work under a key done to its end, also when nobody waits for it any more: to be called by the work itself when
    /// it comes to what cannot be broken off. Whoever asks meanwhile joins it.
    pub fn go_on(&self, key: &K) {
        let flight = {
            let under = self.0.lock().unwrap_or_else(|error| error.into_inner());
            under.get(key).and_then(|(_, flight)| flight.upgrade())
        };
        if let Some(flight) = flight {
            tokio::spawn(flight);
        }
    }

    /// How many wait for the work under a key, itself included where it goes on alone.
    #[cfg(test)]
    pub fn waiting(&self, key: &K) -> usize {
        let under = self.0.lock().unwrap();
        let flight = under.get(key).and_then(|(_, flight)| flight.upgrade());
        drop(under);
        flight
            .and_then(|flight| flight.strong_count())
            .map_or(0, |count| count - 1)
    }
}

struct Landing<K: Hash + Eq, V: Clone> {
    under: Arc<Under<K, V>>,
    key: K,
    id: u64,
}

impl<K: Hash + Eq, V: Clone> Drop for Landing<K, V> {
    fn drop(&mut self) {
        let mut under = self.under.lock().unwrap_or_else(|error| error.into_inner());
        // Dropped by its last waiter, it may have a successor already.
        if under.get(&self.key).is_some_and(|(id, _)| *id == self.id) {
            under.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn the_work_goes_on_while_one_waits_and_is_dropped_with_the_last() {
        let flights: Flights<u32, u32> = Flights::new();
        let begun = Arc::new(AtomicU32::new(0));
        let begin = |end: oneshot::Receiver<u32>| {
            let begun = Arc::clone(&begun);
            async move {
                begun.fetch_add(1, Ordering::Relaxed);
                end.await.unwrap_or(0)
            }
        };
        let (end, ended) = oneshot::channel();
        let mut first = flights.join(&7, || None, begin(ended));
        let second = flights.join(&7, || None, begin(oneshot::channel().1));
        assert!((&mut first).now_or_never().is_none());
        drop(first);
        end.send(5).unwrap();
        assert_eq!(second.await, 5);
        assert_eq!(begun.load(Ordering::Relaxed), 1);
        assert!(flights.0.lock().unwrap().is_empty());

        let (end, ended) = oneshot::channel();
        let mut only = flights.join(&7, || None, begin(ended));
        assert!((&mut only).now_or_never().is_none());
        drop(only);
        assert!(end.is_closed());
        assert!(flights.0.lock().unwrap().is_empty());
        // What is done already is not begun.
        let done = flights.join(&7, || Some(9), begin(oneshot::channel().1));
        assert_eq!(done.await, 9);
        assert_eq!(begun.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn work_that_goes_on_is_joined_by_who_comes_when_all_who_waited_have_gone() {
        let flights: Arc<Flights<u32, u32>> = Arc::new(Flights::new());
        let (end, ended) = oneshot::channel();
        let work = {
            let flights = Arc::clone(&flights);
            async move {
                flights.go_on(&7);
                ended.await.unwrap_or(0)
            }
        };
        let mut first = flights.join(&7, || None, work);
        assert!((&mut first).now_or_never().is_none());
        drop(first);
        let second = flights.join(&7, || None, async { 9 });
        end.send(5).unwrap();
        assert_eq!(second.await, 5);
        while !flights.0.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    }
}
