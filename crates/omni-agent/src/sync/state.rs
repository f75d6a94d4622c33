//! Which state the operator sees: the first matching row of guides/UX §1, with its sentence and its one next action.

use crate::clock;
use omni_protocol::limits::HEARTBEAT_MS;

/// Green needs evidence younger than this: two heartbeats and a second.
pub const EVIDENCE_MS_MAX: u64 = 2 * HEARTBEAT_MS + 1_000;

/// Everything the choice of the state depends on. Times are wall clock, unix milliseconds, shown only; ages are made of
/// the monotonic clock.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// The database did not open normally.
    pub recovery: bool,
    /// The disk is full: the last write failed for it.
    pub disk_full: bool,
    /// Locked since.
    pub locked_at: Option<i64>,
    /// Central says the device was revoked.
    pub device_removed: bool,
    /// Central's history is not the one this laptop saw.
    pub history_rewritten: bool,
    /// Central does not know the device, or nobody enrolled.
    pub signed_out: bool,
    /// Central demands a newer version.
    pub update_required: bool,
    /// Central is being recovered and takes no new edits.
    pub recovering: bool,
    /// Paused by the operator since.
    pub paused_at: Option<i64>,
    /// There is a way to central's network at all.
    pub network: bool,
    /// Connecting fails since.
    pub unreachable_since: Option<i64>,
    /// The live connection does not get through: the exchange goes over plain HTTP.
    pub by_http: bool,
    /// Age of the newest proof that central answered; `None` = none in this run or the one before.
    pub evidence_age_ms: Option<u64>,
    /// Wall time of that proof.
    pub evidence_at: Option<i64>,
    /// Time of the newest commit in the copy.
    pub copy_at: Option<i64>,
    /// Cursor.
    pub cursor: u64,
    /// Central's head, if known.
    pub head: Option<u64>,
    /// A first copy is being fetched: rows here, rows in all.
    pub copying: Option<(u64, u64)>,
    /// Changes waiting, not sent.
    pub queued: u64,
    /// Changes on their way.
    pub sending: u64,
    /// Open conflicts.
    pub conflicts: u64,
    /// Refused, held and blocked changes.
    pub rejected: u64,
    /// Seconds to the next try.
    pub next_try_s: Option<f64>,
}

/// A state as shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Snake case.
    pub state: &'static str,
    /// One sentence.
    pub sentence: String,
    /// The next action, empty if none is needed.
    pub action: &'static str,
}

fn shown(state: &'static str, sentence: impl Into<String>, action: &'static str) -> Shown {
    Shown { state, sentence: sentence.into(), action }
}

/// The first matching row.
pub fn choose(f: &Facts) -> Shown {
    broken(f).or_else(|| disconnected(f)).unwrap_or_else(|| {
        let mut shown = connected(f);
        if f.by_http {
            shown.sentence.push_str(" By plain HTTP: the live connection does not get through.");
        }
        shown
    })
}

/// Rows about this laptop and its rights.
fn broken(f: &Facts) -> Option<Shown> {
    let waiting = edits(f.queued + f.sending);
    Some(if f.recovery {
        let sentence = "Local data did not open normally. Your unsent edits are listed here.";
        shown("recovery", sentence, "Export queue")
    } else if f.disk_full {
        shown("disk_full", "This disk is full. Editing is stopped so nothing is lost.", "Free space")
    } else if let Some(at) = f.locked_at {
        shown("locked", format!("Locked at {}.", clock::local_words(at)), "Unlock")
    } else if f.device_removed {
        let sentence = "This device is no longer approved. Unsent edits are sealed.";
        shown("device_removed", sentence, "Contact your administrator")
    } else if f.history_rewritten {
        let sentence =
            format!("Central's past is not the one this laptop saw. Sync is stopped; {} here.", lower(&waiting));
        shown("history_rewritten", sentence, "Contact your administrator")
    } else if f.signed_out {
        shown("signed_out", format!("You are signed out. {waiting} on this device."), "Sign in")
    } else if f.update_required {
        let n = count(f.queued + f.sending, "edit");
        shown("update_required", format!("This version can no longer edit. {n} will still be sent."), "Update")
    } else if let Some(at) = f.paused_at {
        shown("paused", format!("You paused sync at {}. {waiting}.", clock::local_words(at)), "Resume")
    } else {
        return None;
    })
}

/// Rows about the way to central.
fn disconnected(f: &Facts) -> Option<Shown> {
    let waiting = edits(f.queued + f.sending);
    if !f.network {
        return Some(shown("offline", format!("This laptop has no network. Keep working; {}.", lower(&waiting)), ""));
    }
    if let Some(since) = f.unreachable_since {
        let since = clock::local_words(since);
        let next = f.next_try_s.map(|s| format!(" Next try in {} s.", s.ceil())).unwrap_or_default();
        let sentence = format!("The network works, omni-central has not answered since {since}. {waiting}.{next}");
        return Some(shown("central_unreachable", sentence, "Try now"));
    }
    if f.recovering {
        let sentence = format!("omni-central is being recovered from the laptops. Keep working; {}.", lower(&waiting));
        return Some(shown("central_unreachable", sentence, "Try now"));
    }
    if f.evidence_age_ms.is_none_or(|age| age > EVIDENCE_MS_MAX) {
        let sentence = match f.evidence_at {
            Some(at) => format!("No fresh answer since {}.", clock::local_words(at)),
            None => "No answer from omni-central yet.".to_owned(),
        };
        return Some(shown("unknown", sentence, "Check now"));
    }
    None
}

