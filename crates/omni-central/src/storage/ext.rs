//! Typed results over the object-safe trait.

use super::{ReadTx, Storage, WriteTx};
use omni_sync::StorageError;

/// `write` and `read` with a result.
pub trait StorageExt {
    /// Runs `work` in one durable write transaction.
    fn writing<T>(&self, work: impl FnOnce(&mut dyn WriteTx) -> Result<T, StorageError>) -> Result<T, StorageError>;
    /// Runs `work` over one exact state.
    fn reading<T>(&self, work: impl FnOnce(&dyn ReadTx) -> Result<T, StorageError>) -> Result<T, StorageError>;
}

fn unused() -> StorageError {
    StorageError::corrupt("transaction: the storage did not run its work")
}

impl<S: Storage + ?Sized> StorageExt for S {
    fn writing<T>(&self, work: impl FnOnce(&mut dyn WriteTx) -> Result<T, StorageError>) -> Result<T, StorageError> {
        let (mut work, mut out) = (Some(work), None);
        self.write(&mut |tx| {
            let work = work.take().ok_or_else(unused)?;
            out = Some(work(tx)?);
            Ok(())
        })?;
        out.ok_or_else(unused)
    }

    fn reading<T>(&self, work: impl FnOnce(&dyn ReadTx) -> Result<T, StorageError>) -> Result<T, StorageError> {
        let (mut work, mut out) = (Some(work), None);
        self.read(&mut |tx| {
            let work = work.take().ok_or_else(unused)?;
            out = Some(work(tx)?);
            Ok(())
        })?;
        out.ok_or_else(unused)
    }
}
