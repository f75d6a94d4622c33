//! Named limits on everything that crosses the wire.

/// Most operations in one change.
pub const CHANGE_OPS_MAX: usize = 1_000;
/// Most bytes of one encoded change.
pub const CHANGE_BYTES_MAX: usize = 64 * 1024;
/// Most bytes of changes in one batch.
pub const BATCH_BYTES_MAX: usize = 256 * 1024;
/// Most changes in one batch.
pub const BATCH_CHANGES_MAX: usize = 1_000;
/// Batches sent and not yet answered.
pub const BATCHES_IN_FLIGHT_MAX: usize = 2;
/// Most bytes of one frame from a laptop, after decompression.
pub const CLIENT_FRAME_BYTES_MAX: usize = 1024 * 1024;
/// Most bytes of one frame from central, after decompression.
pub const SERVER_FRAME_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Commits in one feed page at most.
pub const FEED_PAGE_COMMITS_MAX: usize = 1_000;
/// Bytes of parts in one feed page at most (one commit may exceed it alone).
pub const FEED_PAGE_BYTES_MAX: usize = 1024 * 1024;
/// Further behind than this, a laptop catches up by pages over HTTP before it follows live.
pub const LIVE_LAG_MAX: u64 = 1_000;
/// Further behind than this, a snapshot is cheaper than the feed.
pub const SNAPSHOT_LAG: u64 = 50_000;
/// Raw bytes of one snapshot chunk at most.
pub const SNAPSHOT_CHUNK_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Concurrent edits kept for one field; one more makes it contested.
pub const KEPT_EDITS_MAX: usize = 16;
/// Smallest frame worth compressing, bytes.
pub const COMPRESS_BYTES_MIN: usize = 256;
/// Compression level of frames and chunks.
pub const ZSTD_LEVEL: i32 = 3;
/// Central sends a heartbeat this often, milliseconds.
pub const HEARTBEAT_MS: u64 = 9_000;
/// Deepest lineage of incarnations a hello may name.
pub const LINEAGE_MAX: usize = 64;
/// Most bytes of one page of originals offered to a recovering central.
pub const OFFER_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Laptops beside the author that keep the signed original of a commit.
pub const ORIGINAL_KEEPERS: usize = 3;
/// Lower buckets asked for in one call of `/v1/digest/rows`.
pub const BUCKETS_ASKED_MAX: usize = 64;
/// Raw bytes of rows in one answer of `/v1/digest/rows` (one bucket may exceed it alone).
pub const BUCKET_ROWS_BYTES_MAX: usize = 1024 * 1024;
/// Most bytes of messages in one call of an exchange over HTTP. One message of central may exceed it alone.
pub const EXCHANGE_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Central waits this long for a message before it answers that there is none, milliseconds: less than a proxy waits.
pub const EXCHANGE_WAIT_MS: u64 = 20_000;
