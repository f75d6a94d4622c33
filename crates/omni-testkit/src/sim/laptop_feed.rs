//! A laptop's downloads: pages, snapshots, heartbeats.

use super::coverage::Reached;
use super::driver::Sim;
use super::event::{Event, Fetch, Fetched};
use super::host::{Hosts, ReplicaHost, transact, view};
use super::laptop::Tx;
use super::net::ConnId;
use super::plan::Planted;
use crate::mem_replica::Durability;
use omni_protocol::frame::ClientFrame;
use omni_protocol::{FeedPage, Watermark};
use omni_sync::replica::local::rebuild_all;
use omni_sync::replica::{FeedError, Input, ReplicaTx, apply_page, root_of};

impl<H: Hosts> Sim<H> {
    pub(super) fn apply(&mut self, c: usize, page: &FeedPage) -> Option<Input> {
        let mut page = page.clone();
        if self.plan.planted == Some(Planted::PageShort) && page.commits.len() > 1 {
            page.commits.pop();
        }
        if self.plan.planted == Some(Planted::CursorBeforeData) && !self.cursor_first(c, &page) {
            return None;
        }
        let done = self.laptop_tx(c, Durability::Normal, |tx| apply_page(tx, &page));
        let Tx::Done(result) = done else { return None };
        match result {
            Ok(applied) => {
                let position = view(&mut self.laptops[c].host, |tx| Ok(tx.meta()?.position));
                let position = self.storage(position, "meta")?;
                self.note("applied", c as u64, position.seq, || format!("{} commits", applied.commits));
                if applied.root_matches == Some(false) {
                    self.fail(format!("laptop {c} differs from central at seq {}", position.seq));
                }
                Some(Input::PageApplied { position, root_matches: applied.root_matches })
            }
            Err(FeedError::Gap { cursor, .. }) => {
                self.coverage.hit(Reached::PageGap);
                let position = view(&mut self.laptops[c].host, |tx| Ok(tx.meta()?.position));
                let position = self.storage(position, "meta")?;
                debug_assert_eq!(position.seq, cursor);
                Some(Input::PageGap { position })
            }
            Err(e) => {
                self.fail(format!("laptop {c} cannot apply a page: {e}"));
                Some(Input::PageBroken)
            }
        }
    }

    /// The planted mistake: the cursor moves in a transaction of its own. `false` = the laptop crashed in between.
    fn cursor_first(&mut self, c: usize, page: &FeedPage) -> bool {
        let meta = view(&mut self.laptops[c].host, |tx| tx.meta());
        let Some(old) = self.storage(meta, "meta").map(|m| m.position) else { return false };
        let set = |to: omni_protocol::Position| {
            move |tx: &mut dyn ReplicaTx| {
                let mut meta = tx.meta()?;
                meta.position = to;
                tx.set_meta(&meta)
            }
        };
        let to = page.watermark.position;
        if page.after > old.seq || to.seq <= old.seq {
            return true;
        }
        let Tx::Done(moved) = self.laptop_tx(c, Durability::Normal, set(to)) else { return false };
        let back = transact(&mut self.laptops[c].host, Durability::Normal, set(old));
        self.storage(moved, "cursor").is_some() && self.storage(back.and_then(|r| r), "cursor").is_some()
    }

    pub(super) fn start_fetch(&mut self, c: usize, fetch: Fetch) -> Option<Input> {
        self.note("fetch", c as u64, 0, || format!("{fetch:?}"));
        if matches!(fetch, Fetch::Page(_)) {
            self.coverage.hit(Reached::CaughtUpByPages);
        }
        let conn = self.laptops[c].conn?;
        let ms = self.delay();
        self.after(ms, Event::FetchAt(c, conn, fetch));
        None
    }

    /// A fetch's answer reaches the laptop.
    pub(super) fn fetch_done(&mut self, c: usize, conn: ConnId, fetched: Fetched) {
        if self.laptops[c].conn != Some(conn) {
            return;
        }
        match fetched {
            Fetched::Page(page) => self.drive(c, Input::PageFetched(page)),
            Fetched::Originals(page) => self.keep_originals(c, &page),
            Fetched::Offered => self.offered(c, true),
            Fetched::NotOffered => self.offered(c, false),
            Fetched::Failed => {
                self.coverage.hit(Reached::FetchFailed);
                self.drive(c, Input::FetchFailed);
            }
            Fetched::Snapshot(snapshot, grants) => {
                if self.rng.chance(self.plan.crash_at_tx * 4) {
                    return self.crash_laptop(c);
                }
                let pending = view(&mut self.laptops[c].host, |tx| Ok(!tx.all_confirmed()?.is_empty()));
                if self.storage(pending, "touched records") == Some(true) {
                    self.coverage.hit(Reached::SnapshotUnderPending);
                }
                let done = self.laptops[c].host.install_snapshot(&snapshot, &grants);
                if let Err(e) = done {
                    self.medium_failed("swapping a snapshot in", &e);
                    return self.crash_laptop(c);
                }
                self.coverage.hit(Reached::SnapshotSwapped);
                if self.plan.planted == Some(Planted::SnapshotDropsQueue) {
                    self.drop_queue(c, usize::MAX);
                }
                let position = snapshot.manifest.position;
                self.note("snapshot", c as u64, position.seq, String::new);
                self.check_copy(c);
                if self.rng.chance(self.plan.crash_at_tx * 4) {
                    return self.crash_laptop(c);
                }
                self.drive(c, Input::SnapshotDone { position });
            }
        }
    }

    /// The planted mistakes: rows of the queue are dropped, and nothing shows them any more.
    pub(super) fn drop_queue(&mut self, c: usize, most: usize) {
        let done = transact(&mut self.laptops[c].host, Durability::Full, |tx| {
            for entry in tx.outbox_unsealed(most)? {
                tx.outbox_remove(entry.change.id)?;
                rebuild_all(tx, &entry.change)?;
            }
            Ok(())
        });
        self.storage(done.and_then(|r| r), "queue");
    }

    pub(super) fn probe(&mut self, c: usize, n: u64, watermark: &Watermark) -> Option<Input> {
        let (boot, (mono_ms, wall_ms)) = (self.laptops[c].boot, self.readings(c));
        if self.laptops[c].lies {
            self.coverage.hit(Reached::LiedInProbe);
        }
        self.send_up(c, &ClientFrame::ProbeReply { n, boot, mono_ms, wall_ms });
        let compared = view(&mut self.laptops[c].host, |tx| {
            let here = tx.meta()?.position == watermark.position;
            match watermark.root.filter(|_| here) {
                Some(root) => Ok(Some(root_of(tx)?.0 == root.0)),
                None => Ok(None),
            }
        });
        let equal = self.storage(compared, "digest")?;
        if equal == Some(false) {
            self.fail(format!("laptop {c} differs from central at seq {} (heartbeat)", watermark.position.seq));
        }
        Some(Input::RootCompared { equal })
    }
}
