//! From a luma plane to its fingerprint.

use crate::print::{CELLS, COLUMNS, LEVEL, Print, ROWS, detail_code};

/// A luma plane: samples of one byte, or of two, the lower first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plane<'a> {
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// Bits of a sample: 8 to 16.
    pub(crate) depth: u32,
    /// Whether black is 0 and white is the greatest sample, not 16 and 235 of 255.
    pub(crate) full_range: bool,
    pub(crate) samples: &'a [u8],
}

/// Lines whose gradients fit 16 bits where samples have 8: two differences of 255 at most each.
const STRIP: usize = 128;

/// Sums over the columns of one row of cells, kept between frames.
#[derive(Debug, Default)]
pub(crate) struct Grid {
    sums: Vec<u32>,
    gradients: Vec<u32>,
    strip_sums: Vec<u16>,
    strip_gradients: Vec<u16>,
    row: Vec<u16>,
    above: Vec<u16>,
}

impl Grid {
    /// The fingerprint of a plane. A picture may be smaller than the grid.
    pub(crate) fn print(&mut self, plane: &Plane<'_>) -> Print {
        let mut print = Print {
            means: [0; CELLS],
            details: [0; CELLS],
        };
        self.sums.resize(plane.width, 0);
        self.gradients.resize(plane.width, 0);
        for row in 0..ROWS {
            let (top, bottom) = span(row, ROWS, plane.height);
            self.sums.fill(0);
            self.gradients.fill(0);
            match plane.depth {
                8 => self.add_bytes(plane, top, bottom),
                _ => self.add_words(plane, top, bottom),
            }
            self.finish(plane, row, bottom - top, &mut print);
        }
        print
    }

    /// By strips, in sums of 16 bits: twice as many at a time as of 32.
    fn add_bytes(&mut self, plane: &Plane<'_>, top: usize, bottom: usize) {
        let line = |y: usize| &plane.samples[y * plane.width..(y + 1) * plane.width];
        self.strip_sums.resize(plane.width, 0);
        self.strip_gradients.resize(plane.width, 0);
        for start in (top..bottom).step_by(STRIP) {
            for y in start..bottom.min(start + STRIP) {
                let above = line(y.saturating_sub(1));
                let (sums, gradients) = (&mut self.strip_sums, &mut self.strip_gradients);
                add_strip(line(y), above, sums, gradients);
            }
            empty(&mut self.strip_sums, &mut self.sums);
            empty(&mut self.strip_gradients, &mut self.gradients);
        }
    }

    fn add_words(&mut self, plane: &Plane<'_>, top: usize, bottom: usize) {
        let bytes = plane.width * 2;
        let line = |y: usize, to: &mut Vec<u16>| {
            let samples = plane.samples[y * bytes..(y + 1) * bytes].chunks_exact(2);
            to.clear();
            to.extend(samples.map(|pair| u16::from_le_bytes([pair[0], pair[1]])));
        };
        line(top.saturating_sub(1), &mut self.above);
        for y in top..bottom {
            line(y, &mut self.row);
            add(&self.row, &self.above, &mut self.sums, &mut self.gradients);
            std::mem::swap(&mut self.row, &mut self.above);
        }
    }

    fn finish(&self, plane: &Plane<'_>, row: usize, lines: usize, print: &mut Print) {
        let scale = f64::from(1u32 << (16 - plane.depth.clamp(8, 16)));
        for column in 0..COLUMNS {
            let (left, right) = span(column, COLUMNS, plane.width);
            let mean = |sums: &[u32]| {
                let sum: u64 = sums[left..right].iter().map(|sum| u64::from(*sum)).sum();
                sum as f64 * scale / ((right - left) * lines) as f64
            };
            let cell = row * COLUMNS + column;
            let (level, gradient) = (mean(&self.sums), mean(&self.gradients));
            // A full range is brought to a limited one, so that the two compare.
            let (black, gain) = match plane.full_range {
                true => (16.0 * f64::from(LEVEL), 219.0 / 255.0),
                false => (0.0, 1.0),
            };
            print.means[cell] = (black + gain * level) as u16;
            print.details[cell] = detail_code((gain * gradient) as f32);
        }
    }
}

/// Adds one line: each sample, and how it differs from the ones beside and above it. Plain loops
/// over slices of one length, which the compiler turns into vector code.
fn add<S>(line: &[S], above: &[S], sums: &mut [u32], gradients: &mut [u32])
where
    S: Copy + Into<u32>,
{
    let width = line.len();
    let (above, sums) = (&above[..width], &mut sums[..width]);
    let gradients = &mut gradients[..width];
    for x in 0..width {
        let sample: u32 = line[x].into();
        sums[x] += sample;
        gradients[x] += sample.abs_diff(above[x].into());
    }
    for x in 1..width {
        let sample: u32 = line[x].into();
        gradients[x] += sample.abs_diff(line[x - 1].into());
    }
}

