//! The tiny first process around every function: limits, sandbox, exit, progress.
