//! Functions, shapes, routing and invocations as plain data and decisions.
