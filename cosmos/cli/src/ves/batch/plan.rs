//! Which file becomes which, and whether that can be.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use errors::Error;
use ves_api::recipe::{Problems, Recipe};

use super::items::Item;
use super::template::Template;
use crate::ves::args::RecipeArgs;
use crate::ves::job;
use crate::ves::place::{self, Source, output_problem, shown};

/// One file of several.
#[derive(Clone, Debug)]
pub(in crate::ves) struct Task {
    pub item: Item,
    pub output: PathBuf,
    /// The source and the output's place, or why they cannot be used.
    pub files: Result<(Source, PathBuf), Vec<Error>>,
    /// Of a ladder.
    pub rung: Option<String>,
}

/// How names become names.
#[derive(Clone, Debug)]
pub(in crate::ves) struct Naming {
    pub template: Template,
    /// Of the folder that has to be there.
    pub root: PathBuf,
    recipe: Recipe,
    args: RecipeArgs,
}

impl Naming {
    /// From what was asked for. What is wrong with the recipe is told together with what is wrong
    /// with the files.
    pub(in crate::ves) fn of(
        output: &Path,
        args: &RecipeArgs,
        problems: &mut Vec<Error>,
    ) -> Option<Self> {
        let template = Template::of(output).map_err(|error| problems.push(error));
        let written = template.as_ref().map_or(output, Template::written);
        let recipe = Recipe::try_from(job::recipe(args, Some(written)));
        let recipe = recipe.map_err(|Problems(wrong)| problems.extend(wrong));
        let template = template.ok()?;
        Some(Self {
            root: template.root(),
            template,
            recipe: recipe.unwrap_or_default(),
            args: args.clone(),
        })
    }

    /// The output of a file.
    pub(in crate::ves) fn output(&self, item: &Item) -> PathBuf {
        self.template.fill(item, &self.recipe, "")
    }

    /// The folder that has to be there, as it is.
    pub(in crate::ves) fn real_root(&self) -> Result<PathBuf, Error> {
        let root = self.root.canonicalize();
        root.map_err(|error| place::no_folder(&self.root, &error))
    }

    /// What becomes of a file.
    pub(in crate::ves) fn task(&self, item: Item) -> Task {
        let output = self.output(&item);
        // What has no folder before it stands in the folder of now.
        let root = Some(&*self.root).filter(|root| *root != Path::new("."));
        let root = root.unwrap_or(Path::new(""));
        let files = place::files(&item.input, &output, &self.args, Some(root));
        Task {
            item,
            output,
            files,
            rung: None,
        }
    }
}

impl Task {
    /// The file as it was named.
    pub(in crate::ves) fn input(&self) -> String {
        self.item.input.display().to_string()
    }

    /// What is told of it goes by this name.
    pub(in crate::ves) fn name(&self) -> String {
        match &self.rung {
            None => self.input(),
            Some(rung) => format!("{} {rung}", self.input()),
        }
    }

    /// Its output's place.
    pub(in crate::ves) fn place(&self) -> String {
        let place = self.files.as_ref().map(|(_, place)| place);
        place.unwrap_or(&self.output).display().to_string()
    }

    /// Its output as it was named.
    pub(in crate::ves) fn output(&self) -> String {
        self.output.display().to_string()
    }

    /// Length of the source.
    pub(in crate::ves) fn bytes(&self) -> u64 {
        self.files.as_ref().map_or(0, |(source, _)| source.bytes)
    }
}

/// The tasks without those whose input is what another one writes, which an earlier run may have
/// left in the same folder.
pub(in crate::ves) fn without_outputs(mut tasks: Vec<Task>) -> Vec<Task> {
    let places = tasks
        .iter()
        .filter_map(|task| Some(task.files.as_ref().ok()?.1.clone()));
    let outputs: std::collections::BTreeSet<PathBuf> = places.collect();
    let is_output = |task: &Task| {
        let source = task.files.as_ref().map(|(source, _)| &source.path);
        source.is_ok_and(|path| outputs.contains(path))
    };
    tasks.retain(|task| task.item.named || !is_output(task));
    tasks
}

/// What is wrong with several encodes at once: files that were named and cannot be used, outputs
/// of one name, and outputs in the place of a source.
pub(in crate::ves) fn problems(tasks: &[Task], template: &Template) -> Vec<Error> {
    let named = tasks.iter().filter(|task| task.item.named);
    let unusable = named.filter_map(|task| task.files.as_ref().err()).flatten();
    let mut problems: Vec<Error> = unusable.cloned().collect();
    let mut writers: BTreeMap<&Path, &Task> = BTreeMap::new();
    for task in tasks {
        if let Some(other) = writers.insert(&task.output, task) {
            problems.push(twice(task, other, template));
        }
    }
    let usable = tasks
        .iter()
        .filter_map(|task| Some((task, task.files.as_ref().ok()?)));
    let sources: BTreeMap<&Path, &Task> = usable
        .clone()
        .map(|(task, (source, _))| (&*source.path, task))
        .collect();
    let overwritten = usable.filter_map(|(task, (_, place))| {
        let source = sources.get(&**place)?;
        let why = format!("is a source itself: {}", shown(&source.item.input));
        let hint = "choose other names; sources are never touched";
        Some(output_problem("OUTPUT_IS_SOURCE", &task.output, &why, hint))
    });
    problems.extend(overwritten);
    problems
}

/// Outputs that are there already; an encode is refused for them when it is handed in.
pub(in crate::ves) fn taken(tasks: &[Task]) -> Vec<Error> {
    let there = tasks
        .iter()
        .filter(|task| task.output.symlink_metadata().is_ok());
    let told = there.filter(|task| task.files.is_ok()).map(|task| {
        let message = format!("{} exists", shown(&task.output));
        Error::user("OUTPUT_EXISTS", message).at("output.uri")
    });
    told.collect()
}

fn twice(task: &Task, other: &Task, template: &Template) -> Error {
    let (one, two) = (shown(&other.item.input), shown(&task.item.input));
    let why = format!("would be written twice: from {one} and from {two}");
    let hint = match template.tells_apart() {
        false => "let each output have its own name: {stem}.{ext}, or name a folder",
        true => "let the name tell them apart, by {dir}, or encode them one after the other",
    };
    output_problem("OUTPUT_TWICE", &task.output, &why, hint)
}
