use std::collections::BTreeMap;

use stratum::{Condition, Shape};

use crate::choice::Choices;
use crate::tree::{self, Example, Leaf};
use crate::{Measured, Sample, Size, Terms, Unfit};

/// Shapes of a function, and the rules that choose one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    pub shapes: Vec<Shape>,
    /// The first that holds chooses; the last one always does.
    pub rules: Vec<ProposedRule>,
    /// Of each sample, the shape that its rule chooses.
    pub chosen: Vec<String>,
    /// Samples that no attribute tells from others which should have another size, by name: they
    /// share one in which all of them fit.
    pub alike: Vec<Vec<String>>,
}

/// A rule as `function.yaml` has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProposedRule {
    pub when: Option<String>,
    pub shape: String,
}

/// Why nothing can be proposed, whatever doubts there are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("nothing was measured")]
    Nothing,
    #[error(transparent)]
    Unfit(#[from] Unfit),
    #[error("no attribute tells {names:?} apart, and no size that was measured does for all")]
    Alike { names: Vec<String> },
    #[error("the rule `{when}` cannot be written: {why}")]
    Unwritable { when: String, why: String },
}

/// Which shapes and rules follow.
///
/// # Errors
/// Every sample for which there is no size; else why its rules cannot be written.
pub fn propose(measured: &Measured, terms: Terms) -> Result<Proposal, Vec<Refused>> {
    if measured.samples.is_empty() {
        return Err(vec![Refused::Nothing]);
    }
    let choices = Choices::new(measured, terms);
    let leaves = tree::grow(examples(measured, &choices)?);
    let mut writing = Writing::new(measured);
    for leaf in &leaves {
        writing.leaf(leaf, &choices).map_err(|why| vec![why])?;
    }
    Ok(writing.end())
}

fn examples<'a>(
    measured: &'a Measured,
    choices: &Choices,
) -> Result<Vec<Example<'a>>, Vec<Refused>> {
    let (mut examples, mut refused) = (Vec::new(), Vec::new());
    for (sample, Sample { attributes, .. }) in measured.samples.iter().enumerate() {
        match choices.choose(sample) {
            Ok(size) => examples.push(Example {
                sample,
                attributes,
                size,
            }),
            Err(unfit) => refused.push(unfit.into()),
        }
    }
    match refused.is_empty() {
        true => Ok(examples),
        false => Err(refused),
    }
}

/// A proposal while it is written.
struct Writing<'a> {
    measured: &'a Measured,
    /// With what samples have of network and disk.
    shapes: BTreeMap<Size, (u64, u64)>,
    rules: Vec<ProposedRule>,
    chosen: Vec<String>,
    alike: Vec<Vec<String>>,
}

impl<'a> Writing<'a> {
    fn new(measured: &'a Measured) -> Self {
        Self {
            measured,
            shapes: BTreeMap::new(),
            rules: vec![],
            chosen: vec![String::new(); measured.samples.len()],
            alike: vec![],
        }
    }

    fn leaf(&mut self, leaf: &Leaf, choices: &Choices) -> Result<(), Refused> {
        let size = self.size(leaf, choices)?;
        let when = leaf.when();
        if let Some(when) = &when {
            Condition::new(when).map_err(|error| Refused::Unwritable {
                when: when.clone(),
                why: error.to_string(),
            })?;
        }
        for example in &leaf.examples {
            self.chosen[example.sample] = size.to_string();
            let sample = &self.measured.samples[example.sample];
            self.shape(size, sample.network_mbps, sample.disk_mb);
        }
        let shape = size.to_string();
        self.rules.push(ProposedRule { when, shape });
        Ok(())
    }

    /// The size of all samples of a leaf.
    fn size(&mut self, leaf: &Leaf, choices: &Choices) -> Result<Size, Refused> {
        let first = leaf.examples.first().ok_or(Refused::Nothing)?;
        if leaf.examples.iter().all(|one| one.size == first.size) {
            return Ok(first.size);
        }
        let samples: Vec<usize> = leaf.examples.iter().map(|one| one.sample).collect();
        let name = |sample: &usize| self.measured.samples[*sample].name.clone();
        let names: Vec<String> = samples.iter().map(name).collect();
        self.alike.push(names.clone());
        choices.best(&samples).ok_or(Refused::Alike { names })
    }

    fn shape(&mut self, size: Size, network_mbps: u64, disk_mb: u64) {
        let (network, disk) = self.shapes.entry(size).or_insert((0, disk_mb));
        *network = network_mbps.max(*network);
        // No bound is more than any.
        *disk = match (*disk, disk_mb) {
            (0, _) | (_, 0) => 0,
            (a, b) => a.max(b),
        };
    }

    fn end(mut self) -> Proposal {
        self.add_larger();
        let shapes = self.shapes.into_iter();
        Proposal {
            shapes: shapes
                .map(|(size, (network, disk))| size.shape(network, disk))
                .collect(),
            rules: self.rules,
            chosen: self.chosen,
            alike: self.alike,
        }
    }

    /// What outgrows its shape has somewhere to go: the next size that was measured, where
    /// neither the proposal nor the platform has a larger one with as many processors.
    fn add_larger(&mut self) {
        let shipped = Shape::shipped().unwrap_or_default();
        let proposed: Vec<(Size, (u64, u64))> =
            self.shapes.iter().map(|(s, rest)| (*s, *rest)).collect();
        for (size, (network, disk)) in &proposed {
            let larger =
                |cpus: u32, memory_mb: u64| cpus == size.cpus && memory_mb > size.memory_mb;
            let known = proposed.iter().any(|(s, _)| larger(s.cpus, s.memory_mb))
                || shipped.iter().any(|s| larger(s.cpus, s.memory_mb));
            let measured = self.measured.sizes.iter();
            let next = measured
                .filter(|s| larger(s.cpus, s.memory_mb))
                .min()
                .filter(|_| !known);
            if let Some(next) = next {
                self.shape(*next, *network, *disk);
            }
        }
    }
}
