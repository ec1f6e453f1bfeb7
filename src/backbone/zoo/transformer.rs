//! timm's names for the transformers whose code candle-transformers took from Hugging Face.

use super::names::{Rows, Source};

/// timm's names for theirs.
const WORDS: [(&str, &str); 9] = [
    ("embeddings.patch_embedding.", "patch_embed.proj."),
    ("encoder.layers.", "blocks."),
    ("self_attn.out_proj", "attn.proj"),
    ("layer_norm1", "norm1"),
    ("layer_norm2", "norm2"),
    ("pre_layrnorm", "norm_pre"),
    ("post_layernorm", "norm"),
    ("head.attention.out_proj", "attn_pool.proj"),
    ("head.layernorm", "attn_pool.norm"),
];
/// timm stores these in one tensor, in this order.
const THIRDS: [&str; 3] = ["q_proj", "k_proj", "v_proj"];

/// Where an encoder's tensor is in timm's file.
pub(super) fn source(name: &str, shape: &[usize]) -> Source {
    if name == "embeddings.position_embedding.weight" {
        return Source::whole("pos_embed", &[1, shape[0], shape[1]]);
    }
    let ours = WORDS.iter().fold(name.to_owned(), |name, (theirs, ours)| name.replace(theirs, ours));
    let third = THIRDS.iter().enumerate().find(|(_, third)| ours.contains(*third));
    let Some((at, third)) = third else { return Source::whole(ours, shape) };
    let mut whole = shape.to_vec();
    whole[0] *= THIRDS.len();
    let name = ours.replace(&format!("self_attn.{third}"), "attn.qkv");
    Source::Published(vec![Rows { name, shape: whole, rows: at * shape[0]..(at + 1) * shape[0] }])
}
