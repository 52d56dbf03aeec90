//! The Durable Objects: thin newtypes over the engines, which are tested natively.
//!
//! A call is a `POST` of JSON, and its answer a 200 with JSON; every other status means that the platform or the object
//! failed. Source: Cloudflare, "Durable Objects".

use std::{rc::Rc, time::Duration};

use serde::{Serialize, de::DeserializeOwned};
use worker::{DurableObject, Env, Request, Response, Result, State, durable_object};

use super::{config, services::ObjectServices};
use crate::{
    budget::{Budget, BudgetCall},
    platform::{Clock, PlatformError},
    pseudonym::Pseudonym,
    sender::{ObjectCall, Sender},
    tries::{Tries, TryCall},
};

/// The object of one sender. Its name is the sender's pseudonym.
#[durable_object(alarm)]
pub struct SenderObject {
    /// None while the configuration is faulty: then no call is made, and a left-over alarm waits.
    engine: Option<Sender<ObjectServices>>,
    services: ObjectServices,
}

impl DurableObject for SenderObject {
    fn new(state: State, env: Env) -> Self {
        let name = state.id().name();
        let config = config(&env);
        let services = ObjectServices::new(state, &env);
        let engine = match (Result::as_ref(&config), name) {
            (Ok(config), Some(name)) => Some(Sender::new(services.clone(), Rc::new(config.clone()), Pseudonym::from_object_name(name))),
            _ => None,
        };
        Self { engine, services }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        match (&self.engine, read::<ObjectCall>(&mut request).await) {
            (Some(engine), Ok(ObjectCall::Deliver(call))) => write(engine.deliver(*call).await),
            (Some(engine), Ok(ObjectCall::Report(report))) => write(engine.report(report).await),
            (Some(engine), Ok(ObjectCall::Show)) => write(engine.show().await),
            (Some(engine), Ok(ObjectCall::Erase(phone_hash))) => write(engine.erase(phone_hash).await),
            (None, _) => write::<()>(Err(PlatformError::new("not configured"))),
            (_, Err(error)) => write::<()>(Err(error)),
        }
    }

    async fn alarm(&self) -> Result<Response> {
        let done = match &self.engine {
            Some(engine) => engine.alarm().await,
            None => self.services.ring_again(Duration::from_secs(60)).await,
        };
        write(done)
    }
}

/// The one budget object.
#[durable_object(fetch)]
pub struct BudgetObject {
    engine: Budget<ObjectServices>,
    services: ObjectServices,
}

impl DurableObject for BudgetObject {
    fn new(state: State, env: Env) -> Self {
        let services = ObjectServices::new(state, &env);
        Self { engine: Budget::new(services.clone()), services }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let now = self.services.now();
        match read::<BudgetCall>(&mut request).await {
            Ok(BudgetCall::Reserve(call)) => write(self.engine.reserve(call, now).await),
            Ok(BudgetCall::Report(tally)) => write(self.engine.report(&tally, now).await.map(drop)),
            Ok(BudgetCall::Usage(tally)) => write(self.engine.report(&tally, now).await),
            Err(error) => write::<()>(Err(error)),
        }
    }
}

/// The object of one client address that tried the admin token.
#[durable_object(alarm)]
pub struct TriesObject {
    engine: Tries<ObjectServices>,
    services: ObjectServices,
}

impl DurableObject for TriesObject {
    fn new(state: State, env: Env) -> Self {
        let services = ObjectServices::new(state, &env);
        Self { engine: Tries::new(services.clone()), services }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let verdict = match read::<TryCall>(&mut request).await {
            Ok(call) => self.engine.attempt(call, self.services.now()).await,
            Err(error) => Err(error),
        };
        write(verdict)
    }

    async fn alarm(&self) -> Result<Response> {
        write(self.engine.alarm(self.services.now()).await)
    }
}

async fn read<T: DeserializeOwned>(request: &mut Request) -> Result<T, PlatformError> {
    let text = request.text().await.map_err(|_| PlatformError::new("call broke off"))?;
    serde_json::from_str(&text).map_err(|_| PlatformError::new("call is unreadable"))
}

/// A failure is thrown, not answered: in an alarm that makes the runtime ring again.
fn write<T: Serialize>(answer: Result<T, PlatformError>) -> Result<Response> {
    let value = answer.map_err(|error| worker::Error::RustError(error.reason))?;
    let text = serde_json::to_string(&value).map_err(|_| worker::Error::RustError("answer cannot be encoded".into()))?;
    Response::ok(text)
}
