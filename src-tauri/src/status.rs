//! The synchronisation status in the words of window title and tray. Both read the value the engine publishes; nothing is
//! derived here.

use serde::Deserialize;
use serde_json::Value;

/// Name of the app as it stands in titles.
pub const APP_NAME: &str = "Omni Control Center";

/// The parts of the status that title and tray show.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct StatusLine {
    state: String,
    sentence: String,
    queued: u64,
    sending: u64,
    needs_attention: u64,
    conflicts: u64,
}

impl StatusLine {
    /// The status inside an event, where it carries one.
    pub fn from_event(event: &Value) -> Option<StatusLine> {
        if event.get("event")? != "status" {
            return None;
        }
        StatusLine::from_status(event.get("status")?)
    }

    /// The status as the `status` call answers it.
    pub fn from_status(status: &Value) -> Option<StatusLine> {
        StatusLine::deserialize(status).ok().filter(|line| !line.state.is_empty())
    }

    /// The window's title: state, what waits, what needs a person, the app.
    pub fn title(&self) -> String {
        let mut parts = vec![self.word().to_owned()];
        let waiting = self.queued + self.sending;
        if waiting > 0 {
            parts.push(format!("{waiting} waiting"));
        }
        let attention = self.needs_attention + self.conflicts;
        if attention > 0 && self.state != "needs_attention" {
            parts.push(format!("{attention} need attention"));
        }
        format!("{} – {APP_NAME}", parts.join(" · "))
    }

    /// The tray's state line: the sentence, or the state's word where there is none.
    pub fn tray_text(&self) -> String {
        if self.sentence.is_empty() { self.word().to_owned() } else { self.sentence.clone() }
    }

    /// The operator paused synchronisation.
    pub fn is_paused(&self) -> bool {
        self.state == "paused"
    }

    /// There is a central to exchange with now.
    pub fn can_sync(&self) -> bool {
        !matches!(self.state.as_str(), "recovery" | "locked" | "device_removed" | "signed_out")
    }

    fn word(&self) -> &'static str {
        match self.state.as_str() {
            "recovery" => "Recovery",
            "disk_full" => "Disk full",
            "locked" => "Locked",
            "device_removed" => "Device removed",
            "signed_out" => "Signed out",
            "update_required" => "Update required",
            "paused" => "Paused",
            "offline" => "Offline",
            "central_unreachable" => "Central unreachable",
            "catching_up" => "Catching up",
            "sending" => "Sending",
            "needs_attention" => "Needs attention",
            "in_sync" => "In sync",
            _ => "Unknown",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn line(status: Value) -> StatusLine {
        StatusLine::from_status(&status).expect("a status")
    }

    #[test]
    fn titles_carry_state_queue_and_attention() {
        assert_eq!(line(json!({"state": "in_sync"})).title(), "In sync – Omni Control Center");
        let offline =
            line(json!({"state": "offline", "queued": 3, "sending": 1, "needs_attention": 1, "conflicts": 1}));
        assert_eq!(offline.title(), "Offline · 4 waiting · 2 need attention – Omni Control Center");
    }

    #[test]
    fn a_state_this_version_does_not_know_is_unknown_not_green() {
        assert_eq!(line(json!({"state": "splendid"})).title(), "Unknown – Omni Control Center");
    }

    #[test]
    fn only_status_events_carry_a_status() {
        assert_eq!(StatusLine::from_event(&json!({"event": "brand_change", "status": {"state": "in_sync"}})), None);
        assert_eq!(StatusLine::from_event(&json!({"event": "status"})), None);
        let event = json!({"event": "status", "status": {"state": "paused", "sentence": "You paused sync at 14:02.", "cursor": 7}});
        let status = StatusLine::from_event(&event).expect("a status");
        assert!(status.is_paused());
        assert_eq!(status.tray_text(), "You paused sync at 14:02.");
    }
}
