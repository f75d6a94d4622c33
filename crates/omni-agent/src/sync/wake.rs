//! Notices that the laptop slept or its network changed, so that a new socket is made at once instead of waiting for an
//! old one to time out.

use crate::clock;
use std::fs;

/// Slept at least this long, milliseconds; less is a busy machine.
const SLEPT_MS_MIN: u64 = 2_000;

/// What was noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// The laptop slept.
    Slept,
    /// Routes or addresses changed.
    NetworkChanged,
}

/// Compares the clocks and the routes with the last look.
#[derive(Debug)]
pub struct Watch {
    asleep_ms: u64,
    routes: Routes,
}

impl Watch {
    /// Looks for the first time.
    pub fn start() -> Watch {
        Watch { asleep_ms: asleep_ms(), routes: Routes::read() }
    }

    /// Looks again.
    pub fn look(&mut self) -> Option<Wake> {
        self.compare(asleep_ms(), Routes::read())
    }

    /// Whether there is any network besides this machine itself, as of the last look.
    pub fn network_up(&self) -> bool {
        self.routes.up
    }

    fn compare(&mut self, asleep_ms: u64, routes: Routes) -> Option<Wake> {
        let slept = asleep_ms.saturating_sub(self.asleep_ms) >= SLEPT_MS_MIN;
        let changed = routes.mark != self.routes.mark;
        self.asleep_ms = self.asleep_ms.max(asleep_ms);
        self.routes = routes;
        match (slept, changed) {
            (true, _) => Some(Wake::Slept),
            (_, true) => Some(Wake::NetworkChanged),
            _ => None,
        }
    }
}

/// The suspend-aware clock runs ahead of the other one by the time slept.
fn asleep_ms() -> u64 {
    let awake = clock::awake_ms();
    clock::mono_ms().saturating_sub(awake)
}

/// The routing tables, as a mark to compare and one question answered.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Routes {
    mark: [u8; 32],
    up: bool,
}

impl Routes {
    fn read() -> Routes {
        let v4 = fs::read_to_string("/proc/net/route");
        let v6 = fs::read_to_string("/proc/net/ipv6_route");
        match (&v4, &v6) {
            // A system without these tables: never claim that the network is down.
            (Err(_), Err(_)) => Routes { mark: [0; 32], up: true },
            _ => Routes::parse(v4.as_deref().unwrap_or_default(), v6.as_deref().unwrap_or_default()),
        }
    }

    /// Counters in the tables change all the time; only devices, destinations and gateways count.
    fn parse(v4: &str, v6: &str) -> Routes {
        let mut lines: Vec<String> = Vec::new();
        for line in v4.lines().skip(1) {
            let c: Vec<&str> = line.split_whitespace().collect();
            if c.len() >= 8 && c[0] != "lo" {
                lines.push(format!("4 {} {} {} {}", c[0], c[1], c[2], c[7]));
            }
        }
        for line in v6.lines() {
            let c: Vec<&str> = line.split_whitespace().collect();
            // Link-local and multicast routes stand there for any interface that is merely up.
            if c.len() >= 10 && c[9] != "lo" && !c[0].starts_with("fe80") && !c[0].starts_with("ff") {
                lines.push(format!("6 {} {}/{} {}", c[9], c[0], c[1], c[4]));
            }
        }
        lines.sort();
        Routes { mark: *blake3::hash(lines.join("\n").as_bytes()).as_bytes(), up: !lines.is_empty() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const V4: &str = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
                      eth0\t00000000\t0100000A\t0003\t0\t7\t0\t00000000\t0\t0\t0\n";

    #[test]
    fn counters_are_no_change_but_a_gateway_is() {
        let a = Routes::parse(V4, "");
        assert_eq!(a, Routes::parse(&V4.replace("\t7\t", "\t9\t"), ""));
        assert_ne!(a, Routes::parse(&V4.replace("0100000A", "0200000A"), ""));
        assert!(a.up && !Routes::parse("", "").up);
    }

    #[test]
    fn sleep_is_a_jump_between_the_clocks() {
        let routes = Routes::parse(V4, "");
        let mut watch = Watch { asleep_ms: 500, routes: routes.clone() };
        assert_eq!(watch.compare(600, routes.clone()), None);
        assert_eq!(watch.compare(60_000, routes.clone()), Some(Wake::Slept));
        assert_eq!(watch.compare(60_000, routes), None);
        assert_eq!(watch.compare(60_000, Routes::parse("", "")), Some(Wake::NetworkChanged));
    }
}
