//! One and the same transformer in every layout of files, against what it gives in published code
//! (`tests/golden/published.py`). The files are written here: safetensors by the recipe, PyTorch's checkpoints from the pickles
//! that it wrote.

use super::*;
use crate::{
    adapter::{self, Channels, Images, Planes},
    backbone::{Blocks, Vit, files, recipe, torch::Checkpoint},
    golden::{self, Golden, assert_close},
    model::Extractor,
    pass::Pass,
    seed::Seed,
    tape::Tape,
};
use std::{
    collections::BTreeMap,
    fs::File,
    io::Write,
    path::{Path, PathBuf},
};

mod checkpoints;

type Tensors = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

/// Width 32, two blocks with two heads, patches of 16 px, positions for 64 px.
fn tiny(family: Family, registers: usize) -> Transformer {
    let size = Size { width: 32, depth: 2, heads: 2, hidden: Hidden::Gelu };
    Transformer { name: "tiny".into(), family, size, patch: 16, side: None, registers }
}

/// The transformer of a seed in Meta's names.
fn meta(seed: u64, family: Family, registers: usize) -> Tensors {
    let mut params = Params::new(Seed(0));
    let shape = VitShape {
        width: 32,
        depth: 2,
        heads: 2,
        patch: 16,
        grid: 4,
        registers,
        layer_scale: (family == Family::DinoV2).then_some(1.0),
        class_position: true,
        drop_path: 0.0,
        reading: reading(true),
        resize: PositionResize::Offset.into(),
        hidden: Hidden::Gelu,
    };
    let _ = adapter::plain(3, shape.stem(), &mut params);
    let _ = Vit::shaped(shape, &mut params);
    let one = |id| {
        let published = params.published(id);
        let name = published.name.replace("reg_token", "register_tokens");
        (name.clone(), (published.shape.clone(), recipe::tensor(seed, &name, &published.shape)))
    };
    let mut all: Tensors = params.ids().map(one).collect();
    if family == Family::DinoV2 {
        all.insert("mask_token".into(), (vec![1, 32], recipe::tensor(seed, "mask_token", &[1, 32])));
    }
    all
}

fn reading(class: bool) -> Reading {
    Reading { class, patches: !class, blocks: Blocks::Last(1) }
}

fn renamed(all: &Tensors, name: impl Fn(&str) -> String) -> Tensors {
    all.iter().map(|(theirs, tensor)| (name(theirs), tensor.clone())).collect()
}

/// Hugging Face's names, and queries, keys and values apart; `plain`: those of a transformer that is not DINOv2's.
fn hugging_face(all: &Tensors, plain: bool) -> Tensors {
    let mut found = Tensors::new();
    for (name, (shape, values)) in all {
        let mut theirs = name
            .replace("patch_embed.proj", "embeddings.patch_embeddings.projection")
            .replace("pos_embed", "embeddings.position_embeddings")
            .replace("blocks.", "encoder.layer.")
            .replace("attn.proj", "attention.output.dense")
            .replace("ls1.gamma", "layer_scale1.lambda1")
            .replace("ls2.gamma", "layer_scale2.lambda1");
        if ["cls_token", "mask_token", "register_tokens"].contains(&name.as_str()) {
            theirs = format!("embeddings.{name}");
        }
        if name.starts_with("norm.") {
            theirs = name.replace("norm", "layernorm");
        }
        if plain {
            theirs = theirs
                .replace("norm1", "layernorm_before")
                .replace("norm2", "layernorm_after")
                .replace("mlp.fc1", "intermediate.dense")
                .replace("mlp.fc2", "output.dense");
            theirs.insert_str(0, "vit.");
        }
        if !name.contains("attn.qkv") {
            found.insert(theirs, (shape.clone(), values.clone()));
            continue;
        }
        let mut third = shape.clone();
        third[0] /= 3;
        for (part, values) in ["query", "key", "value"].iter().zip(values.chunks_exact(values.len() / 3)) {
            let name = theirs.replace("attn.qkv", &format!("attention.attention.{part}"));
            found.insert(name, (third.clone(), values.to_vec()));
        }
    }
    found
}

/// timm's way with registers: the class token's position is in the class token.
fn timm(all: &Tensors) -> Tensors {
    let mut all = renamed(all, |name| name.replace("register_tokens", "reg_token"));
    all.remove("mask_token");
    if all.contains_key("reg_token") {
        let position = all.get_mut("pos_embed").unwrap();
        position.0[1] -= 1;
        let first: Vec<f32> = position.1.drain(..32).collect();
        all.get_mut("cls_token").unwrap().1.iter_mut().zip(first).for_each(|(class, first)| *class += first);
    }
    all
}

