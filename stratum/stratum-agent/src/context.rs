use std::sync::Arc;

use blob::Blobs;
use clock::SharedClock;
use stratum::Registry;
use stratum_init::Init;
use stratum_sources::OpenSources;
use timestone::Session;
use timestone_client::Client;

use crate::Config;
use crate::counts::Counters;
use crate::versions::Versions;

/// What every part of an agent works with.
pub(crate) struct Context {
    pub(crate) config: Config,
    pub(crate) session: Session,
    pub(crate) registry: Registry,
    pub(crate) versions: Versions,
    pub(crate) timestone: Client,
    pub(crate) blobs: Blobs,
    pub(crate) sources: OpenSources,
    pub(crate) clock: SharedClock,
    pub(crate) init: Init,
    pub(crate) counters: Arc<Counters>,
}
