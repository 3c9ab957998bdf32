//! Matrix products: many at once, of parts of tensors, with what is done to each element before it is
//! written. Twin of `kernels/train/product.cl` and the kernels of `kernels/gemm/`.

use super::super::geometry::{Tile, local_parameters_of, packed_for_all, packed_launch};
use super::super::recipe::Build;
use super::super::tuned::{Chooser, Parameters, shapes};
use super::Kind;
use super::planner::Planner;
use super::slots::{Call, Slot, Value};

/// A matrix, or many, in a tensor.
#[derive(Clone, Copy)]
pub struct Operand {
    /// The tensor.
    tensor: Slot,
    /// Elements from row to row.
    ld: usize,
    /// The first element.
    first: usize,
    /// Elements from one to the next, along both directions of a batch.
    steps: [usize; 2],
}

impl Operand {
    /// One matrix, its rows of `ld` elements.
    pub fn rows(tensor: Slot, ld: usize) -> Self {
        Operand { tensor, ld, first: 0, steps: [0; 2] }
    }

    /// From element `first` on.
    pub fn from(self, first: usize) -> Self {
        Operand { first, ..self }
    }

    /// As many as the batch has, so far apart.
    pub fn steps(self, steps: [usize; 2]) -> Self {
        Operand { steps, ..self }
    }

    fn in_fours(&self) -> bool {
        [self.ld, self.first, self.steps[0], self.steps[1]].iter().all(|n| n.is_multiple_of(4))
    }
}

/// What is done to an element before it is written, in this order.
#[derive(Clone, Copy, Default)]
pub struct Finish {
    /// Added to what is there.
    pub adds: bool,
    /// A number for each column.
    pub bias: Option<Slot>,
    /// Another.
    pub more: Option<Slot>,
    /// max(v, 0).
    pub relu: bool,
    /// GELU; its derivative goes here.
    pub gelu: Option<Slot>,
    /// Added.
    pub plus: Option<Slot>,
    /// Where this is not positive, zero.
    pub mask: Option<Slot>,
    /// Times this.
    pub times: Option<Slot>,
    /// Not to the element: where the sums of the rows of op(a) go as well. Of packed products with a
    /// transposed, see [`Planner::product_with_sums`].
    pub sums: Option<[Slot; 2]>,
}

impl Finish {
    /// The flags of product.cl.
    fn flags(&self) -> i32 {
        let flags = [
            self.adds,
            self.bias.is_some(),
            self.more.is_some(),
            self.relu,
            self.gelu.is_some(),
            self.plus.is_some(),
            self.mask.is_some(),
            self.times.is_some(),
            self.sums.is_some(),
        ];
        flags.iter().enumerate().map(|(bit, flag)| i32::from(*flag) << bit).sum()
    }

    fn other(&self) -> Option<Slot> {
        self.plus.or(self.mask).or(self.times)
    }
}

/// c (m, n) = op(a) (m, k) op(b) (k, n), `batch` times; op(x) is the transpose where x is stored so.
#[derive(Clone, Copy)]
pub struct Product {
    /// m, n, k.
    pub sizes: [usize; 3],
    /// Whether a and b are stored transposed.
    pub transposed: [bool; 2],
    /// Left.
    pub a: Operand,
    /// Right.
    pub b: Operand,
    /// The result.
    pub c: Operand,
    /// How many along both directions.
    pub batch: [usize; 2],
    /// What is done to each element.
    pub finish: Finish,
}

impl Product {
    /// A single one.
    pub fn new(sizes: [usize; 3], a: Operand, b: Operand, c: Operand) -> Self {
        let (transposed, batch) = ([false; 2], [1; 2]);
        Product { sizes, transposed, a, b, c, batch, finish: Finish::default() }
    }

    /// With a stored k x m.
    pub fn a_transposed(mut self) -> Self {
        self.transposed[0] = true;
        self
    }

    /// With b stored n x k.
    pub fn b_transposed(mut self) -> Self {
        self.transposed[1] = true;
        self
    }

    /// What is done to each element.
    pub fn finish(self, finish: Finish) -> Self {
        Product { finish, ..self }
    }

    /// As many, whose operands tell their steps.
    pub fn batch(self, batch: [usize; 2]) -> Self {
        Product { batch, ..self }
    }

    fn facts(&self) -> Facts {
        let ([m, n, _], ta) = (self.sizes, usize::from(self.transposed[0]));
        Facts {
            shape_class: shapes::gemm(m, n, ta),
            transposed: self.transposed,
            in_fours: self.a.in_fours() && self.b.in_fours(),
            short: self.a.ld.min(self.b.ld) < 4,
            c_in_fours: self.c.in_fours() && self.sizes[1].is_multiple_of(4),
        }
    }

