//! Clocks of laptops: steps of ten years while they run, and a device that lies about what its clock says.

use super::coverage::Reached;
use super::driver::{EPOCH_MS, Sim};
use super::host::Hosts;
use super::rng::Rng;
use omni_protocol::EditTime;

/// Ten years, milliseconds.
const STEP_MS: i64 = 10 * 365 * 86_400_000;
/// A liar's readings are off by up to this, as far as somebody could believe them.
const LIE_MS: u64 = 600_000;

/// The wall clock of a running laptop steps.
pub fn strike<H: Hosts>(sim: &mut Sim<H>) {
    if !sim.plan.clock_steps || !sim.rng.chance(300) {
        return;
    }
    let c = sim.rng.below(sim.laptops.len() as u64) as usize;
    let back = sim.rng.chance(500);
    sim.coverage.hit(if back { Reached::ClockSteppedBack } else { Reached::ClockSteppedAhead });
    sim.note("clock steps", c as u64, u64::from(back), String::new);
    sim.laptops[c].wall_offset += if back { -STEP_MS } else { STEP_MS };
}

/// What a lying device says instead of its monotonic reading: often nearly true, sometimes absurd.
fn lie(rng: &mut Rng, mono_ms: u64) -> u64 {
    match rng.below(8) {
        0 => mono_ms,
        1 => rng.bits(),
        2 => 0,
        3..=4 => mono_ms.saturating_add(rng.below(LIE_MS)),
        _ => mono_ms.saturating_sub(rng.below(LIE_MS)),
    }
}

impl<H: Hosts> Sim<H> {
    /// What a laptop says its clocks read now: monotonic and wall.
    pub(super) fn readings(&mut self, c: usize) -> (u64, i64) {
        let laptop = &self.laptops[c];
        let (mono_ms, wall_ms) = (laptop.mono_ms(self.now), EPOCH_MS + self.now as i64 + laptop.wall_offset);
        match laptop.lies {
            true => (lie(&mut self.rng, mono_ms), wall_ms + self.rng.below(2 * STEP_MS as u64) as i64 - STEP_MS),
            false => (mono_ms, wall_ms),
        }
    }

    /// When an edit is made, as its laptop says.
    pub(super) fn edit_time(&mut self, c: usize) -> EditTime {
        let (mono_ms, wall_ms) = self.readings(c);
        if self.laptops[c].lies {
            self.coverage.hit(Reached::LiedInEdit);
        }
        EditTime { boot: self.laptops[c].boot, mono_ms, wall_ms }
    }
}
