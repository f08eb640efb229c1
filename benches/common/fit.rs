//! How a cost grows: a·N^b by least squares over the logarithms.

/// Sizes with what each cost.
#[derive(Clone, Debug, Default)]
pub struct Fit(Vec<(f64, f64)>);

impl Fit {
    /// One with its first figure.
    pub fn of(size: f64, cost: f64) -> Self {
        let mut fit = Self::default();
        fit.add(size, cost);
        fit
    }

    /// Adds a figure.
    pub fn add(&mut self, size: f64, cost: f64) {
        self.0.push((size.ln(), cost.ln()));
    }

    /// b, and r²: the share of what differs that the form explains. Where nothing grows, r² says nothing.
    pub fn exponent(&self) -> (f64, f64) {
        let count = self.0.len() as f64;
        let (x, y) =
            self.0.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0 / count, y + point.1 / count));
        let sum = |of: &dyn Fn(&(f64, f64)) -> f64| self.0.iter().map(of).sum::<f64>();
        let xy = sum(&|point| (point.0 - x) * (point.1 - y));
        let (xx, yy) = (sum(&|point| (point.0 - x).powi(2)), sum(&|point| (point.1 - y).powi(2)));
        (xy / xx, if yy > 0.0 { xy * xy / (xx * yy) } else { 1.0 })
    }
}
