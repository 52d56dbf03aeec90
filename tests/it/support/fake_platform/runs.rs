//! The objects of synthetic conversations: runs, batches and the list of batches, with their alarms and sudden ends.
//!
//! Not here: what the personas say (`model`).

use std::{cell::RefCell, collections::BTreeMap, rc::Rc, time::Duration};

use switchboard::{
    base::time::UnixMillis,
    config::{FileError, PersonaFile, Personas, parse_personas},
    identity::Pseudonym,
    object::Engine,
    platform::{Clock, Method, PlatformError},
    synthetic::{
        KnowsPersonas,
        batch::{Batch, list::BatchList},
        run::Runner,
    },
};
use tokio::task::spawn_local;

use super::{
    FakePlatform,
    disk::Disk,
    object_ports::{Kind, ObjectPlatform},
    objects::Tasks,
};

/// All runs and batches.
#[derive(Default)]
pub(super) struct Runs {
    objects: RefCell<BTreeMap<(Kind, String), RunObject>>,
    /// The methods that were called, with the object.
    called: RefCell<Vec<(String, &'static str)>>,
    /// How many of the next calls of a method fail: before it acts, or after.
    failing: RefCell<Vec<(&'static str, bool)>>,
}

#[derive(Default)]
struct RunObject {
    disk: Disk,
    engine: Option<RunEngine>,
    tasks: Tasks,
}

#[derive(Clone)]
enum RunEngine {
    Run(Rc<Runner<ObjectPlatform>>),
    Batch(Rc<Batch<ObjectPlatform>>),
    List(Rc<BatchList<ObjectPlatform>>),
}

impl RunEngine {
    async fn call(&self, method: &str, arguments: &str) -> Result<String, PlatformError> {
        match self {
            Self::Run(engine) => engine.call(method, arguments).await,
            Self::Batch(engine) => engine.call(method, arguments).await,
            Self::List(engine) => engine.call(method, arguments).await,
        }
    }

    async fn alarm(&self) -> Result<(), PlatformError> {
        match self {
            Self::Run(engine) => engine.alarm().await,
            Self::Batch(engine) => engine.alarm().await,
            Self::List(_) => Ok(()),
        }
    }
}

impl FakePlatform {
    fn run_engine(&self, kind: Kind, name: &str) -> (RunEngine, Tasks) {
        let mut objects = self.0.runs.objects.borrow_mut();
        let object = objects.entry((kind, name.to_owned())).or_default();
        let engine = object.engine.get_or_insert_with(|| {
            object.tasks = Rc::default();
            let platform = ObjectPlatform {
                fake: self.clone(),
                kind,
                name: Pseudonym::from_object_name(name.to_owned()),
                disk: object.disk.clone(),
                tasks: Rc::clone(&object.tasks),
            };
            let config = Rc::new(self.config().clone());
            match kind {
                Kind::Run => RunEngine::Run(Rc::new(Runner::new(platform, config))),
                Kind::Batch => RunEngine::Batch(Rc::new(Batch::new(platform))),
                _ => RunEngine::List(Rc::new(BatchList::new(platform))),
            }
        });
        (engine.clone(), Rc::clone(&object.tasks))
    }

    /// Calls a run or a batch. The call ends with the object.
    pub(super) async fn call_run<M: Method>(
        &self,
        name: &str,
        method: &M,
    ) -> Result<M::Reply, PlatformError> {
        let kind = match M::BINDING {
            "RUN" => Kind::Run,
            "BATCH" => Kind::Batch,
            _ => Kind::BatchList,
        };
        let runs = &self.0.runs;
        runs.called.borrow_mut().push((name.to_owned(), M::NAME));
        let fails = {
            let mut failing = runs.failing.borrow_mut();
            let at = failing.iter().position(|(method, _)| *method == M::NAME);
            at.map(|at| failing.remove(at).1)
        };
        if fails == Some(false) {
            return Err(PlatformError::new("object is overloaded"));
        }
        tokio::time::sleep(Duration::from_millis(3)).await;
        let arguments = serde_json::to_string(method).unwrap();
        let (engine, tasks) = self.run_engine(kind, name);
        let (give, take) = tokio::sync::oneshot::channel();
        let task = spawn_local(async move {
            let _ = give.send(engine.call(M::NAME, &arguments).await);
        });
        tasks.borrow_mut().push(task);
        let reply = take
            .await
            .unwrap_or_else(|_| Err(PlatformError::new("object reset")))?;
        if fails == Some(true) {
            return Err(PlatformError::new("the reply is lost"));
        }
        Ok(serde_json::from_str(&reply).unwrap())
    }

    /// The engine of a run.
    pub fn runner(&self, name: &str) -> Rc<Runner<ObjectPlatform>> {
        match self.run_engine(Kind::Run, name).0 {
            RunEngine::Run(engine) => engine,
            RunEngine::Batch(_) | RunEngine::List(_) => panic!("it is a run"),
        }
    }

    /// The next call of this method fails: before it acts, or with its reply lost.
    pub fn run_call_fails(&self, method: &'static str, acts: bool) {
        self.0.runs.failing.borrow_mut().push((method, acts));
    }

    /// How often a method was called.
    pub fn run_calls(&self, method: &str) -> usize {
        let called = self.0.runs.called.borrow();
        called.iter().filter(|(_, name)| *name == method).count()
    }

    pub(super) fn arm_run(&self, kind: Kind, name: &Pseudonym, at: UnixMillis) {
        let (fake, name) = (self.clone(), name.as_str().to_owned());
        let disk = fake.run_disk(kind, &name);
        disk.0.alarm.set(Some(at));
        spawn_local(async move {
            fake.sleep(at.since(fake.now())).await;
            if disk.0.alarm.get() != Some(at) {
                return;
            }
            disk.0.alarm.set(None);
            let (engine, tasks) = fake.run_engine(kind, &name);
            let (give, take) = tokio::sync::oneshot::channel();
            let task = spawn_local(async move {
                let _ = give.send(engine.alarm().await);
            });
            tasks.borrow_mut().push(task);
            let rung = take.await;
            // An alarm that failed, or whose object vanished, fires again.
            if !matches!(rung, Ok(Ok(()))) && disk.0.alarm.get().is_none() {
                let again = fake.now().plus(Duration::from_secs(2));
                fake.arm_run(kind, &Pseudonym::from_object_name(name), again);
            }
        });
    }

    fn run_disk(&self, kind: Kind, name: &str) -> Disk {
        let mut objects = self.0.runs.objects.borrow_mut();
        let object = objects.entry((kind, name.to_owned())).or_default();
        object.disk.clone()
    }

    /// What a run has stored.
    pub fn disk_of_run(&self, name: &str) -> Disk {
        self.run_disk(Kind::Run, name)
    }

    /// What a batch has stored.
    pub fn disk_of_batch(&self, name: &str) -> Disk {
        self.run_disk(Kind::Batch, name)
    }

    /// The runtime gives up the alarms of all runs.
    pub fn lose_alarms_of_runs(&self) {
        let objects = self.0.runs.objects.borrow();
        let runs = objects.iter().filter(|((kind, _), _)| *kind == Kind::Run);
        runs.for_each(|(_, run)| run.disk.0.alarm.set(None));
    }

    /// All runs and batches leave memory, with the tasks that run.
    pub fn kill_runs(&self) {
        self.kill_all(|_| true);
    }

    /// All batches leave memory, and no run does.
    pub fn kill_batches(&self) {
        self.kill_all(|kind| kind == Kind::Batch);
    }

    fn kill_all(&self, dies: impl Fn(Kind) -> bool) {
        let mut objects = self.0.runs.objects.borrow_mut();
        let dying = objects.iter_mut().filter(|((kind, _), _)| dies(*kind));
        for (_, object) in dying {
            let mut tasks = object.tasks.borrow_mut();
            tasks.drain(..).for_each(|task| task.abort());
            drop(tasks);
            object.engine = None;
        }
    }
}

/// Two agents, two customers, and two scenarios: in one the agent speaks first, in the other the customer.
pub fn personas() -> Rc<Result<Personas, Vec<FileError>>> {
    let agent = |name: &str| {
        format!(
            "name = \"{name}\"\nrole = \"support agent\"\nopening = \"Hello, this is {name}.\"\n\
             competence = \"high\"\nattitude = \"warm\"\nproduct_knowledge = \"all\"\n\
             characteristics = [\"calm\"]\nfarewell = \"Goodbye.\"\n"
        )
    };
    let customer = |name: &str| {
        format!(
            "name = \"{name}\"\nissue = \"an order is late\"\ndesired_resolution = \"a date\"\n\
             demeanour = \"polite\"\ntechnical_proficiency = \"low\"\npatience = \"medium\"\n\
             escalation_trigger = \"none\"\nhangs_up_when = \"never\"\n\
             expected_length = \"short\"\nfacts = [\"The order number is 48213.\"]\n"
        )
    };
    let scenario = |first: &str| {
        format!(
            "setting = \"a shop\"\ngoal = \"help\"\nfirst_speaker = \"{first}\"\n\
             [[success_criteria]]\nname = \"greeted\"\nasks = \"Was there a greeting?\"\n"
        )
    };
    let file = |path: &str, text: String| PersonaFile {
        path: path.to_owned(),
        text,
    };
    let files = [
        file("personas/agents/ada.toml", agent("Ada")),
        file("personas/agents/ben.toml", agent("Ben")),
        file("personas/customers/cleo.toml", customer("Cleo")),
        file("personas/customers/dan.toml", customer("Dan")),
        file("scenarios/early.toml", scenario("customer")),
        file("scenarios/late.toml", scenario("agent")),
    ];
    Rc::new(parse_personas(&files))
}

impl KnowsPersonas for FakePlatform {
    fn personas(&self) -> Rc<Result<Personas, Vec<FileError>>> {
        personas()
    }
}

impl KnowsPersonas for ObjectPlatform {
    fn personas(&self) -> Rc<Result<Personas, Vec<FileError>>> {
        personas()
    }
}