fn write(path: &Path, all: &Tensors) {
    let all: Vec<_> = all
        .iter()
        .map(|(name, (shape, values))| (name.clone(), shape.clone(), files::bytes(values)))
        .collect();
    files::write(path, &all, None).unwrap();
}

/// Class token and mean over patches of the case's images.
fn features(path: &Path, transformer: &Transformer, part: Option<&str>) -> Result<[Vec<f32>; 2], Error> {
    let images = recipe::images(1020, "images_64x64", [2, 3, 64, 64]);
    let one = |class| {
        let weights = Weights::open(path, transformer, reading(class), part)?;
        let mut params = Params::new(Seed(0));
        let channels = Channels::Planes;
        let planes = Planes { count: weights.planes, channels, norm: None, padded: false };
        let model = Extractor::published(&weights, planes, &mut params)?;
        let images = Images { pixels: images.clone(), set: 0 };
        let mut tape = Tape::forgetting();
        let found = model.run(&mut Pass::new(&mut tape, &params), &images)?.features;
        Ok::<_, Error>(found.value().flatten_all()?.to_vec1()?)
    };
    Ok([one(true)?, one(false)?])
}

fn agree(kind: &str, found: &[Vec<f32>; 2], layout: &str) {
    let golden = Golden::open("published");
    for (found, what) in found.iter().zip(["cls", "patch_mean"]) {
        let expected = golden.values(&format!("names/{kind}.{what}"));
        assert_close(&format!("{layout}: {kind}.{what}"), found, &expected, 5e-6);
    }
}

#[test]
fn every_layout_gives_the_features_of_published_code() {
    let folder = tempfile::tempdir().unwrap();
    let (scaled, registers, plain) =
        (meta(1020, Family::DinoV2, 0), meta(1022, Family::DinoV2, 4), meta(1023, Family::Timm, 0));
    let chunked = |name: &str| match name.strip_prefix("blocks.").and_then(|rest| rest.split_once('.')) {
        Some((block, rest)) => format!("blocks.{block}.{block}.{rest}"),
        None => name.into(),
    };
    let mut with_head = plain.clone();
    with_head.insert("head.weight".into(), (vec![10, 32], vec![0.5; 320]));
    let before = |all: &Tensors, prefix: &str| renamed(all, |name| format!("{prefix}{name}"));
    let cases = [
        ("layerscale", "Meta", 0, scaled.clone()),
        ("layerscale", "Meta, in chunks", 0, renamed(&scaled, chunked)),
        ("layerscale", "Hugging Face", 0, hugging_face(&scaled, false)),
        ("layerscale", "timm", 0, timm(&scaled)),
        ("layerscale", "wrapped", 0, before(&scaled, "module.backbone.")),
        ("registers", "Meta", 4, registers.clone()),
        ("registers", "Hugging Face", 4, hugging_face(&registers, false)),
        ("registers", "timm", 4, timm(&registers)),
        ("plain", "timm", 0, with_head),
        ("plain", "Hugging Face", 0, hugging_face(&plain, true)),
        ("plain", "wrapped", 0, before(&plain, "student.module.backbone.")),
    ];
    for (kind, layout, registers, tensors) in cases {
        let path = folder.path().join("a.safetensors");
        write(&path, &tensors);
        let family = if kind == "plain" { Family::Timm } else { Family::DinoV2 };
        let transformer = tiny(family, registers);
        agree(kind, &features(&path, &transformer, None).unwrap(), layout);
        let weights = Weights::open(&path, &transformer, reading(true), None).unwrap();
        let said = weights.remarks().concat();
        assert_eq!(
            said.contains("begin with `"),
            layout == "wrapped" || tensors.contains_key("vit.layernorm.bias"),
            "{said}"
        );
    }
}