    fn values(&self) -> Vec<Value> {
        let [m, n, k] = self.sizes;
        let (a, b, c) = (&self.a, &self.b, &self.c);
        let or_c = |tensor: Option<Slot>| Value::Slot(tensor.unwrap_or(c.tensor));
        let steps = |x: &Operand| [x.first, x.steps[0], x.steps[1]].map(Value::from);
        let mut values: Vec<Value> = vec![
            m.into(),
            n.into(),
            k.into(),
            a.tensor.into(),
            a.ld.into(),
            b.tensor.into(),
            b.ld.into(),
            c.tensor.into(),
            c.ld.into(),
            self.batch[1].into(),
        ];
        values.extend([steps(a), steps(b), steps(c)].into_iter().flatten());
        let finish = &self.finish;
        values.push(Value::Int(finish.flags()));
        let [bias, more] = match finish.sums {
            Some(sums) => sums.map(Some),
            None => [finish.bias, finish.more],
        };
        values.extend([bias, more, finish.other(), finish.gelu].map(or_c));
        values
    }
}

/// What the options of a product depend on.
struct Facts {
    /// That of the products of `gemm`, which have the same loops: what was found for them holds here.
    shape_class: &'static str,
    transposed: [bool; 2],
    in_fours: bool,
    /// Whether rows are shorter than a vector.
    short: bool,
    c_in_fours: bool,
}

impl Facts {
    fn options(&self, parameters: &Parameters, width: usize) -> String {
        let [ta, tb] = self.transposed.map(usize::from);
        let aligned = usize::from(parameters.get("VC") == 4);
        let own = parameters.options();
        format!("-D TA={ta} -D TB={tb} -D VW={width} -D ALIGNED={aligned} {own}")
    }

    fn local(&self, tuned: Chooser<'_>) -> Parameters {
        let choose = |cases: &[&str]| tuned.chosen("gemm", "local", cases, self.shape_class);
        local_parameters_of(choose, self.in_fours, self.short, self.c_in_fours)
    }

    fn register(&self, tuned: Chooser<'_>) -> Parameters {
        let parameters = tuned.chosen("gemm", "register", &[], self.shape_class);
        if self.in_fours { parameters } else { parameters.with(&[("V", 1)]) }
    }
}

impl Planner<'_> {
    /// A product with `a` stored k x m and, to both of these, the sums over k of a: gradients of a
    /// weight and a bias.
    pub fn product_with_sums(&mut self, product: &Product, sums: [Slot; 2]) -> Vec<Call> {
        let [m, _, k] = product.sizes;
        if self.kind == Kind::Packed {
            let finish = Finish { sums: Some(sums), ..product.finish };
            return vec![self.product(&Product { finish, ..*product })];
        }
        let sums = self.column_sums([1, k, m], 1.0, product.a.tensor, sums);
        vec![self.product(product), sums]
    }

    /// The launch of a product.
    pub fn product(&mut self, product: &Product) -> Call {
        let [m, n, _] = product.sizes;
        let (facts, tuned) = (product.facts(), self.tuned);
        let count = product.batch[0] * product.batch[1];
        let (program, width, p, tile): (_, _, _, fn(&Parameters) -> Tile) = match self.kind {
            Kind::Packed => {
                let p = packed_for_all(self.target, tuned, facts.shape_class);
                ("train/product/packed", 16, p, Tile::packed)
            }
            Kind::Local => ("train/product/local", 4, facts.local(tuned), Tile::local),
            Kind::Register => ("train/product/register", 1, facts.register(tuned), Tile::register),
            Kind::Naive => {
                ("train/product/naive", 1, tuned.parameters("gemm", "naive"), Tile::naive)
            }
        };
        let tile = tile(&p);
        let launch = match self.kind {
            Kind::Packed => packed_launch(&p, [m, n, count], self.target.units()),
            Kind::Local | Kind::Register | Kind::Naive => tile.launch(m, n, count),
        };
        let kernel = ("gemm", &*facts.options(&p, width));
        self.call((program, &p), kernel, &product.values(), launch, 4 * tile.numbers as u64)
    }
}

/// The GPU kernels as a class of devices builds them: the transposes that a step needs, aligned and odd
/// sizes.
pub fn gpu_builds(tuned: Chooser<'_>) -> Vec<Build> {
    let mut builds = Vec::new();
    for transposed in [[false, false], [false, true], [true, false]] {
        for (in_fours, word) in [(true, "aligned"), (false, "unaligned")] {
            let facts = Facts {
                shape_class: "large",
                transposed,
                in_fours,
                short: false,
                c_in_fours: in_fours,
            };
            let [ta, tb] = transposed.map(usize::from);
            let mut add = |kernel: &str, program: &'static str, parameters: &Parameters, width| {
                builds.push(Build {
                    name: format!("train product {kernel} ta={ta} tb={tb} {word}"),
                    program,
                    options: facts.options(parameters, width),
                });
            };
            add("local", "train/product/local", &facts.local(tuned), 4);
            add("register", "train/product/register", &facts.register(tuned), 1);
        }
    }
    builds
}
