use std::time::Duration;

use blob::{Blobs, Value};
use errors::Error;
use proto::optimus::v1::ServiceCall;
use proto::stratum::v1::Invocation;

/// How one try of a task fares.
#[derive(Clone, Debug)]
pub enum Answer {
    /// It ends well.
    Value(Value),
    /// It ends well, with a list that a map can be over.
    List(Vec<Value>),
    /// It ends badly.
    Fail(Error),
    /// It runs until somebody stops it.
    Never,
    /// Its machine is lost with it, and the next one, until its deliveries are used up. A
    /// service, which keeps what it was asked, then simply never answers.
    Die,
    /// It takes this long.
    After(Duration, Box<Answer>),
}

impl Answer {
    /// It ends well, with this as inline value.
    pub fn json(value: serde_json::Value) -> Self {
        Self::Value(Value::inline(value.to_string()))
    }

    /// It ends well, with nothing.
    pub fn nothing() -> Self {
        Self::Value(Value::default())
    }

    /// It ends well, with a list of these as inline values.
    pub fn list(values: impl IntoIterator<Item = serde_json::Value>) -> Self {
        let values = values.into_iter();
        Self::List(values.map(|v| Value::inline(v.to_string())).collect())
    }

    /// As this one, but it takes so long.
    pub fn after(self, duration: Duration) -> Self {
        Self::After(duration, Box::new(self))
    }
}

/// One try of a task, as whoever works on it sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    pub workflow: String,
    /// The node, or the rule.
    pub node: String,
    /// 0 where the node is not a map; of one with a batch, the task; of a rule, the firing.
    pub element: u64,
    /// Which try, from 1.
    pub attempt: u32,
    pub asked: Asked,
}

/// What is asked of whoever works on a try.
#[derive(Clone, Debug, PartialEq)]
pub enum Asked {
    /// Of a function.
    Function(Box<Invocation>),
    /// Of another service.
    Service(Box<ServiceCall>),
}

impl Call {
    /// The parameters of the function.
    ///
    /// # Panics
    /// When a service was asked, or they are not JSON.
    pub fn params(&self) -> serde_json::Value {
        let params = serde_json::from_slice(&self.invocation().params_json);
        #[allow(clippy::panic, reason = "part of a test, which has failed")]
        params.unwrap_or_else(|problem| panic!("params of {}: {problem}", self.node))
    }

    /// What the function is invoked with.
    ///
    /// # Panics
    /// When a service was asked.
    pub fn invocation(&self) -> &Invocation {
        match &self.asked {
            Asked::Function(invocation) => invocation,
            #[allow(clippy::panic, reason = "part of a test, which has failed")]
            Asked::Service(_) => panic!("node {} calls a service, not a function", self.node),
        }
    }

    /// What the service is asked for.
    ///
    /// # Panics
    /// When a function was asked, or for a request of another type.
    pub fn request<M: buffa::Message + buffa::MessageName>(&self) -> M {
        #[allow(clippy::panic, reason = "part of a test, which has failed")]
        match &self.asked {
            Asked::Service(call) if call.r#type == M::FULL_NAME => {
                M::decode_from_slice(&call.request)
                    .unwrap_or_else(|problem| panic!("request of {}: {problem}", self.node))
            }
            asked => panic!("node {} asks for no {}: {asked:?}", self.node, M::FULL_NAME),
        }
    }
}

/// The value that an answer puts out; its list is written first.
pub(crate) async fn value(answer: Answer, blobs: &Blobs) -> Option<Result<Value, Error>> {
    match answer {
        Answer::Value(value) => Some(Ok(value)),
        Answer::Fail(error) => Some(Err(error)),
        Answer::List(values) => Some(list(&values, blobs).await),
        Answer::Never | Answer::Die | Answer::After(..) => None,
    }
}

async fn list(values: &[Value], blobs: &Blobs) -> Result<Value, Error> {
    let written = blob::list::write(blobs.home(), values).await;
    let list = written.map_err(|e| Error::function("MALFORMED_LIST", e.to_string()))?;
    Ok(Value {
        list: Some(list),
        ..Value::default()
    })
}
