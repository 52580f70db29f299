//! The workflow engine as a pure state machine: DAG with map and reduce.
