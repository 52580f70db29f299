use buffa::{Message, MessageName};
use bytes::Bytes;

/// A request of another service, as the code of a node asks for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceCall {
    /// Short name of the service: "vvs".
    pub service: String,
    /// The RPC that takes the request: "ValidateVideo".
    pub method: String,
    /// Full name of the request's type: "vvs.v1.ValidateRequest".
    pub request_type: String,
    /// The request, encoded.
    pub request: Bytes,
}

impl ServiceCall {
    /// Asks `method` of `service` for `request`.
    pub fn new<M: Message + MessageName>(
        service: impl Into<String>,
        method: impl Into<String>,
        request: &M,
    ) -> Self {
        Self {
            service: service.into(),
            method: method.into(),
            request_type: M::FULL_NAME.to_owned(),
            request: request.encode_to_bytes(),
        }
    }
}
