//! What a side says on its leg.
//!
//! Not here: when the floor passes (`state::call`).

use super::super::{Inner, RunPlatform, state::Run};
use crate::{
    config::{Language, Speaker, SpokenUrls},
    object::StepHost,
    platform::PlatformError,
    synthetic::plan::Leg,
    twilio::voice::relay::Out,
    voice::speakable::Speakable,
};

impl<P: RunPlatform> Inner<P> {
    /// The words of a line as a voice says them. They may be none: then the leg is silent.
    pub(in super::super) fn spoken_words(&self, run: &Run, speaker: Speaker, text: &str) -> String {
        let personas = self.platform.personas();
        let personas = (*personas).as_ref().ok();
        let sides = personas.and_then(|personas| self.sides(&run.plan, personas));
        let sound = sides.as_ref().and_then(|sides| sides.sound(speaker));
        let tag = sound.map_or("", |sound| sound.language.as_str());
        let mut languages = Language::ALL.into_iter();
        let language = languages.find(|language| tag.starts_with(language.code()));
        let language = language.unwrap_or(Language::English);
        let mut speakable = Speakable::new(language, SpokenUrls::Say, "");
        let begun = speakable.push(text);
        let words = begun + &speakable.finish();
        words.trim().to_owned()
    }

    /// Speaks the newest line, which has just been stored, whole on its speaker's own leg.
    pub(in super::super) async fn speak_aloud(
        &self,
        speaker: Speaker,
        words: &str,
    ) -> Result<(), PlatformError> {
        let leg = Leg::of(speaker);
        let speaks = self.read(|state, _| {
            let call = state.run().and_then(|run| run.call.as_ref());
            call.and_then(super::super::state::Call::speaks) == Some(leg)
        });
        // The call may have ended in the meantime.
        if speaks.await? && !words.is_empty() {
            let out = Out::Words {
                token: words,
                last: true,
                interruptible: None,
                preemptible: false,
            };
            self.platform.send_text(leg.socket(), &out.to_json());
        }
        Ok(())
    }
}
