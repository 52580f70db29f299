use clock::Timestamp;

/// How a call is made. The defaults are those of a call that nobody waits for in
/// particular.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallOptions {
    /// Two calls with the same id are one: a program that was interrupted asks for the
    /// same with it, at the same reply queue. `None` = a new one.
    pub id: Option<String>,
    /// Whose work it is; empty on a machine of one's own.
    pub tenant: String,
    /// Who asks for it.
    pub principal: String,
    /// W3C trace context.
    pub traceparent: String,
    /// Lower is more urgent; `None` = by the time of the call.
    pub priority: Option<i64>,
    /// When the answer has lost its worth: the call is given up then.
    pub deadline: Option<Timestamp>,
}
