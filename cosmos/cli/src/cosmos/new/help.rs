//! The longer texts of the help.

pub(super) const SHORT: &str = "\
Examples:
  cosmos new service shelf --cosmos ~/cosmos
  cosmos new service shelf --template graph --cosmos https://git.example.com/cosmos.git
  cosmos new service label --template script-function
  cosmos new service shelf --cosmos ~/cosmos --dry-run";

pub(super) const LONG: &str = "\
Examples:
  cosmos new service shelf --cosmos ~/cosmos
  cosmos new service shelf --template graph --cosmos https://git.example.com/cosmos.git
  cosmos new service label --template script-function
  cosmos new service shelf --cosmos ~/cosmos --dry-run

Everything is written, or nothing. With a folder, a relative one stays relative, and the versions
of other crates are those that Cosmos is tested with.

Exit status: 0 done; 2 the command line is wrong, or the folder is there.

JSON: {service, template, folder, files, dry_run}, or {event: \"failed\", errors}.";
