//! What the server keeps beside what the core asks for: devices and codes, signed batches, marks, tree heads.

use super::{BOOT_SAMPLES_MAX, Memory, Result, SqliteWrite, run};
use crate::storage::sqlite::sums::{Cell, Table};
use crate::storage::sqlite::{directory, ledger};
use crate::storage::{BatchRecord, CodeRecord, DeviceRecord, Directory, LedgerSummary, WriteTx};
use omni_protocol::frame::to_bytes;
use omni_protocol::{BootId, DeviceId, Hash};
use omni_sync::StorageError;
use omni_sync::central::BootSample;
use omni_sync::ledger::SignedHead;
use rusqlite::params;

impl Directory for SqliteWrite<'_> {
    fn access_generation(&self) -> Result<u64> {
        directory::generation(self.conn)
    }
    fn devices(&self) -> Result<Vec<DeviceRecord>> {
        directory::devices(self.conn)
    }
    fn code(&self, hash: Hash) -> Result<Option<CodeRecord>> {
        directory::code(self.conn, hash)
    }
    fn setting(&self, name: &str) -> Result<Option<Vec<u8>>> {
        directory::setting(self.conn, name)
    }
}

impl WriteTx for SqliteWrite<'_> {
    fn mark(&mut self) -> Result<()> {
        self.flush()?;
        if self.marked.is_some() {
            run(self.conn, "RELEASE mark", [])?;
        }
        run(self.conn, "SAVEPOINT mark", [])?;
        self.marked = Some(self.head.clone());
        Ok(())
    }

    fn undo_to_mark(&mut self) -> Result<()> {
        let Some(head) = self.marked.clone() else { return Err(StorageError::corrupt("savepoint: none was set")) };
        run(self.conn, "ROLLBACK TO mark", [])?;
        *self.memory.get_mut() = Memory::default();
        self.head = head;
        Ok(())
    }

    fn put_batch(&mut self, b: &BatchRecord) -> Result<()> {
        let (links, parent): (Vec<u8>, _) = (b.links.iter().flat_map(|h| h.0).collect(), to_bytes(&b.parent));
        let cells = [
            Cell::Bytes(b.replica.as_bytes()),
            Cell::Bytes(b.device.as_bytes()),
            Cell::Bytes(&parent),
            Cell::Int(b.epoch.into()),
            Cell::Int(b.first as i64),
            Cell::Bytes(&b.prev.0),
            Cell::Bytes(&links),
            Cell::Bytes(&b.signature),
        ];
        let sql = "INSERT INTO batch(replica, device, parent, epoch, first, prev, links, signature)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        self.append(Table::Batch, sql, &cells)
    }

    fn put_boot_sample(&mut self, device: DeviceId, boot: BootId, s: BootSample) -> Result<()> {
        let (device, boot) = (&device.as_bytes()[..], &boot.as_bytes()[..]);
        let sql = "INSERT OR REPLACE INTO boot_sample VALUES (?1, ?2, ?3, ?4, ?5)";
        run(self.conn, sql, params![device, boot, s.mono_ms as i64, s.from_ms, s.to_ms])?;
        let sql = format!(
            "DELETE FROM boot_sample WHERE device = ?1 AND boot = ?2 AND from_ms < (SELECT from_ms FROM boot_sample
             WHERE device = ?1 AND boot = ?2 ORDER BY from_ms DESC LIMIT 1 OFFSET {})",
            BOOT_SAMPLES_MAX - 1
        );
        run(self.conn, &sql, params![device, boot])
    }

    fn put_device(&mut self, device: &DeviceRecord) -> Result<()> {
        directory::put_device(self.conn, device)
    }

    fn touch_device(&mut self, device: DeviceId, seen_ms: i64, durable_seq: u64) -> Result<()> {
        directory::touch(self.conn, device, seen_ms, durable_seq)
    }

    fn put_code(&mut self, code: &CodeRecord) -> Result<()> {
        directory::put_code(self.conn, code)
    }

    fn put_setting(&mut self, name: &str, value: &[u8]) -> Result<()> {
        directory::put_setting(self.conn, name, value)
    }

    fn ledger(&mut self) -> Result<LedgerSummary> {
        self.flush()?;
        let conn = self.conn;
        SqliteWrite::ledger(self)?.summary(conn)
    }

    fn put_tree_head(&mut self, head: &SignedHead) -> Result<()> {
        ledger::put_head(self.conn, head)
    }

    fn tree_head(&self) -> Result<Option<SignedHead>> {
        ledger::newest_head(self.conn)
    }
}
