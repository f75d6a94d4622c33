//! The ten events of the customer's plan and their priorities.

/// Every event name.
pub const EVENTS: &[&str] = &[
    "sector_update",
    "scroll_change",
    "treaty_binding",
    "payroll_sync",
    "asset_update",
    "brand_change",
    "sector_sync",
    "scroll_deployment",
    "system_health",
    "emergency_sync",
];

/// Priority of an event: 1 high, 2 medium, 3 low.
pub fn priority(event: &str) -> u8 {
    match event {
        "brand_change" | "treaty_binding" | "emergency_sync" => 1,
        "sector_sync" => 3,
        _ => 2,
    }
}
