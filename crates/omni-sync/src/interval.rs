//! Converting a laptop's monotonic reading into a span of central time. No untrusted clock takes part: only central's
//! own pings of that boot count, with a drift bound.

use crate::central::BootSample;
use crate::meta::Interval;
use omni_protocol::EditTime;

/// Largest drift assumed between a laptop's monotonic clock and central's, parts per million.
pub const DRIFT_PPM_MAX: i128 = 200;

/// The span of central time in which an edit was made, cut to [commit time of its base, receipt].
///
/// Without a ping of that boot, or when pings contradict each other or the cut (a lying device), the whole cut.
pub fn interval_of(time: &EditTime, samples: &[BootSample], lower_ms: i64, upper_ms: i64) -> Interval {
    let cut = Interval { from: lower_ms.min(upper_ms), to: upper_ms };
    let (mut from, mut to) = (i128::from(cut.from), i128::from(cut.to));
    for sample in samples {
        let elapsed = i128::from(time.mono_ms) - i128::from(sample.mono_ms);
        // Rounded up, plus one for each truncated millisecond reading.
        let drift = (elapsed.abs() * DRIFT_PPM_MAX + 999_999) / 1_000_000 + 1;
        from = from.max(i128::from(sample.from_ms) + elapsed - drift);
        to = to.min(i128::from(sample.to_ms) + elapsed + drift);
    }
    if from > to {
        return cut;
    }
    Interval { from: from as i64, to: to as i64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use omni_protocol::BootId;

    fn at(mono_ms: u64) -> EditTime {
        EditTime { boot: BootId(uuid_zero()), mono_ms, wall_ms: 0 }
    }

    fn uuid_zero() -> uuid::Uuid {
        uuid::Uuid::nil()
    }

    #[test]
    fn without_a_ping_the_whole_cut() {
        assert_eq!(interval_of(&at(5), &[], 100, 900), Interval { from: 100, to: 900 });
    }

    #[test]
    fn a_ping_narrows_it_by_its_round_trip_and_drift() {
        let ping = BootSample { mono_ms: 1_000, from_ms: 50_000, to_ms: 50_020 };
        assert_eq!(interval_of(&at(2_000), &[ping], 0, 90_000), Interval { from: 50_998, to: 51_022 });
        // 1,000 s away: 200 ms of drift on each side.
        let far = interval_of(&at(1_001_000), &[ping], 0, 9_000_000);
        assert_eq!((far.from, far.to), (1_049_799, 1_050_221));
    }

    #[test]
    fn contradicting_pings_say_nothing() {
        let a = BootSample { mono_ms: 0, from_ms: 0, to_ms: 10 };
        let b = BootSample { mono_ms: 0, from_ms: 5_000, to_ms: 5_010 };
        assert_eq!(interval_of(&at(0), &[a, b], 0, 9_000), Interval { from: 0, to: 9_000 });
    }

    #[test]
    fn a_lying_device_gets_the_cut() {
        let ping = BootSample { mono_ms: 0, from_ms: 1_000, to_ms: 1_010 };
        assert_eq!(interval_of(&at(u64::MAX), &[ping], 500, 2_000), Interval { from: 500, to: 2_000 });
    }
}
