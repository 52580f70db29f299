//! `ves encode --dry-run`: what would be done, to the argument; nothing is encoded, nothing written.

mod words;

use errors::Error;
use serde::Serialize;
use ves_api::quality::{Goal, MAX_TRIES, RateFactorRange};
use ves_api::recipe::{Coding, Passes, Problems, RateControl, Recipe};
use ves_api::wire;

use super::args::EncodeArgs;
use super::batch::{Task, taken};
use super::job;
use super::ladder::Ladder;
use super::place::Source;
use super::plan::{Plan, PlannedChunk, PlannedTrack, examined};
use crate::colour::Paint;
use crate::stop::Stop;

/// What would be done.
#[derive(Debug, Default, Serialize)]
pub(super) struct DryRun {
    /// Of a ladder.
    #[serde(skip_serializing_if = "Option::is_none")]
    rung: Option<String>,
    source: String,
    output: String,
    frames: u64,
    /// Every default filled in.
    recipe: wire::Recipe,
    container: &'static str,
    width: u32,
    height: u32,
    pixel_format: String,
    /// What chunks are decoded to.
    decoded_pixel_format: String,
    /// Between decoder and encoder, for the whole source at once; empty: none. A chunk is decoded with
    /// the frames around it that a filter looks at, of which none is encoded.
    filter_graph: String,
    /// Arguments of ffmpeg, the same for every chunk.
    encoder_args: Vec<String>,
    /// What is done with all chunks, one after the other; one thing, unless there is a bitrate. What
    /// depends on what is found is in words.
    passes: Vec<Pass>,
    chunks: Vec<PlannedChunk>,
    tracks: Vec<PlannedTrack>,
}

/// What is done with each chunk once.
#[derive(Debug, Serialize)]
struct Pass {
    /// The stage of the workflow.
    stage: &'static str,
    /// What for.
    purpose: &'static str,
    /// What is added to the encoder's arguments.
    adds: String,
}

/// Looks at everything that an encode looks at before it begins.
pub(super) fn dry_run(args: &EncodeArgs, task: &Task) -> Result<DryRun, Stop> {
    let (source, recipe) = understood(args, task)?;
    let runtime = crate::runtime().map_err(|e| Error::platform("NO_RUNTIME", e.to_string()))?;
    let examined = runtime.block_on(examined(&source))?;
    ves_media::refuse_damage(&examined.table, recipe.damage)?;
    let plan = Plan::of(recipe, &examined)?;
    Ok(DryRun::of(&source, task, plan))
}

/// The same of each rung of a ladder; every problem of all at once.
pub(super) fn of_ladder(args: &EncodeArgs, ladder: &Ladder) -> Result<Vec<DryRun>, Stop> {
    let (source, tasks) = ladder.tasks()?;
    if !args.run.overwrite {
        refuse_taken(&tasks)?;
    }
    let runtime = crate::runtime().map_err(|e| Error::platform("NO_RUNTIME", e.to_string()))?;
    let examined = runtime.block_on(examined(&source))?;
    let resolved = ves_media::resolved(ladder.recipes(), &examined.table);
    let resolved = resolved.map_err(|Problems(wrong)| wrong)?;
    let plans = resolved.into_iter().zip(&tasks);
    let plans = plans.map(|(resolved, task)| {
        let plan = Plan::resolved(resolved, &examined)?;
        Ok(DryRun::of(&source, task, plan))
    });
    plans.collect()
}

fn refuse_taken(tasks: &[Task]) -> Result<(), Vec<Error>> {
    match taken(tasks) {
        taken if taken.is_empty() => Ok(()),
        taken => Err(taken),
    }
}

/// The source and the recipe.
fn understood(args: &EncodeArgs, task: &Task) -> Result<(Source, Recipe), Vec<Error>> {
    let (source, _) = task.files.clone()?;
    let recipe = Recipe::try_from(job::recipe(&args.recipe, Some(&task.output)));
    match recipe {
        Ok(recipe) => Ok((source, recipe)),
        Err(Problems(wrong)) => Err(wrong),
    }
}

