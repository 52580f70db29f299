use errors::Error;

/// How a command can end short of its goal.
#[derive(Debug)]
pub(crate) enum Stop {
    /// With every problem at once.
    Failed(Vec<Error>),
    /// With problems that have been told.
    Told(Vec<Error>),
    Interrupted,
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(vec![error])
    }
}

impl From<Vec<Error>> for Stop {
    fn from(errors: Vec<Error>) -> Self {
        Self::Failed(errors)
    }
}
