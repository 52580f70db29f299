//! Plots as SVG: two kinds are drawn, a page of code each, where a plotting library would bring
//! fonts and rasterisers.

mod bars;
mod lines;
mod page;

pub(crate) use bars::Bars;
pub(crate) use lines::{Line, Lines};
