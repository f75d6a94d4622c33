//! What the session asks for, done: each action is one transaction or one frame.

use super::copy;
use super::driver::{Connection, Driver, End, Fetched};
use super::ledger::Found;
use super::{events, ledger, originals, payload};
use crate::error::{Result, internal, store_error};
use crate::{clock, ids};
use omni_protocol::frame::{ClientFrame, Welcome, to_bytes};
use omni_protocol::{Batch, Change, Entry, FeedPage, Part, Position, Watermark, WireError};
use omni_store::{Durability, Lane, StoreError, WriteTx};
use omni_sync::replica::{
    Action, BatchLimits, CentralHistory, FeedError, Input, OutgoingBatch, ReplicaTx, address, apply_outcomes,
    apply_page, hello, next_batch, renew, root_of, sealed_batch, skip,
};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::oneshot;
use tokio::task::JoinError;

/// Least time between two proofs of central's history in one session, milliseconds: a proof costs a request of a few
/// hundred bytes.
const PROVE_EVERY_MS: u64 = 30_000;

/// What an action leads to.
#[expect(clippy::large_enum_variant, reason = "one lives at a time, for one step")]
enum Then {
    Nothing,
    Input(Input),
    End(End),
}

impl Driver {
    /// Gives the session an input and does all it asks for, until it asks for nothing more.
    pub(super) async fn drive(&mut self, connection: &mut Connection, input: Input) -> Result<Option<End>> {
        let mut todo = VecDeque::from(self.step(input));
        while let Some(action) = todo.pop_front() {
            match self.perform(connection, action).await? {
                Then::Nothing => {}
                Then::Input(input) => todo.extend(self.step(input)),
                Then::End(end) => return Ok(Some(end)),
            }
        }
        Ok(None)
    }

    /// One step. What it says about the head is known before a page is stored: whoever waits for the page must not see
    /// the quiet of before.
    fn step(&mut self, input: Input) -> Vec<Action> {
        let actions = self.session.step(input, clock::mono_ms());
        let (head, quiet) = (self.session.head(), self.session.is_quiet());
        let known = self.link.facts();
        if known.quiet != quiet || known.head.is_some_and(|known| known != head) {
            self.link.update(|f| (f.quiet, f.head) = (quiet, f.head.map(|_| head)));
        }
        actions
    }

    async fn perform(&mut self, connection: &mut Connection, action: Action) -> Result<Then> {
        Ok(match action {
            Action::Hello { nonce } => Then::Input(self.say_hello(connection, &nonce).await?),
            Action::Send(frame) => {
                connection.sender.send(&frame).await?;
                Then::Nothing
            }
            // A recovering central gets what it signed or accepted before, and nothing of its is applied: the proof is
            // demanded when it is whole again.
            Action::Welcomed(welcome) if welcome.recovering => match self.welcomed(*welcome).await? {
                true => Then::Input(Input::Renewed),
                false => Then::Nothing,
            },
            Action::Welcomed(welcome) => match (self.welcomed(*welcome).await?, self.prove(connection).await?) {
                (_, Then::End(end)) => Then::End(end),
                (true, _) => Then::Input(Input::Renewed),
                (false, then) => then,
            },
            Action::NextBatch { from, epoch, limits } => Then::Input(self.take_batch(from, epoch, limits).await?),
            Action::StoreOutcomes(outcomes) => {
                self.answered(outcomes).await?;
                Then::Nothing
            }
            Action::ApplyPage(page) => Then::Input(self.apply(page).await?),
            Action::FetchPage { after } => {
                let (client, token) = (self.client.clone(), self.token());
                connection.fetches.spawn(async move { Fetched::Page(client.page(&token, after).await) });
                Then::Nothing
            }
            Action::FetchSnapshot => {
                let (client, token, store, link) =
                    (self.client.clone(), self.token(), self.store.clone(), self.link.clone());
                let grants = self.link.facts().grants.unwrap_or_default();
                self.store_held().await?;
                self.write(Durability::Normal, ledger::copying).await?;
                connection
                    .fetches
                    .spawn(async move { Fetched::Copy(copy::fetch(client, token, grants, store, link).await) });
                Then::Nothing
            }
            Action::Offer if self.offered == Some(self.session.epoch()) => Then::Input(Input::Offered),
            Action::Offer => {
                let (client, token, store) = (self.client.clone(), self.token(), self.store.clone());
                let offer = async move { Fetched::Offer(originals::offer(client, token, store).await) };
                connection.fetches.spawn(offer);
                Then::Nothing
            }
            Action::Repair => {
                let repairer = self.repairer.clone();
                connection.fetches.spawn(async move { Fetched::Repair(repairer.verify().await) });
                Then::Nothing
            }
            Action::Probe { n, now_ms, watermark } => Then::Input(self.probe(connection, n, now_ms, watermark).await?),
            // The state follows in order; the notice of it is the events' business.
            Action::Alert { seq, .. } => {
                tracing::info!(seq, "an emergency change is on its way");
                Then::Nothing
            }
            Action::Directory(entry) => {
                self.write(Durability::Normal, move |tx| Ok::<_, StoreError>(tx.put_directory(&[entry])?)).await?;
                Then::Nothing
            }
            Action::Renew => {
                self.store_held().await?;
                self.write(Durability::Full, |tx| Ok::<_, StoreError>(renew(tx, ids::replica_id())?)).await?;
                self.payload_next = 0;
                Then::Input(Input::Renewed)
            }
            Action::Skip { counter } => {
                tracing::error!(counter, "central cannot take a change; it is kept here and its place is skipped");
                self.write(Durability::Full, move |tx| Ok::<_, StoreError>(skip(tx, counter, "central refused it")?))
                    .await?;
                Then::Nothing
            }
            Action::Recycle { cause } => Then::End(self.recycle(cause)),
            Action::Refused { code, message, retryable } => Then::End(self.refused(&code, message, retryable)),
        })
    }

