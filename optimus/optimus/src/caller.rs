/// On whose behalf a call is made; travels with all the work it causes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// Whose work it is; empty on a machine of one's own.
    pub tenant: String,
    /// Who asked for it.
    pub principal: String,
    /// W3C trace context.
    pub traceparent: String,
    /// Whether a role or service of the installation asks, over the service's queue of
    /// calls, and not somebody outside at the API's port. A service may take from it
    /// what it takes from nobody else, such as references to blobs.
    pub is_role: bool,
}
