//! The recording of a call (`<Start><Recording>`): it begins with the verb, ends with the call, and is
//! reported then.
//!
//! Its file does not exist: a recording is what was said. Not here: what was said (`tape.rs`), and
//! transcripts (`twilio/intelligence`).

use serde_json::json;

use super::call::Call;
use super::parameters::{Parameters, named};
use super::post::Kind;
use super::tape::Running;
use super::verb::{Recorded, StartRecording};
use crate::base::random::random_hex;
use crate::base::time::now_ms;
use crate::twilio::media_store::ACCOUNT_SID;
use crate::twilio::recordings::{Fate, Recording};
use crate::twilio::values::{is_web_address, rfc2822};
use crate::webhook::answer::twilio_error;

/// From the end of a call to its recording.
const READY_MS: u64 = 1500;
/// The error of a recording without a sound.
const SILENT: &str = "16102";

impl Call {
    /// Starts to record the call. A second recording is refused, although Twilio might make and bill it.
    pub fn start_recording(&self, wanted: StartRecording) {
        let recording = Running {
            sid: format!("RE{}", random_hex()),
            call: self.log.sid.clone(),
            wanted,
            began: self.clock.now(),
            started_at: now_ms(),
        };
        if !self.leg.tape.start(recording.clone()) {
            let reason = "the call is recorded already: a second recording would be billed, too";
            return self.alert(&twilio_error(21220, reason));
        }
        let text = "The call is recorded from now on";
        self.log
            .show("verb", json!({"text": text, "recording": recording.sid}));
        let parameters = callback(&recording, Recorded::InProgress, &[]);
        self.tell_of(&recording, Recorded::InProgress, parameters);
    }

    /// The call is over, and so is the recording that it has started.
    pub async fn finish_recording(&self) {
        let Some((recording, spoken)) = self.leg.tape.finish(&self.log.sid) else {
            return;
        };
        let now = self.clock.now();
        let seconds = now.saturating_sub(recording.began).div_ceil(1000);
        self.clock.sleep_until(now.saturating_add(READY_MS)).await;
        let faults = self.faults();
        let (status, parameters) = if faults.no_recording {
            let more = [("ErrorCode", SILENT)];
            (
                Recorded::Absent,
                callback(&recording, Recorded::Absent, &more),
            )
        } else {
            self.recordings.add(Recording {
                sid: recording.sid.clone(),
                seconds,
                started_at: recording.started_at,
                spoken,
                fate: Fate {
                    fails: faults.transcript_failed,
                    untold: faults.transcript_untold,
                },
            });
            let seconds = seconds.to_string();
            let more = [("ErrorCode", "0"), ("RecordingDuration", seconds.as_str())];
            let parameters = callback(&recording, Recorded::Completed, &more);
            (Recorded::Completed, parameters)
        };
        self.log.show(
            "recorded",
            json!({"recording": recording.sid, "status": status.name()}),
        );
        self.tell_of(&recording, status, parameters);
    }

    /// Posts a status of the recording, if the TwiML asks for it.
    fn tell_of(&self, recording: &Running, status: Recorded, parameters: Parameters) {
        let StartRecording { callback, events } = &recording.wanted;
        let Some(url) = callback.clone().filter(|_| events.contains(&status)) else {
            return;
        };
        if !is_web_address(&url) {
            let reason = format!("the recordingStatusCallback is no absolute address: {url}");
            return self.alert(&twilio_error(11200, &reason));
        }
        self.post_later(Kind::Recording, url, parameters);
    }
}

/// The parameters of the callback.
fn callback(recording: &Running, status: Recorded, more: &[(&str, &str)]) -> Parameters {
    let path = format!(
        "/2010-04-01/Accounts/{ACCOUNT_SID}/Recordings/{}",
        recording.sid
    );
    let url = format!("https://api.twilio.com{path}");
    let started = rfc2822(recording.started_at);
    let mut parameters = named(&[
        ("AccountSid", ACCOUNT_SID),
        ("CallSid", &recording.call),
        ("RecordingSid", &recording.sid),
        ("RecordingUrl", &url),
        ("RecordingStatus", status.name()),
        // A recording of TwiML has two channels whatever the TwiML says.
        ("RecordingChannels", "2"),
        ("RecordingSource", "StartCallRecordingTwiML"),
        ("RecordingStartTime", &started),
        ("RecordingTrack", "both"),
    ]);
    parameters.extend(named(more));
    parameters
}
