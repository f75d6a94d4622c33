//! The table of C functions. Each finds the watcher of its file, asks it, and passes the call on.
//!
//! Safety, once for all of them: SQLite calls them as its documentation promises (a file is opened once before and
//! closed once after everything else; buffers hold as many bytes as said; names are C strings or null). An open file of
//! ours is a `Shim`, directly followed by the file of the VFS underneath, for which `szOsFile` reserves the room.

use crate::{Change, Refused, Watch, Watched};
use rusqlite::ffi::{
    self, SQLITE_IOERR, SQLITE_IOERR_DELETE, SQLITE_IOERR_FSYNC, SQLITE_IOERR_READ, SQLITE_IOERR_TRUNCATE,
    SQLITE_IOERR_WRITE, SQLITE_OK, sqlite3_file, sqlite3_int64, sqlite3_io_methods, sqlite3_vfs,
};
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::PathBuf;
use std::sync::Arc;

/// What stands before the real file.
// SQLite aligns files to 8 bytes, which is what pointers need.
#[repr(C)]
struct Shim {
    base: sqlite3_file,
    watched: Option<Arc<dyn Watched>>,
}

/// What the registered VFS remembers. Never freed, like the VFS.
struct Data {
    real: *mut sqlite3_vfs,
    watch: Box<dyn Watch>,
}

/// Registers a VFS under a name of its own. It stays for the life of the process. Errors: SQLite's code.
pub fn register(name: &str, watch: Box<dyn Watch>) -> Result<(), c_int> {
    let name = CString::new(name).map_err(|_| ffi::SQLITE_MISUSE)?;
    // SAFETY: the default VFS is registered for the life of the process, its fields do not change; what we register is
    // leaked, so it lives as long.
    unsafe {
        let real = ffi::sqlite3_vfs_find(std::ptr::null());
        if real.is_null() {
            return Err(SQLITE_IOERR);
        }
        let data = Box::into_raw(Box::new(Data { real, watch }));
        let mut vfs: sqlite3_vfs = *real;
        vfs.iVersion = vfs.iVersion.min(2);
        vfs.szOsFile = size_of::<Shim>() as c_int + (*real).szOsFile;
        vfs.pNext = std::ptr::null_mut();
        vfs.zName = name.into_raw();
        vfs.pAppData = data.cast();
        vfs.xOpen = Some(open);
        vfs.xDelete = Some(delete);
        vfs.xAccess = Some(access);
        // All else takes the VFS only to find system calls, which are global in the default one.
        vfs.xFullPathname = Some(full_path);
        match ffi::sqlite3_vfs_register(Box::into_raw(Box::new(vfs)), 0) {
            SQLITE_OK => Ok(()),
            code => Err(code),
        }
    }
}

unsafe fn data<'a>(vfs: *mut sqlite3_vfs) -> &'a Data {
    // SAFETY: `register` put it there; never freed.
    unsafe { &*(*vfs).pAppData.cast::<Data>() }
}

unsafe fn path_of(name: *const c_char) -> Option<PathBuf> {
    // SAFETY: a C string or null.
    (!name.is_null()).then(|| PathBuf::from(unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned()))
}

unsafe fn watched<'a>(file: *mut sqlite3_file) -> Option<&'a dyn Watched> {
    // SAFETY: an open file of ours.
    unsafe { (*file.cast::<Shim>()).watched.as_deref() }
}

unsafe fn below(file: *mut sqlite3_file) -> *mut sqlite3_file {
    // SAFETY: it directly follows the shim.
    unsafe { file.cast::<Shim>().add(1).cast() }
}

/// Passes a call on to the file underneath, which is open with ours.
macro_rules! pass {
    ($file:expr, $method:ident $(, $arg:expr)*) => {{
        let real = below($file);
        match (*(*real).pMethods).$method {
            Some(call) => call(real $(, $arg)*),
            None => SQLITE_IOERR,
        }
    }};
}

