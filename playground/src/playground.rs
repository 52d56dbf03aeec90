//! The state of the playground: the mock services, and all that is known of their requests.

use std::path::PathBuf;
use std::sync::Arc;

use crate::assistants::Assistants;
use crate::fault::Faults;
use crate::feed::Feed;
use crate::launcher::Launcher;
use crate::openai::OpenAi;
use crate::personas::Folders;
use crate::phones::outgoing::Outgoing;
use crate::phones::switches::FaultSwitches;
use crate::request_log::RequestLog;
use crate::segment::Segment;
use crate::shop::Shop;
use crate::twilio::Twilio;
use crate::voice::Calls;
use crate::webhook::pseudonyms::Pseudonyms;

/// The state of the playground.
pub struct Playground {
    /// The mock OpenAI.
    pub openai: OpenAi,
    /// The mock Twilio.
    pub twilio: Twilio,
    /// The web services of the shop.
    pub shop: Shop,
    /// The mock Segment.
    pub segment: Segment,
    /// The assistants that the phones can write to.
    pub assistants: Assistants,
    /// What `npm start` has told.
    pub launcher: Launcher,
    /// The folders of those who talk in synthetic conversations.
    pub personas: Folders,
    /// The folder of npm's packages, which has the library of the charts.
    pub packages: Option<PathBuf>,
    /// The faults that the control route has ordered.
    pub faults: Faults,
    /// The faults that are switched on at the page.
    pub switches: Arc<FaultSwitches>,
    /// The requests to the mock services.
    pub request_log: Arc<RequestLog>,
    /// The events for the page.
    pub feed: Arc<Feed>,
    /// Sends messages for the phones of the page.
    pub outgoing: Arc<Outgoing>,
    /// The calls of the phones.
    pub calls: Calls,
    /// The pseudonyms of the contacts.
    pub pseudonyms: Arc<Pseudonyms>,
    /// The token of the admin routes of the Worker.
    pub admin_token: Option<String>,
}
