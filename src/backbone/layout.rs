//! Names of vision transformers in published files, as timm's: those of Meta, plain and with blocks in chunks, and of Hugging
//! Face, for DINOv2 and for plain ones.

/// A published name in timm's words, and the third of a joined tensor that it is: queries, keys, values.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Known {
    /// timm's name.
    pub(super) name: String,
    /// 0, 1 or 2, if the file has the three apart.
    pub(super) third: Option<usize>,
}

/// The prefix of a transformer's names, by the name of its class token.
pub(super) fn root(name: &str) -> Option<&str> {
    let before = name.strip_suffix("cls_token")?;
    let before = before.strip_suffix("embeddings.").unwrap_or(before);
    (before.is_empty() || before.ends_with('.')).then_some(before)
}

/// A name behind the transformer's prefix in timm's words. Names that no layout has come back as they are.
pub(super) fn known(name: &str) -> Known {
    let whole = |name: String| Known { name, third: None };
    if let Some(rest) = name.strip_prefix("embeddings.") {
        return whole(match rest {
            "cls_token" | "mask_token" => rest.into(),
            "register_tokens" => "reg_token".into(),
            "position_embeddings" => "pos_embed".into(),
            _ => match rest.strip_prefix("patch_embeddings.projection.") {
                Some(end) => format!("patch_embed.proj.{end}"),
                None => name.into(),
            },
        });
    }
    if let Some(end) = name.strip_prefix("layernorm.") {
        return whole(format!("norm.{end}"));
    }
    if let Some((block, rest)) = name.strip_prefix("encoder.layer.").and_then(numbered) {
        return match of_a_layer(rest) {
            Some((part, third)) => Known { name: format!("blocks.{block}.{part}"), third },
            None => whole(name.into()),
        };
    }
    match name.strip_prefix("blocks.").and_then(numbered) {
        Some((block, rest)) => {
            // Of two numbers the first is that of a chunk, and the second counts blocks through all chunks.
            let (block, rest) = numbered(rest).unwrap_or((block, rest));
            let part = rest.replace("mlp.w12.", "mlp.fc1.").replace("mlp.w3.", "mlp.fc2.");
            whole(format!("blocks.{block}.{part}"))
        }
        None if name == "register_tokens" => whole("reg_token".into()),
        None => whole(name.into()),
    }
}

/// A number before a point, and what follows.
fn numbered(text: &str) -> Option<(usize, &str)> {
    let (number, rest) = text.split_once('.')?;
    Some((number.parse().ok()?, rest))
}

/// A name within Hugging Face's layers: of DINOv2, else of the plain transformer.
fn of_a_layer(rest: &str) -> Option<(String, Option<usize>)> {
    const PARTS: [(&str, &str, Option<usize>); 16] = [
        ("norm1.", "norm1.", None),
        ("norm2.", "norm2.", None),
        ("layernorm_before.", "norm1.", None),
        ("layernorm_after.", "norm2.", None),
        ("attention.attention.query.", "attn.qkv.", Some(0)),
        ("attention.attention.key.", "attn.qkv.", Some(1)),
        ("attention.attention.value.", "attn.qkv.", Some(2)),
        ("attention.output.dense.", "attn.proj.", None),
        ("layer_scale1.lambda1", "ls1.gamma", None),
        ("layer_scale2.lambda1", "ls2.gamma", None),
        ("mlp.fc1.", "mlp.fc1.", None),
        ("mlp.fc2.", "mlp.fc2.", None),
        ("mlp.weights_in.", "mlp.fc1.", None),
        ("mlp.weights_out.", "mlp.fc2.", None),
        ("intermediate.dense.", "mlp.fc1.", None),
        ("output.dense.", "mlp.fc2.", None),
    ];
    PARTS
        .iter()
        .find_map(|(theirs, ours, third)| Some((format!("{ours}{}", rest.strip_prefix(theirs)?), *third)))
}

/// A published name that a transformer's features do not need: heads, what masked patches were replaced by, decoders.
pub(super) fn is_unused(name: &str) -> bool {
    const HEADS: [&str; 7] =
        ["head.", "fc.", "classifier.", "pooler.", "dino_head.", "ibot_head.", "decoder"];
    HEADS.iter().any(|head| name.starts_with(head)) || name == "mask_token"
}

/// A name of a projection head of DINO behind its prefix, in PyTorch's older words for weight normalisation: gain
/// `last_layer.weight_g`, direction `last_layer.weight_v`.
pub(super) fn of_a_head(name: &str) -> &str {
    match name {
        "last_layer.parametrizations.weight.original0" => "last_layer.weight_g",
        "last_layer.parametrizations.weight.original1" => "last_layer.weight_v",
        name => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_layout_has_timms_names() {
        for (theirs, ours, third) in [
            ("blocks.3.ls1.gamma", "blocks.3.ls1.gamma", None),
            ("blocks.1.7.attn.qkv.bias", "blocks.7.attn.qkv.bias", None),
            ("blocks.1.7.mlp.w12.bias", "blocks.7.mlp.fc1.bias", None),
            ("blocks.7.mlp.w3.weight", "blocks.7.mlp.fc2.weight", None),
            ("register_tokens", "reg_token", None),
            ("embeddings.register_tokens", "reg_token", None),
            ("embeddings.position_embeddings", "pos_embed", None),
            ("embeddings.patch_embeddings.projection.bias", "patch_embed.proj.bias", None),
            ("encoder.layer.11.attention.attention.key.bias", "blocks.11.attn.qkv.bias", Some(1)),
            ("encoder.layer.11.attention.output.dense.bias", "blocks.11.attn.proj.bias", None),
            ("encoder.layer.0.output.dense.weight", "blocks.0.mlp.fc2.weight", None),
            ("encoder.layer.0.layer_scale2.lambda1", "blocks.0.ls2.gamma", None),
            ("encoder.layer.0.layernorm_after.bias", "blocks.0.norm2.bias", None),
            ("encoder.layer.0.mlp.weights_out.bias", "blocks.0.mlp.fc2.bias", None),
            ("layernorm.weight", "norm.weight", None),
            ("encoder.layer.x.norm1.bias", "encoder.layer.x.norm1.bias", None),
            ("blocks.a.norm1.bias", "blocks.a.norm1.bias", None),
            ("stages.0.norm", "stages.0.norm", None),
        ] {
            assert_eq!(known(theirs), Known { name: ours.into(), third }, "{theirs}");
        }
    }

    #[test]
    fn prefixes_end_at_the_class_token() {
        assert_eq!(root("cls_token"), Some(""));
        assert_eq!(root("vit.embeddings.cls_token"), Some("vit."));
        assert_eq!(root("teacher.backbone.cls_token"), Some("teacher.backbone."));
        assert_eq!((root("xcls_token"), root("cls_token.x")), (None, None));
    }
}
