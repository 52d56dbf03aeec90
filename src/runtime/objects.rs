//! The Durable Objects of threads, of the budget and of the admin lockout. The engines are tested
//! natively. `entry.js` has the classes that the runtime sees.
//!
//! Not here: the frame that all objects share (`object_class`), and the objects of calls (`calls`)
//! and of synthetic conversations (`synthetic`).

use super::{object_class::object_class, services::ObjectServices};
use crate::{
    conversation::budget::Budget, http::admin_lockout::AdminLockout, identity::Pseudonym,
    messaging::thread::Thread,
};

object_class!(
    /// A thread. Its object's name is the pseudonym of its pair of addresses.
    ThreadEngine,
    Thread<ObjectServices>,
    |parts| {
        let name = Pseudonym::from_object_name(parts.name?);
        Some(Thread::new(parts.services, parts.config?, name))
    }
);

object_class!(
    /// The one budget object.
    BudgetEngine,
    Budget<ObjectServices>,
    |parts| Some(Budget::new(parts.services))
);

object_class!(
    /// The lockout of one client address that tried the admin token.
    AdminLockoutEngine,
    AdminLockout<ObjectServices>,
    |parts| Some(AdminLockout::new(parts.services))
);
