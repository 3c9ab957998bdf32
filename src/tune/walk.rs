//! Points of a space: random ones that spread over every dimension, and neighbours.

use crate::backend::tunable::{Point, Tunable};
use crate::tensor::Generator;

/// How often a random point is drawn again because it breaks a rule.
const DRAWS: u64 = 200;

/// Random legal points. Each dimension's values come in shuffled rounds, so that few points see all of
/// them; what breaks a rule is drawn again.
pub struct Sample<'a> {
    tunable: &'a Tunable,
    random: Generator,
    drawn: u64,
}

impl<'a> Sample<'a> {
    /// The sample of a seed.
    pub fn new(tunable: &'a Tunable, seed: u64) -> Sample<'a> {
        Sample { tunable, random: Generator::new(seed, 0x7u64), drawn: 0 }
    }

    /// The next point; none where all that was drawn breaks a rule.
    pub fn next(&mut self) -> Option<Point> {
        for _ in 0..DRAWS {
            let point = self.draw();
            self.drawn += 1;
            if self.tunable.is_legal(&point) {
                return Some(point);
            }
        }
        None
    }

    fn draw(&self) -> Point {
        let mut point = Point::default();
        for (d, (name, values)) in self.tunable.space.dimensions.iter().enumerate() {
            let count = values.len();
            let (round, place) = (self.drawn / count as u64, self.drawn as usize % count);
            let order = self.random.shuffle(count, (d as u64) << 40 | round << 8);
            point.0.insert(name.to_string(), values[order[place]]);
        }
        point
    }
}

/// Legal points one step away: one value moved to a neighbour of its own, then two values at a time, in
/// a random order.
pub fn neighbours(tunable: &Tunable, point: &Point, random: Generator) -> Vec<Point> {
    let steps = single_steps(tunable, point);
    let mut near: Vec<Point> = steps.iter().map(|step| moved(point, &[step])).collect();
    let singles = near.len();
    for (i, a) in steps.iter().enumerate() {
        for b in &steps[i + 1..] {
            if a.0 != b.0 {
                near.push(moved(point, &[a, b]));
            }
        }
    }
    let pairs = near.split_off(singles);
    let shuffled = |points: Vec<Point>, offset: u64| -> Vec<Point> {
        random.shuffle(points.len(), offset).into_iter().map(|i| points[i].clone()).collect()
    };
    let near = shuffled(near, 0).into_iter().chain(shuffled(pairs, 1 << 32));
    near.filter(|point| tunable.is_legal(point)).collect()
}

/// A parameter and its new value.
type Step = (&'static str, usize);

fn single_steps(tunable: &Tunable, point: &Point) -> Vec<Step> {
    let mut steps = Vec::new();
    for (name, values) in tunable.space.dimensions {
        let now = values.iter().position(|v| *v == point.get(name));
        let near = match now {
            Some(i) => [i.checked_sub(1), Some(i + 1)],
            // A seed may hold a value of its own.
            None => [Some(0), Some(values.len() - 1)],
        };
        steps.extend(near.into_iter().flatten().filter_map(|i| Some((*name, *values.get(i)?))));
    }
    steps
}

fn moved(point: &Point, steps: &[&Step]) -> Point {
    let mut moved = point.clone();
    for (name, value) in steps {
        moved.0.insert(name.to_string(), *value);
    }
    moved
}
