//! The runs: one at a time, by the agent of an installation.

use std::path::Path;
use std::sync::Arc;

use daemon::Trial;
use errors::{Class, Error};
use indicatif::{ProgressBar, ProgressStyle};
use stratum::{
    Condition, Input, InputKind, InvocationResult, Package, Registry, Routing, Rule, Shape,
};
use stratum_calibration::{End, Measured, Run, Sample, Size};

use super::machine::{Busy, Machine};
use super::samples::Ready;
use crate::cosmos::function::find::unusable;
use crate::cosmos::function::{inputs, invocation};

/// The fact by which an invocation says which shape is meant.
const FACT: &str = "calibrated_shape";
/// What a larger shape would have been enough for.
const OUTGREW: [&str; 2] = ["OUT_OF_MEMORY", "DECODER_OUT_OF_MEMORY"];

/// An agent, and what it is to run.
pub(super) struct Bench {
    trial: Trial,
    package: Arc<Package>,
    samples: Vec<(Ready, Vec<Input>)>,
    measured: Measured,
    runs: u64,
}

impl Bench {
    /// An agent that holds the largest of these shapes.
    pub(super) async fn start(
        folder: &Path,
        package: Package,
        samples: Vec<Ready>,
        sizes: Vec<Size>,
        runs: u64,
        docker: &Path,
    ) -> Result<Self, Error> {
        let described = samples.iter().map(|sample| describe(sample, &package));
        let measured = Measured {
            machine_cpus: Machine::here().cpus,
            samples: described.collect(),
            sizes,
            runs: vec![],
        };
        let package = routed(package, &measured)?;
        let docker = package.function.image.as_ref().map(|_| docker);
        let largest = largest(&measured.sizes).ok_or_else(|| failed("there are no shapes"))?;
        let (registry, package) = alone(package)?;
        let largest = largest.shape(0, 0);
        let trial = Trial::start(folder, registry, &largest, docker);
        let trial = trial.await.map_err(|why| failed(&format!("{why:#}")))?;
        let samples = samples.into_iter().map(|ready| (ready, vec![])).collect();
        Ok(Self {
            trial,
            package,
            samples,
            measured,
            runs,
        })
    }

    /// All runs.
    ///
    /// # Errors
    /// When a sample does not even end well in the largest shape.
    pub(super) async fn measure(&mut self) -> Result<Measured, Error> {
        self.put().await?;
        let count = self.measured.samples.len() * self.measured.sizes.len();
        let bar = bar(count as u64 * self.runs);
        self.rehearse(&bar).await?;
        for _ in 0..self.runs {
            for sample in 0..self.samples.len() {
                for size in self.measured.sizes.clone() {
                    bar.inc(1);
                    if !self.outgrew(sample, size) {
                        let (run, _) = self.run(sample, size, &bar).await?;
                        self.measured.runs.push(run);
                    }
                }
            }
        }
        bar.finish_and_clear();
        Ok(std::mem::take(&mut self.measured))
    }

    /// Inputs are staged, and frames counted, once.
    async fn put(&mut self) -> Result<(), Error> {
        for (ready, staged) in &mut self.samples {
            let files = std::mem::take(&mut ready.files);
            *staged = inputs::put(files, self.trial.blobs(), &ready.given).await?;
        }
        Ok(())
    }

    /// Each sample once in the largest shape: what does not end well there need not be measured,
    /// and files are read for the first time by nobody who is measured.
    async fn rehearse(&self, bar: &ProgressBar) -> Result<(), Error> {
        let largest = largest(&self.measured.sizes);
        let largest = largest.ok_or_else(|| failed("there are no shapes"))?;
        for sample in 0..self.samples.len() {
            let (_, result) = self.run(sample, largest, bar).await?;
            let name = &self.samples[sample].0.name;
            if let Err(mut error) = result.outcome {
                error.message = format!("sample `{name}` in {largest}: {}", error.message);
                return Err(match outgrew(&error) {
                    true => error
                        .at("--memory")
                        .hint("try larger shapes: --memory MEGABYTES"),
                    false => error,
                });
            }
        }
        Ok(())
    }

