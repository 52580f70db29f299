use optimus::View;
use ves_api::wire;

/// What a person wants to know of a request at one instant.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Snapshot {
    pub stages: Vec<Stage>,
}

/// One stage of the workflow.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Stage {
    pub name: String,
    pub state: String,
    /// Tasks: chunks, for the encoder.
    pub total: u64,
    pub done: u64,
    pub running: u64,
    pub reused: u64,
    pub retries: u64,
    /// Tasks' worth of work done, the unfinished ones by their share.
    pub progress: f64,
    pub output_bytes: u64,
}

impl Snapshot {
    /// From the view that the API layer gives.
    pub(super) fn of<Request, Response>(view: &View<Request, Response>) -> Self {
        Self {
            stages: view.stages.iter().map(Stage::of).collect(),
        }
    }

    /// From the view that a server gives.
    pub(super) fn of_wire(view: &wire::RequestView) -> Self {
        Self {
            stages: view.stages.iter().map(Stage::of_wire).collect(),
        }
    }

    /// The stage that does most of the work: the map over chunks, or over the parts of a video that
    /// is validated once it has begun.
    pub(super) fn work(&self) -> Option<&Stage> {
        self.stages.iter().find(|stage| match &*stage.name {
            "encoder" => stage.total > 0,
            "inspect" => stage.total > 0 && stage.state != "waiting",
            _ => false,
        })
    }

    /// The decode of the source that a validation begins with, while it goes on.
    pub(super) fn source_decode(&self) -> Option<&Stage> {
        let is_validation = self.stages.iter().any(|stage| stage.name == "inspect");
        let mut stages = self.stages.iter();
        stages.find(|stage| is_validation && stage.name == "reference" && stage.state == "running")
    }

    /// Whether no stage has anything left to do.
    pub(super) fn has_ended(&self) -> bool {
        let left = |stage: &Stage| matches!(&*stage.state, "waiting" | "running");
        !self.stages.is_empty() && !self.stages.iter().any(left)
    }

    /// The stage that runs now, if any: the last one begun.
    pub(super) fn current(&self) -> Option<&Stage> {
        self.stages
            .iter()
            .rev()
            .filter(|stage| stage.state == "running")
            // The source is decoded beside the encode: that is told when nothing else goes on.
            .min_by_key(|stage| stage.name == "reference")
    }
}

impl Stage {
    fn of(stage: &optimus::Stage) -> Self {
        Self {
            name: stage.name.clone(),
            state: stage.state.as_str().to_owned(),
            total: stage.total,
            done: stage.done,
            running: stage.running,
            reused: stage.reused,
            retries: stage.retries,
            progress: stage.done as f64 + stage.in_flight,
            output_bytes: stage.output_bytes,
        }
    }

    fn of_wire(stage: &wire::StageProgress) -> Self {
        Self {
            name: stage.stage.clone(),
            state: stage.state.clone(),
            total: stage.total,
            done: stage.done,
            running: stage.running,
            reused: stage.reused,
            retries: stage.retries,
            progress: stage.progress,
            output_bytes: stage.output_bytes,
        }
    }

    /// Share done, 0 to 1.
    pub(super) fn fraction(&self) -> f64 {
        if self.total == 0 {
            0.0
        } else {
            (self.progress / self.total as f64).clamp(0.0, 1.0)
        }
    }
}
