//! What was asked for a moment ago: however many ask us, the instances are not busy with it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

/// Who asks within so much time after another is told the same.
const FRESH: Duration = Duration::from_secs(1);

/// The last answer. Who comes while it is asked for waits for that.
pub(super) struct Fresh<T> {
    last: Mutex<Option<Told<T>>>,
}

struct Told<T> {
    at: Instant,
    /// The instances were given so much time.
    limit: Duration,
    what: Arc<T>,
}

impl<T> Fresh<T> {
    /// The last answer if it will do; else what `asking`, which gives the instances `limit`, comes to.
    pub(super) async fn get<E>(
        &self,
        limit: Duration,
        asking: impl Future<Output = Result<T, E>>,
    ) -> Result<Arc<T>, E> {
        let mut last = self.last.lock().await;
        if let Some(told) = last.as_ref().filter(|told| told.serves(limit)) {
            return Ok(told.what.clone());
        }
        let what = Arc::new(asking.await?);
        *last = Some(Told {
            at: Instant::now(),
            limit,
            what: what.clone(),
        });
        Ok(what)
    }
}

impl<T> Default for Fresh<T> {
    fn default() -> Self {
        Self {
            last: Mutex::new(None),
        }
    }
}

impl<T> Told<T> {
    /// True if one who grants the instances so much time can be told this.
    fn serves(&self, limit: Duration) -> bool {
        self.at.elapsed() < FRESH && self.limit >= limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_gave_the_instances_less_time_spoils_it_for_nobody() {
        let fresh = Fresh::default();
        let (short, long) = (Duration::from_millis(1), Duration::from_secs(3));
        let get = async |limit, number| *fresh.get(limit, async { Ok::<_, ()>(number) }).await.unwrap();
        assert_eq!(get(short, 1).await, 1);
        assert_eq!(get(short, 2).await, 1);
        assert_eq!(get(long, 3).await, 3);
        assert_eq!(get(short, 4).await, 3);
        tokio::time::advance(FRESH).await;
        assert_eq!(get(short, 5).await, 5);
    }

    #[tokio::test]
    async fn a_failure_is_not_kept() {
        let fresh = Fresh::default();
        assert_eq!(
            fresh.get(FRESH, async { Err::<u8, _>("fault") }).await,
            Err("fault")
        );
        assert_eq!(*fresh.get(FRESH, async { Ok::<_, ()>(1) }).await.unwrap(), 1);
    }
}