/// Rows about the exchange.
fn connected(f: &Facts) -> Shown {
    if let Some((here, all)) = f.copying {
        let sentence = format!("Receiving the first copy: {here} of {all} records.");
        return shown("catching_up", sentence, "");
    }
    if let Some(head) = f.head.filter(|head| *head > f.cursor) {
        let seen = f.copy_at.map(|at| format!(" You see data of {}.", clock::local_words(at))).unwrap_or_default();
        let sentence = format!("Receiving {} of {head} changes.{seen}", f.cursor);
        return shown("catching_up", sentence, "");
    }
    let moving = f.queued + f.sending;
    if moving > 0 {
        return shown("sending", format!("Sending {}.", count(moving, "edit")), "Open queue");
    }
    if f.conflicts + f.rejected > 0 {
        let need = if f.conflicts + f.rejected == 1 { "needs" } else { "need" };
        let parts = [(f.conflicts, "conflict"), (f.rejected, "rejected edit")];
        let parts: Vec<String> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| count(*n, word)).collect();
        let sentence = format!("{} {need} you.", parts.join(" and "));
        return shown("needs_attention", sentence, "Open inbox");
    }
    let at = f.evidence_at.map(clock::local_words).unwrap_or_default();
    shown("in_sync", format!("This copy matched omni-central at {at}."), "Verify my copy")
}

fn count(n: u64, word: &str) -> String {
    if n == 1 { format!("1 {word}") } else { format!("{n} {word}s") }
}

fn edits(n: u64) -> String {
    match n {
        0 => "No edit waits".to_owned(),
        1 => "1 edit waits".to_owned(),
        n => format!("{n} edits wait"),
    }
}

fn lower(sentence: &str) -> String {
    let mut chars = sentence.chars();
    chars.next().map(|c| c.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn healthy() -> Facts {
        Facts {
            network: true,
            evidence_age_ms: Some(100),
            evidence_at: Some(1_700_000_000_000),
            cursor: 5,
            head: Some(5),
            ..Facts::default()
        }
    }

    type Row = (&'static str, fn(&mut Facts));

    /// Each row with the facts that make it match, in the order of guides/UX §1.
    fn rows() -> Vec<Row> {
        vec![
            ("recovery", |f| f.recovery = true),
            ("disk_full", |f| f.disk_full = true),
            ("locked", |f| f.locked_at = Some(0)),
            ("device_removed", |f| f.device_removed = true),
            ("history_rewritten", |f| f.history_rewritten = true),
            ("signed_out", |f| f.signed_out = true),
            ("update_required", |f| f.update_required = true),
            ("paused", |f| f.paused_at = Some(0)),
            ("offline", |f| f.network = false),
            ("central_unreachable", |f| f.unreachable_since = Some(0)),
            ("unknown", |f| f.evidence_age_ms = Some(EVIDENCE_MS_MAX + 1)),
            ("catching_up", |f| f.head = Some(9)),
            ("sending", |f| f.queued = 1),
            ("needs_attention", |f| f.conflicts = 1),
            ("in_sync", |_| {}),
        ]
    }

    #[test]
    fn the_first_matching_row_wins() {
        let rows = rows();
        for (i, (name, apply)) in rows.iter().enumerate() {
            let mut facts = healthy();
            apply(&mut facts);
            assert_eq!(choose(&facts).state, *name);
            // Everything below matching too changes nothing.
            rows[i..].iter().for_each(|(_, also)| also(&mut facts));
            assert_eq!(choose(&facts).state, *name);
        }
    }

    #[test]
    fn green_needs_fresh_evidence() {
        let mut facts = healthy();
        facts.evidence_age_ms = Some(EVIDENCE_MS_MAX);
        assert_eq!(choose(&facts).state, "in_sync");
        facts.evidence_age_ms = None;
        assert_eq!(choose(&facts).state, "unknown");
    }

    #[test]
    fn sentences_are_filled_in() {
        let mut facts = healthy();
        facts.network = false;
        facts.queued = 3;
        assert_eq!(choose(&facts).sentence, "This laptop has no network. Keep working; 3 edits wait.");
        let mut facts = healthy();
        (facts.conflicts, facts.rejected) = (2, 1);
        assert_eq!(choose(&facts).sentence, "2 conflicts and 1 rejected edit need you.");
        (facts.conflicts, facts.rejected) = (1, 0);
        assert_eq!(choose(&facts).sentence, "1 conflict needs you.");
        facts.by_http = true;
        let by_http = "1 conflict needs you. By plain HTTP: the live connection does not get through.";
        assert_eq!(choose(&facts).sentence, by_http);
    }
}
