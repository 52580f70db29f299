//! The roles of a Cosmos installation, put together from one configuration file.
