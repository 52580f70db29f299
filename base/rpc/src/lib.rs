//! The RPC server and client kit: gRPC and JSON on one port, token and host checks.
