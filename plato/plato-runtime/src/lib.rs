//! The owner of workflows: journal, inbox and outbox over a store.
