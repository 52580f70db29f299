use errors::Error;

/// A value of the model that has a form on the wire.
pub trait Outward: Sized {
    /// Its form.
    type Wire;

    /// Cannot fail.
    fn outward(self) -> Self::Wire;
}

/// A value of the model, made of its form on the wire.
pub trait Inward<Wire>: Sized {
    /// Tells everything that is wrong.
    fn inward(wire: Wire) -> Result<Self, Vec<Problem>>;
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Path of the field: `completions[3].token`.
    pub field: String,
    pub problem: &'static str,
}

impl Problem {
    fn below(self, parent: &str) -> Self {
        Self {
            field: format!("{parent}.{}", self.field),
            ..self
        }
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::user("INVALID_ARGUMENT", problem.problem).at(problem.field)
    }
}

/// What the required `field` holds.
pub fn required<T: Inward<W>, W>(field: &str, value: Option<W>) -> Result<T, Vec<Problem>> {
    let problem = || Problem {
        field: field.to_owned(),
        problem: "is missing",
    };
    T::inward(value.ok_or_else(|| vec![problem()])?)
}

/// Converts every item of the repeated `field`.
pub fn each<T: Inward<W>, W>(
    field: &str,
    items: impl IntoIterator<Item = W>,
) -> Result<Vec<T>, Vec<Problem>> {
    let items = items.into_iter();
    let mut converted = Vec::with_capacity(items.size_hint().0);
    let mut problems = Vec::new();
    for (index, item) in items.enumerate() {
        match T::inward(item) {
            Ok(item) => converted.push(item),
            Err(found) => {
                let parent = format!("{field}[{index}]");
                problems.extend(found.into_iter().map(|problem| problem.below(&parent)));
            }
        }
    }
    match problems.is_empty() {
        true => Ok(converted),
        false => Err(problems),
    }
}

/// Converts every item.
pub fn all<T: Outward>(items: Vec<T>) -> Vec<T::Wire> {
    items.into_iter().map(T::outward).collect()
}