    fn outgrew(&self, sample: usize, size: Size) -> bool {
        let mut runs = self.measured.runs.iter();
        runs.any(|run| run.sample == sample && run.size == size && run.end == End::Outgrew)
    }

    async fn run(
        &self,
        sample: usize,
        size: Size,
        bar: &ProgressBar,
    ) -> Result<(Run, InvocationResult), Error> {
        let (ready, inputs) = &self.samples[sample];
        bar.set_message(format!("{} in {size}", ready.name));
        let mut attributes = ready.given.attributes();
        attributes.insert(FACT.into(), size.to_string());
        let invocation = invocation::of(&self.package, &ready.given, inputs.clone(), attributes);
        let began = Busy::now();
        let result = self.trial.run(invocation, |_| {}).await;
        let result = result.map_err(|why| failed(&format!("{why:#}")))?;
        let ended = Busy::now();
        let usage = result.usage;
        let function_ms = usage.cpu_ms.saturating_add(usage.decode_cpu_ms);
        let others = began.zip(ended);
        let run = Run {
            sample,
            size,
            end: end(&result),
            usage,
            others_ms: others.map(|(began, ended)| ended.others_since(began, function_ms)),
        };
        Ok((run, result))
    }

    /// Kills what still runs, and ends.
    pub(super) async fn shutdown(self) {
        self.trial.shutdown().await;
    }
}

fn describe(sample: &Ready, package: &Package) -> Sample {
    let function = &package.function;
    let attributes = sample.given.attributes();
    // One that has no shape now has none whose network and disk could be kept.
    let now = function.routing.choose(&attributes).ok();
    Sample {
        name: sample.name.clone(),
        input_bytes: sample.files.iter().map(|file| file.size()).sum(),
        decoded: function.input != InputKind::File && sample.files.iter().any(|f| f.has_frames()),
        network_mbps: now.map_or(0, |shape| shape.network_mbps),
        disk_mb: now.map_or(0, |shape| shape.disk_mb),
        attributes,
    }
}

/// The package, whose invocations say themselves in which shape they run.
fn routed(mut package: Package, measured: &Measured) -> Result<Package, Error> {
    let disk = |sample: &Sample| (sample.disk_mb == 0, sample.disk_mb);
    // The largest bound: how large outputs may grow is no matter of what is measured.
    let disk = measured.samples.iter().max_by_key(|sample| disk(sample));
    let disk = disk.map_or(0, |sample| sample.disk_mb);
    let shapes = measured
        .sizes
        .iter()
        .map(|size| size.shape(0, disk).validated());
    let shapes: Result<Vec<Shape>, _> = shapes.collect();
    let rules = measured.sizes.iter().map(|size| {
        let when = Condition::new(&format!("{FACT} == \"{size}\""))?;
        Ok::<_, stratum::ConditionError>(Rule {
            when: Some(when),
            shape: size.to_string(),
        })
    });
    let rules: Result<Vec<Rule>, _> = rules.collect();
    package.function.routing = Routing::new(shapes.map_err(unusable)?, rules.map_err(unusable)?);
    Ok(package)
}

fn alone(package: Package) -> Result<(Registry, Arc<Package>), Error> {
    let name = package.function.name.clone();
    let mut registry = Registry::default();
    registry.add(package).map_err(unusable)?;
    let package = registry.get(&name).cloned();
    let package = package.ok_or_else(|| failed("the function is lost"))?;
    Ok((registry, package))
}

fn largest(sizes: &[Size]) -> Option<Size> {
    let cpus = sizes.iter().map(|size| size.cpus).max()?;
    let memory_mb = sizes.iter().map(|size| size.memory_mb).max()?;
    Some(Size { cpus, memory_mb })
}

fn end(result: &InvocationResult) -> End {
    match &result.outcome {
        Ok(_) => End::Done,
        Err(error) if outgrew(error) => End::Outgrew,
        Err(_) => End::Failed,
    }
}

fn outgrew(error: &Error) -> bool {
    OUTGREW.contains(&error.code.as_str())
}

fn failed(why: &str) -> Error {
    Error::new(Class::Platform, "TRIAL_FAILED", why)
}

/// Seen on a terminal alone.
fn bar(runs: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos} of {len}  {eta} left  {msg}");
    ProgressBar::new(runs).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
