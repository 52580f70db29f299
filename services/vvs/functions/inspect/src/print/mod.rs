//! Fingerprints: what a frame looks like in about 1.7 KB, whatever its size and depth.
//!
//! The luma is divided into 32 × 18 cells. Of each cell a fingerprint holds the mean, and the mean
//! gradient (how much detail there is). Neither depends on the size of the picture, but for a
//! factor of the gradient, so that a scaled encode can be compared with its source.

mod file;
mod grid;

pub(crate) use file::{PrintFile, PrintWriter};
pub(crate) use grid::{Grid, Plane};

/// Cells in a row.
pub(crate) const COLUMNS: usize = 32;
/// Rows of cells.
pub(crate) const ROWS: usize = 18;
/// Cells of a frame.
pub(crate) const CELLS: usize = COLUMNS * ROWS;
/// One step of 8-bit luma, in the unit of means and distances.
pub(crate) const LEVEL: u16 = 256;
/// Codes of the gradient per doubling.
const DETAIL_STEPS: f32 = 16.0;
/// The gradient, in units, that doubling begins with.
const DETAIL_UNIT: f32 = 16.0;

/// The fingerprint of one frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Print {
    /// Mean luma of each cell; 65536 would be the whole scale.
    pub(crate) means: [u16; CELLS],
    /// Mean gradient of each cell, on a logarithmic scale: see [`detail_code`].
    pub(crate) details: [u8; CELLS],
}

impl Print {
    /// How far it is from another one: the root of the mean squared difference of the cells' means,
    /// but for small errors of brightness and contrast. Those are an encoder's: in a fade, they
    /// would make a frame look like its neighbour.
    pub(crate) fn distance(&self, other: &Print) -> u16 {
        let level = other.level();
        let mut sums = Sums::default();
        let (ours, theirs) = (
            self.means.chunks_exact(LANES),
            other.means.chunks_exact(LANES),
        );
        for (a, b) in ours.zip(theirs) {
            sums.add(a, b, level);
        }
        (sums.unexplained() / CELLS as f32).sqrt() as u16
    }

    /// How much detail it has compared with `other`, in octaves, over the cells of which `other`
    /// has any: about 0 for a good encode, below 0 for a blurred one.
    pub(crate) fn detail_against(&self, other: &Print) -> f32 {
        let cells = self.details.iter().zip(&other.details);
        let (mut ours, mut theirs) = (0f32, 0f32);
        for (a, b) in cells {
            ours += detail(*a);
            theirs += detail(*b);
        }
        ((ours + 1.0) / (theirs + 1.0)).log2()
    }

    /// Mean luma.
    fn level(&self) -> f32 {
        let sum: u32 = self.means.iter().map(|mean| u32::from(*mean)).sum();
        sum as f32 / CELLS as f32
    }

    /// How much its cells differ: the standard deviation of their means.
    pub(crate) fn contrast(&self) -> u16 {
        let level = self.level();
        let squares = self
            .means
            .iter()
            .map(|mean| (f32::from(*mean) - level).powi(2));
        (squares.sum::<f32>() / CELLS as f32).sqrt() as u16
    }

    /// The brightest cell.
    pub(crate) fn brightest(&self) -> u16 {
        self.means.iter().copied().max().unwrap_or(0)
    }
}

/// Sums are kept apart in so many lanes, which the compiler turns into vectors.
const LANES: usize = 16;
/// Errors of brightness up to this count for nothing.
const BRIGHTNESS: f32 = 2.0 * LEVEL as f32;
/// Errors of contrast up to this share count for nothing.
const CONTRAST: f32 = 0.03;

/// Sums over the cells of two prints: of the difference, of the other's deviation from its mean,
/// and of their products.
#[derive(Default)]
struct Sums {
    differences: [f32; LANES],
    squares: [f32; LANES],
    products: [f32; LANES],
    spread: [f32; LANES],
}

impl Sums {
    fn add(&mut self, ours: &[u16], theirs: &[u16], level: f32) {
        for lane in 0..LANES {
            let (a, b) = (f32::from(ours[lane]), f32::from(theirs[lane]));
            let (difference, deviation) = (a - b, b - level);
            self.differences[lane] += difference;
            self.squares[lane] += difference * difference;
            self.products[lane] += difference * deviation;
            self.spread[lane] += deviation * deviation;
        }
    }

    /// The sum of squares that remains when brightness and contrast have been corrected as far as
    /// is allowed. Deviations sum up to 0, so the two do not mix.
    fn unexplained(&self) -> f32 {
        let sum = |lanes: &[f32; LANES]| lanes.iter().sum::<f32>();
        let (difference, spread) = (sum(&self.differences), sum(&self.spread));
        let brightness = (difference / CELLS as f32).clamp(-BRIGHTNESS, BRIGHTNESS);
        let product = sum(&self.products);
        let contrast = (product / spread.max(1.0)).clamp(-CONTRAST, CONTRAST);
        let by_brightness = brightness * (2.0 * difference - brightness * CELLS as f32);
        let by_contrast = contrast * (2.0 * product - contrast * spread);
        (sum(&self.squares) - by_brightness - by_contrast).max(0.0)
    }
}

/// A gradient, in units of means, as a byte.
fn detail_code(gradient: f32) -> u8 {
    ((1.0 + gradient / DETAIL_UNIT).log2() * DETAIL_STEPS).round() as u8
}

/// The gradient of a code.
fn detail(code: u8) -> f32 {
    ((f32::from(code) / DETAIL_STEPS).exp2() - 1.0) * DETAIL_UNIT
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A print whose cells all have this mean.
    pub(crate) fn flat(mean: u16) -> Print {
        Print {
            means: [mean; CELLS],
            details: [0; CELLS],
        }
    }

    #[test]
    fn distance_is_in_levels_beyond_two() {
        let distance = |levels: u16| flat(1000).distance(&flat(1000 + levels * LEVEL));
        assert_eq!([0, 2, 5].map(distance), [0, 0, 3 * LEVEL]);
        let mut one = flat(10_000);
        one.means[7] += 24_000;
        assert!(one.distance(&flat(10_000)).abs_diff(1000) < 5);
    }

    #[test]
    fn a_fade_by_a_few_percent_is_no_distance() {
        let ramp = |gain: f32| Print {
            means: std::array::from_fn(|cell| (cell as f32 * 100.0 * gain) as u16),
            ..flat(0)
        };
        let faded = |percent: f32| ramp(1.0 - percent / 100.0).distance(&ramp(1.0));
        assert!(faded(1.0) < LEVEL / 16);
        assert!(faded(4.0) > LEVEL / 2);
    }

    #[test]
    fn codes_of_detail_keep_a_few_percent() {
        for gradient in [0.0f32, 5.0, 80.0, 1000.0, 40_000.0, 130_000.0] {
            let kept = detail(detail_code(gradient));
            assert!(
                (kept - gradient).abs() <= gradient * 0.05 + 1.0,
                "{gradient}: {kept}"
            );
        }
    }

    #[test]
    fn a_blurred_frame_has_less_detail() {
        let (mut sharp, mut blurred) = (flat(0), flat(0));
        sharp.details = [detail_code(800.0); CELLS];
        blurred.details = [detail_code(400.0); CELLS];
        assert!((blurred.detail_against(&sharp) + 1.0).abs() < 0.1);
        assert_eq!(flat(0).detail_against(&flat(9)), 0.0);
    }
}
