use super::page::{BOTTOM, HEIGHT, LEFT, Page, RIGHT, TOP, WIDTH, colour, short, step};

/// Values over time, or over anything else that grows.
pub(crate) struct Lines<'a> {
    pub title: &'a str,
    pub x_name: &'a str,
    pub lines: Vec<Line>,
    /// Places on the x axis that are marked.
    pub marks: Vec<f64>,
}

pub(crate) struct Line {
    pub name: String,
    /// x ascends; y is not negative.
    pub points: Vec<(f64, f64)>,
}

/// Of so few points each is drawn by itself: there may be one alone.
const DOTS: usize = 32;

impl Lines<'_> {
    pub(crate) fn svg(&self) -> String {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let widest = points().map(|point| point.0).fold(0.0, f64::max);
        let highest = points().map(|point| point.1).fold(0.0, f64::max);
        let at_x = |x: f64| LEFT + x / widest.max(1e-9) * (WIDTH - LEFT - RIGHT);
        let each = step(highest);
        let top = (highest / each).ceil().max(1.0) * each;
        let at_y = |y: f64| HEIGHT - BOTTOM - y / top * (HEIGHT - TOP - BOTTOM);
        let mut page = Page::new(self.title);
        let marks = (top / each).round() as u32;
        for n in 0..=marks {
            let y = f64::from(n) * each;
            page.grid_line(at_y(y), &short(y));
        }
        let each_x = step(widest);
        for n in 0..=(widest / each_x) as u32 {
            let x = f64::from(n) * each_x;
            page.text(at_x(x), HEIGHT - BOTTOM + 18.0, "middle", &short(x));
        }
        page.text(WIDTH - RIGHT, HEIGHT - 12.0, "end", self.x_name);
        for mark in self.marks.iter().filter(|mark| **mark <= widest) {
            page.mark(at_x(*mark));
        }
        for (n, line) in self.lines.iter().enumerate() {
            let points = line.points.iter();
            let path: Vec<String> = points
                .map(|(x, y)| format!("{:.1},{:.1}", at_x(*x), at_y(*y)))
                .collect();
            for (x, y) in line.points.iter().filter(|_| path.len() <= DOTS) {
                page.dot(at_x(*x), at_y(*y), n);
            }
            page.draw(&format!(
                "<polyline fill=\"none\" stroke=\"{}\" stroke-width=\"1.5\" points=\"{}\"/>",
                colour(n),
                path.join(" ")
            ));
        }
        page.legend(self.lines.iter().map(|line| &*line.name));
        page.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_value_is_within_the_page() {
        let line = Line {
            name: "used".into(),
            points: vec![(0.0, 0.0), (24.0, 1_024.0)],
        };
        let lines = Lines {
            title: "Processors",
            x_name: "hour",
            lines: vec![line],
            marks: vec![12.0, 25.0],
        };
        let svg = lines.svg();
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
        assert!(svg.contains("points=\"80.0,370.0 840.0,"), "{svg}");
        assert_eq!(svg.matches("<circle ").count(), 2, "{svg}");
        assert_eq!(svg.matches("stroke-dasharray").count(), 1, "{svg}");
        assert!(svg.contains(">1500<") && svg.contains(">used<"), "{svg}");
    }
}
