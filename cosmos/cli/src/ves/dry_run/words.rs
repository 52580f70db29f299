//! A dry run as people read it.

use ves_api::recipe::fields;

use super::DryRun;
use crate::colour::Paint;
use crate::explain::one_line;
use crate::table::{Cell, Column, Table, Tone};
use crate::ves::plan::PlannedChunk;

/// The width of titles.
const TITLE: usize = 12;

pub(super) fn of(run: &DryRun, paint: Paint) -> String {
    let mut text = paint.strong(&one_line(&run.output));
    text.push_str(&titled(&whole(run), paint));
    text.push_str(&format!(
        "\n\n{}",
        paint.strong("Recipe, every default filled in")
    ));
    for (field, value) in fields(&run.recipe) {
        text.push_str(&format!("\n  {} {}", paint.faint(&field), one_line(&value)));
    }
    text.push_str(&format!("\n\n{}", paint.strong("Every chunk, by ffmpeg")));
    text.push_str(&titled(&each(run), paint));
    text.push_str(&format!("\n\n{}\n", paint.strong("Chunks")));
    text.push_str(chunks(&run.chunks).render(paint).trim_end());
    text
}

type Lines = Vec<(String, String)>;

fn titled(lines: &Lines, paint: Paint) -> String {
    let line = |(title, words): &(String, String)| {
        let title = paint.faint(&format!("{title:TITLE$}"));
        format!("\n  {title}{}", one_line(words))
    };
    lines.iter().map(line).collect()
}

fn whole(run: &DryRun) -> Lines {
    let picture = format!("{}x{} {}", run.width, run.height, run.pixel_format);
    let mut lines = vec![
        ("source".to_owned(), run.source.clone()),
        ("frames".to_owned(), run.frames.to_string()),
        ("container".to_owned(), run.container.to_owned()),
        ("picture".to_owned(), picture),
    ];
    let tracks = run.tracks.iter();
    lines.extend(tracks.map(|track| (format!("track {}", track.index), track.reason.clone())));
    lines
}

fn each(run: &DryRun) -> Lines {
    let mut lines = vec![("decoded to".to_owned(), run.decoded_pixel_format.clone())];
    if !run.filter_graph.is_empty() {
        lines.push(("filters".to_owned(), run.filter_graph.clone()));
    }
    lines.push(("encoder".to_owned(), run.encoder_args.join(" ")));
    let passes = run.passes.iter().filter(|pass| !pass.adds.is_empty());
    lines.extend(passes.map(|pass| {
        let words = format!("{}; adds {}", pass.purpose, pass.adds);
        (pass.stage.to_owned(), words)
    }));
    lines
}

fn chunks(chunks: &[PlannedChunk]) -> Table {
    let titles = ["CHUNK", "FROM", "TO", "FRAMES", "DECODED TWICE"];
    let mut table = Table::new(&titles.map(Column::number));
    for (index, chunk) in chunks.iter().enumerate() {
        let twice = chunk.preroll_frames.map(|frames| frames.to_string());
        let figures = [
            index.to_string(),
            chunk.start.to_string(),
            chunk.end.to_string(),
            (chunk.end - chunk.start).to_string(),
            twice.unwrap_or_else(|| "not counted".to_owned()),
        ];
        table.row(figures.map(|figure| Cell::toned(figure, Tone::Plain)));
    }
    table
}