/// As [`add`], where nothing exceeds 16 bits.
fn add_strip(line: &[u8], above: &[u8], sums: &mut [u16], gradients: &mut [u16]) {
    let width = line.len();
    let (above, sums) = (&above[..width], &mut sums[..width]);
    let gradients = &mut gradients[..width];
    for x in 0..width {
        sums[x] += u16::from(line[x]);
        gradients[x] += u16::from(line[x].abs_diff(above[x]));
    }
    for x in 1..width {
        gradients[x] += u16::from(line[x].abs_diff(line[x - 1]));
    }
}

/// Moves the sums of a strip to those of the row of cells.
fn empty(strip: &mut [u16], sums: &mut [u32]) {
    for (part, sum) in strip.iter_mut().zip(sums) {
        *sum += u32::from(std::mem::take(part));
    }
}

/// Where the `index`th of `count` equal parts of `length` begins and ends; never empty.
fn span(index: usize, count: usize, length: usize) -> (usize, usize) {
    let start = (index * length / count).min(length - 1);
    let end = ((index + 1) * length / count).max(start + 1);
    (start, end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: usize, height: usize, at: impl Fn(usize, usize) -> u8) -> Vec<u8> {
        let all = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        all.map(|(x, y)| at(x, y)).collect()
    }

    fn print(width: usize, height: usize, depth: u32, samples: &[u8]) -> Print {
        Grid::default().print(&Plane {
            width,
            height,
            depth,
            full_range: false,
            samples,
        })
    }

    #[test]
    fn ranges_compare() {
        let limited = picture(64, 36, |x, _| if x < 32 { 16 } else { 235 });
        let full = picture(64, 36, |x, _| if x < 32 { 0 } else { 255 });
        let full = Grid::default().print(&Plane {
            width: 64,
            height: 36,
            depth: 8,
            full_range: true,
            samples: &full,
        });
        let limited = print(64, 36, 8, &limited);
        let differs = |(a, b): (&u16, &u16)| a.abs_diff(*b) > 1;
        assert!(!full.means.iter().zip(&limited.means).any(differs));
    }

    #[test]
    fn means_do_not_depend_on_size_or_depth() {
        let ramp = |width: usize| move |x: usize, _: usize| (x * 255 / width) as u8;
        let small = picture(320, 180, ramp(320));
        let large = picture(1280, 720, ramp(1280));
        let deep: Vec<u8> = small
            .iter()
            .flat_map(|s| (u16::from(*s) << 2).to_le_bytes())
            .collect();
        let small = print(320, 180, 8, &small);
        assert!(small.distance(&print(1280, 720, 8, &large)) < LEVEL);
        assert_eq!(small.distance(&print(320, 180, 10, &deep)), 0);
        assert_eq!(small.details, print(320, 180, 10, &deep).details);
    }

    /// The greatest sums there are, in rows of cells of several strips.
    #[test]
    fn tall_pictures_do_not_overflow() {
        let (width, height) = (33, 18 * 300);
        let checks = picture(width, height, |x, y| 255 * ((x + y) % 2) as u8);
        let deep: Vec<u8> = checks
            .iter()
            .flat_map(|s| (u16::from(*s) << 4).to_le_bytes())
            .collect();
        assert_eq!(
            print(width, height, 8, &checks),
            print(width, height, 12, &deep)
        );
    }

    #[test]
    fn flat_pictures_have_no_detail_and_checks_have_much() {
        let flat = picture(64, 64, |_, _| 100);
        let checks = picture(64, 64, |x, y| 200 * ((x + y) % 2) as u8);
        assert_eq!(print(64, 64, 8, &flat).details, [0; CELLS]);
        let checked = print(64, 64, 8, &checks);
        assert!(checked.details.iter().all(|code| *code > 150));
        assert!(
            checked
                .means
                .iter()
                .all(|mean| mean.abs_diff(100 * LEVEL) < LEVEL)
        );
    }

    #[test]
    fn pictures_smaller_than_the_grid_have_a_print() {
        for (width, height) in [(1, 1), (2, 16), (16, 2), (33, 19)] {
            let samples = picture(width, height, |_, _| 50);
            assert_eq!(print(width, height, 8, &samples).means, [50 * LEVEL; CELLS]);
        }
    }
}
