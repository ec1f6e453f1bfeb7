//! The vocabulary of channel names: synonyms, known names, and suggestions for unknown ones.
//!
//! A name says what a channel *shows*. Equal names share a row of a model's channel bank, so that `dapi` in
//! one folder and `hoechst` in another are the same to a model: both are read as `nucleus`. Only words for
//! the same structure are synonyms. A stain of several structures (`agp`) is none of them, and a colour or a
//! filter (`gfp`, `cy5`) is not a name: it says nothing about the cell.
//!
//! Case, blanks, hyphens and underscores are ignored: `Hoechst 33342` is `hoechst_33342`.
//!
//! Antibody panels (imaging mass cytometry, cyclic immunofluorescence, flow) are too many to list. Known are
//! [`MARKERS`] and three regular families (see [`marker`]): clusters of differentiation (`cd8a`), histones
//! and their marks (`h3`, `h3k27ac`), keratins (`krt5`, `ck8_18`). Whether such a target exists is not
//! checked; a typo within a family (`cd88` for `cd8`) is not caught.

use crate::spelling::distance;

/// The rows of CHAMMI's channel bank, in order.
pub const BANK: [&str; 8] = ["er", "golgi", "membrane", "microtubules", "mito", "nucleus", "protein", "rna"];

/// A name and its synonyms.
type Entry = (&'static str, &'static [&'static str]);

/// Structures and modes of illumination.
const STRUCTURES: &[Entry] = &[
    // CHAMMI's bank (Chen et al., NeurIPS 2023), with the stains and reference antibodies of its three sources: Cell
    // Painting (Bray et al., Nat. Protoc. 11, 1757, 2016: concanavalin A, SYTO 14, MitoTracker, Hoechst), the Human
    // Protein Atlas (Thul et al., Science 356, eaal3321, 2017: DAPI, tubulin, calreticulin) and WTC-11 (Viana et al.,
    // Nature 613, 345, 2023: CellMask, a tagged protein). CHAMMI calls Cell Painting's AGP `golgi`; we keep `agp`.
    ("er", &["endoplasmic_reticulum", "concanavalin_a", "con_a", "calreticulin", "calnexin"]),
    ("golgi", &["golgi_apparatus", "gm130", "giantin"]),
    ("membrane", &["plasma_membrane", "cell_membrane", "cellmask", "cellmask_deep_red"]),
    (
        "microtubules",
        &["microtubule", "tubulin", "alpha_tubulin", "a_tubulin", "beta_tubulin", "b_tubulin", "sir_tubulin"],
    ),
    ("mito", &["mitochondria", "mitochondrion", "mitotracker", "mitotracker_deep_red", "tom20", "tomm20"]),
    (
        "nucleus",
        &[
            "nuclei",
            "nuclear",
            "dna",
            "dapi",
            "hoechst",
            "hoechst_33342",
            "hoechst_33258",
            "draq5",
            "propidium_iodide",
            "sytox",
            "sytox_green",
            "sytox_orange",
        ],
    ),
    ("protein", &["tagged_protein", "protein_of_interest", "poi"]),
    ("rna", &["syto_14", "syto_rna_select"]),
    // Cell Painting (Bray et al. 2016; JUMP: Cimini et al., Nat. Protoc. 18, 1981, 2023). AGP is phalloidin and wheat
    // germ agglutinin in one channel; JUMP's three brightfield planes are three channels.
    ("agp", &["actin_golgi_plasma_membrane", "actin_golgi_membrane", "phalloidin_wga"]),
    ("actin", &["f_actin", "actin_filaments", "phalloidin", "lifeact", "sir_actin"]),
    ("wga", &["wheat_germ_agglutinin"]),
    ("nucleoli", &["nucleolus", "fibrillarin"]),
    ("brightfield", &["bf", "transmitted_light"]),
    ("brightfield_high", &["high_z_bf", "brightfield_h"]),
    ("brightfield_low", &["low_z_bf", "brightfield_l"]),
    // Other light: imaging flow cytometry's dark field is side scatter (Blasi et al., Nat. Commun. 7, 10256, 2016).
    ("darkfield", &["side_scatter", "ssc"]),
    ("phase_contrast", &["phase"]),
    ("dic", &["differential_interference_contrast", "nomarski"]),
    // Other structures, by the Cell Atlas' terms (Thul et al. 2017) and the usual dyes and antibodies.
    ("cytosol", &["cytoplasm"]),
    ("lysosomes", &["lysosome", "lysotracker", "lamp1"]),
    ("endosomes", &["endosome", "early_endosomes", "eea1"]),
    ("peroxisomes", &["peroxisome", "pmp70"]),
    ("lipid_droplets", &["lipid_droplet", "lipids", "lipidtox", "nile_red"]),
    ("autophagosomes", &["autophagosome", "lc3", "lc3b"]),
    ("centrosomes", &["centrosome", "pericentrin", "gamma_tubulin", "g_tubulin"]),
    ("nuclear_envelope", &["nuclear_lamina", "lamin", "lamin_b1", "lamin_a_c"]),
    ("edu", &["click_it_edu"]),
];

/// Targets of antibodies, as tissue panels write them (imaging mass cytometry: Damond et al., Cell Metab. 29, 755, 2019;
/// Jackson et al., Nature 578, 615, 2020). `er` is the endoplasmic reticulum here; the receptor has its full name.
const MARKERS: &[Entry] = &[
    // pancreas: Damond et al. call proinsulin PIN and E- and P-cadherin CDH
    ("pin", &["proinsulin"]),
    ("cdh", &["cadherin", "e_cadherin", "e_cad", "cdh1"]),
    ("insulin", &["ins"]),
    ("glucagon", &["gcg"]),
    ("somatostatin", &["sst"]),
    ("pancreatic_polypeptide", &["ppy"]),
    ("iapp", &["amylin"]),
    ("pdx1", &[]),
    ("nkx6_1", &[]),
    ("synaptophysin", &["syp"]),
    ("amylase", &[]),
    // tumours
    ("pan_keratin", &["pan_ck", "pan_cytokeratin"]),
    ("epcam", &[]),
    ("egfr", &[]),
    ("her2", &["erbb2"]),
    ("estrogen_receptor", &["oestrogen_receptor", "esr1", "er_alpha"]),
    ("progesterone_receptor", &["pgr"]),
    ("androgen_receptor", &[]),
    ("gata3", &[]),
    ("p53", &["tp53"]),
    ("sox9", &[]),
    ("beta_catenin", &["b_catenin"]),
    ("ca9", &["caix", "carbonic_anhydrase_ix"]),
    ("glut1", &[]),
    // growth, death, signals
    ("ki67", &["mki67"]),
    ("pcna", &[]),
    ("cleaved_caspase_3", &["cl_caspase_3", "caspase_3_cleaved"]),
    ("cleaved_parp", &["c_parp"]),
    ("ps6", &["phospho_s6"]),
    ("perk", &["phospho_erk", "p_erk1_2"]),
    // stroma
    ("vimentin", &["vim"]),
    ("sma", &["alpha_sma", "asma", "smooth_muscle_actin", "acta2"]),
    ("fibronectin", &["fn1"]),
    ("collagen_1", &["collagen_i", "collagen", "col1a1"]),
    // immune cells
    ("hla_dr", &[]),
    ("hla_abc", &["hla_class_1"]),
    ("foxp3", &[]),
    ("granzyme_b", &["gzmb"]),
    ("mpo", &["myeloperoxidase"]),
    ("pd1", &["pdcd1"]),
    ("pdl1", &[]),
    ("lag3", &[]),
    ("tim3", &["havcr2"]),
    // nerve
    ("neun", &["rbfox3"]),
    ("map2", &[]),
    ("gfap", &[]),
    ("iba1", &["aif1"]),
    ("s100", &["s100b"]),
];

/// Words for light and for positions in a microscope, which people write in place of a name.
const LIGHT: &[&str] = &[
    "gfp", "egfp", "rfp", "yfp", "cfp", "bfp", "mcherry", "tdtomato", "fitc", "tritc", "cy3", "cy5", "cy7",
    "texasred", "farred", "red", "green", "blue", "yellow", "grey", "gray", "alexa488", "alexa555",
    "alexa568", "alexa594", "alexa647", "405", "488", "561", "640", "ch0", "ch1", "ch2", "ch3", "ch4", "ch5",
    "c0", "c1", "c2", "c3", "c4", "c5", "w1", "w2", "w3", "w4", "w5",
];

/// The name that `word` means; none if it is unknown.
pub fn canonical(word: &str) -> Option<String> {
    let bare = bare(word);
    let entry = entries().find(|(name, also)| words(name, also).any(|known| self::bare(known) == bare));
    entry.map(|(name, _)| (*name).to_owned()).or_else(|| marker(&bare))
}

/// The three known names closest in spelling to `word`, the closest first.
pub fn nearest(word: &str) -> Vec<&'static str> {
    let bare = bare(word);
    let far = |&(name, also): &Entry| {
        words(name, also).map(|known| distance(&bare, &self::bare(known))).min().unwrap_or(usize::MAX)
    };
    let mut all: Vec<(usize, &str)> = entries().map(|entry| (far(entry), entry.0)).collect();
    all.sort_unstable();
    all.into_iter().take(3).map(|(_, name)| name).collect()
}

/// Whether `word` names a colour or filter, not what it shows.
pub fn is_light(word: &str) -> bool {
    LIGHT.contains(&bare(word).as_str())
}

fn entries() -> impl Iterator<Item = &'static Entry> {
    STRUCTURES.iter().chain(MARKERS)
}

