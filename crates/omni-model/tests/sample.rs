//! The sample portfolio: its counts, that it repeats, and that central would accept every record of it.

mod sample {
    pub mod kit;

    mod clauses;
    mod counts;
    mod records;
    mod repeats;
    mod variety;
}