#[test]
fn what_does_not_fit_is_listed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.safetensors");
    let refused = |tensors: &Tensors, transformer: Transformer| {
        write(&path, tensors);
        features(&path, &transformer, None).unwrap_err().to_string()
    };
    let plain = meta(1023, Family::Timm, 0);
    let registers = meta(1022, Family::DinoV2, 4);
    let said = refused(&registers, tiny(Family::DinoV2, 0));
    assert!(said.ends_with("does not fit this model: unexpected: reg_token"), "{said}");
    let said = refused(&plain, tiny(Family::DinoV2, 4));
    assert!(said.ends_with("does not fit this model: missing: reg_token"), "{said}");
    let said = refused(&meta(1020, Family::DinoV2, 0), tiny(Family::Timm, 0));
    assert!(
        said.contains("unexpected: blocks.0.ls1.gamma, blocks.0.ls2.gamma, blocks.1.ls1.gamma"),
        "{said}"
    );
    let mut deeper = tiny(Family::Timm, 0);
    deeper.size.depth = 3;
    let said = refused(&plain, deeper);
    assert!(said.contains("missing: blocks.2.") && said.contains(" and 7 more"), "{said}");
    let mut wider = tiny(Family::Timm, 0);
    wider.size.width = 64;
    let said = refused(&plain, wider);
    assert!(said.contains("misshapen: ") && said.contains("expected F32 [64]"), "{said}");
    let mut apart = hugging_face(&plain, true);
    apart.remove("vit.encoder.layer.1.attention.attention.key.bias");
    let said = refused(&apart, tiny(Family::Timm, 0));
    assert!(said.contains("missing: blocks.1.attn.qkv.bias"), "{said}");
    let queries = "unexpected: encoder.layer.1.attention.attention.query.bias";
    assert!(said.contains(queries), "{said}");
    let mut twice = plain;
    for chunk in [0, 1] {
        twice.insert(format!("blocks.{chunk}.0.norm1.bias"), (vec![32], vec![0.0; 32]));
    }
    let said = refused(&twice, tiny(Family::Timm, 0));
    assert!(said.contains("two of its names mean `blocks.0.norm1.bias`"), "{said}");
}

#[test]
fn of_several_networks_the_teacher_is_read_or_the_one_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.safetensors");
    let one = |seed, prefix: &str| renamed(&meta(seed, Family::Timm, 0), |name| format!("{prefix}{name}"));
    let mut both = one(1023, "teacher_encoder.backbone.");
    both.extend(one(1026, "student_encoder.backbone."));
    both.insert("loss_fn.center".into(), (vec![1, 4], vec![0.0; 4]));
    write(&path, &both);
    let transformer = tiny(Family::Dino, 0);
    agree("plain", &features(&path, &transformer, None).unwrap(), "teacher");
    let expected = Golden::open("published").values("names/dino1_student.cls");
    assert_close("student", &features(&path, &transformer, Some("student")).unwrap()[0], &expected, 5e-6);
    let weights = Weights::open(&path, &transformer, reading(true), None).unwrap();
    let said = weights.remarks().concat();
    assert!(said.contains("30 of 61 names begin with `teacher_encoder.backbone.`"), "{said}");
    let error = features(&path, &transformer, Some("other")).unwrap_err();
    assert!(
        error.to_string().contains("expected one network whose names have `other` before them"),
        "{error}"
    );
    let hint = "say which: `--part student_encoder` or `--part teacher_encoder`";
    assert_eq!(error.hint().unwrap(), hint);
}

fn known(name: &str) -> Transformer {
    Transformer::named(name).unwrap_or_else(|| panic!("{name}"))
}

#[test]
fn names_say_shapes_and_where_weights_lie() {
    let small = known("vit_small_patch16_224");
    assert_eq!((small.size.width, small.patch, small.side, small.registers), (384, 16, Some(224), 0));
    assert_eq!(small.file(), "vit_small_patch16_224.augreg_in21k_ft_in1k");
    assert_eq!(known("deit_tiny_patch16_224").file(), "deit_tiny_patch16_224.fb_in1k");
    assert_eq!(known("vit_base_patch16_224.dino").file(), "vit_base_patch16_224.dino");
    assert_eq!(known("dinov2_vitb14").file(), "dinov2_vitb14");
    let registers = known("dinov2_vitl14_reg");
    assert_eq!((registers.size.depth, registers.registers, registers.side), (24, 4, None));
    assert_eq!(known("vit_giant_patch14_reg4_dinov2.lvd142m").size.hidden, Hidden::SwiGlu(4096));
    assert_eq!(known("dino_vits8").patch, 8);
    for wrong in [
        "vit_small_patch16",
        "vit_small_patch16_220",
        "vit_small_patch0_224",
        "vit_small_patch16_224_x",
        "deit_small_patch16_reg4_224",
        "vit_giant_patch14_224",
        "dinov2_vits14_registers",
        "dino_vits16_reg",
        "dinov2_vit",
        "dinov2_vité14",
        "resnet18",
        "dinov2_vits14.lvd142m",
    ] {
        assert_eq!(Transformer::named(wrong), None, "{wrong}");
    }
}

#[test]
fn pixels_are_normalised_as_weights_were_trained() {
    let of = |name: &str| known(name).trained_with(3);
    assert_eq!(of("vit_small_patch16_224"), Pixels::Rgb(RgbNorm::Symmetric));
    for name in ["deit_small_patch16_224", "vit_base_patch16_224.dino", "dinov2_vits14", "dino_vitb8"] {
        assert_eq!(of(name), Pixels::Rgb(RgbNorm::ImageNet), "{name}");
    }
    assert_eq!(known("dinov2_vits16").trained_with(1), Pixels::Crop);
}
