//! What a service's workflows are told from outside: to begin, and facts. It is a message to the
//! owner, and the answer waits until the owner has taken it.

use std::sync::Arc;

use connectrpc::ConnectError;
use errors::Error;
use plato_rules::{Memory, NewFact, RuleActivation, Rules};
use proto::plato::v1 as wire;
use timestone::{MessageKey, MessageState, NewMessage};
use timestone_client::{Client, envelope, names};

use super::act::{LOOK, PATIENCE};
use super::outward::unknown_definition;
use super::{PlatoServer, Workflows, unreadable};
use crate::incoming::Start;
use crate::{Standing, wire as inward};

type Found<'a> = Result<(&'a Workflows, Standing), ConnectError>;

impl PlatoServer {
    /// Begins a workflow; one of this id that is there already is nothing new.
    pub(super) async fn start(&self, request: wire::StartWorkflowRequest) -> Found<'_> {
        let (name, version) = (&request.definition, request.definition_version);
        let knows = |workflows: &&Workflows| workflows.knows(name, version);
        let Some(workflows) = self.services.iter().find(knows) else {
            let error = unknown_definition(self.services.iter(), name, version);
            return Err(rpc::refuse_one(error));
        };
        let id = request.workflow_id;
        let start = wire::StartWorkflow {
            workflow_id: id.clone(),
            definition: request.definition,
            definition_version: version,
            input: request.input,
            attributes: request.attributes,
            function_digests: request.function_digests,
            ..Default::default()
        };
        let payload = envelope::to_payload(&envelope::seal(&start));
        check_start(&payload).map_err(rpc::refuse_one)?;
        self.tell(workflows, &id, id.clone(), payload).await
    }

    /// Asserts facts, all or none.
    pub(super) async fn assert(&self, request: wire::AssertFactsRequest) -> Found<'_> {
        let id = request.workflow_id;
        let workflows = self.of_facts(&id, &request.rules).await?;
        let facts = inward::facts(request.facts).map_err(rpc::refuse_one)?;
        let rules = workflows.rules_of(&id, &request.rules).await?;
        check(&rules, &facts, false).map_err(rpc::refuse)?;
        let payload = inward::assert_facts(&id, &request.rules, &facts);
        self.tell(workflows, &id, fresh(&id), payload).await
    }

    /// Takes facts away; those that are not there are nothing to take.
    pub(super) async fn retract(&self, request: wire::RetractFactsRequest) -> Found<'_> {
        let id = request.workflow_id;
        let workflows = self.of_facts(&id, "").await?;
        let facts = inward::facts(request.facts).map_err(rpc::refuse_one)?;
        let rules = workflows.rules_of(&id, "").await?;
        check(&rules, &facts, true).map_err(rpc::refuse)?;
        let payload = inward::retract_facts(&id, &facts);
        self.tell(workflows, &id, fresh(&id), payload).await
    }

    /// Whose the workflow is; of one that is not there yet, who knows the rules.
    async fn of_facts(&self, id: &str, rules: &str) -> Result<&Workflows, ConnectError> {
        match self.find(id).await {
            Ok((workflows, standing)) => {
                may_be_told(&standing).map_err(rpc::refuse_one)?;
                Ok(workflows)
            }
            Err(error) if rules.is_empty() => Err(error),
            Err(_) => {
                let knows = |workflows: &&Workflows| workflows.rules(rules, 0).is_some();
                let found = self.services.iter().find(knows);
                found.ok_or_else(|| {
                    let error = unknown_definition(self.services.iter(), rules, 0);
                    rpc::refuse_one(error.at("rules"))
                })
            }
        }
    }

    /// Sends the message, and reads the workflow when its owner has taken it.
    async fn tell(
        &self,
        workflows: &Workflows,
        id: &str,
        message: String,
        payload: bytes::Bytes,
    ) -> Result<(&Workflows, Standing), ConnectError> {
        let queue = names::inbox_of_workflow(workflows.service(), id, workflows.reader.groups);
        let key = MessageKey {
            queue: queue.clone(),
            id: message.clone(),
        };
        let message = NewMessage {
            queue,
            id: message,
            payload,
            ..NewMessage::default()
        };
        let taken = async {
            enqueue(&self.timestone, message).await?;
            let taken = tokio::time::timeout(PATIENCE, taken(&self.timestone, &key)).await;
            taken.unwrap_or_else(|_| Err(nobody_did(id)))
        };
        taken.await.map_err(rpc::refuse_one)?;
        self.find(id).await
    }
}