impl DryRun {
    fn of(source: &Source, task: &Task, plan: Plan) -> Self {
        let resolved = plan.resolved;
        let (passes, filter_graph) = (passes(&resolved.recipe), resolved.whole_filter_graph());
        Self {
            source: source.path.display().to_string(),
            output: task.output(),
            rung: task.rung.clone(),
            frames: resolved.plan.frames(),
            container: resolved.recipe.container.name(),
            recipe: resolved.recipe.into(),
            width: resolved.format.resolution.width(),
            height: resolved.format.resolution.height(),
            pixel_format: resolved.format.pixel_format.to_string(),
            decoded_pixel_format: resolved.decoded.to_string(),
            filter_graph,
            encoder_args: resolved.encoder_args,
            passes,
            chunks: plan.chunks,
            tracks: plan.tracks,
        }
    }

    /// As people read it.
    pub(super) fn words(&self, paint: Paint) -> String {
        words::of(self, paint)
    }
}

/// To a bitrate, all chunks are looked at before one is encoded; for a buffer, some are encoded again; to a
/// quality, each is tried.
fn passes(recipe: &Recipe) -> Vec<Pass> {
    if let RateControl::Quality(goal) = recipe.rate_control {
        return tries(recipe.codec.coding, goal);
    }
    let led = matches!(recipe.rate_control, RateControl::Bitrate(_));
    let buffered = recipe.buffer.is_some();
    let adds = adds(recipe.codec.coding.passes, led, buffered);
    let mut passes = if led { looks(recipe) } else { vec![] };
    passes.push(pass("encoder", "encodes", adds.clone()));
    if led || buffered {
        passes.push(pass("repair", again(led, buffered), adds.clone()));
        passes.push(pass("repair-2", "the same once more", adds));
    }
    passes
}

fn tries(coding: &Coding, goal: Goal) -> Vec<Pass> {
    let range = RateFactorRange::of(coding);
    let crf = |thousandths: u32| f64::from(thousandths) / 1_000.0;
    let adds = format!(
        "-crf ({} first, then {} to {} in steps of {}, {MAX_TRIES} tries at most, until {goal} is near)",
        crf(range.start),
        crf(range.least),
        crf(range.most),
        crf(range.step)
    );
    let again = "encodes again chunks by which the whole comes nearer";
    vec![
        pass("encoder", "encodes and measures, until it is near", adds),
        pass("repair", again, "-crf (from there on)".into()),
        pass(
            "repair-2",
            "the same once more",
            "-crf (from there on)".into(),
        ),
    ]
}

/// What each chunk is told for itself.
fn adds(passes: Option<&Passes>, led: bool, buffered: bool) -> String {
    let share = |passes: &Passes| format!("{} -b:v (each chunk's share)", passes.second);
    let buffer = |buffer| format!("{buffer} (what is in the buffer when the chunk begins)");
    let share = passes.filter(|_| led).map(share);
    let passes = passes.filter(|_| buffered);
    let buffer = passes.and_then(|passes| passes.buffer).map(buffer);
    let both: Vec<String> = share.into_iter().chain(buffer).collect();
    both.join(" ")
}

fn looks(recipe: &Recipe) -> Vec<Pass> {
    let coding = recipe.codec.coding;
    let first = coding.passes.map_or("", |passes| passes.first);
    vec![
        pass(
            "survey",
            "looks at what chunks cost",
            format!("{first} -crf {}", coding.usual_crf()),
        ),
        pass(
            "analysis",
            "looks again, near the bitrate; reused where the first look was near",
            format!("{first} -crf (one for all chunks)"),
        ),
    ]
}

/// Why a chunk is encoded once more.
fn again(led: bool, buffered: bool) -> &'static str {
    match (led, buffered) {
        (true, true) => {
            "encodes again what makes the whole miss the bitrate by more than 0.5 %, or comes late"
        }
        (true, false) => "encodes again what makes the whole miss the bitrate by more than 0.5 %",
        (false, _) => "encodes again what comes late through the buffer",
    }
}

fn pass(stage: &'static str, purpose: &'static str, adds: String) -> Pass {
    Pass {
        stage,
        purpose,
        adds,
    }
}
