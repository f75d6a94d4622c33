//! A few read-only connections, lent out one read at a time.

use crate::connect::{Purpose, Target};
use crate::error::{Result, StoreError};
use rusqlite::Connection;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

#[derive(Debug, Default)]
struct Pool {
    idle: Vec<Connection>,
    /// Numbers of the reads that run.
    running: Vec<u64>,
    /// Number of the next one.
    next: u64,
    draining: bool,
    closed: bool,
}

/// The readers of one file.
#[derive(Debug)]
pub struct Readers {
    target: Target,
    max: usize,
    pool: Mutex<Pool>,
    changed: Condvar,
}

/// No reader is open while it lives.
#[derive(Debug)]
pub struct Drained<'r>(&'r Readers);

impl Drop for Drained<'_> {
    fn drop(&mut self) {
        self.0.lock().draining = false;
        self.0.changed.notify_all();
    }
}

/// A lent connection; given back only after a read that went well.
struct Lent<'r> {
    readers: &'r Readers,
    number: u64,
    conn: Option<Connection>,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let mut pool = self.readers.lock();
        pool.running.retain(|n| *n != self.number);
        if let Some(conn) = self.conn.take().filter(|c| c.is_autocommit()) {
            pool.idle.push(conn);
        }
        self.readers.changed.notify_all();
    }
}

impl Readers {
    /// At most `max` connections, opened when first needed.
    pub fn new(target: Target, max: usize) -> Readers {
        Readers { target, max: max.max(1), pool: Mutex::default(), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a read in one unchanging view of the file.
    pub fn read<R>(&self, body: impl FnOnce(&Connection) -> Result<R>) -> Result<R> {
        let mut lent = self.lend()?;
        let conn = lent.conn.as_ref().ok_or(StoreError::Closed)?;
        conn.prepare_cached("BEGIN")?.execute([])?;
        let done = body(conn);
        let ended = conn.prepare_cached("COMMIT").and_then(|mut s| s.execute([]));
        let keep = ended.is_ok() && !done.as_ref().is_err_and(StoreError::is_suspect);
        if !keep {
            lent.conn = None;
        }
        done
    }

    fn lend(&self) -> Result<Lent<'_>> {
        let mut pool = self.lock();
        loop {
            if pool.closed {
                return Err(StoreError::Closed);
            }
            if !pool.draining && (!pool.idle.is_empty() || pool.running.len() < self.max) {
                break;
            }
            pool = self.changed.wait(pool).unwrap_or_else(PoisonError::into_inner);
        }
        let number = pool.next;
        pool.next += 1;
        pool.running.push(number);
        let idle = pool.idle.pop();
        drop(pool);
        let mut lent = Lent { readers: self, number, conn: idle };
        if lent.conn.is_none() {
            lent.conn = Some(self.target.connect(Purpose::Read)?);
        }
        Ok(lent)
    }

    /// Waits until every read that runs now has ended; new ones go on. `false` = not in this time.
    pub fn outlast(&self, wait: Duration) -> bool {
        let deadline = Instant::now() + wait;
        let mut pool = self.lock();
        let now = pool.next;
        while pool.running.iter().any(|n| *n < now) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            pool = self.changed.wait_timeout(pool, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// Waits until no read runs, closes all connections and holds new reads back until the result is dropped.
    pub fn drain(&self, wait: Duration) -> Result<Drained<'_>> {
        let deadline = Instant::now() + wait;
        let mut pool = self.lock();
        if pool.draining {
            return Err(StoreError::Busy("the copy is being replaced already".into()));
        }
        pool.draining = true;
        while !pool.running.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                pool.draining = false;
                drop(pool);
                self.changed.notify_all();
                return Err(StoreError::Busy("a long read is still running".into()));
            }
            pool = self.changed.wait_timeout(pool, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        pool.idle.clear();
        drop(pool);
        Ok(Drained(self))
    }

    /// Closes for good: waits for running reads.
    pub fn close(&self) {
        let mut pool = self.lock();
        pool.closed = true;
        self.changed.notify_all();
        while !pool.running.is_empty() {
            pool = self.changed.wait(pool).unwrap_or_else(PoisonError::into_inner);
        }
        pool.idle.clear();
    }
}