impl Workflows {
    fn rules(&self, name: &str, version: u32) -> Option<&Arc<RuleActivation>> {
        self.definitions.rules.get(name, version)
    }

    pub(super) fn knows(&self, name: &str, version: u32) -> bool {
        let graph = self.definitions.graphs.get(name, version);
        graph.is_some() || self.rules(name, version).is_some()
    }

    /// The rules that a workflow goes by, or will begin with.
    async fn rules_of(&self, id: &str, rules: &str) -> Result<Arc<Rules>, ConnectError> {
        let standing = self.reader.standing(id).await.map_err(unreadable)?;
        let name = standing.map_or_else(
            || rules.to_owned(),
            |standing| standing.header().definition.clone(),
        );
        let known = self.rules(&name, 0).map(|known| Arc::clone(known.rules()));
        known.ok_or_else(|| rpc::refuse_one(unknown_definition([self].into_iter(), &name, 0)))
    }
}

/// A name for a message that nobody else gives one.
fn fresh(id: &str) -> String {
    format!("{id}/{}", ids::time_ordered())
}

fn check_start(payload: &[u8]) -> Result<(), Error> {
    match inward::incoming(payload)? {
        crate::incoming::Incoming::Start(start) => Start::check(&start),
        _ => Ok(()),
    }
}

fn may_be_told(standing: &Standing) -> Result<(), Error> {
    let id = standing.id();
    let refused = |code, message: &str| Err(Error::user(code, format!("workflow {id} {message}")));
    match standing {
        Standing::Graph(_) => refused("NOT_OF_RULES", "is a graph, which takes no facts"),
        Standing::Rules(_) if standing.phase().is_final() => refused("WORKFLOW_ENDED", "has ended"),
        Standing::Rules(_) => Ok(()),
    }
}

/// Everything that is wrong with these facts.
fn check(rules: &Arc<Rules>, facts: &[NewFact], by_key: bool) -> Result<(), Vec<Error>> {
    let memory = Memory::new(Arc::clone(rules));
    let wrong = facts.iter().enumerate().filter_map(|(place, fact)| {
        let problem = match by_key {
            true => memory.by_key(&fact.kind, &fact.fields).err(),
            false => memory.check(&fact.kind, &fact.fields).err(),
        };
        let place = format!("facts[{place}]");
        problem.map(|problem| Error::user("MALFORMED_FACT", problem.to_string()).at(place))
    });
    let wrong: Vec<Error> = wrong.take(plato::limits::MAX_ERROR_CAUSES).collect();
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(wrong),
    }
}

fn unavailable(why: impl ToString) -> Error {
    Error::platform("UNAVAILABLE", why.to_string()).hint("try again")
}

/// Hands one message on.
pub(super) async fn enqueue(timestone: &Client, message: NewMessage) -> Result<(), Error> {
    let outcomes = timestone
        .enqueue(vec![message])
        .await
        .map_err(unavailable)?;
    outcomes
        .into_iter()
        .try_for_each(|outcome| outcome.map(drop))
        .map_err(unavailable)
}

/// Waits until the owner has taken the message.
async fn taken(timestone: &Client, key: &MessageKey) -> Result<(), Error> {
    loop {
        let message = timestone.get(key).await.map_err(unavailable)?;
        match message.map(|message| (message.state, message.error)) {
            // One that is forgotten had ended.
            None | Some((MessageState::Completed, _)) => return Ok(()),
            Some((MessageState::Errored | MessageState::Canceled, error)) => {
                return Err(refused(error.as_deref()));
            }
            Some(_) => tokio::time::sleep(LOOK).await,
        }
    }
}

/// Why the owner refused it.
fn refused(error: Option<&[u8]>) -> Error {
    use buffa::Message;
    let error = error.and_then(|bytes| proto::base::v1::Error::decode_from_slice(bytes).ok());
    let unknown = || Error::platform("REFUSED", "the owner refused it");
    error.map_or_else(unknown, Error::from)
}

/// Nobody has taken it yet.
pub(super) fn nobody_did(id: &str) -> Error {
    let message = format!("the owner of workflow {id} was asked, and has not done it yet");
    Error::platform("NOT_DONE_YET", message)
        .hint("it will be done as soon as a process owns the workflow; see that one runs")
}

/// What only rules have.
pub(super) fn only_rules(standing: &Standing) -> Result<&plato_rules::State, Error> {
    match standing {
        Standing::Rules(state) => Ok(state),
        Standing::Graph(state) => {
            let message = format!("workflow {} is a graph, which has no facts", state.id);
            Err(Error::user("NOT_OF_RULES", message))
        }
    }
}
