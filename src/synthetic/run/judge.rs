//! The scores of a run: the judge is asked once, and once more if its answer cannot be used.
//!
//! Not here: what it is asked, and how its answer is checked (`score`).

use super::{
    Inner, RunPlatform,
    speak::{Question, cost_of, model_of},
    state::Run,
};
use crate::{object::StepHost, platform::PlatformError, synthetic::score};

impl<P: RunPlatform> Inner<P> {
    /// Asks the judge.
    pub(super) async fn judge(&self) -> Result<(), PlatformError> {
        let run = self.read(|state, _| state.run().cloned()).await?;
        let Some(run) = run else { return Ok(()) };
        let personas = self.platform.personas();
        let personas = (*personas).as_ref().ok();
        let sides = personas.and_then(|personas| self.sides(&run.plan, personas));
        let Some(sides) = sides else {
            return self.change(Run::give_up_scores).await;
        };
        if !self.take_request().await? {
            return self.change(Run::give_up_scores).await;
        }
        let judge = self.config.assistants.default();
        let criteria = &sides.scenario.criteria;
        let (prompt, schema) = (score::prompt(criteria), score::schema(criteria));
        let question = Question {
            assistant: judge,
            prompt: &prompt,
            schema: Some(&schema),
            turns: Vec::new(),
            words: score::transcript_text(&run.lines),
            topic: run.plan.scenario.as_str(),
            caller: None,
            time: None,
        };
        let answer = self.ask(question).await;
        let (cost, model) = (cost_of(&answer), model_of(judge, &answer));
        let scores = answer
            .result
            .as_ref()
            .ok()
            .and_then(|answer| score::read(&answer.text, &model, criteria, &run.lines));
        self.change(|run, now| {
            run.cost.add(cost);
            match scores {
                Some(scores) => run.judged(scores, now),
                None => run.failed(now),
            }
        })
        .await
    }
}
