//! PyTorch's checkpoints: the pickles that it wrote, with storages by the recipe.

use super::*;

/// A checkpoint: its pickle, and the seed and the recipe's name of each tensor by its name there.
fn checkpoint(folder: &Path, name: &str, of: impl Fn(&str) -> Option<(u64, String)>) -> PathBuf {
    let pickle = std::fs::read(golden::folder().join(format!("names/{name}.pkl"))).unwrap();
    let path = folder.join(format!("{name}.pth"));
    let write = |storages: &[(String, Vec<u8>)]| {
        let mut zip = zip::ZipWriter::new(File::create(&path).unwrap());
        let all = [("data.pkl".to_string(), pickle.clone())];
        for (entry, bytes) in all.iter().chain(storages) {
            zip.start_file(format!("{name}/{entry}"), zip::write::SimpleFileOptions::default()).unwrap();
            zip.write_all(bytes).unwrap();
        }
        zip.finish().unwrap();
    };
    // Twice: shapes are known once every storage is long enough.
    let long = |key: usize| (format!("data/{key}"), vec![0; 1 << 17]);
    write(&(0..120).map(long).collect::<Vec<_>>());
    let mut opened = Checkpoint::open(&path).unwrap();
    let storages = opened.all().unwrap().into_iter().map(|(name, stored)| {
        let values = match of(&name) {
            Some((seed, name)) => recipe::tensor(seed, &name, &stored.shape),
            None => vec![1.0; stored.shape.iter().product()],
        };
        (format!("data/{}", stored.storage()), files::bytes(&values))
    });
    write(&storages.collect::<Vec<_>>());
    path
}

#[test]
fn checkpoints_give_the_features_of_published_code() {
    let folder = tempfile::tempdir().unwrap();
    let scaled = tiny(Family::DinoV2, 0);
    let meta = checkpoint(folder.path(), "dinov2_meta", |name| Some((1020, name.into())));
    agree("layerscale", &features(&meta, &scaled, None).unwrap(), "Meta's .pth");

    let deit = checkpoint(folder.path(), "plain_deit_model_key", |name| {
        Some((1023, name.strip_prefix("model.")?.into()))
    });
    agree("plain", &features(&deit, &tiny(Family::Timm, 0), None).unwrap(), "DeiT's .pth");

    let teacher = checkpoint(folder.path(), "dinov2_teacher_checkpoint", |name| {
        let name = name.strip_prefix("teacher.")?;
        match name.strip_prefix("backbone.") {
            Some(name) => {
                Some((1020, name.replace("blocks.0.0", "blocks.0").replace("blocks.1.1", "blocks.1")))
            }
            None => Some((1021, name.into())),
        }
    });
    agree("layerscale", &features(&teacher, &scaled, None).unwrap(), "a teacher's checkpoint");
    head("dino_head", &teacher, None);

    let both = checkpoint(folder.path(), "dino1_checkpoint", |name| {
        let (seed, name) = match name.strip_prefix("student.module.") {
            Some(name) => (1026, name),
            None => (1023, name.strip_prefix("teacher.")?),
        };
        match name.strip_prefix("backbone.") {
            Some(name) => Some((seed, name.into())),
            // The gain of the last layer is fixed at 1.
            None => (!name.ends_with("weight_g")).then(|| (1025, name.into())),
        }
    });
    let dino = tiny(Family::Dino, 0);
    agree("plain", &features(&both, &dino, None).unwrap(), "DINO's teacher");
    let expected = Golden::open("published").values("names/dino1_student.cls");
    assert_close("DINO's student", &features(&both, &dino, Some("student")).unwrap()[0], &expected, 5e-6);
    head("dino1_head", &both, Some("teacher"));

    // Newer PyTorch has other names for the parts of a normalised weight.
    let newer: Tensors = files::dino_head(&teacher, None)
        .unwrap()
        .into_iter()
        .map(|(name, tensor)| {
            let name = name.replace("weight_g", "parametrizations.weight.original0");
            (format!("dino_head.{}", name.replace("weight_v", "parametrizations.weight.original1")), tensor)
        })
        .collect();
    let path = folder.path().join("head.safetensors");
    super::write(&path, &newer);
    assert_eq!(files::dino_head(&path, None).unwrap(), files::dino_head(&teacher, None).unwrap());
}

/// The logits of a head, of the class tokens of the network that it belongs to.
fn head(kind: &str, path: &Path, part: Option<&str>) {
    let golden = Golden::open("published");
    let all = files::dino_head(path, part).unwrap();
    assert_eq!(all.len(), 8, "{:?}", all.keys());
    let network = if kind == "dino_head" { "layerscale" } else { "plain" };
    let mut rows: Vec<Vec<f64>> = golden
        .values(&format!("names/{network}.cls"))
        .chunks(32)
        .map(|row| row.iter().map(|x| f64::from(*x)).collect())
        .collect();
    let map = |rows: &[Vec<f64>], weight: &str| -> Vec<Vec<f64>> {
        let (shape, values) = &all[weight];
        let bias = weight.strip_suffix("weight").map(|layer| &all[&format!("{layer}bias")].1);
        let one = |row: &Vec<f64>, (at, weights): (usize, &[f32])| {
            let product = row.iter().zip(weights).map(|(x, w)| x * f64::from(*w)).sum::<f64>();
            product + bias.map_or(0.0, |bias| f64::from(bias[at]))
        };
        rows.iter()
            .map(|row| values.chunks(shape[1]).enumerate().map(|out| one(row, out)).collect())
            .collect()
    };
    for (layer, gelu) in [(0, true), (2, true), (4, false)] {
        rows = map(&rows, &format!("mlp.{layer}.weight"));
        if gelu {
            let cdf = |x: f64| 0.5 * (1.0 + libm::erf(x / 2f64.sqrt()));
            rows.iter_mut().flatten().for_each(|x| *x *= cdf(*x));
        }
    }
    let norm = |row: &[f64]| row.iter().map(|x| x * x).sum::<f64>().sqrt();
    for row in &mut rows {
        let length = norm(row);
        row.iter_mut().for_each(|x| *x /= length);
    }
    let (shape, direction) = &all["last_layer.weight_v"];
    let lengths: Vec<f64> = direction
        .chunks(shape[1])
        .map(|row| norm(&row.iter().map(|x| f64::from(*x)).collect::<Vec<_>>()))
        .collect();
    let gain = &all["last_layer.weight_g"].1;
    let found: Vec<f32> = map(&rows, "last_layer.weight_v")
        .iter()
        .flat_map(|row| {
            row.iter().zip(gain).zip(&lengths).map(|((x, g), length)| (x * f64::from(*g) / length) as f32)
        })
        .collect();
    assert_close(kind, &found, &golden.values(&format!("names/{kind}.logits")), 5e-6);
}
