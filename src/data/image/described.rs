//! What the description of a TIFF file says of its pages: which channel, depth and time each one is, by OME-XML, ImageJ
//! or tifffile. Read tolerantly: what cannot be understood says nothing.

use std::collections::HashMap;

/// Who says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Ome,
    ImageJ,
    Tifffile,
    MetaMorph,
}

impl By {
    /// In a sentence: `by its OME-XML`.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Ome => "its OME-XML",
            Self::ImageJ => "ImageJ's description",
            Self::Tifffile => "tifffile's description",
            Self::MetaMorph => "MetaMorph's description",
        }
    }
}

/// The place of a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) image: u64,
    pub(super) channel: u64,
    pub(super) depth: u64,
    pub(super) time: u64,
}

/// The planes that a description speaks of.
#[derive(Debug, PartialEq)]
pub(super) struct Planes {
    pub(super) by: By,
    pub(super) images: u64,
    pub(super) channels: u64,
    pub(super) depths: u64,
    pub(super) times: u64,
    /// `ZCT`: depth varies fastest; none: not said.
    order: Option<[u8; 3]>,
    /// Places of single pages, counted from 0, where they are given one by one.
    listed: HashMap<u64, Place>,
    /// All planes in this file, whether or not they have directories; none: not said.
    pub(super) stored: Option<u64>,
}

impl Planes {
    /// What `text` says of the pages, which have this many samples each.
    pub(super) fn of(text: &str, page: u64) -> Option<Self> {
        let start = text.trim_start();
        if start.starts_with("ImageJ=") {
            Some(image_j(start))
        } else if start.starts_with('{') {
            tifffile(start, page)
        } else {
            ome(text)
        }
    }

    /// MetaMorph's planes behind one directory.
    pub(super) fn meta_morph(count: u64) -> Self {
        Self { stored: Some(count), ..Self::new(By::MetaMorph) }
    }

    fn new(by: By) -> Self {
        let (listed, stored) = (HashMap::new(), None);
        Self { by, images: 1, channels: 1, depths: 1, times: 1, order: None, listed, stored }
    }

    /// All places.
    pub(super) fn count(&self) -> u64 {
        [self.channels, self.depths, self.times].iter().fold(self.images, |all, one| all.saturating_mul(*one))
    }

    /// The place of a page, counted from 0.
    pub(super) fn place(&self, page: u64) -> Option<Place> {
        if let Some(place) = self.listed.get(&page) {
            return Some(*place);
        }
        let each = self.count() / self.images.max(1);
        let order = self.order.filter(|_| self.listed.is_empty() && each > 0 && page < self.count())?;
        let mut place = Place { image: page / each, ..Place::default() };
        let mut rest = page % each;
        for axis in order {
            let (length, at) = match axis {
                b'C' => (self.channels, &mut place.channel),
                b'Z' => (self.depths, &mut place.depth),
                _ => (self.times, &mut place.time),
            };
            *at = rest % length.max(1);
            rest /= length.max(1);
        }
        Some(place)
    }

    /// `3 channels x 2 planes of depth`.
    pub(super) fn words(&self) -> String {
        let many = |count: u64, one: &str, more: &str| match count {
            1 => format!("1 {one}"),
            _ => format!("{count} {more}"),
        };
        let mut words = Vec::new();
        if self.images > 1 {
            words.push(many(self.images, "image", "images (fields or scenes)"));
        }
        words.push(many(self.channels, "channel", "channels"));
        if self.depths > 1 {
            words.push(many(self.depths, "plane of depth", "planes of depth"));
        }
        if self.times > 1 {
            words.push(many(self.times, "time", "times"));
        }
        words.join(" x ")
    }
}

/// The bound keeps products small; no file has so many planes.
fn number(text: &str) -> Option<u64> {
    text.trim().parse().ok().filter(|number: &u64| (1..1 << 32).contains(number))
}

/// `images=6`, `channels=3`, `slices=2`, `frames=1`: channels vary fastest.
fn image_j(text: &str) -> Planes {
    let field = |name: &str| {
        text.lines().find_map(|line| number(line.trim().strip_prefix(name)?.trim_start().strip_prefix('=')?))
    };
    let mut planes = Planes { stored: field("images"), ..Planes::new(By::ImageJ) };
    let [channels, depths, times] = ["channels", "slices", "frames"].map(|name| field(name).unwrap_or(1));
    let all = channels.saturating_mul(depths).saturating_mul(times);
    if all > 1 && planes.stored.is_none_or(|stored| stored == all) {
        planes = Planes { channels, depths, times, order: Some(*b"CZT"), ..planes };
    }
    planes
}

