//! For tests: what is in an uncompressed PDF file, without another library.

use std::collections::HashMap;

/// A file, as its objects by number.
pub(super) struct Reader {
    objects: HashMap<u32, Vec<u8>>,
}

impl Reader {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut objects = HashMap::new();
        let mut rest = bytes;
        while let Some(at) = find(rest, b" 0 obj\n") {
            let digits = rest[..at].iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
            let number = text(&rest[at - digits..at]).parse().unwrap();
            let body = &rest[at + 7..];
            let end = find(body, b"\nendobj").expect("an object ends");
            objects.insert(number, body[..end].to_vec());
            rest = &body[end..];
        }
        Self { objects }
    }

    /// Objects whose text has a part, as text.
    pub(super) fn with(&self, part: &str) -> Vec<String> {
        let mut found: Vec<(&u32, String)> =
            self.objects.iter().map(|(number, body)| (number, text(body))).collect();
        found.sort_unstable();
        found.into_iter().map(|(_, body)| body).filter(|body| body.contains(part)).collect()
    }

    /// The text of each page in the order of drawing.
    pub(super) fn pages(&self) -> Vec<String> {
        let tree = self.with("/Type/Pages").remove(0);
        let kids = tree.split_once("/Kids[").unwrap().1.split(']').next().unwrap().to_owned();
        kids.split(" 0 R").filter_map(|kid| kid.trim().parse().ok()).map(|kid| self.page(kid)).collect()
    }

    fn page(&self, number: u32) -> String {
        let page = text(&self.objects[&number]);
        let resources = match reference(&page, "/Resources ") {
            Some(resources) => text(&self.objects[&resources]),
            None => page.clone(),
        };
        let list = resources.split_once("/Font<<").map(|(_, rest)| rest.split(">>").next().unwrap());
        let mut fonts = HashMap::new();
        for one in list.unwrap_or_default().split('/').skip(1) {
            let (name, number) = one.split_once(' ').unwrap();
            fonts.insert(name.to_owned(), self.letters(number.split(' ').next().unwrap().parse().unwrap()));
        }
        let stream = self.stream(reference(&page, "/Contents ").unwrap());
        let (mut found, mut font, mut said, mut silent) = (String::new(), None, false, false);
        for token in tokens(&stream) {
            match token {
                Token::Name(name) if name == "ActualText" => said = true,
                Token::Name(name) => font = fonts.get(&name).or(font),
                // What the glyphs up to the end of the mark mean.
                Token::Bytes(bytes) if said => {
                    found.push_str(&match bytes.strip_prefix(b"\xfe\xff") {
                        Some(units) => utf16(units),
                        None => text(&bytes),
                    });
                    (said, silent) = (false, true);
                }
                Token::Bytes(glyphs) if !silent => {
                    let letters: &HashMap<u16, String> = font.expect("a font is chosen");
                    glyphs.chunks(2).for_each(|glyph| found.push_str(&letters[&number_of(glyph)]));
                }
                Token::Bytes(_) => {}
                Token::Shown => found.push(' '),
                Token::EndOfMark => silent = false,
            }
        }
        found.split_whitespace().collect::<Vec<_>>().join(" ") + " "
    }

    /// What each glyph of a font means.
    fn letters(&self, font: u32) -> HashMap<u16, String> {
        let cmap = text(&self.stream(reference(&text(&self.objects[&font]), "/ToUnicode ").unwrap()));
        let mut letters = HashMap::new();
        for part in cmap.split("beginbfchar").skip(1) {
            for line in part.split("endbfchar").next().unwrap().lines() {
                let codes: Vec<Vec<u8>> =
                    line.split('<').skip(1).map(|code| hex(code.split('>').next().unwrap())).collect();
                let [glyph, meaning] = &codes[..] else { continue };
                letters.insert(number_of(glyph), utf16(meaning));
            }
        }
        letters
    }

    fn stream(&self, number: u32) -> Vec<u8> {
        let body = &self.objects[&number];
        let start = find(body, b"stream\n").unwrap() + 7;
        body[start..start + find(&body[start..], b"\nendstream").unwrap()].to_vec()
    }
}

enum Token {
    Name(String),
    /// Glyphs, or letters.
    Bytes(Vec<u8>),
    /// The end of an operation that shows glyphs.
    Shown,
    EndOfMark,
}

fn number_of(bytes: &[u8]) -> u16 {
    u16::from_be_bytes([bytes[0], bytes[1]])
}

fn utf16(bytes: &[u8]) -> String {
    String::from_utf16(&bytes.chunks(2).map(number_of).collect::<Vec<_>>()).unwrap()
}

/// Names and strings of a page's content.
fn tokens(stream: &[u8]) -> Vec<Token> {
    let (mut tokens, mut at) = (vec![], 0);
    while at < stream.len() {
        match stream[at] {
            b'/' => {
                let length = stream[at + 1..].iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
                tokens.push(Token::Name(text(&stream[at + 1..=at + length])));
                at += length + 1;
            }
            b'<' if stream[at + 1] != b'<' => {
                let length = find(&stream[at..], b">").unwrap();
                tokens.push(Token::Bytes(hex(&text(&stream[at + 1..at + length]))));
                at += length + 1;
            }
            b'<' => at += 2,
            b'(' => {
                let mut bytes = vec![];
                let mut depth = 0;
                loop {
                    at += 1;
                    match stream[at] {
                        b')' if depth == 0 => break,
                        b'\\' => {
                            at += 1;
                            bytes.push(match stream[at] {
                                b'n' => b'\n',
                                b'r' => b'\r',
                                b't' => b'\t',
                                b'b' => 8,
                                b'f' => 12,
                                digit if digit.is_ascii_digit() => {
                                    at += 2;
                                    let octal = text(&stream[at - 2..=at]);
                                    u8::from_str_radix(&octal, 8).unwrap()
                                }
                                byte => byte,
                            });
                        }
                        byte => {
                            depth += i32::from(byte == b'(') - i32::from(byte == b')');
                            bytes.push(byte);
                        }
                    }
                }
                tokens.push(Token::Bytes(bytes));
                at += 1;
            }
            _ => {
                let rest = &stream[at..];
                if rest.starts_with(b"TJ") || rest.starts_with(b"Tj") {
                    tokens.push(Token::Shown);
                } else if rest.starts_with(b"EMC") {
                    tokens.push(Token::EndOfMark);
                }
                at += 1;
            }
        }
    }
    tokens
}

fn reference(object: &str, key: &str) -> Option<u32> {
    object.split_once(key)?.1.split(' ').next()?.parse().ok()
}

fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u32> = digits.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks(2).map(|pair| (pair[0] * 16 + pair.get(1).unwrap_or(&0)) as u8).collect()
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

/// Latin-1, so that no byte is lost.
fn text(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}
