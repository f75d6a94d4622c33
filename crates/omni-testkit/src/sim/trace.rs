//! The trace of a run: a rolling hash always, text on demand.

/// Rolling hash and, if asked for, the lines.
#[derive(Debug)]
pub struct Trace {
    hash: u64,
    print: bool,
}

impl Trace {
    /// An empty trace; `print` writes each line to standard output as it happens.
    pub fn new(print: bool) -> Trace {
        Trace { hash: 0xcbf2_9ce4_8422_2325, print }
    }

    /// Notes a step: what, and two numbers that make it itself.
    pub fn note(&mut self, at_ms: u64, what: &'static str, a: u64, b: u64, detail: impl FnOnce() -> String) {
        for n in [at_ms, a, b, what.len() as u64, u64::from(what.as_bytes().first().copied().unwrap_or(0))] {
            self.hash = (self.hash ^ n).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(17);
        }
        if self.print {
            println!("{:>9.3}s {what:<22} {a:>6} {b:>6}  {}", at_ms as f64 / 1_000.0, detail());
        }
    }

    /// The hash so far.
    pub fn hash(&self) -> u64 {
        self.hash
    }
}