/// `{"shape": [3, 40, 48], "axes": "ZYX"}`.
fn tifffile(text: &str, page: u64) -> Option<Planes> {
    let document: serde_json::Value = serde_json::from_str(text).ok()?;
    let shape: Vec<u64> =
        document.get("shape")?.as_array()?.iter().filter_map(serde_json::Value::as_u64).collect();
    let mut planes = Planes::new(By::Tifffile);
    let all = shape.iter().try_fold(1u64, |all, length| all.checked_mul(*length))?;
    planes.stored = (page > 0 && all % page == 0 && shape.len() > 2).then(|| all / page);
    let axes = document.get("axes").and_then(serde_json::Value::as_str).unwrap_or_default();
    if axes.len() == shape.len() && axes.is_ascii() {
        let length = |axis: char| axes.find(axis).map_or(1, |at| shape[at].max(1));
        let [channels, depths, times] = ['C', 'Z', 'T'].map(length);
        let fast_first = axes.bytes().rev().filter(|axis| b"CZT".contains(axis));
        let mut order: Vec<u8> = fast_first.collect();
        order.extend(b"CZT".iter().filter(|axis| !axes.as_bytes().contains(axis)));
        if planes.stored == Some(channels.saturating_mul(depths).saturating_mul(times)) {
            planes = Planes { channels, depths, times, order: order.try_into().ok(), ..planes };
        }
    }
    Some(planes)
}

/// `<Pixels SizeC="3" SizeZ="2" SizeT="1" DimensionOrder="XYZCT">` and `<TiffData IFD="0" FirstC="0">`.
fn ome(text: &str) -> Option<Planes> {
    let mut planes = Planes::new(By::Ome);
    let mut own = None;
    let mut images = 0;
    // A TiffData that may still be said to be in another file.
    let mut open: Option<(HashMap<u64, Place>, bool)> = None;
    let mut left = LISTED;
    let mut tags = Tags { rest: text };
    let mut all = Vec::new();
    while let Some((name, attributes, behind)) = tags.next() {
        let value = |name: &str| attribute(attributes, name);
        match name {
            "OME" => own = value("UUID").map(str::to_owned),
            "Pixels" => {
                images += 1;
                if images > 1 {
                    continue;
                }
                let size = |name: &str| value(name).and_then(number).unwrap_or(1);
                [planes.channels, planes.depths, planes.times] = ["SizeC", "SizeZ", "SizeT"].map(size);
                planes.order = value("DimensionOrder")
                    .and_then(|order| order.strip_prefix("XY")?.as_bytes().try_into().ok());
            }
            "TiffData" => {
                all.extend(open.take());
                open = Some((listed(&planes, images, attributes, &mut left), true));
            }
            "UUID" => {
                let of = behind.split('<').next().unwrap_or_default().trim();
                if let Some((_, here)) = &mut open {
                    *here = own.as_deref().is_none_or(|own| own == of);
                }
            }
            _ => {}
        }
    }
    all.extend(open);
    planes.images = images;
    for (places, _) in all.into_iter().filter(|(_, here)| *here) {
        planes.listed.extend(places);
    }
    (images > 0).then_some(planes)
}

/// The most pages that a description lists besides the first of each `TiffData`.
const LISTED: u64 = 65_536;

/// The pages of a `TiffData`; none if it says nothing of single pages. `left`: how many more may be listed.
fn listed(planes: &Planes, images: u64, attributes: &str, left: &mut u64) -> HashMap<u64, Place> {
    let value = |name: &str| {
        let value = attribute(attributes, name).and_then(|value| value.trim().parse::<u64>().ok());
        value.filter(|value| *value < 1 << 32)
    };
    let (Some(order), Some(first)) = (planes.order, value("IFD")) else { return HashMap::new() };
    let start = [("FirstC", b'C'), ("FirstZ", b'Z'), ("FirstT", b'T')];
    let mut at = start.map(|(name, axis)| (axis, value(name).unwrap_or(0)));
    let mut pages = HashMap::new();
    let count = value("PlaneCount").unwrap_or(1).min(*left + 1);
    *left -= count.saturating_sub(1);
    for page in 0..count {
        let of = |axis: u8| at.iter().find(|(found, _)| *found == axis).map_or(0, |(_, at)| *at);
        let place =
            Place { image: images.saturating_sub(1), channel: of(b'C'), depth: of(b'Z'), time: of(b'T') };
        pages.insert(first + page, place);
        for axis in order {
            let length = match axis {
                b'C' => planes.channels,
                b'Z' => planes.depths,
                _ => planes.times,
            };
            let Some((_, step)) = at.iter_mut().find(|(found, _)| *found == axis) else { break };
            *step += 1;
            if *step < length {
                break;
            }
            *step = 0;
        }
    }
    pages
}

/// The opening tags of a document, without prefixes of name spaces; comments are passed over.
struct Tags<'a> {
    rest: &'a str,
}

