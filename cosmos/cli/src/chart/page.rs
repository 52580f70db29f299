//! What all plots share: the page, its axes, its legend.

use std::fmt::Write;

pub(super) const WIDTH: f64 = 860.0;
pub(super) const HEIGHT: f64 = 420.0;
pub(super) const LEFT: f64 = 80.0;
pub(super) const RIGHT: f64 = 20.0;
pub(super) const TOP: f64 = 70.0;
pub(super) const BOTTOM: f64 = 50.0;
/// Colours that are told apart by most people (Okabe and Ito).
const COLOURS: [&str; 6] = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9",
];

/// A page while it is drawn.
pub(super) struct Page(String);

impl Page {
    pub(super) fn new(title: &str) -> Self {
        let mut page = Self(format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
             font-family=\"sans-serif\" font-size=\"12\">\n\
             <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n"
        ));
        page.text(LEFT, 24.0, "start", title);
        page
    }

    pub(super) fn text(&mut self, x: f64, y: f64, anchor: &str, text: &str) {
        let text = escaped(text);
        self.draw(&format!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>"
        ));
    }

    pub(super) fn draw(&mut self, element: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "{element}");
    }

    pub(super) fn grid_line(&mut self, y: f64, label: &str) {
        let right = WIDTH - RIGHT;
        self.draw(&format!(
            "<path d=\"M{LEFT} {y:.1}H{right}\" stroke=\"#ddd\" fill=\"none\"/>"
        ));
        self.text(LEFT - 6.0, y + 4.0, "end", label);
    }

    /// A point of the `n`th series.
    pub(super) fn dot(&mut self, x: f64, y: f64, n: usize) {
        let colour = colour(n);
        self.draw(&format!(
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>"
        ));
    }

    /// An upright line.
    pub(super) fn mark(&mut self, x: f64) {
        let bottom = HEIGHT - BOTTOM;
        self.draw(&format!(
            "<path d=\"M{x:.1} {TOP}V{bottom}\" stroke=\"#999\" stroke-dasharray=\"3 3\" \
             fill=\"none\"/>"
        ));
    }

    /// The names, each in its colour.
    pub(super) fn legend<'a>(&mut self, names: impl Iterator<Item = &'a str>) {
        let mut x = LEFT;
        for (n, name) in names.enumerate() {
            let colour = colour(n);
            self.draw(&format!(
                "<rect x=\"{x:.1}\" y=\"38\" width=\"12\" height=\"12\" fill=\"{colour}\"/>"
            ));
            self.text(x + 17.0, 48.0, "start", name);
            x += 40.0 + 7.0 * name.chars().count() as f64;
        }
    }

    pub(super) fn end(mut self) -> String {
        self.0.push_str("</svg>\n");
        self.0
    }
}

pub(super) fn colour(n: usize) -> &'static str {
    COLOURS[n % COLOURS.len()]
}

/// The step between grid lines: 1, 2 or 5 times a power of ten, about five of them.
pub(super) fn step(most: f64) -> f64 {
    let rough = (most / 5.0).max(f64::MIN_POSITIVE);
    let power = 10f64.powf(rough.log10().floor());
    let times = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .find(|times| times * power >= rough);
    times.unwrap_or(10.0) * power
}

/// A number without needless digits.
pub(super) fn short(value: f64) -> String {
    match value {
        _ if value >= 10.0 || value == 0.0 => format!("{value:.0}"),
        _ if value >= 1.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round_and_about_five() {
        for (most, expected) in [(1.0, 0.2), (7.0, 2.0), (100.0, 20.0), (1_234.0, 500.0)] {
            assert!(
                (step(most) - expected).abs() < 1e-9,
                "{most}: {}",
                step(most)
            );
        }
        assert!(step(0.0) > 0.0);
    }

    #[test]
    fn names_cannot_become_markup() {
        assert_eq!(escaped("<a & b>"), "&lt;a &amp; b&gt;");
    }
}
