//! A graph for a browser: columns from left to right, joined by lines.

use std::fmt::Write;

use proto::plato::v1::NodeState;

use super::layout::{Box, Layout, UNDOES};

const WIDTH: usize = 200;
const HEIGHT: usize = 56;
/// Between two columns, and two rows.
const GAP: (usize, usize) = (70, 28);
const MARGIN: usize = 24;
/// Characters that fit a box.
const CHARS: usize = 26;

pub(super) fn draw(layout: &Layout, title: &str) -> String {
    let columns = layout.boxes.iter().map(|node| node.column + 1).max();
    let rows = layout.boxes.iter().map(|node| node.row + 1).max();
    let width = 2 * MARGIN + columns.unwrap_or(0) * (WIDTH + GAP.0) - GAP.0.min(WIDTH);
    let height = 2 * MARGIN + rows.unwrap_or(0) * (HEIGHT + GAP.1);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\">\n\
         <title>{}</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n",
        escaped(title)
    );
    for node in &layout.boxes {
        for (how, before) in &node.after {
            if let Some(before) = layout.before(node, before) {
                line(&mut svg, before, node, dashes(*how == UNDOES));
            }
        }
    }
    layout
        .boxes
        .iter()
        .for_each(|node| draw_box(&mut svg, node));
    svg.push_str("</svg>");
    svg
}

fn place(node: &Box) -> (usize, usize) {
    let x = MARGIN + node.column * (WIDTH + GAP.0);
    let y = MARGIN + node.row * (HEIGHT + GAP.1);
    (x, y)
}

/// What may never happen is drawn in dashes.
fn dashes(whether: bool) -> &'static str {
    match whether {
        true => " stroke-dasharray=\"5 4\"",
        false => "",
    }
}

/// From the right side of one to the left side of the other.
fn line(svg: &mut String, from: &Box, to: &Box, dashes: &str) {
    let ((x1, y1), (x2, y2)) = (place(from), place(to));
    let (x1, y1, y2) = (x1 + WIDTH, y1 + HEIGHT / 2, y2 + HEIGHT / 2);
    let (a, b) = (x1 + GAP.0 / 2, x2.saturating_sub(GAP.0 / 2));
    let _ = writeln!(
        svg,
        "<path d=\"M{x1} {y1} C{a} {y1} {b} {y2} {x2} {y2}\" fill=\"none\" stroke=\"#8a8f98\"{dashes}/>"
    );
}

fn draw_box(svg: &mut String, node: &Box) {
    let (x, y) = place(node);
    let (fill, stroke) = colours(node);
    let undoes = node.after.iter().any(|(how, _)| *how == UNDOES);
    let stroke = format!("\"{stroke}\"{}", dashes(node.may_skip || undoes));
    if node.is_map {
        let (x, y) = (x + 5, y + 5);
        let _ = writeln!(svg, "{}", rect(x, y, fill, &stroke));
    }
    let (text_x, name_y, runs_y) = (x + 12, y + 23, y + 42);
    let _ = writeln!(
        svg,
        "{}\n<text x=\"{text_x}\" y=\"{name_y}\" font-size=\"14\" font-weight=\"bold\">{}</text>\n\
         <text x=\"{text_x}\" y=\"{runs_y}\" font-size=\"12\" fill=\"#4b5058\">{}</text>",
        rect(x, y, fill, &stroke),
        escaped(&crate::table::shortened(&title(node), CHARS - 4)),
        escaped(&crate::table::shortened(&node.runs, CHARS)),
    );
}

fn rect(x: usize, y: usize, fill: &str, stroke: &str) -> String {
    format!(
        "<rect x=\"{x}\" y=\"{y}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"8\" fill=\"{fill}\" \
         stroke={stroke}/>"
    )
}

fn title(node: &Box) -> String {
    match (node.is_map, node.state) {
        (true, Some((_, done, total))) if total > 0 => format!("{} {done}/{total}", node.name),
        (true, _) => format!("{} ×", node.name),
        (false, _) => node.name.clone(),
    }
}

fn colours(node: &Box) -> (&'static str, &'static str) {
    match node.state.map(|(state, ..)| state) {
        Some(NodeState::Running) => ("#fff4d6", "#b07d00"),
        Some(NodeState::Succeeded) => ("#e2f5e6", "#2d7d46"),
        Some(NodeState::Failed) => ("#fde4e4", "#b3261e"),
        Some(NodeState::Skipped | NodeState::Canceled) => ("#f2f2f2", "#b0b0b0"),
        _ => ("#f6f8fb", "#5b6470"),
    }
}

/// Text that no reader takes for markup.
fn escaped(text: &str) -> String {
    let printable = crate::explain::one_line(text);
    printable
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use plato::{Definition, NodeDef};

    use super::*;

    #[test]
    fn every_node_is_a_box_and_every_edge_a_line() {
        let definition = Definition {
            name: "t".into(),
            version: 1,
            nodes: vec![
                NodeDef::function("split", "t-split"),
                NodeDef::function("work", "t-work").map_over("split"),
                NodeDef::inline("tell").after(["split", "work"]),
            ],
            output: "tell".into(),
        };
        let svg = draw(&Layout::of(&definition, None), "<script> v1");
        let count = |what: &str| svg.matches(what).count();
        // A map is two boxes on each other; the page is one.
        assert_eq!((count("<rect "), count("<path ")), (5, 3), "{svg}");
        assert!(svg.contains(">work ×</text>") && svg.contains("&lt;script&gt;"));
        assert!(!svg.contains("<script>") && !svg.contains("dasharray"));
    }

    #[test]
    fn what_may_never_run_is_drawn_in_dashes() {
        let definition = Definition {
            name: "t".into(),
            version: 1,
            nodes: vec![
                NodeDef::function("reserve", "t-reserve"),
                NodeDef::function("mend", "t-mend")
                    .after(["reserve"])
                    .skip_if("input.sound"),
                NodeDef::function("release", "t-release").undo_of("reserve"),
            ],
            output: "reserve".into(),
        };
        let svg = draw(&Layout::of(&definition, None), "t v1");
        let dashed = |what: &str| {
            let lines = svg.lines().filter(|line| line.contains("dasharray"));
            lines.filter(|line| line.contains(what)).count()
        };
        assert_eq!((dashed("<rect "), dashed("<path ")), (2, 1), "{svg}");
    }
}
