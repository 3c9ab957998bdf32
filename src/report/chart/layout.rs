//! Where things lie in a finished drawing, for tests: read back from its SVG.

use resvg::usvg::{Group, Node, Paint, Path, Rect, Text, TextAnchor};

use super::raster::Raster;
use super::text;

/// A box in pixels.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Left edge.
    pub left: f64,
    /// Upper edge.
    pub top: f64,
    /// Right edge.
    pub right: f64,
    /// Lower edge.
    pub bottom: f64,
}

impl Bounds {
    fn of(rect: Rect) -> Bounds {
        let [left, top, right, bottom] =
            [rect.left(), rect.top(), rect.right(), rect.bottom()].map(f64::from);
        Bounds { left, top, right, bottom }
    }

    /// Whether two boxes share more than an edge.
    fn overlaps(&self, other: &Bounds) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }

    /// Whether it lies between nothing and a size; half a pixel beyond is the width of a line.
    fn is_within(&self, (width, height): (f64, f64)) -> bool {
        self.left >= -0.5
            && self.top >= -0.5
            && self.right <= width + 0.5
            && self.bottom <= height + 0.5
    }
}

/// A text where it lies.
#[derive(Debug)]
pub struct Words {
    /// The text.
    pub text: String,
    /// Which end of it has a place.
    pub anchor: TextAnchor,
    /// Its width in pixels in the font of pictures.
    pub measured: f64,
    /// Its box: as wide as estimated, for any font of a browser must fit.
    pub bounds: Bounds,
}

/// A line, a marker or an area.
pub struct Shape {
    /// Its box.
    pub bounds: Bounds,
    /// Its colour.
    pub colour: (u8, u8, u8),
}

/// Everything that a drawing holds.
pub struct Layout {
    /// Width and height in pixels.
    pub size: (f64, f64),
    /// Its texts.
    pub words: Vec<Words>,
    /// All else.
    pub shapes: Vec<Shape>,
}

impl Layout {
    /// Reads a drawing.
    pub fn of(svg: &str) -> Layout {
        let tree = Raster::new().tree(svg).expect("a drawing is SVG");
        let size = (f64::from(tree.size().width()), f64::from(tree.size().height()));
        let mut layout = Layout { size, words: Vec::new(), shapes: Vec::new() };
        layout.add(tree.root());
        layout
    }

    /// Panics where texts overlap or something leaves the drawing.
    #[track_caller]
    pub fn check(&self, name: &str) {
        for (i, a) in self.words.iter().enumerate() {
            for b in &self.words[i + 1..] {
                assert!(!a.bounds.overlaps(&b.bounds), "{name}: '{}' and '{}'", a.text, b.text);
            }
            assert!(a.bounds.is_within(self.size), "{name}: {a:?}");
        }
        for shape in &self.shapes {
            assert!(shape.bounds.is_within(self.size), "{name}: {:?}", shape.bounds);
        }
    }

    fn add(&mut self, group: &Group) {
        for node in group.children() {
            match node {
                Node::Group(group) => self.add(group),
                Node::Text(text) => self.words.push(words(text)),
                Node::Path(path) => self.shapes.push(shape(path)),
                Node::Image(_) => panic!("a drawing has no images"),
            }
        }
    }
}

fn shape(path: &Path) -> Shape {
    let stroke = path.stroke().map(|s| s.paint());
    let colour = match path.fill().map(|f| f.paint()).or(stroke) {
        Some(Paint::Color(c)) => (c.red, c.green, c.blue),
        _ => panic!("a shape has a plain colour"),
    };
    Shape { bounds: Bounds::of(path.abs_stroke_bounding_box()), colour }
}

fn words(node: &Text) -> Words {
    let lies = Bounds::of(node.abs_bounding_box());
    let chunk = &node.chunks()[0];
    let span = &chunk.spans()[0];
    let size = f64::from(span.font_size().get() * node.abs_transform().sy);
    let factor = if span.font().weight() > 400 { text::BOLD } else { 1.0 };
    let measured = lies.right - lies.left;
    let width = measured.max(text::width(chunk.text(), size) * factor);
    let left = match chunk.anchor() {
        TextAnchor::Start => lies.left,
        TextAnchor::Middle => (lies.left + lies.right - width) / 2.0,
        TextAnchor::End => lies.right - width,
    };
    let middle = (lies.top + lies.bottom) / 2.0;
    let (top, bottom) = (middle - size / 2.0, middle + size / 2.0);
    let bounds = Bounds { left, top, right: left + width, bottom };
    Words { text: chunk.text().to_string(), anchor: chunk.anchor(), measured, bounds }
}

#[cfg(test)]
mod tests;
