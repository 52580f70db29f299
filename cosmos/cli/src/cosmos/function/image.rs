//! `cosmos function build` and `push`: a function as an image.

use std::path::{Path, PathBuf};

use errors::Error;
use serde::Serialize;
use stratum::{Function, Places, limits};
use stratum_docker::{EngineError, Images};

use super::Desk;
use super::args::{BuildArgs, EngineArgs, PushArgs};
use super::context::context;
use crate::explain::one_line;
use crate::stop::Stop;

/// An image of a function, as it is told.
#[derive(Serialize)]
struct Made<'a> {
    function: &'a str,
    version: &'a str,
    tag: String,
    image: String,
}

pub(super) async fn build(desk: &Desk, args: &BuildArgs) -> Result<(), Stop> {
    let function = declared(&args.function)?;
    let tag = tag(&function)?;
    let base = args.base.as_deref();
    let program = program(&args.function, &function);
    let context = context(&args.function, &function, base, program.as_deref())?;
    let images = connect(&args.engine).await?;
    let built = images
        .build(context.into(), &tag, base, |text| said(desk, text))
        .await;
    let image = built.map_err(|why| {
        let why = one_line(&why.to_string());
        Error::user("BUILD_FAILED", why).at("FUNCTION")
    })?;
    tell(desk, &function, tag, image);
    Ok(())
}

pub(super) async fn push(desk: &Desk, args: &PushArgs) -> Result<(), Stop> {
    let function = declared(&args.function)?;
    let local = tag(&function)?;
    let images = connect(&args.engine).await?;
    let is_here = images.has(&local).await;
    if !is_here.map_err(|why| failed("ENGINE_FAILED", &why))? {
        return Err(not_built(&local).into());
    }
    let registry = args.registry.trim_end_matches('/');
    let repository = format!("{registry}/{}", function.name.as_str());
    let pushed = images.push(&local, &repository, &function.version).await;
    let digest = pushed.map_err(|why| failed("PUSH_FAILED", &why))?;
    let tag = format!("{repository}:{}", function.version);
    tell(desk, &function, tag, format!("{repository}@{digest}"));
    Ok(())
}

/// What is declared; its program need not be there, it may be made in the image.
fn declared(folder: &Path) -> Result<Function, Error> {
    let path = folder.join("function.yaml");
    let unusable = |why: &str| {
        let path = one_line(&path.display().to_string());
        Error::user("FUNCTION_UNUSABLE", format!("{path}: {}", one_line(why)))
            .at("FUNCTION")
            .hint("name a folder with a function.yaml")
    };
    let read = std::fs::read_to_string(&path).map_err(|error| unusable(&error.to_string()))?;
    Function::from_yaml(&read).map_err(|error| unusable(&error.to_string()))
}

/// The program where an installation finds it, if it is not in the folder: that of a function that
/// comes with `cosmos`.
fn program(folder: &Path, function: &Function) -> Option<PathBuf> {
    let name = Path::new(function.command.first()?);
    if name.components().count() != 1 || folder.join(name).exists() {
        return None;
    }
    let places = Places::default().programs.into_iter();
    let mut programs = places.map(|place| place.join(name));
    programs.find(|path| path.is_file())
}

/// `NAME:VERSION`, where the version can be a tag.
fn tag(function: &Function) -> Result<String, Error> {
    let version = &function.version;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if version.chars().all(plain) && !version.starts_with(['.', '-']) {
        return Ok(format!("{}:{version}", function.name.as_str()));
    }
    let message = format!(
        "version `{}` cannot be the tag of an image",
        one_line(version)
    );
    Err(Error::user("VERSION_NOT_A_TAG", message)
        .at("FUNCTION")
        .hint("use letters, digits, `.`, `_` and `-`"))
}

async fn connect(engine: &EngineArgs) -> Result<Images, Error> {
    let socket = engine.docker.0.display().to_string();
    let images = Images::connect(&socket).await;
    images.map_err(|why| {
        failed("NO_ENGINE", &why)
            .at("--docker")
            .hint("start Docker, or name the socket of an engine")
    })
}

fn not_built(tag: &str) -> Error {
    let message = format!("the container engine has no image {tag}");
    Error::user("NOT_BUILT", message)
        .at("FUNCTION")
        .hint("build it first: cosmos function build FOLDER")
}

fn failed(code: &str, why: &EngineError) -> Error {
    Error::platform(code, one_line(&why.to_string()))
}

/// What a build says, for people: the lines of its steps.
fn said(desk: &Desk, text: &str) {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let bounded = lines.map(|line| line.get(..limits::ELEMENT).unwrap_or(line));
    bounded.for_each(|line| desk.output.say(&one_line(line)));
}

fn tell(desk: &Desk, function: &Function, tag: String, image: String) {
    let made = Made {
        function: function.name.as_str(),
        version: &function.version,
        tag,
        image,
    };
    desk.output.result(&made, || {
        let Made { tag, image, .. } = &made;
        format!("{}\nimage: {image}", desk.paint.strong(&one_line(tag)))
    });
}
