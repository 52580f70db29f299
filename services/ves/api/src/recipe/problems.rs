use std::fmt;

/// Everything that is wrong with a request, at once; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<errors::Error>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for Problems {}

impl Problems {
    /// See `From<Problems> for errors::Error`.
    pub fn into_error(self) -> errors::Error {
        self.into()
    }
}

impl From<Problems> for errors::Error {
    /// One problem is itself; several are the causes of one error.
    fn from(problems: Problems) -> Self {
        match <[_; 1]>::try_from(problems.0) {
            Ok([only]) => only,
            Err(several) => {
                let message = format!("the request has {} problems", several.len());
                let whole = errors::Error::user("INVALID_REQUEST", message);
                several.into_iter().fold(whole, errors::Error::caused_by)
            }
        }
    }
}