    /// One transaction on the synchronisation lane, without blocking the runtime.
    pub(super) async fn write<R, E>(
        &self,
        durability: Durability,
        body: impl FnOnce(&mut WriteTx<'_>) -> std::result::Result<R, E> + Send + 'static,
    ) -> Result<R>
    where
        R: Send + 'static,
        E: From<StoreError> + Into<SyncError> + Send + 'static,
    {
        match self.try_write(durability, body).await? {
            Ok(done) => Ok(done),
            Err(e) => Err(self.failed(e.into())),
        }
    }

    pub(super) async fn try_write<R, E>(
        &self,
        durability: Durability,
        body: impl FnOnce(&mut WriteTx<'_>) -> std::result::Result<R, E> + Send + 'static,
    ) -> Result<std::result::Result<R, E>>
    where
        R: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (tell, told) = oneshot::channel();
        let done = move |result| drop(tell.send(result));
        self.store.submit(Lane::Sync, durability, body, done).map_err(store_error)?;
        let result = told.await.map_err(|_| store_error(StoreError::Closed))?;
        if result.is_ok() && self.link.facts().disk_full {
            self.link.update(|f| f.disk_full = false);
        }
        Ok(result)
    }

    pub(super) fn failed(&self, error: SyncError) -> WireError {
        let error = error.0;
        if error.code == "disk_full" {
            self.link.update(|f| f.disk_full = true);
        }
        error
    }

    fn token(&self) -> String {
        self.link.facts().token.unwrap_or_default()
    }

    async fn say_hello(&mut self, connection: &mut Connection, nonce: &[u8]) -> Result<Input> {
        let meta = self.write(Durability::Normal, |tx| Ok::<_, StoreError>(tx.meta()?)).await?;
        let frame = ClientFrame::Hello(hello(&meta, self.device, nonce, &self.key));
        connection.sender.send(&frame).await?;
        self.replica = Some(meta.replica);
        Ok(Input::HelloSent { next_counter: meta.next_counter })
    }

    /// `true` = this copy goes on under a new identity: connect again.
    async fn welcomed(&mut self, welcome: Welcome) -> Result<bool> {
        let head = welcome.head.seq;
        let recovering = welcome.recovering;
        let history = CentralHistory { epoch: welcome.head.epoch, forks: welcome.forks, expected: welcome.expected };
        self.link.update(|f| {
            f.connected = true;
            (f.unreachable_since, f.last_error, f.next_try_mono) = (None, None, None);
            (f.device_removed, f.signed_out, f.update_required) = (false, false, false);
            f.recovering = recovering;
            (f.token, f.grants, f.head) = (Some(welcome.token), Some(welcome.grants), Some(head));
        });
        let names = welcome.directory;
        let noting = move |tx: &mut WriteTx<'_>| {
            tx.put_directory(&names)?;
            // What a recovery brings back is known when it has ended.
            if recovering { Ok::<_, StoreError>(0) } else { tx.follow_history(&history, ids::replica_id()) }
        };
        let reopened = self.write(Durability::Full, noting).await?;
        if reopened > 0 {
            tracing::warn!(reopened, "central begins a new history; own changes it may have lost are sent again");
            self.payload_next = 0;
        }
        Ok(reopened > 0)
    }

