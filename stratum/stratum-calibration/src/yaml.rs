//! The proposal as it stands in `function.yaml`.

use std::fmt::Write;

use stratum::Shape;

use crate::{Proposal, ProposedRule};

impl Proposal {
    /// `shapes` and `routing`, with remarks before them.
    pub fn yaml(&self, remarks: &[String]) -> String {
        let mut yaml = String::new();
        for remark in remarks {
            let line: String = remark.chars().map(on_one_line).collect();
            // Writing to a string cannot fail.
            let _ = writeln!(yaml, "# {line}");
        }
        yaml.push_str("shapes:\n");
        for shape in &self.shapes {
            let _ = writeln!(yaml, "  - {{{}}}", amounts(shape));
        }
        yaml.push_str("routing:\n");
        for ProposedRule { when, shape } in &self.rules {
            let _ = match when {
                Some(when) => writeln!(yaml, "  - {{when: {}, shape: {shape}}}", quoted(when)),
                None => writeln!(yaml, "  - {{shape: {shape}}}"),
            };
        }
        yaml
    }
}

fn amounts(shape: &Shape) -> String {
    let Shape {
        group,
        cpus,
        memory_mb,
        network_mbps,
        disk_mb,
    } = shape;
    let mut text = format!("group: {group}, numCpus: {cpus}, memoryInMB: {memory_mb}");
    for (name, amount) in [("networkInMbp", network_mbps), ("diskSizeInMB", disk_mb)] {
        if *amount > 0 {
            let _ = write!(text, ", {name}: {amount}");
        }
    }
    text
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn on_one_line(c: char) -> char {
    if c.is_control() { ' ' } else { c }
}
