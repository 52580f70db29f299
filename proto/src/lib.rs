//! The contracts: generated Protobuf types and RPC stubs of every platform room.
