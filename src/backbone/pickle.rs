//! Parses Python's pickles into plain data. Classes and functions are kept as names and nothing is executed,
//! so that an untrusted file is harmless; anything but text, numbers, sequences and dictionaries is opaque.

use std::collections::BTreeMap;

/// Most bytes of the name of a class or module.
const MAX_NAME: usize = 1024;

/// An object of a pickle. Objects refer to each other, possibly in cycles, so they are numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Id(usize);

#[derive(Debug)]
enum Object {
    Int(i64),
    Text(String),
    /// A list, a tuple or a set.
    Sequence(Vec<Id>),
    /// Keys and values; of equal keys the last one counts.
    Dict(Vec<(Id, Id)>),
    /// `module.name`.
    Named(String),
    /// The result of a class or function called with arguments, and the state that is then set.
    Made {
        by: Id,
        of: Id,
        state: Option<Id>,
    },
    /// Data outside the pickle, under this address.
    Outside(Id),
    Opaque,
}

/// Why the input is not a pickle, and at which byte.
#[derive(Debug, thiserror::Error)]
#[error("{what} at byte {at}")]
pub(super) struct Fault {
    at: usize,
    what: String,
}

/// A parsed pickle.
#[derive(Debug)]
pub(super) struct Pickle {
    objects: Vec<Object>,
    /// The root object.
    pub(super) top: Id,
    /// Its length in bytes.
    pub(super) length: usize,
}

impl Pickle {
    /// Parses the pickle (protocols 2 to 5) at the beginning of `bytes`.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Fault> {
        let mut machine = Machine {
            bytes,
            at: 0,
            objects: Vec::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: BTreeMap::new(),
        };
        while machine.step()? {}
        let top = machine.pop()?;
        Ok(Self { objects: machine.objects, top, length: machine.at })
    }

    pub(super) fn int(&self, id: Id) -> Option<i64> {
        if let Object::Int(value) = &self.objects[id.0] { Some(*value) } else { None }
    }

    pub(super) fn text(&self, id: Id) -> Option<&str> {
        if let Object::Text(text) = &self.objects[id.0] { Some(text) } else { None }
    }

    pub(super) fn name(&self, id: Id) -> Option<&str> {
        if let Object::Named(name) = &self.objects[id.0] { Some(name) } else { None }
    }

    pub(super) fn items(&self, id: Id) -> Option<&[Id]> {
        if let Object::Sequence(items) = &self.objects[id.0] { Some(items) } else { None }
    }

    pub(super) fn entries(&self, id: Id) -> Option<&[(Id, Id)]> {
        if let Object::Dict(entries) = &self.objects[id.0] { Some(entries) } else { None }
    }

    /// The value under a key of a dictionary.
    pub(super) fn get(&self, id: Id, key: &str) -> Option<Id> {
        let found = self.entries(id)?.iter().rev().find(|(known, _)| self.text(*known) == Some(key));
        found.map(|(_, value)| *value)
    }

    /// The class or function and the arguments from which an object is made.
    pub(super) fn made(&self, id: Id) -> Option<(&str, &[Id])> {
        let Object::Made { by, of, .. } = self.objects[id.0] else { return None };
        Some((self.name(by)?, self.items(of)?))
    }

    /// The state that was set on an object.
    pub(super) fn state(&self, id: Id) -> Option<Id> {
        if let Object::Made { state, .. } = self.objects[id.0] { state } else { None }
    }

    /// The address of external data.
    pub(super) fn outside(&self, id: Id) -> Option<&[Id]> {
        let Object::Outside(address) = self.objects[id.0] else { return None };
        self.items(address)
    }

    /// All addresses of external data.
    pub(super) fn addresses(&self) -> impl Iterator<Item = &[Id]> {
        (0..self.objects.len()).filter_map(|at| self.outside(Id(at)))
    }
}

/// The stack machine that executes a pickle's instructions.
struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    objects: Vec<Object>,
    stack: Vec<Id>,
    /// Heights of the stack.
    marks: Vec<usize>,
    memo: BTreeMap<usize, Id>,
}

