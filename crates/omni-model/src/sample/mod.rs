//! The sample portfolio: records generated from a seed, for a first look, for screenshots, tests and benchmarks.
//!
//! It has the size and frame of the real one (sectors, treaties, vocabularies, counts) and nothing of its contents:
//! every brand, fee, text and party is invented here. Records stand parents first, carry key and owner, and pass every
//! check of their collection and of central.
//!
//! Invariants: the same seed gives the same bytes on every machine; counts do not depend on the seed. Absent on
//! purpose: figures that must be measured, such as a node's beats. Nobody measured them, so they stay unknown.

mod brands;
mod clauses;
mod contracts;
mod draft;
mod lexicon;
mod nodes;
mod pages;
mod payroll;
mod rng;
mod scrolls;
mod sector_facts;
mod sectors;
mod treaties;
mod words;

use crate::op::Op;
use crate::records::Row;

/// The day the sample tells of, 2026-11-01 UTC. A constant, as nothing here reads a clock: what lies before it has
/// happened, what lies after it is planned.
const TODAY_MS: i64 = 1_793_491_200_000;
const DAY_MS: i64 = 86_400_000;

/// How much to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Size {
    Full,
    Small,
}

impl Size {
    fn pick(self, full: usize, small: usize) -> usize {
        match self {
            Size::Full => full,
            Size::Small => small,
        }
    }
}

/// The sample portfolio: about 75,000 records in dependency order (29 sectors, 7,038 brands, 7,038 scrolls with their
/// deployments, 8 treaties with 12,564 clauses and 5,804 contracts, 15 payroll sectors with 26,575 pages, nodes, apps).
pub fn portfolio(seed: u64) -> Vec<Row> {
    generate(seed, Size::Full)
}

/// The same shapes in a few hundred records: every sector, treaty and payroll sector, with little in each.
pub fn small(seed: u64) -> Vec<Row> {
    generate(seed, Size::Small)
}

/// The operation that creates a record of the sample.
pub fn insert(row: Row) -> Op {
    Op::Insert { collection: row.collection, record: row.id, key: row.key, values: row.fields.into_iter().collect() }
}

fn generate(seed: u64, size: Size) -> Vec<Row> {
    let sectors = sectors::make(seed);
    let brands = brands::make(seed, size, &sectors);
    let (scrolls, deployments) = scrolls::make(seed, size, &brands);
    let treaties = treaties::make(seed, &sectors);
    let clauses = clauses::make(seed, size, &treaties);
    let contracts = contracts::make(seed, size, &treaties, &brands);
    let dependencies = treaties::dependencies(&treaties);
    let payroll = payroll::make(seed);
    let pages = pages::make(seed, size, &payroll, &brands);
    let mut rows = sectors;
    for part in [brands, scrolls, deployments, treaties, clauses, contracts, dependencies, payroll, pages] {
        rows.extend(part);
    }
    rows.extend(nodes::make());
    rows.extend(nodes::apps());
    rows
}
