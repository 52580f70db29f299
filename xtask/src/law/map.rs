//! The map in ARCHITECTURE.md: drawn from the manifests, so it cannot be folklore.

use super::Breach;
use super::workspace::{Crate, Room, Workspace};

/// Said when there is nowhere to draw.
pub const NO_MARKERS: &str =
    "ARCHITECTURE.md has the markers `<!-- map:begin -->` and `<!-- map:end -->`";

const CURRENT: &str = "the map is drawn from the manifests; `cargo xtask law --fix` redraws it";
const BEGIN: &str = "<!-- map:begin -->\n";
const END: &str = "<!-- map:end -->";

/// Whether the map in `text` shows the house as it is.
pub fn check(workspace: &Workspace, text: &str) -> Option<Breach> {
    match redraw(workspace, text) {
        None => Some(Breach::new(super::ARCHITECTURE, NO_MARKERS)),
        Some(current) if current != text => Some(Breach::new(super::ARCHITECTURE, CURRENT)),
        Some(_) => None,
    }
}

/// The text with a fresh map; none without markers.
pub fn redraw(workspace: &Workspace, text: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}{}{END}{after}", draw(workspace)))
}

fn draw(workspace: &Workspace) -> String {
    let rooms = Room::ALL.into_iter().map(|room| draw_room(workspace, room));
    format!(
        "\n| crate | folder | what it is for |\n|---|---|---|\n{}\n",
        rooms.collect::<String>()
    )
}

fn draw_room(workspace: &Workspace, room: Room) -> String {
    let crates: Vec<_> = workspace
        .crates
        .iter()
        .filter(|c| c.room() == Some(room))
        .collect();
    if crates.is_empty() {
        return String::new();
    }
    let rows: String = crates.into_iter().map(row).collect();
    format!("| **{}** | | |\n{rows}", room.folder())
}

fn row(shown: &Crate) -> String {
    format!(
        "| `{}` | [{path}]({path}) | {} |\n",
        shown.name,
        shown.description,
        path = shown.path
    )
}

#[cfg(test)]
mod tests {
    use super::super::workspace::fabricate::{crate_at, house};
    use super::*;

    const EMPTY: &str = "# House\n<!-- map:begin -->\n<!-- map:end -->\nafter\n";

    #[test]
    fn a_drawn_map_is_current_and_keeps_the_text_around_it() {
        let small = house(&[crate_at("base/ids", &[]), crate_at("video", &[])]);
        let text = redraw(&small, EMPTY).unwrap_or_default();
        assert!(text.contains("| `ids` | [base/ids](base/ids) | What base/ids is for |"));
        assert!(text.starts_with("# House\n") && text.ends_with("\nafter\n"));
        assert_eq!(check(&small, &text), None);
    }

    #[test]
    fn drift_is_found() {
        let text = redraw(&house(&[crate_at("base/ids", &[])]), EMPTY).unwrap_or_default();
        let grown = house(&[crate_at("base/ids", &[]), crate_at("base/blob", &[])]);
        assert_eq!(
            check(&grown, &text),
            Some(Breach::new("ARCHITECTURE.md", CURRENT))
        );
        let mut renamed = crate_at("base/ids", &[]);
        renamed.description = "Something else".into();
        assert_eq!(
            check(&house(&[renamed]), &text),
            Some(Breach::new("ARCHITECTURE.md", CURRENT))
        );
    }

    #[test]
    fn lost_markers_are_found() {
        let found = check(&house(&[]), "# House\n");
        assert_eq!(found, Some(Breach::new("ARCHITECTURE.md", NO_MARKERS)));
    }
}