impl<'a> Tags<'a> {
    /// Name, attributes, and what is behind the tag.
    fn next(&mut self) -> Option<(&'a str, &'a str, &'a str)> {
        loop {
            let start = self.rest.find('<')?;
            let tag = &self.rest[start + 1..];
            if let Some(comment) = tag.strip_prefix("!--") {
                self.rest = comment.find("-->").map_or("", |end| &comment[end + 3..]);
                continue;
            }
            let mut quote = None;
            let end = tag.find(|c| match quote {
                Some(open) => {
                    if c == open {
                        quote = None;
                    }
                    false
                }
                None if c == '"' || c == '\'' => {
                    quote = Some(c);
                    false
                }
                None => c == '>',
            })?;
            let (inside, behind) = (&tag[..end], &tag[end + 1..]);
            self.rest = behind;
            let name = inside.split(|c: char| c.is_whitespace() || c == '/').next().unwrap_or_default();
            if !name.is_empty() && !name.starts_with(['?', '!']) {
                let bare = name.rsplit(':').next().unwrap_or(name);
                return Some((bare, &inside[name.len()..], behind));
            }
        }
    }
}

/// The value of an attribute.
fn attribute<'a>(attributes: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = attributes;
    loop {
        let (key, value) = rest.split_once('=')?;
        let value = value.trim_start();
        let quote = value.chars().next().filter(|quote| *quote == '"' || *quote == '\'')?;
        let (value, behind) = value[1..].split_once(quote)?;
        if key.trim() == name {
            return Some(value);
        }
        rest = behind;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(planes: &Planes, pages: u64) -> Vec<(u64, u64, u64)> {
        (0..pages).filter_map(|page| planes.place(page)).map(|at| (at.channel, at.depth, at.time)).collect()
    }

    #[test]
    fn ome_says_what_each_page_is() {
        let xml = r#"<?xml version="1.0"?><!-- <Pixels SizeC="9"/> --><OME UUID="urn:uuid:1"><Image ID='Image:0' Name="a > b">
            <Pixels DimensionOrder="XYZCT" SizeC='3' SizeT="1" SizeX="90" SizeY="70" SizeZ="2"><TiffData/></Pixels></Image></OME>"#;
        let planes = Planes::of(xml, 6300).unwrap();
        assert_eq!(planes.words(), "3 channels x 2 planes of depth");
        assert_eq!(places(&planes, 6), [(0, 0, 0), (0, 1, 0), (1, 0, 0), (1, 1, 0), (2, 0, 0), (2, 1, 0)]);
        let prefixed = xml.replace("<Pixels", "<ome:Pixels").replace("XYZCT", "XYCZT");
        assert_eq!(
            places(&Planes::of(&prefixed, 6300).unwrap(), 4),
            [(0, 0, 0), (1, 0, 0), (2, 0, 0), (0, 1, 0)]
        );
    }

    #[test]
    fn pages_in_their_own_order_and_in_other_files_are_understood() {
        let xml = r#"<OME UUID="urn:uuid:b"><Image><Pixels DimensionOrder="XYCZT" SizeC="2" SizeT="1" SizeZ="2">
            <TiffData FirstC="1" FirstZ="1" IFD="0" PlaneCount="1"/><TiffData FirstC="0" IFD="1"/>
            <TiffData FirstC="0" IFD="0"><UUID FileName="a.tif">urn:uuid:a</UUID></TiffData></Pixels></Image></OME>"#;
        let planes = Planes::of(xml, 1).unwrap();
        assert_eq!(places(&planes, 4), [(1, 1, 0), (0, 0, 0)]);
    }

    #[test]
    fn numbers_of_pages_are_not_believed() {
        let data =
            r#"<TiffData IFD="0" FirstC="18446744073709551615" PlaneCount="4294967295"/>"#.repeat(5000);
        let xml = format!(r#"<OME><Pixels DimensionOrder="XYCZT" SizeC="2" SizeZ="2">{data}</Pixels></OME>"#);
        let planes = Planes::of(&xml, 1).unwrap();
        assert_eq!(planes.listed.len() as u64, LISTED + 1);
        assert_eq!(places(&planes, 3), [(0, 0, 0), (1, 0, 0), (0, 1, 0)]);
    }

    #[test]
    fn image_j_and_tifffile_count_their_planes() {
        let planes =
            Planes::of("ImageJ=1.53t\nimages=6\nchannels=3\nslices=2\nhyperstack=true\n", 81).unwrap();
        assert_eq!((planes.stored, planes.words()), (Some(6), "3 channels x 2 planes of depth".to_owned()));
        assert_eq!(places(&planes, 4), [(0, 0, 0), (1, 0, 0), (2, 0, 0), (0, 1, 0)]);
        let plain = Planes::of("ImageJ=1.53t\nimages=3\n", 81).unwrap();
        assert_eq!((plain.stored, plain.place(0)), (Some(3), None));
        let shaped = Planes::of(r#"{"shape": [3, 40, 48], "axes": "ZYX"}"#, 40 * 48).unwrap();
        assert_eq!((shaped.stored, shaped.depths), (Some(3), 3));
        for text in ["", "made by hand", "{", "<OME><Image/></OME>", "<Pixels SizeC=3", "<<<>"] {
            assert_eq!(Planes::of(text, 81), None, "{text}");
        }
    }
}
