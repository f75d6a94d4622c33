//! The deterministic sample portfolio.
