//! Where things lie in a finished drawing, for tests: read back from its SVG.

use resvg::usvg::{Group, Node};

use super::raster::Raster;

/// The texts of a drawing.
pub struct Layout {
    /// The width of each in pixels, in the font of pictures.
    pub widths: Vec<f64>,
}

impl Layout {
    /// Reads a drawing.
    pub fn of(svg: &str) -> Layout {
        let mut layout = Layout { widths: Vec::new() };
        layout.add(Raster::new().tree(svg).expect("a drawing is SVG").root());
        layout
    }

    fn add(&mut self, group: &Group) {
        for node in group.children() {
            match node {
                Node::Group(group) => self.add(group),
                Node::Text(text) => {
                    self.widths.push(f64::from(text.abs_bounding_box().width()));
                }
                _ => {}
            }
        }
    }
}
