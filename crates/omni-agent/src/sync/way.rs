//! Which way the next connection takes: the WebSocket, or plain HTTP after it got stuck three times (a proxy that
//! swallows it). The socket is tried again on a new network, and after a while.

/// Stuck this often without progress: HTTP.
const STUCK_MAX: u32 = 3;
/// After this long on HTTP the socket is tried again, milliseconds.
const RETRY_MS: u64 = 15 * 60 * 1_000;

/// How frames travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Way {
    /// WebSocket.
    #[default]
    Live,
    /// Polling over HTTP.
    Http,
}

/// Chooses the way. Times are monotonic milliseconds.
#[derive(Debug, Default)]
pub struct Choice {
    stuck: u32,
    http_since: Option<u64>,
}

impl Choice {
    /// The way of the next connection.
    pub fn way(&self) -> Way {
        if self.http_since.is_some() { Way::Http } else { Way::Live }
    }

    /// A connection stood and nothing came, or no socket was granted by what answers there.
    pub fn stuck(&mut self, now_ms: u64) {
        self.stuck += 1;
        match self.http_since {
            // HTTP is stuck too: what is wrong is not the socket.
            Some(_) => self.renewed(),
            None if self.stuck >= STUCK_MAX => self.http_since = Some(now_ms),
            None => {}
        }
    }

    /// Something got through.
    pub fn progress(&mut self) {
        if self.http_since.is_none() {
            self.stuck = 0;
        }
    }

    /// A new network, or a wake-up: nothing is known about its proxies.
    pub fn renewed(&mut self) {
        *self = Choice::default();
    }

    /// Whether the socket is due again. If it gets stuck once more, HTTP follows at once.
    pub fn retry_due(&mut self, now_ms: u64) -> bool {
        let due = self.http_since.is_some_and(|since| now_ms.saturating_sub(since) >= RETRY_MS);
        if due {
            *self = Choice { stuck: STUCK_MAX - 1, http_since: None };
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_times_stuck_leads_to_http_and_progress_starts_the_count_over() {
        let mut choice = Choice::default();
        choice.stuck(0);
        choice.stuck(1);
        choice.progress();
        choice.stuck(2);
        choice.stuck(3);
        assert_eq!(choice.way(), Way::Live);
        choice.stuck(4);
        assert_eq!(choice.way(), Way::Http);
        choice.progress();
        assert_eq!(choice.way(), Way::Http, "that HTTP works says nothing about the socket");
    }

    #[test]
    fn the_socket_is_tried_again() {
        let mut choice = Choice::default();
        (0..3).for_each(|at| choice.stuck(at));
        assert!(!choice.retry_due(RETRY_MS));
        assert!(choice.retry_due(RETRY_MS + 2));
        assert_eq!(choice.way(), Way::Live);
        choice.stuck(RETRY_MS + 3);
        assert_eq!(choice.way(), Way::Http, "once more is enough");
        choice.renewed();
        assert_eq!(choice.way(), Way::Live);
    }

    #[test]
    fn http_that_is_stuck_too_gives_way_to_the_socket() {
        let mut choice = Choice::default();
        (0..4).for_each(|at| choice.stuck(at));
        assert_eq!(choice.way(), Way::Live);
    }
}