    /// Fetches the originals this laptop is to keep, unless that is under way.
    pub(super) fn keep_originals(&self, connection: &mut Connection) {
        if std::mem::replace(&mut connection.keeping, true) {
            return;
        }
        let (client, token, store, link) = (self.client.clone(), self.token(), self.store.clone(), self.link.clone());
        connection.fetches.spawn(async move { Fetched::Originals(originals::fetch(client, token, store, link).await) });
    }

    /// The same once the exchange is quiet: never in the way of edits.
    pub(super) fn keep_originals_soon(&self, connection: &mut Connection) {
        if self.session.is_quiet() && self.link.facts().originals_to < self.session.head() {
            self.keep_originals(connection);
        }
    }

    /// Nothing is sent and nothing applied before central proved that its history continues the one trusted here. A
    /// commit that did not fit before is looked at first; the look at others goes on beside the exchange.
    async fn prove(&mut self, connection: &mut Connection) -> Result<Then> {
        let (token, grants) = (self.token(), self.link.facts().grants.unwrap_or_default());
        let (mut watch, suspect) = self.write(Durability::Normal, |tx| ledger::load(tx)).await?;
        let mut found = ledger::contact(&self.client, &token, &mut watch, &self.central_key, &grants).await?;
        let look = ledger::spots(self.client.clone(), token, self.store.clone(), watch.clone(), grants, suspect);
        if found.is_none() && suspect.is_some() {
            found = look.await?;
        } else if found.is_none() {
            connection.fetches.spawn(async move { Fetched::Spots(look.await.map(|f| f.map(Box::new))) });
        }
        if let Some(found) = found {
            return Ok(Then::End(self.stop_for(found).await?));
        }
        (connection.trusted, connection.proved_ms) = (watch.size(), clock::mono_ms());
        self.write(Durability::Normal, move |tx| ledger::keep(tx, &watch)).await?;
        self.link.update(|f| f.history_rewritten = false);
        Ok(Then::Nothing)
    }

    /// Demands the proof of central's newest head beside the exchange, so that the commits of a long session are under a
    /// trusted head too.
    pub(super) fn prove_again(&self, connection: &mut Connection) {
        if std::mem::replace(&mut connection.proving, true) {
            return;
        }
        connection.proved_ms = clock::mono_ms();
        let (client, token, store, key) = (self.client.clone(), self.token(), self.store.clone(), self.central_key);
        let grants = self.link.facts().grants.unwrap_or_default();
        connection.fetches.spawn(async move { Fetched::Proof(ledger::again(client, token, store, key, grants).await) });
    }

    /// The same once the exchange is quiet, there are commits no trusted head stands for, and the last time is a while ago.
    pub(super) fn prove_soon(&self, connection: &mut Connection) {
        let due = clock::mono_ms().saturating_sub(connection.proved_ms) >= PROVE_EVERY_MS;
        if due && self.session.is_quiet() && connection.trusted < self.session.head() {
            self.prove_again(connection);
        }
    }

    /// The proof is here: the new head is trusted, or the exchange stops.
    pub(super) async fn proven(
        &mut self,
        connection: &mut Connection,
        proven: Result<ledger::Proven>,
    ) -> Result<Option<End>> {
        connection.proving = false;
        match proven {
            Err(e) => tracing::warn!("central did not prove its history: {e}"),
            Ok(ledger::Proven { found: Some(found), .. }) => return self.stop_for(*found).await.map(Some),
            Ok(ledger::Proven { before, after, .. }) => {
                connection.trusted = after.size();
                self.write(Durability::Normal, move |tx| ledger::advance(tx, &before, &after)).await?;
            }
        }
        Ok(None)
    }

    /// Central's history is not the one this laptop saw: the exchange stops, what was found is kept.
    pub(super) async fn stop_for(&mut self, found: Found) -> Result<End> {
        let refusal = ledger::refusal(&found);
        tracing::error!("{refusal}");
        self.measures.reconnect("history_rewritten");
        self.link.update(|f| f.history_rewritten = true);
        self.write(Durability::Full, move |tx| ledger::stop(tx, &found)).await?;
        Ok(End::Lost(refusal))
    }

