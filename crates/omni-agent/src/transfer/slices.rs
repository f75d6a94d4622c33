//! Many writes, a few at a time: each slice is one transaction that holds the writer briefly, so that the operator's own
//! edits and the feed pass in between.

use super::writes::Failure;
use omni_protocol::WireError;
use omni_store::{Durability, Lane, Store, StoreError, WriteTx};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a slice may hold the writer, with twice what the last commits took: the limit is 50 ms.
const HOLD: Duration = Duration::from_millis(32);
/// A slice works at least this long: it must get on, however slow the commits are.
const WORK_MIN: Duration = Duration::from_millis(4);

type Work<I, R> = dyn Fn(&mut WriteTx<'_>, usize, &I) -> Result<R, Failure> + Send + Sync;

/// Writes items in slices.
pub(super) struct Slices<I, R> {
    store: Store,
    items: Arc<Vec<I>>,
    work: Arc<Work<I, R>>,
    /// What the last commits took.
    commit: Duration,
}

/// Why a slice was not written. Nothing of it happened.
#[derive(Debug)]
pub(super) struct Stopped {
    /// The item it stopped at; `None` = the slice as a whole.
    pub at: Option<usize>,
    pub failure: Failure,
}

impl From<StoreError> for Stopped {
    fn from(error: StoreError) -> Stopped {
        Stopped { at: None, failure: error.into() }
    }
}

impl<I, R> Slices<I, R>
where
    I: Send + Sync + 'static,
    R: Send + 'static,
{
    /// `work` writes one item; its error undoes the slice.
    pub fn new(
        store: &Store,
        items: Vec<I>,
        work: impl Fn(&mut WriteTx<'_>, usize, &I) -> Result<R, Failure> + Send + Sync + 'static,
    ) -> Slices<I, R> {
        let (items, work) = (Arc::new(items), Arc::new(work));
        Slices { store: store.clone(), items, work, commit: HOLD / 4 }
    }

    /// Items in all.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Writes items from `from` on, up to `to` or as many as fit. At least one, unless it fails. Durable when it returns.
    pub fn next(&mut self, from: usize, to: usize) -> Result<Vec<R>, Stopped> {
        let (items, work) = (self.items.clone(), self.work.clone());
        let budget = HOLD.saturating_sub(self.commit * 2).max(WORK_MIN);
        let slice = move |tx: &mut WriteTx<'_>| {
            let began = Instant::now();
            let mut done = Vec::new();
            for (at, item) in items.iter().enumerate().take(to).skip(from) {
                done.push(work(tx, at, item).map_err(|failure| Stopped { at: Some(at), failure })?);
                if began.elapsed() >= budget {
                    break;
                }
            }
            Ok::<_, Stopped>((done, Instant::now()))
        };
        let (done, worked) = self.store.write(Lane::Interactive, Durability::Full, slice)?;
        // Rises at once, falls slowly: one quick commit does not promise another.
        self.commit = worked.elapsed().max(self.commit * 7 / 8);
        Ok(done)
    }

    /// Writes every item that can be written; the others get their refusal. Fails only if the store does, and then says
    /// what was written before.
    pub fn each(&mut self) -> (Vec<Result<R, WireError>>, Option<StoreError>) {
        let mut out = Vec::with_capacity(self.len());
        let mut to = self.len();
        while out.len() < self.len() {
            match self.next(out.len(), to) {
                Ok(done) => out.extend(done.into_iter().map(Ok)),
                Err(Stopped { failure: Failure::Store(e), .. }) => return (out, Some(e)),
                Err(Stopped { at, failure: Failure::Refused(e) }) => match at {
                    // Those before it in the slice were undone with it: once more without it.
                    Some(at) if at > out.len() => to = at,
                    _ => out.push(Err(e)),
                },
            }
            if out.len() >= to {
                to = self.len();
            }
        }
        (out, None)
    }
}
