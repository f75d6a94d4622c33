//! The laptop's clocks: a suspend-aware monotonic one for edits, timeouts and ages, and the wall clock, shown only.

use omni_protocol::{BootId, EditTime};
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};
use uuid::Uuid;

/// Milliseconds since this boot, suspended time included. All ages and timeouts are made of it.
pub fn mono_ms() -> u64 {
    boot_clock::read_ms(boot_clock::SUSPEND_AWARE)
}

/// Milliseconds since this boot, suspended time not included: the difference to `mono_ms` grows while it sleeps.
pub fn awake_ms() -> u64 {
    boot_clock::read_ms(boot_clock::AWAKE)
}

/// A suspend-aware reading fine enough to measure latencies with.
pub fn mono_us() -> u64 {
    boot_clock::read_us(boot_clock::SUSPEND_AWARE)
}

#[cfg(target_os = "linux")]
mod boot_clock {
    use rustix::time::{ClockId, clock_gettime};

    pub const SUSPEND_AWARE: ClockId = ClockId::Boottime;
    pub const AWAKE: ClockId = ClockId::Monotonic;

    pub fn read_us(clock: ClockId) -> u64 {
        let t = clock_gettime(clock);
        u64::try_from(t.tv_sec).unwrap_or(0) * 1_000_000 + u64::try_from(t.tv_nsec).unwrap_or(0) / 1_000
    }

    pub fn read_ms(clock: ClockId) -> u64 {
        read_us(clock) / 1_000
    }
}

#[cfg(not(target_os = "linux"))]
mod boot_clock {
    use std::sync::OnceLock;
    use std::time::Instant;

    pub const SUSPEND_AWARE: () = ();
    pub const AWAKE: () = ();
    static START: OnceLock<Instant> = OnceLock::new();

    pub fn read_us(_: ()) -> u64 {
        u64::try_from(START.get_or_init(Instant::now).elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    pub fn read_ms(clock: ()) -> u64 {
        read_us(clock) / 1_000
    }
}

/// This boot. Where the system has no name for it, this process is one.
pub fn boot_id() -> BootId {
    static BOOT: OnceLock<BootId> = OnceLock::new();
    *BOOT.get_or_init(|| {
        let named = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok();
        BootId(named.and_then(|t| Uuid::parse_str(t.trim()).ok()).unwrap_or_else(crate::ids::uuid_v4))
    })
}

/// The wall clock, unix milliseconds. Shown, never trusted.
pub fn wall_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX))
}

/// Now, as an edit carries it.
pub fn edit_time() -> EditTime {
    EditTime { boot: boot_id(), mono_ms: mono_ms(), wall_ms: wall_ms() }
}

/// A wall time as RFC 3339 UTC with milliseconds; empty if it is beyond the calendar.
pub fn rfc3339(wall_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(wall_ms).map_or_else(|_| String::new(), |t| format!("{t:.3}"))
}

/// A wall time as people read it on this laptop: `14:02`, with the date if it is not today.
pub fn local_words(at_ms: i64) -> String {
    let zone = jiff::tz::TimeZone::system();
    let at = |ms| jiff::Timestamp::from_millisecond(ms).ok().map(|t| t.to_zoned(zone.clone()));
    match (at(at_ms), at(wall_ms())) {
        (Some(t), Some(now)) if t.date() == now.date() => t.strftime("%H:%M").to_string(),
        (Some(t), _) => t.strftime("%Y-%m-%d %H:%M").to_string(),
        (None, _) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_suspend_aware_clock_is_never_behind() {
        let awake = awake_ms();
        assert!(mono_ms() >= awake);
    }

    #[test]
    fn times_print_as_rfc_3339() {
        assert_eq!(rfc3339(1_700_000_000_123), "2023-11-14T22:13:20.123Z");
    }
}