    async fn take_batch(&mut self, from: u64, epoch: u32, limits: BatchLimits) -> Result<Input> {
        let here = self.replica;
        // Sealed as it was saved, and nothing sealed before it waits: it need not be read from the queue.
        if let Some(mut batch) = self.queue.take(from).filter(|batch| Some(batch.replica) == here) {
            address(&mut batch, epoch, &self.key);
            self.unnoted.push(batch.first);
            return Ok(self.outgoing(&batch, false));
        }
        self.store_held().await?;
        let key = self.key.clone();
        let sealed = move |tx: &mut WriteTx<'_>| {
            let batch = sealed_batch(tx, &key, epoch, from, limits)?;
            let waits = batch.is_none() && !tx.outbox_unsealed(1)?.is_empty();
            Ok::<_, StoreError>((batch, waits))
        };
        let (mut batch, waits) = self.write(Durability::Normal, sealed).await?;
        if waits {
            let key = self.key.clone();
            let sealing = move |tx: &mut WriteTx<'_>| Ok::<_, StoreError>(next_batch(tx, &key, epoch, from, limits)?);
            batch = self.write(Durability::Full, sealing).await?;
        }
        Ok(batch.map_or(Input::Batch(None), |batch| self.outgoing(&batch, true)))
    }

    fn outgoing(&mut self, batch: &Batch, more: bool) -> Input {
        let last = batch.first + batch.entries.len() as u64 - 1;
        self.count_payload(batch);
        Input::Batch(Some(OutgoingBatch { bytes: to_bytes(batch), first: batch.first, last, more }))
    }

    /// A change sent again is overhead, not payload.
    fn count_payload(&mut self, batch: &Batch) {
        let mut bytes = 0;
        for (entry, counter) in batch.entries.iter().zip(batch.first..) {
            if counter >= self.payload_next
                && let Entry::Change(wire) = entry
            {
                bytes += Change::from_bytes(wire).map_or(0, |c| payload::of_ops(&c.ops));
            }
        }
        self.payload_next = self.payload_next.max(batch.first + batch.entries.len() as u64);
        self.measures.traffic.payload.fetch_add(bytes, std::sync::atomic::Ordering::Relaxed);
    }

    /// Applies a page, and stores with it the answers whose commits it brings.
    async fn apply(&mut self, page: FeedPage) -> Result<Input> {
        let (page, outcomes) = (Arc::new(page), Arc::new(std::mem::take(&mut self.held)));
        let applying = {
            let (page, outcomes) = (page.clone(), outcomes.clone());
            move |tx: &mut WriteTx<'_>| {
                let before = tx.meta()?.position.seq;
                let answered = apply_outcomes(tx, &outcomes)?;
                let applied = apply_page(tx, &page)?;
                Ok::<_, FeedError>((answered, applied, before, tx.meta()?.position))
            }
        };
        let done = self.try_write(Durability::Normal, applying).await?;
        if done.is_err() {
            self.held.extend(outcomes.iter().cloned());
        }
        match done {
            Ok((answered, applied, before, position)) => {
                self.progress();
                self.noted(&outcomes, &answered);
                self.applied(&page, before, position);
                self.compared(applied.root_matches).await;
                Ok(Input::PageApplied { position, root_matches: applied.root_matches })
            }
            Err(FeedError::Gap { .. }) => {
                let position = self.write(Durability::Normal, |tx| Ok::<_, StoreError>(tx.meta()?.position)).await?;
                Ok(Input::PageGap { position })
            }
            Err(FeedError::Broken(why)) => {
                tracing::error!("the feed does not fit this copy, a new one is fetched: {why}");
                Ok(Input::PageBroken)
            }
            Err(FeedError::Storage(e)) => Err(self.failed(SyncError::from(StoreError::from(e)))),
        }
    }

    /// Tells events and figures about commits that are in the copy now.
    fn applied(&self, page: &FeedPage, before: u64, position: Position) {
        let fresh = page.commits.iter().filter(|c| c.seq > before).count() as u64;
        if fresh == 0 {
            return;
        }
        self.measures.commits(fresh);
        self.measures.traffic.payload.fetch_add(payload::of_page(page, before), std::sync::atomic::Ordering::Relaxed);
        let last = page.commits.last().and_then(|c| c.parts.first());
        let at = last.and_then(|p| minicbor::decode::<Part>(p).ok()).map(|p| p.info.at_ms);
        self.link.update(|f| f.copy_at = at.or(f.copy_at));
        tracing::debug!(commits = fresh, seq = position.seq, "applied");
        if self.events.receiver_count() > 0 {
            for event in events::of_page(page, before) {
                // Without a listener left there is nobody to tell.
                let _ = self.events.send(event);
            }
        }
    }

    /// Notes that this copy's digests equal central's. What differs is counted by the repair that follows.
    async fn compared(&self, equal: Option<bool>) {
        if equal != Some(true) {
            return;
        }
        let store = self.store.clone();
        let rows = tokio::task::spawn_blocking(move || store.read(|tx| tx.rows_total())).await;
        self.repairer.note(rows.ok().and_then(|r| r.ok()).unwrap_or(0), 0).await;
        self.link.update(|f| f.verified_at = Some(clock::wall_ms()));
    }

    async fn probe(&mut self, connection: &mut Connection, n: u64, now_ms: i64, mark: Watermark) -> Result<Input> {
        let (boot, mono_ms, wall_ms) = (clock::boot_id(), clock::mono_ms(), clock::wall_ms());
        connection.sender.send(&ClientFrame::ProbeReply { n, boot, mono_ms, wall_ms }).await?;
        self.link.update(|f| f.clock_offset_ms = Some((wall_ms - now_ms) as f64));
        let comparing = move |tx: &mut WriteTx<'_>| {
            let here = tx.meta()?.position == mark.position;
            Ok::<_, StoreError>(match mark.root.filter(|_| here) {
                Some(root) => Some(root_of(tx)?.0 == root.0),
                None => None,
            })
        };
        let equal = self.write(Durability::Normal, comparing).await?;
        self.progress();
        self.compared(equal).await;
        Ok(Input::RootCompared { equal })
    }

    /// A fetch ended.
    pub(super) fn fetched(
        &mut self,
        connection: &mut Connection,
        done: std::result::Result<Fetched, JoinError>,
    ) -> Option<Input> {
        match done {
            Ok(Fetched::Originals(kept)) => {
                connection.keeping = false;
                if let Err(e) = kept {
                    tracing::warn!("originals could not be kept: {e}");
                }
                None
            }
            Ok(Fetched::Spots(looked)) => {
                if let Err(e) = looked {
                    tracing::warn!("old commits could not be compared: {e}");
                }
                None
            }
            other => Some(self.brought(other)),
        }
    }

    fn brought(&mut self, done: std::result::Result<Fetched, JoinError>) -> Input {
        let error = match done {
            Ok(Fetched::Page(Ok(page))) => {
                self.link.heard();
                return Input::PageFetched(page);
            }
            Ok(Fetched::Copy(Ok(position))) => {
                self.progress();
                self.link.heard();
                return Input::SnapshotDone { position };
            }
            Ok(Fetched::Offer(offered)) => {
                match offered {
                    Ok(()) => self.offered = Some(self.session.epoch()),
                    Err(e) => tracing::warn!("what is kept could not be offered to central: {e}"),
                }
                return Input::Offered;
            }
            Ok(Fetched::Originals(_) | Fetched::Spots(_) | Fetched::Proof(_)) => return Input::QueueChanged,
            Ok(Fetched::Repair(Ok(verified))) => return Input::Repaired { done: verified.equal_now },
            Ok(Fetched::Repair(Err(e))) => {
                tracing::error!("the copy could not be compared with central's: {e}");
                return Input::Repaired { done: false };
            }
            Ok(Fetched::Page(Err(e)) | Fetched::Copy(Err(e))) => e,
            Err(e) => internal("A fetch from central", e),
        };
        tracing::warn!("a fetch from central failed: {error}");
        self.link.update(|f| f.last_error = Some(error));
        Input::FetchFailed
    }

    /// Something got through.
    pub(super) fn progress(&mut self) {
        self.backoff.progress();
        self.choice.progress();
    }

    fn recycle(&mut self, cause: &'static str) -> End {
        self.measures.reconnect(cause);
        if matches!(cause, "no_progress" | "silent") {
            self.choice.stuck(clock::mono_ms());
        }
        match cause {
            "regrant" | "new_incarnation" => End::Again,
            "no_progress" | "silent" => End::Lost(super::socket::lost("central stopped answering")),
            _ => End::Lost(WireError::retryable(cause, "The exchange with central starts over.")),
        }
    }

    fn refused(&self, code: &str, message: String, retryable: bool) -> End {
        self.measures.reconnect(code);
        self.link.update(|f| match code {
            "recovering" => f.recovering = true,
            "device_revoked" => f.device_removed = true,
            "device_unknown" | "bad_signature" => f.signed_out = true,
            "update_required" | "protocol" => f.update_required = true,
            _ => {}
        });
        End::Lost(WireError { retryable, ..WireError::new(code, message) })
    }
}

/// Any error of a transaction, as the driver reports it.
pub(super) struct SyncError(WireError);

impl From<StoreError> for SyncError {
    fn from(error: StoreError) -> SyncError {
        SyncError(store_error(error))
    }
}
