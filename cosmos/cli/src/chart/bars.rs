use super::page::{BOTTOM, HEIGHT, LEFT, Page, RIGHT, TOP, WIDTH, colour, short, step};

/// Values of several series for each of some groups.
pub(crate) struct Bars<'a> {
    pub title: &'a str,
    pub series: Vec<String>,
    /// Each with a value for each series; none is negative.
    pub groups: Vec<(String, Vec<f64>)>,
    /// Whether each grid line is ten times the one below it, from 1 on.
    pub is_logarithmic: bool,
}

impl Bars<'_> {
    pub(crate) fn svg(&self) -> String {
        let values = self.groups.iter().flat_map(|(_, values)| values);
        let highest = values.copied().fold(0.0, f64::max);
        let mut page = Page::new(self.title);
        let top = self.grid(&mut page, highest);
        let room = (WIDTH - LEFT - RIGHT) / self.groups.len().max(1) as f64;
        let width = room * 0.8 / self.series.len().max(1) as f64;
        for (g, (name, values)) in self.groups.iter().enumerate() {
            let from = LEFT + g as f64 * room + room * 0.1;
            let middle = from + room * 0.4;
            page.text(middle, HEIGHT - BOTTOM + 18.0, "middle", name);
            for (n, value) in values.iter().enumerate() {
                let x = from + n as f64 * width;
                let height = self.share(*value, top) * (HEIGHT - TOP - BOTTOM);
                let y = HEIGHT - BOTTOM - height;
                page.draw(&format!(
                    "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{height:.1}\" fill=\"{}\"/>",
                    width * 0.94,
                    colour(n)
                ));
                page.text(x + width / 2.0, y - 3.0, "middle", &short(*value));
            }
        }
        page.legend(self.series.iter().map(String::as_str));
        page.end()
    }

    /// Draws the grid; and the value at its top.
    fn grid(&self, page: &mut Page, highest: f64) -> f64 {
        let marks: Vec<f64> = match self.is_logarithmic {
            true => {
                let powers = highest.max(10.0).log10().ceil() as i32;
                (0..=powers).map(|n| 10f64.powi(n)).collect()
            }
            false => {
                let each = step(highest);
                let count = (highest / each).ceil().max(1.0) as u32;
                (0..=count).map(|n| f64::from(n) * each).collect()
            }
        };
        let top = marks.last().copied().unwrap_or(1.0);
        for mark in marks {
            let y = HEIGHT - BOTTOM - self.share(mark, top) * (HEIGHT - TOP - BOTTOM);
            page.grid_line(y, &short(mark));
        }
        top
    }

    /// How far up a value is.
    fn share(&self, value: f64, top: f64) -> f64 {
        match self.is_logarithmic {
            true => (value.max(1.0).log10() / top.log10()).clamp(0.0, 1.0),
            false => value / top,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_high_as_their_values() {
        let bars = |is_logarithmic| Bars {
            title: "Waits",
            series: vec!["a".into(), "b".into()],
            groups: vec![("normal".into(), vec![10.0, 100.0])],
            is_logarithmic,
        };
        let linear = bars(false).svg();
        assert!(linear.contains("height=\"30.0\"") && linear.contains("height=\"300.0\""));
        let logarithmic = bars(true).svg();
        assert!(logarithmic.contains("height=\"150.0\""), "{logarithmic}");
    }
}
