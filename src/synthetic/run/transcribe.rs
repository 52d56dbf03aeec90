//! The transcript of a recorded call: a service is asked for it, and it is compared with what was said.
//!
//! It is a step of the run like any other, in the alarm. Not here: what is due (`analysis::waiting`), and
//! the comparison (`analysis`).

use super::{Inner, RunPlatform, Runner, state::Run};
use crate::{
    analytics::transcription::{
        IntelligenceV2, NotRead, Progress, Requested, Transcribed, Transcriber,
    },
    base::time::UnixMillis,
    identity::{RecordingSid, TranscriptSid},
    object::StepHost,
    platform::PlatformError,
    synthetic::{
        analysis::{
            Failure, Outcome, analyse, key_of,
            waiting::{Due, Waiting},
        },
        api::TranscriptReady,
    },
};

impl<P: RunPlatform> Runner<P> {
    /// The service says that the transcript of the run's call is there. It may say so twice, and when
    /// nobody waits for it.
    ///
    /// # Errors
    /// When storage failed.
    pub async fn transcript_ready(&self, ready: TranscriptReady) -> Result<(), PlatformError> {
        let TranscriptReady { transcript } = ready;
        self.0
            .change(|run, now| run.transcript_ready(&transcript, now))
            .await
    }
}

impl<P: RunPlatform> Inner<P> {
    /// Begins to wait for the recording of a call that is over, if a service is to transcribe it. What
    /// was reserved is given back first: others need not wait for the service.
    pub(super) async fn begin_transcript(&self) -> Result<(), PlatformError> {
        self.settle().await?;
        let is_wanted = IntelligenceV2::of(&self.platform, &self.config).is_some();
        self.change(|run, now| run.begin_transcript(is_wanted, now))
            .await
    }

    /// Does what is due on the way to the transcript.
    pub(super) async fn transcribe(&self, due: Due) -> Result<(), PlatformError> {
        let Some(service) = IntelligenceV2::of(&self.platform, &self.config) else {
            // The settings have changed meanwhile.
            return self.change(|run, _| run.give_up_transcript()).await;
        };
        match due {
            Due::Nothing => Ok(()),
            Due::GiveUp(outcome) => self.transcript_ended(outcome).await,
            Due::Create(recording) => self.create_transcript(&service, &recording).await,
            Due::Find(recording) => self.find_transcript(&service, &recording).await,
            Due::Look(transcript) => self.look_at_transcript(&service, &transcript).await,
        }
    }

    async fn create_transcript(
        &self,
        service: &impl Transcriber<Id = TranscriptSid>,
        recording: &RecordingSid,
    ) -> Result<(), PlatformError> {
        let begun = self.step(|state, now| {
            let begun = state.change(|run| {
                let key = key_of(&run.plan.run);
                let waiting = run.waiting_mut()?;
                waiting.creating(now).then_some(key)
            });
            begun.flatten()
        });
        let Some(key) = begun.await? else {
            return Ok(());
        };
        match service.create(recording, &key).await {
            Requested::Created(id) => self.wait(|waiting, now| waiting.created(id, now)).await,
            Requested::Later => self.wait(Waiting::not_created).await,
            // It was stored before the request that its outcome is unknown.
            Requested::Unknown => Ok(()),
            Requested::Never(refusal) => self.transcript_ended(refusal.into()).await,
        }
    }

    async fn find_transcript(
        &self,
        service: &impl Transcriber<Id = TranscriptSid>,
        recording: &RecordingSid,
    ) -> Result<(), PlatformError> {
        let run = self.read(|state, _| state.run().map(|run| run.plan.run.clone()));
        let Some(run) = run.await? else { return Ok(()) };
        match service.find(recording, &key_of(&run)).await {
            Ok(Some(id)) => self.wait(|waiting, now| waiting.created(id, now)).await,
            Ok(None) => self.wait(Waiting::not_found).await,
            Err(not_read) => self.not_read(not_read).await,
        }
    }

    async fn look_at_transcript(
        &self,
        service: &impl Transcriber<Id = TranscriptSid>,
        transcript: &TranscriptSid,
    ) -> Result<(), PlatformError> {
        match service.progress(transcript).await {
            Ok(Progress::Working) => self.wait(Waiting::look_later).await,
            Ok(Progress::Failed) => {
                let failed = Outcome::failed(Failure::Transcript);
                self.transcript_ended(failed).await
            }
            Ok(Progress::Ready) => match service.read(transcript).await {
                Ok(transcribed) => self.transcribed(transcribed).await,
                Err(not_read) => self.not_read(not_read).await,
            },
            Err(not_read) => self.not_read(not_read).await,
        }
    }

    async fn transcribed(&self, transcribed: Transcribed) -> Result<(), PlatformError> {
        let lines = self.read(|state, _| state.run().map(|run| run.lines.clone()));
        let Some(lines) = lines.await? else {
            return Ok(());
        };
        let heard = analyse(&lines, transcribed);
        self.transcript_ended(Outcome::Completed(heard)).await
    }

    async fn not_read(&self, not_read: NotRead) -> Result<(), PlatformError> {
        match not_read {
            NotRead::Later(asked) => self.wait(|waiting, now| waiting.failed(asked, now)).await,
            NotRead::Never(refusal) => self.transcript_ended(refusal.into()).await,
        }
    }

    /// Changes what the run waits for, if it still waits.
    async fn wait(
        &self,
        change: impl FnOnce(&mut Waiting, UnixMillis),
    ) -> Result<(), PlatformError> {
        self.change(|run, now| {
            if let Some(waiting) = run.waiting_mut() {
                change(waiting, now);
            }
        })
        .await
    }

    async fn transcript_ended(&self, outcome: Outcome) -> Result<(), PlatformError> {
        self.change(|run: &mut Run, _| run.analysed(outcome)).await
    }
}