static METHODS: sqlite3_io_methods = sqlite3_io_methods {
    // Version 2: shared memory, but no memory-mapped pages, which would be written past us.
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

unsafe extern "C" fn open(
    vfs: *mut sqlite3_vfs,
    name: *const c_char,
    file: *mut sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    // SAFETY: see the head of this file. `file` is uninitialised, so it is written without being read or dropped.
    unsafe {
        (*file).pMethods = std::ptr::null();
        let data = data(vfs);
        let watched = match path_of(name).map(|path| data.watch.open(&path)) {
            Some(Ok(watched)) => watched,
            Some(Err(Refused)) => return ffi::SQLITE_CANTOPEN,
            None => None,
        };
        let real = below(file);
        (*real).pMethods = std::ptr::null();
        let Some(call) = (*data.real).xOpen else { return SQLITE_IOERR };
        let code = call(data.real, name, real, flags, out);
        if code != SQLITE_OK {
            return code;
        }
        let base = sqlite3_file { pMethods: &raw const METHODS };
        std::ptr::write(file.cast::<Shim>(), Shim { base, watched });
        SQLITE_OK
    }
}

unsafe extern "C" fn delete(vfs: *mut sqlite3_vfs, name: *const c_char, sync: c_int) -> c_int {
    // SAFETY: see the head of this file.
    unsafe {
        let data = data(vfs);
        if path_of(name).is_some_and(|path| data.watch.delete(&path).is_err()) {
            return SQLITE_IOERR_DELETE;
        }
        (*data.real).xDelete.map_or(SQLITE_IOERR, |call| call(data.real, name, sync))
    }
}

unsafe extern "C" fn access(vfs: *mut sqlite3_vfs, name: *const c_char, flags: c_int, out: *mut c_int) -> c_int {
    // SAFETY: see the head of this file.
    unsafe {
        let real = data(vfs).real;
        (*real).xAccess.map_or(SQLITE_IOERR, |call| call(real, name, flags, out))
    }
}

unsafe extern "C" fn full_path(vfs: *mut sqlite3_vfs, name: *const c_char, room: c_int, out: *mut c_char) -> c_int {
    // SAFETY: see the head of this file.
    unsafe {
        let real = data(vfs).real;
        (*real).xFullPathname.map_or(SQLITE_IOERR, |call| call(real, name, room, out))
    }
}

unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    // SAFETY: closed once; the watcher is dropped with it.
    unsafe {
        let code = pass!(file, xClose);
        (*file.cast::<Shim>()).watched = None;
        (*file).pMethods = std::ptr::null();
        code
    }
}

unsafe extern "C" fn read(file: *mut sqlite3_file, to: *mut c_void, n: c_int, at: sqlite3_int64) -> c_int {
    // SAFETY: an open file of ours.
    unsafe {
        match watched(file).map(Watched::read) {
            Some(Err(Refused)) => SQLITE_IOERR_READ,
            _ => pass!(file, xRead, to, n, at),
        }
    }
}

/// What a file holds from `at` on, at most `n` bytes, and its length.
unsafe fn held(file: *mut sqlite3_file, at: u64, n: u64) -> Option<(Vec<u8>, u64)> {
    let mut size: sqlite3_int64 = 0;
    // SAFETY: an open file of ours; the buffer is as long as said.
    unsafe {
        if pass!(file, xFileSize, &raw mut size) != SQLITE_OK {
            return None;
        }
        let size = size as u64;
        let mut old = vec![0u8; n.min(size.saturating_sub(at)) as usize];
        let there = old.is_empty()
            || pass!(file, xRead, old.as_mut_ptr().cast(), old.len() as c_int, at as sqlite3_int64) == SQLITE_OK;
        there.then_some((old, size))
    }
}

unsafe extern "C" fn write(file: *mut sqlite3_file, from: *const c_void, n: c_int, at: sqlite3_int64) -> c_int {
    // SAFETY: see the head of this file.
    unsafe {
        let Some(watched) = watched(file) else { return pass!(file, xWrite, from, n, at) };
        let Some((old, size)) = held(file, at as u64, n as u64) else { return SQLITE_IOERR_WRITE };
        let new = std::slice::from_raw_parts(from.cast::<u8>(), n as usize);
        let change = Change::Write { offset: at as u64, new, old, size };
        let mut code = SQLITE_IOERR_WRITE;
        let done = watched.change(change, &mut || {
            code = pass!(file, xWrite, from, n, at);
            code == SQLITE_OK
        });
        if done.is_ok() { code } else { SQLITE_IOERR_WRITE }
    }
}

