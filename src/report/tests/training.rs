//! Training steps: samples, memory, epochs, and the crossover of a model's size.

use super::*;
use crate::network;
use crate::report::DataSet;

/// A sweep over the width of mlp: one second a step on the CPU, and on the GPU these.
fn widths(times: &[(u64, f64)]) -> Run {
    let mut run = Run::new();
    for (width, time) in times {
        let shape = format!("batch=128,inputs=784,width={width},depth=3,classes=10");
        run.plan("train-mlp", &shape, "width", Some(*width), "", "");
        let parameters = parameters(&shape);
        for (device, time) in [(CPU, 1.0), (GPU, *time)] {
            let record = run.add("train-mlp", &shape, device, "native", Scope::Compute, time);
            record.parameters = Some(parameters);
            record.scratch_bytes = Some(3_000_000);
        }
    }
    run
}

fn parameters(shape: &str) -> u64 {
    let mlp = network::find("mlp").unwrap();
    let shape = workload::of_network(&mlp).unwrap().shape(shape).unwrap();
    (mlp.graph)(&shape).parameter_count()
}

fn table(page: &str) -> &str {
    let table = page.split_once("<h3>train-mlp: samples, memory and epochs</h3>").unwrap().1;
    table.split_once("</table>").unwrap().0
}

#[test]
fn steps_are_told_as_samples_memory_and_epochs() {
    let page = rendered(&widths(&[(512, 0.25)])).0;
    let table = table(&page);
    // 128 samples in 0.25 s; beside them the rates of every workload.
    says(table, "<strong>512</strong></td><td class=\"n\">4.00</td><td class=\"n\">");
    says(table, "<strong>128</strong></td><td class=\"n\">1.00</td><td class=\"n\">");
    says(table, "FLOP/s</td>");
    says(table, "B/s</td>");
    // 391 steps of 0.25 s, and of 0.245 s to 0.255 s; 10\u{202F}010 of them for ImageNet.
    says(table, "CIFAR-10<span class=\"sub\">50\u{202F}000 samples</span>");
    says(table, "<td class=\"n\">97.8 s<span class=\"sub\">95.8–99.7 s</span></td>");
    says(table, "ImageNet<span class=\"sub\">1\u{202F}281\u{202F}167 samples</span>");
    says(table, "<td class=\"n\">2502 s<span class=\"sub\">2452–2553 s</span></td>");
    says(table, "extrapolated from the one measured step");
    // 784, 512, 512, 512, 10: weights and biases; SGD keeps as much again.
    let count = 784 * 512 + 2 * 512 * 512 + 512 * 10 + 3 * 512 + 10;
    says(table, &format!("<td class=\"n\">{count}<span class=\"sub\">3.73 MB</span></td>"));
    says(table, "</td><td class=\"n\">3.73 MB</td><td class=\"n\">1.19 MB</td>");
    says(table, "<td class=\"n\">3.00 MB</td></tr>");
    // Products have no samples.
    assert!(!rendered(&against(GPU, &[2.0])).0.contains("Samples/s"));
}

#[test]
fn the_user_chooses_the_size_of_an_epoch() {
    let folder = tempfile::tempdir().unwrap();
    widths(&[(512, 0.25)]).write(folder.path());
    let options = Options { data_sets: vec![DataSet::of(129)], ..Options::default() };
    render(folder.path(), &options).unwrap();
    let page = fs::read_to_string(folder.path().join("report.html")).unwrap();
    let table = table(&page);
    says(table, "Epoch<span class=\"sub\">129 samples</span>");
    says(table, "<td class=\"n\">500 ms<span class=\"sub\">");
    assert!(!table.contains("ImageNet"));
}

#[test]
fn a_row_without_a_time_has_no_samples() {
    let mut run = widths(&[(512, 0.25)]);
    for record in &mut run.records {
        (record.outcome, record.wall_median_s) = (Outcome::Skipped, None);
    }
    assert!(!rendered(&run).0.contains("Samples/s"));
}

#[test]
fn the_crossover_of_a_model_has_parameters_and_flop() {
    let run = widths(&[(64, 2.0), (128, 1.5), (256, 0.5), (512, 0.1)]);
    let text = answers(&run);
    let shape = "batch=128,inputs=784,width=256,depth=3,classes=10";
    assert_eq!(parameters(shape), 335_114);
    let from = "from width = 256 on (335 k parameters, ";
    says(&text, from);
    let flop = text.split_once(from).unwrap().1.split_once(')').unwrap().0;
    // Three products a weight, without the input's gradient.
    let products = 6 * 128 * (784 * 256 + 2 * 256 * 256 + 256 * 10) - 2 * 128 * 784 * 256;
    assert_eq!(flop, crate::units::flop(f64::from(products)));
}

/// Sweeps over width and over batch meet in a shape, and have a crossover each.
#[test]
fn a_sweep_over_batch_has_a_crossover_of_its_own() {
    let mut run = widths(&[(512, 2.0), (1024, 0.5), (2048, 0.25)]);
    let shape = |batch: u64| format!("batch={batch},inputs=784,width=1024,depth=3,classes=10");
    for (batch, time) in [(1, Some(5.0)), (16, Some(3.0)), (128, None), (256, Some(0.4))] {
        run.plan("train-mlp", &shape(batch), "batch", Some(batch), "", "");
        let Some(time) = time else { continue };
        for (device, time) in [(CPU, 1.0), (GPU, time)] {
            let record =
                run.add("train-mlp", &shape(batch), device, "native", Scope::Compute, time);
            record.parameters = Some(parameters(&shape(batch)));
        }
    }
    let text = answers(&run);
    says(&text, "overtakes the CPU in all 2 lines below.");
    says(&text, "from 1024<span class=\"sub\">2.91 M parameters, ");
    says(&text, "from 128<span class=\"sub\">2.91 M parameters, ");
    says(&text, "<strong>4.00×</strong>");
    says(&text, "<strong>2.50×</strong>");
}