fn words(name: &'static str, also: &'static [&'static str]) -> impl Iterator<Item = &'static str> {
    std::iter::once(name).chain(also.iter().copied())
}

/// Lower case, letters and digits only.
fn bare(word: &str) -> String {
    word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// A normalised word of one of the regular families: `cd8a`, `h3k27ac`, `ck5`.
fn marker(bare: &str) -> Option<String> {
    let behind = |family: &str| bare.strip_prefix(family);
    let number_first = |rest: &str| rest.starts_with(|c: char| c.is_ascii_digit());
    let short =
        |rest: &str, letters: usize| rest.chars().filter(char::is_ascii_alphabetic).count() <= letters;
    let cluster = behind("cd").is_some_and(|rest| number_first(rest) && short(rest, 2));
    let keratin = ["ck", "krt", "keratin", "cytokeratin"]
        .into_iter()
        .filter_map(behind)
        .find(|rest| number_first(rest) && short(rest, 0))
        .map(|rest| format!("krt{rest}"));
    // H1 to H4 with a modification of a residue, and the variants H2A, H2B, H2AX, …
    let histone = behind("gamma").unwrap_or(bare).strip_prefix('h').is_some_and(|rest| {
        rest.starts_with(['1', '2', '3', '4']) && (rest.len() == 1 || is_histone_variant(&rest[1..]))
    });
    keratin.or_else(|| (cluster || histone).then(|| bare.to_owned()))
}

/// `a`, `ax`, `b`; `k27ac`, `k27me3`, `s10ph`; `ak119ub`.
fn is_histone_variant(rest: &str) -> bool {
    let marked = rest.trim_start_matches(['a', 'b', 'x', 'z']);
    if marked.is_empty() {
        return true;
    }
    let Some(residue) = marked.strip_prefix(['k', 's', 't', 'r']) else { return false };
    let change = residue.trim_start_matches(|c: char| c.is_ascii_digit());
    change.len() < residue.len() && ["", "ac", "me", "me1", "me2", "me3", "ph", "ub", "la"].contains(&change)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_means_two_things() {
        let mut all: Vec<String> = entries()
            .flat_map(|(name, also)| words(name, also))
            .map(bare)
            .chain(LIGHT.iter().map(|w| bare(w)))
            .collect();
        let before = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), before);
        assert!(entries().all(|(name, _)| canonical(name).as_deref() == Some(name)));
    }

    #[test]
    fn the_bank_is_known_by_its_own_names() {
        assert!(BANK.is_sorted());
        assert!(BANK.iter().all(|name| canonical(name).as_deref() == Some(name)));
    }

    #[test]
    fn words_for_one_structure_are_one_name() {
        for word in ["DAPI", "Hoechst", "Hoechst 33342", "hoechst-33342", "DNA", "nuclei", "nucleus"] {
            assert_eq!(canonical(word).as_deref(), Some("nucleus"), "{word}");
        }
        for (word, name) in [
            ("Mitochondria", "mito"),
            ("ConA", "er"),
            ("Bright field", "brightfield"),
            ("HighZBF", "brightfield_high"),
            ("F-actin", "actin"),
            ("AGP", "agp"),
            ("Tubulin", "microtubules"),
            ("Ki-67", "ki67"),
            ("PanCK", "pan_keratin"),
        ] {
            assert_eq!(canonical(word).as_deref(), Some(name), "{word}");
        }
    }

    #[test]
    fn families_of_markers_are_known_by_their_pattern() {
        for (word, name) in [
            ("CD8a", "cd8a"),
            ("cd99", "cd99"),
            ("CD45RA", "cd45ra"),
            ("H3", "h3"),
            ("H3K27me3", "h3k27me3"),
            ("gamma-H2AX", "gammah2ax"),
            ("H2AK119ub", "h2ak119ub"),
            ("Keratin 5", "krt5"),
            ("CK8/18", "krt818"),
        ] {
            assert_eq!(canonical(word).as_deref(), Some(name), "{word}");
        }
        for word in ["cd", "cdx", "cd8alpha", "h5", "h3q", "h", "height", "keratin", "ckx", ""] {
            assert_eq!(canonical(word), None, "{word}");
        }
    }

    #[test]
    fn slips_are_answered_with_names_that_look_alike() {
        assert_eq!(nearest("nuclues")[0], "nucleus");
        assert_eq!(nearest("hoehcst")[0], "nucleus");
        assert_eq!(nearest("mitochondira")[0], "mito");
        assert_eq!(nearest("brigthfield")[0], "brightfield");
        assert_eq!(distance("ab", "ba"), 1);
        assert_eq!(distance("", "abc"), 3);
    }

    #[test]
    fn light_is_no_structure() {
        assert!(["GFP", "Cy5", "Texas Red", "Alexa 488", "w1"].into_iter().all(is_light));
        assert!(["GFP", "w1"].into_iter().all(|word| canonical(word).is_none()));
    }
}
