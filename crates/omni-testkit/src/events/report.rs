//! The table of RELIABILITY §7.

use super::judge::{Trial, Verdict, trial};
use super::{Class, Event, Method, Policies};
use serde::Serialize;
use std::collections::BTreeMap;

/// One line of the table.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Row {
    /// Events of the class.
    pub events: u64,
    /// No open item was made.
    pub automatic: u64,
    /// Items about something both sides did not change to different values.
    pub false_conflicts: u64,
    /// Events with a value neither in the result, nor in an item, nor in a decision.
    pub silent_loss: u64,
    /// Automatic decisions recorded.
    pub decisions: u64,
    /// Of these, with the name of their rule.
    pub decisions_with_rule: u64,
    /// Of these, a person's choice of the loser holds when sent at once.
    pub decisions_undone: u64,
}

/// One other way to merge, over the same events.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Beside {
    /// Events resolved without asking.
    pub automatic: u64,
    /// Their share, percent, weighted like ours.
    pub weighted_percent: f64,
    /// Values lost without trace.
    pub values_lost: u64,
    /// Events with at least one.
    pub events_with_loss: u64,
}

/// What a set of events came to.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// The policies or rates file.
    pub table: String,
    /// How it came about.
    pub declared: String,
    /// By class.
    pub classes: BTreeMap<String, Row>,
    /// All classes, the protected one left out.
    pub in_all: Row,
    /// Share resolved automatically, percent, by the events at hand.
    pub percent: f64,
    /// The same weighted by the classes' sizes in the whole source, where the table gives them.
    pub weighted_percent: Option<f64>,
    /// The protected class, apart: none of it may be automatic.
    pub protected: Row,
    /// Other ways to merge on the same events; only for recorded ones.
    pub beside: BTreeMap<String, Beside>,
    /// First values lost, for the reader.
    pub examples_of_loss: Vec<String>,
}

/// Examples shown.
const EXAMPLES_MAX: usize = 5;

impl Row {
    fn add(&mut self, verdict: &Verdict) {
        self.events += 1;
        self.automatic += u64::from(verdict.automatic);
        self.false_conflicts += verdict.false_conflicts as u64;
        self.silent_loss += u64::from(!verdict.lost.is_empty());
        self.decisions += verdict.decisions as u64;
        self.decisions_with_rule += verdict.with_rule as u64;
        self.decisions_undone += verdict.undone as u64;
    }
}

fn percent(part: f64, whole: f64) -> f64 {
    if whole == 0.0 { 0.0 } else { (part / whole * 10_000.0).round() / 100.0 }
}

impl Report {
    /// Takes one event in.
    pub fn take(&mut self, class: Class, protected: bool, trial: &Trial) -> Result<(), String> {
        let verdict = trial.verdict()?;
        if protected {
            self.protected.add(&verdict);
        } else {
            self.classes.entry(class.name().to_owned()).or_default().add(&verdict);
            self.in_all.add(&verdict);
        }
        let room = EXAMPLES_MAX.saturating_sub(self.examples_of_loss.len());
        self.examples_of_loss.extend(verdict.lost.into_iter().take(room));
        Ok(())
    }

    /// Works out the shares.
    pub fn finish(&mut self, all: &BTreeMap<String, u64>) {
        self.percent = percent(self.in_all.automatic as f64, self.in_all.events as f64);
        if !all.is_empty() {
            let share = |class: &str| {
                let row = self.classes.get(class).filter(|r| r.events > 0);
                row.map_or(0.0, |r| r.automatic as f64 / r.events as f64)
            };
            self.weighted_percent = Some(weighted(all, share));
        }
    }
}

fn weighted(all: &BTreeMap<String, u64>, share: impl Fn(&str) -> f64) -> f64 {
    let total: u64 = all.values().sum();
    percent(all.iter().map(|(class, n)| *n as f64 * share(class)).sum(), total as f64)
}

/// Reports recorded events.
pub fn report(events: &[Event], policies: &Policies) -> Result<Report, String> {
    let mut report = Report { table: policies.name.clone(), declared: policies.declared.clone(), ..Report::default() };
    for event in events {
        let protected = policies.protected.iter().any(|path| event.clashes(path));
        report.take(event.class(), protected, &trial(event, policies))?;
    }
    report.finish(&policies.all);
    for method in Method::ALL {
        let mut beside = Beside::default();
        let mut by_class: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for event in events {
            let (automatic, lost) = (method.is_automatic(event), method.lost(event) as u64);
            beside.automatic += u64::from(automatic);
            beside.values_lost += lost;
            beside.events_with_loss += u64::from(lost > 0);
            let (n, done) = by_class.entry(event.class().name()).or_default();
            *n += 1;
            *done += u64::from(automatic);
        }
        let share = |class: &str| by_class.get(class).map_or(0.0, |(n, done)| *done as f64 / *n as f64);
        beside.weighted_percent = weighted(&policies.all, share);
        report.beside.insert(method.name().to_owned(), beside);
    }
    Ok(report)
}
