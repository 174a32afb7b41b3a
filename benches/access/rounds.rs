//! Figures, and what is made of rounds.

#[derive(Default)]
pub(crate) struct Figures(Vec<String>);

impl Figures {
    pub(crate) fn add(&mut self, name: &str, value: f64, unit: &str) {
        println!("{name}: {value:.3} {unit}");
        self.0.push(format!("figure: {name} {value:.3} {unit}"));
    }

    pub(crate) fn print(&self) {
        println!();
        for figure in &self.0 {
            println!("{figure}");
        }
    }
}

pub(crate) fn median(values: &[f64]) -> f64 {
    percentile(values, 50)
}

pub(crate) fn percentile(values: &[f64], percent: usize) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values[(values.len() * percent / 100).min(values.len() - 1)]
}