impl Machine<'_> {
    /// Executes one instruction; returns whether there is another.
    fn step(&mut self) -> Result<bool, Fault> {
        match self.number(1)? as u8 {
            // PROTO, FRAME
            0x80 => drop(self.take(1)?),
            0x95 => drop(self.take(8)?),
            b'.' => return Ok(false),
            b'(' => self.marks.push(self.stack.len()),
            // POP (of a mark too), POP_MARK, DUP
            b'0' if self.marks.last() == Some(&self.stack.len()) => drop(self.marks.pop()),
            b'0' => drop(self.pop()?),
            b'1' => drop(self.above_mark()?),
            b'2' => {
                let top = self.pop()?;
                self.stack.extend([top, top]);
            }
            // None, True, False, BINFLOAT
            b'N' | 0x88 | 0x89 => self.push(Object::Opaque),
            b'G' => self.opaque(8)?,
            // Whole numbers
            b'K' => self.int(1)?,
            b'M' => self.int(2)?,
            b'J' => {
                let value = self.number(4)? as u32 as i32;
                self.push(Object::Int(value.into()));
            }
            0x8a => self.long(1)?,
            0x8b => self.long(4)?,
            // Text: SHORT_BINUNICODE, SHORT_BINSTRING, BINUNICODE, BINSTRING, BINUNICODE8
            0x8c | b'U' => self.text(1)?,
            b'X' | b'T' => self.text(4)?,
            0x8d => self.text(8)?,
            // Bytes: SHORT_BINBYTES, BINBYTES, BINBYTES8, BYTEARRAY8
            b'C' => self.bytes(1)?,
            b'B' => self.bytes(4)?,
            0x8e | 0x96 => self.bytes(8)?,
            // Containers
            b']' | b')' | 0x8f => self.push(Object::Sequence(Vec::new())),
            b'}' => self.push(Object::Dict(Vec::new())),
            b'l' | b't' | 0x91 => {
                let items = self.above_mark()?;
                self.push(Object::Sequence(items));
            }
            b'd' => {
                let entries = self.pairs()?;
                self.push(Object::Dict(entries));
            }
            count @ 0x85..=0x87 => {
                let height = self.stack.len().checked_sub((count - 0x84) as usize);
                let items = self.stack.split_off(height.ok_or_else(|| self.fault("a short stack"))?);
                self.push(Object::Sequence(items));
            }
            b'a' => {
                let item = self.pop()?;
                self.extend(vec![item])?;
            }
            b'e' | 0x90 => {
                let items = self.above_mark()?;
                self.extend(items)?;
            }
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.put(vec![(key, value)])?;
            }
            b'u' => {
                let entries = self.pairs()?;
                self.put(entries)?;
            }
            // The memo
            b'h' => self.recall(1)?,
            b'j' => self.recall(4)?,
            b'q' => self.remember(1)?,
            b'r' => self.remember(4)?,
            0x94 => {
                let top = self.top()?;
                self.memo.insert(self.memo.len(), top);
            }
            // Classes and functions: GLOBAL, STACK_GLOBAL
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.push(Object::Named(format!("{module}.{name}")));
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                // Names are joined, so that a long one could be repeated for each few bytes of the file.
                let text = |id: Id| match &self.objects[id.0] {
                    Object::Text(text) if text.len() <= MAX_NAME => Ok(text.as_str()),
                    _ => Err(self.fault("a class without a name")),
                };
                let name = format!("{}.{}", text(module)?, text(name)?);
                self.push(Object::Named(name));
            }
            // Objects made by calls: REDUCE, NEWOBJ, NEWOBJ_EX, BUILD, BINPERSID
            b'R' | 0x81 => self.make()?,
            0x92 => {
                self.pop()?;
                self.make()?;
            }
            b'b' => {
                let given = self.pop()?;
                let top = self.top()?;
                if let Object::Made { state, .. } = &mut self.objects[top.0] {
                    *state = Some(given);
                }
            }
            b'Q' => {
                let address = self.pop()?;
                self.push(Object::Outside(address));
            }
            unknown => return Err(self.fault(&format!("the unknown instruction {unknown:#04x}"))),
        }
        Ok(true)
    }

    fn fault(&self, what: &str) -> Fault {
        Fault { at: self.at, what: format!("there is {what}") }
    }

    fn take(&mut self, count: usize) -> Result<&[u8], Fault> {
        let end = self.at.checked_add(count).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or_else(|| self.fault("an early end"))?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    /// An unsigned number, little-endian, of up to eight bytes.
    fn number(&mut self, bytes: usize) -> Result<u64, Fault> {
        Ok(self.take(bytes)?.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    fn counted(&mut self, bytes: usize) -> Result<&[u8], Fault> {
        let count = self.number(bytes)?;
        self.take(usize::try_from(count).unwrap_or(usize::MAX))
    }

    fn line(&mut self) -> Result<String, Fault> {
        let end = self.bytes[self.at..].iter().position(|byte| *byte == b'\n');
        let end = end.ok_or_else(|| self.fault("an early end"))?;
        let line = String::from_utf8_lossy(self.take(end)?).into_owned();
        self.take(1)?;
        Ok(line)
    }

    fn push(&mut self, object: Object) {
        self.objects.push(object);
        self.stack.push(Id(self.objects.len() - 1));
    }

    fn pop(&mut self) -> Result<Id, Fault> {
        self.stack.pop().ok_or_else(|| self.fault("an empty stack"))
    }

    fn top(&self) -> Result<Id, Fault> {
        self.stack.last().copied().ok_or_else(|| self.fault("an empty stack"))
    }

    fn above_mark(&mut self) -> Result<Vec<Id>, Fault> {
        let height = self.marks.pop().filter(|height| *height <= self.stack.len());
        Ok(self.stack.split_off(height.ok_or_else(|| self.fault("no mark"))?))
    }

    fn pairs(&mut self) -> Result<Vec<(Id, Id)>, Fault> {
        let items = self.above_mark()?;
        let (pairs, rest) = items.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(self.fault("a key without a value"));
        }
        Ok(pairs.iter().map(|[key, value]| (*key, *value)).collect())
    }

    fn opaque(&mut self, bytes: usize) -> Result<(), Fault> {
        self.take(bytes)?;
        self.push(Object::Opaque);
        Ok(())
    }

    fn bytes(&mut self, counted_by: usize) -> Result<(), Fault> {
        self.counted(counted_by)?;
        self.push(Object::Opaque);
        Ok(())
    }

    fn text(&mut self, counted_by: usize) -> Result<(), Fault> {
        let text = String::from_utf8_lossy(self.counted(counted_by)?).into_owned();
        self.push(Object::Text(text));
        Ok(())
    }

    fn int(&mut self, bytes: usize) -> Result<(), Fault> {
        let value = self.number(bytes)? as i64;
        self.push(Object::Int(value));
        Ok(())
    }

    /// A signed number of any length; those longer than 64 bits are opaque.
    fn long(&mut self, counted_by: usize) -> Result<(), Fault> {
        let bytes = self.counted(counted_by)?;
        let sign = if bytes.last().is_some_and(|last| *last >= 0x80) { 0xff } else { 0 };
        let mut whole = [sign; 8];
        let object = match whole.get_mut(..bytes.len()) {
            None => Object::Opaque,
            Some(low) => {
                low.copy_from_slice(bytes);
                Object::Int(i64::from_le_bytes(whole))
            }
        };
        self.push(object);
        Ok(())
    }

    /// Subclasses of `list` extend themselves this way and stay opaque.
    fn extend(&mut self, items: Vec<Id>) -> Result<(), Fault> {
        let top = self.top()?;
        if let Object::Sequence(known) = &mut self.objects[top.0] {
            known.extend(items);
        }
        Ok(())
    }

    fn put(&mut self, entries: Vec<(Id, Id)>) -> Result<(), Fault> {
        let top = self.top()?;
        if let Object::Dict(known) = &mut self.objects[top.0] {
            known.extend(entries);
        }
        Ok(())
    }

    fn recall(&mut self, bytes: usize) -> Result<(), Fault> {
        let number = self.number(bytes)? as usize;
        let known = self.memo.get(&number).copied();
        self.stack.push(known.ok_or_else(|| self.fault("a memory of nothing"))?);
        Ok(())
    }

    fn remember(&mut self, bytes: usize) -> Result<(), Fault> {
        let number = self.number(bytes)? as usize;
        let top = self.top()?;
        self.memo.insert(number, top);
        Ok(())
    }

    fn make(&mut self) -> Result<(), Fault> {
        let (of, by) = (self.pop()?, self.pop()?);
        let dictionary = matches!(
            &self.objects[by.0],
            Object::Named(name) if name == "collections.OrderedDict" || name == "collections.defaultdict"
        );
        // Both are filled afterwards, as plain dictionaries are.
        self.push(if dictionary { Object::Dict(Vec::new()) } else { Object::Made { by, of, state: None } });
        Ok(())
    }
}