unsafe extern "C" fn truncate(file: *mut sqlite3_file, to: sqlite3_int64) -> c_int {
    // SAFETY: see the head of this file.
    unsafe {
        let Some(watched) = watched(file) else { return pass!(file, xTruncate, to) };
        let Some((tail, size)) = held(file, to as u64, c_int::MAX as u64) else { return SQLITE_IOERR_TRUNCATE };
        let mut code = SQLITE_IOERR_TRUNCATE;
        let done = watched.change(Change::Resize { to: to as u64, size, tail }, &mut || {
            code = pass!(file, xTruncate, to);
            code == SQLITE_OK
        });
        if done.is_ok() { code } else { SQLITE_IOERR_TRUNCATE }
    }
}

unsafe extern "C" fn sync(file: *mut sqlite3_file, flags: c_int) -> c_int {
    // SAFETY: an open file of ours.
    unsafe {
        match watched(file).map(Watched::sync) {
            // The watcher is the medium of what it watches: the real one need not turn.
            Some(Ok(())) => SQLITE_OK,
            Some(Err(Refused)) => SQLITE_IOERR_FSYNC,
            None => pass!(file, xSync, flags),
        }
    }
}

unsafe extern "C" fn file_size(file: *mut sqlite3_file, out: *mut sqlite3_int64) -> c_int {
    // SAFETY: an open file of ours.
    unsafe { pass!(file, xFileSize, out) }
}

unsafe extern "C" fn lock(file: *mut sqlite3_file, level: c_int) -> c_int {
    // SAFETY: an open file of ours.
    unsafe { pass!(file, xLock, level) }
}

unsafe extern "C" fn unlock(file: *mut sqlite3_file, level: c_int) -> c_int {
    // SAFETY: an open file of ours.
    unsafe { pass!(file, xUnlock, level) }
}

unsafe extern "C" fn check_reserved_lock(file: *mut sqlite3_file, out: *mut c_int) -> c_int {
    // SAFETY: an open file of ours.
    unsafe { pass!(file, xCheckReservedLock, out) }
}

unsafe extern "C" fn file_control(file: *mut sqlite3_file, op: c_int, arg: *mut c_void) -> c_int {
    // SAFETY: an open file of ours.
    unsafe { pass!(file, xFileControl, op, arg) }
}

unsafe extern "C" fn sector_size(file: *mut sqlite3_file) -> c_int {
    // SAFETY: an open file of ours.
    unsafe { pass!(file, xSectorSize) }
}

unsafe extern "C" fn device_characteristics(file: *mut sqlite3_file) -> c_int {
    // SAFETY: an open file of ours.
    unsafe { pass!(file, xDeviceCharacteristics) }
}

unsafe extern "C" fn shm_map(
    file: *mut sqlite3_file,
    page: c_int,
    size: c_int,
    extend: c_int,
    out: *mut *mut c_void,
) -> c_int {
    // SAFETY: an open file of ours.
    unsafe { pass!(file, xShmMap, page, size, extend, out) }
}

unsafe extern "C" fn shm_lock(file: *mut sqlite3_file, offset: c_int, n: c_int, flags: c_int) -> c_int {
    // SAFETY: an open file of ours.
    unsafe { pass!(file, xShmLock, offset, n, flags) }
}

unsafe extern "C" fn shm_barrier(file: *mut sqlite3_file) {
    // SAFETY: as in `pass`.
    unsafe {
        let real = below(file);
        if let Some(call) = (*(*real).pMethods).xShmBarrier {
            call(real);
        }
    }
}

unsafe extern "C" fn shm_unmap(file: *mut sqlite3_file, delete: c_int) -> c_int {
    // SAFETY: an open file of ours.
    unsafe { pass!(file, xShmUnmap, delete) }
}
