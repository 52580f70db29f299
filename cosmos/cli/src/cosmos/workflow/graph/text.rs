//! A graph for a terminal: a node a line, those that wait for nothing first.

use proto::plato::v1::NodeState;

use super::layout::{Box, Layout};
use crate::colour::Paint;
use crate::explain::one_line;
use crate::table::{Cell, Column, Table, Tone};

pub(super) fn draw(layout: &Layout, paint: Paint) -> String {
    let mut table = Table::new(&[
        Column::text("NODE"),
        Column::cut("RUNS"),
        Column::text("STATE"),
        Column::opening("AFTER"),
    ]);
    for node in &layout.boxes {
        let (state, tone) = state(node);
        table.row([
            name(node).into(),
            one_line(&node.runs).into(),
            Cell::toned(state, tone),
            after(node).into(),
        ]);
    }
    table.render(paint)
}

/// "work ×" is a map, "mend ?" may be passed over. Indented by how many others must end before it, one after the other.
fn name(node: &Box) -> String {
    let mark = match (node.is_map, node.may_skip) {
        (true, true) => " ×?",
        (true, false) => " ×",
        (false, true) => " ?",
        (false, false) => "",
    };
    let branch = if node.column == 0 { "" } else { "└ " };
    let indent = "  ".repeat(node.column.saturating_sub(1));
    format!("{indent}{branch}{}{mark}", one_line(&node.name))
}

fn after(node: &Box) -> String {
    let after = node.after.iter();
    let after = after.map(|(how, name)| format!("{how}{}", one_line(name)));
    after.collect::<Vec<_>>().join(", ")
}

fn state(node: &Box) -> (String, Tone) {
    let Some((state, done, total)) = node.state else {
        return (String::new(), Tone::Plain);
    };
    let (word, tone) = match state {
        NodeState::Running => ("running", Tone::Notable),
        NodeState::Succeeded => ("succeeded", Tone::Good),
        NodeState::Failed => ("failed", Tone::Bad),
        NodeState::Skipped => ("skipped", Tone::Faint),
        NodeState::Canceled => ("canceled", Tone::Faint),
        NodeState::Waiting | NodeState::Unspecified => ("waiting", Tone::Plain),
    };
    let of = match node.is_map && total > 0 {
        true => format!(" {done}/{total}"),
        false => String::new(),
    };
    (format!("{word}{of}"), tone)
}

#[cfg(test)]
mod tests {
    use plato::{Definition, NodeDef};

    use super::*;

    #[test]
    fn nodes_are_indented_by_what_comes_before() {
        let definition = Definition {
            name: "t".into(),
            version: 1,
            nodes: vec![
                NodeDef::function("split", "t-split"),
                NodeDef::function("work", "t-work").map_over("split"),
                NodeDef::service("ask", "vvs", "ValidateVideo").reduce_of("work"),
                NodeDef::signal("approve")
                    .after(["ask"])
                    .skip_if("outputs.ask.ok"),
                NodeDef::workflow("publish", "t.publish").after(["approve"]),
                NodeDef::function("recall", "t-recall").undo_of("publish"),
            ],
            output: "publish".into(),
        };
        let expected = "\
NODE              RUNS                     STATE  AFTER
split             t-split
└ work ×          t-work                          each of split
  └ ask           calls vvs.ValidateVideo         all of work
    └ approve ?   waits for a signal              ask
      └ publish   starts t.publish                approve
        └ recall  t-recall                        undoes publish";
        let drawn = draw(&Layout::of(&definition, None), Paint::default());
        assert_eq!(drawn, expected);
    }
}
