//! What each rung of a ladder is, and where it goes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use errors::Error;
use ves_api::recipe::{Problems, Rung, rungs};
use ves_api::wire;

use super::file;
use crate::ves::args::RecipeArgs;
use crate::ves::batch::{Item, Task, Template};
use crate::ves::container::{ContainerName, check};
use crate::ves::job;
use crate::ves::place::{Source, output_problem, place_for, shown, source};

/// Several encodes of one source.
#[derive(Debug)]
pub(in crate::ves) struct Ladder {
    /// What all rungs have in common.
    pub common: wire::Recipe,
    pub asked: wire::Ladder,
    pub rungs: Vec<Rung>,
    template: Template,
    item: Item,
}

impl Ladder {
    /// The ladder that is asked for, of that name or file; every problem at once.
    pub(in crate::ves) fn of(
        ladder: &str,
        args: &RecipeArgs,
        inputs: &[PathBuf],
        output: &Path,
    ) -> Result<Self, Vec<Error>> {
        let mut problems = Vec::new();
        let item = only(inputs).map_err(|error| problems.push(error)).ok();
        let template = Template::of_ladder(output);
        let template = template.map_err(|error| problems.push(error)).ok();
        let asked = file::read(ladder).unwrap_or_else(|wrong| {
            problems.extend(wrong);
            wire::Ladder::default()
        });
        let written = template.as_ref().map(Template::written);
        let common = common(args, written);
        let rungs = match problems.is_empty() {
            true => rungs(&common, &asked).map_err(|Problems(wrong)| problems.extend(wrong)),
            false => Err(()),
        };
        match (template, item, rungs) {
            (Some(template), Some(item), Ok(rungs)) => Ok(Self {
                common,
                asked,
                rungs,
                template,
                item,
            }),
            _ => Err(problems),
        }
    }

    /// The output of each rung, as it is named; two have two.
    pub(in crate::ves) fn outputs(&self) -> Result<Vec<PathBuf>, Vec<Error>> {
        let fill = |rung: &Rung| self.template.fill(&self.item, &rung.recipe, &rung.name);
        let outputs: Vec<PathBuf> = self.rungs.iter().map(fill).collect();
        let mut writers: BTreeMap<&Path, &str> = BTreeMap::new();
        let twice = self
            .rungs
            .iter()
            .zip(&outputs)
            .filter_map(|(rung, output)| {
                let other = writers.insert(output, &rung.name)?;
                let why = format!("would be written twice: by rungs {other} and {}", rung.name);
                let hint = "let the name tell rungs apart: {stem}-{rung}.{ext}, or name a folder";
                Some(output_problem("OUTPUT_TWICE", output, &why, hint))
            });
        let twice: Vec<Error> = twice.collect();
        match twice.is_empty() {
            true => Ok(outputs),
            false => Err(twice),
        }
    }

    /// Each rung as a file of its own, and the source of all; every problem at once.
    pub(in crate::ves) fn tasks(&self) -> Result<(Source, Vec<Task>), Vec<Error>> {
        let mut problems = Vec::new();
        let source = source(&self.item.input).map_err(|error| problems.push(error));
        let source = source.ok();
        let outputs = self.outputs().map_err(|twice| problems.extend(twice));
        let mut tasks = Vec::new();
        for (rung, output) in self.rungs.iter().zip(outputs.unwrap_or_default()) {
            let place = place_for(&output, &written(rung), source.as_ref(), None);
            match (place, &source) {
                (Ok(place), Some(source)) => tasks.push(Task {
                    item: self.item.clone(),
                    output,
                    files: Ok((source.clone(), place)),
                    rung: Some(rung.name.clone()),
                }),
                (place, _) => problems.extend(place.err()),
            }
        }
        match source {
            Some(source) if problems.is_empty() => Ok((source, tasks)),
            _ => Err(problems),
        }
    }

    /// Names that promise something else than is written, of files on another machine.
    pub(in crate::ves) fn misleading(&self, outputs: &[PathBuf]) -> Vec<Error> {
        let both = self.rungs.iter().zip(outputs);
        let checked = both.filter_map(|(rung, output)| check(output, &written(rung)).err());
        checked.collect()
    }

    /// The ladder with its outputs.
    pub(in crate::ves) fn placed(
        &self,
        outputs: impl IntoIterator<Item = wire::OutputTarget>,
    ) -> wire::Ladder {
        let rungs = self.asked.rungs.iter().cloned().zip(outputs);
        wire::Ladder {
            rungs: rungs
                .map(|(rung, output)| wire::Rung {
                    output: Some(output).into(),
                    ..rung
                })
                .collect(),
            ..Default::default()
        }
    }

    /// The rungs' recipes, every default filled in.
    pub(in crate::ves) fn recipes(&self) -> impl Iterator<Item = wire::Recipe> {
        self.rungs.iter().map(|rung| rung.recipe.clone().into())
    }
}

/// What the arguments say of all rungs: what is not said of the codec is left to each.
pub(in crate::ves) fn common(args: &RecipeArgs, written: Option<&Path>) -> wire::Recipe {
    let mut common = job::recipe(args, written);
    if args.codec.is_none() {
        let codec = common.codec.get_or_insert_default();
        codec.format = wire::CodecFormat::CODEC_FORMAT_UNSPECIFIED.into();
    }
    common
}

/// What a file's name must not promise otherwise.
fn written(rung: &Rung) -> RecipeArgs {
    RecipeArgs {
        codec: Some(rung.recipe.codec.name().to_owned()),
        container: Some(ContainerName::written(rung.recipe.container)),
        ..RecipeArgs::default()
    }
}

fn only(inputs: &[PathBuf]) -> Result<Item, Error> {
    let what = match inputs {
        [input] if !input.is_dir() => {
            return Ok(Item {
                input: input.clone(),
                dir: PathBuf::new(),
                named: true,
            });
        }
        [folder] => format!("{} is a folder", shown(folder)),
        several => format!("{} names are given", several.len()),
    };
    let message = format!("{what}, and a ladder is of one film");
    Err(Error::user("LADDER_OF_SEVERAL", message)
        .at("video_source.uri")
        .hint("encode the films one after the other"))
}
