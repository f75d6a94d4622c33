//! Rules over one record. Each returns the sentence that says what is wrong.

use crate::records::Row;
use crate::value::Value;

fn not_negative(row: &Row, names: &[&str]) -> Result<(), String> {
    for name in names {
        if row.named(name).as_int().is_some_and(|n| n < 0) {
            return Err(format!("{name} cannot be negative."));
        }
    }
    Ok(())
}

/// Sector fees.
pub fn fees_not_negative(row: &Row) -> Result<(), String> {
    not_negative(row, &["monthly_fee", "annual_fee"])
}

/// A subnode has a parent, a core brand has none, nobody is its own parent.
pub fn brand_parent(row: &Row) -> Result<(), String> {
    let parent = row.named("parent").as_id();
    match row.named("kind").as_text() {
        Some("subnode") if parent.is_none() => Err("A subnode needs a parent brand.".into()),
        Some("core") if parent.is_some() => Err("A core brand has no parent.".into()),
        _ if parent == Some(row.id) => Err("A brand cannot be its own parent.".into()),
        _ => Ok(()),
    }
}

/// Monthly fees rise from local to regional to global; royalties are shares.
pub fn scroll_fees(row: &Row) -> Result<(), String> {
    not_negative(row, &["master_fee", "fee_local", "fee_regional", "fee_global"])?;
    let fees: Vec<i64> =
        ["fee_local", "fee_regional", "fee_global"].iter().filter_map(|n| row.named(n).as_int()).collect();
    if fees.windows(2).any(|w| w[0] > w[1]) {
        return Err("Monthly fees must rise: local ≤ regional ≤ global.".into());
    }
    percentage(row, "royalty")
}

fn percentage(row: &Row, name: &str) -> Result<(), String> {
    match row.named(name) {
        Value::Int(n) if !(0..=1_000).contains(n) => Err(format!("{name} must lie between 0 and 100 %.")),
        _ => Ok(()),
    }
}

/// A contract ends after it starts and pays a non-negative amount.
pub fn contract_span(row: &Row) -> Result<(), String> {
    not_negative(row, &["amount"])?;
    match (row.named("starts_at").as_int(), row.named("ends_at").as_int()) {
        (Some(start), Some(end)) if end < start => Err("A contract cannot end before it starts.".into()),
        _ => Ok(()),
    }
}

/// A treaty does not depend on itself.
pub fn dependency_ends(row: &Row) -> Result<(), String> {
    if row.named("treaty").as_id() == row.named("depends_on").as_id() {
        return Err("A treaty cannot depend on itself.".into());
    }
    Ok(())
}

/// Counts of a payroll sector.
pub fn payroll_counts(row: &Row) -> Result<(), String> {
    not_negative(row, &["declared_core_pages", "declared_sub_pages", "declared_atom_pages", "gift_nodes", "claw_nodes"])
}
