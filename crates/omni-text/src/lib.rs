//! Central's text engine: a `loro` document inside each text field.

use omni_sync::central::{TextEngine, TextInput, TextMerged, TextStop, TextWrite};

/// Merges texts by `loro`.
#[derive(Clone, Copy, Debug, Default)]
pub struct LoroTexts;

impl TextEngine for LoroTexts {
    fn merge(&self, input: &TextInput, write: &TextWrite) -> Result<TextMerged, TextStop> {
        let _ = (input, write);
        Err(TextStop::Misfit)
    }
}
