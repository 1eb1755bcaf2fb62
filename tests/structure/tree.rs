//! The modules of a crate, without what is there for tests only.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use syn::spanned::Spanned;
use syn::{Attribute, ImplItem, Item, ItemMod, Meta};

use crate::names::{self, Import, Name};

/// Where a module stands in [`Tree::modules`].
pub(crate) type Id = usize;

/// The module at the root of the crate.
pub(crate) const ROOT: Id = 0;

/// A crate.
pub(crate) struct Tree {
    /// From where files are named.
    base: PathBuf,
    /// Its modules, each after its parent.
    pub(crate) modules: Vec<Module>,
    /// Its files.
    pub(crate) files: Vec<File>,
}

/// A file of a crate.
pub(crate) struct File {
    /// Where it is, as messages name it.
    pub(crate) path: String,
    /// Its lines, without those that are there for tests only.
    pub(crate) num_lines: usize,
    /// What is in it.
    pub(crate) items: Vec<Item>,
}

/// A module, in a file of its own or inside another's.
pub(crate) struct Module {
    /// Its path, the crate's name first.
    pub(crate) path: String,
    /// The file it is in, as messages name it.
    pub(crate) file: String,
    pub(crate) parent: Option<Id>,
    pub(crate) children: BTreeMap<String, Id>,
    /// What it defines by name, modules left out.
    pub(crate) defined: BTreeSet<String>,
    /// What its `use` lines bring in, those inside functions too.
    pub(crate) imports: Vec<Import>,
    /// Every path in it.
    pub(crate) names: Vec<Name>,
}

impl Tree {
    /// Reads the crate `name`, whose root is the file `root` below `base`.
    pub(crate) fn read(base: &Path, name: &str, root: &str) -> Self {
        let mut tree = Self {
            base: base.to_owned(),
            modules: Vec::new(),
            files: Vec::new(),
        };
        let file = base.join(root);
        let spot = Spot {
            path: name,
            parent: None,
            folder: file.parent().unwrap(),
        };
        tree.read_file(&spot, &file);
        tree
    }

    /// The ancestors of a module, itself first.
    pub(crate) fn lineage(&self, module: Id) -> impl Iterator<Item = Id> {
        std::iter::successors(Some(module), |id| self.modules[*id].parent)
    }

    /// Whether one of these is the other's ancestor, or they are the same.
    pub(crate) fn are_kin(&self, one: Id, other: Id) -> bool {
        self.lineage(one).any(|id| id == other) || self.lineage(other).any(|id| id == one)
    }

    fn read_file(&mut self, spot: &Spot<'_>, file: &Path) -> Id {
        let text = fs::read_to_string(file).unwrap();
        let mut items = syn::parse_file(&text)
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()))
            .items;
        let num_lines = text.lines().count() - take_tests(&mut items);
        let name = file
            .strip_prefix(&self.base)
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        let id = self.add(spot, &name, &items);
        self.files.push(File {
            path: name,
            num_lines,
            items,
        });
        id
    }

    /// Adds the module that has these items, and those below it.
    fn add(&mut self, spot: &Spot<'_>, file: &str, items: &[Item]) -> Id {
        let id = self.modules.len();
        let (imports, names) = names::used(items);
        self.modules.push(Module {
            path: spot.path.to_owned(),
            file: file.to_owned(),
            parent: spot.parent,
            children: BTreeMap::new(),
            defined: items.iter().filter_map(defined).collect(),
            imports,
            names,
        });
        for item in items {
            let Item::Mod(module) = item else { continue };
            let name = module.ident.to_string();
            let below = Spot {
                path: &format!("{}::{name}", spot.path),
                parent: Some(id),
                folder: &spot.folder.join(&name),
            };
            let child = if let Some((_, items)) = &module.content {
                self.add(&below, file, items)
            } else {
                self.read_file(&below, &file_of(module, spot.folder))
            };
            self.modules[id].children.insert(name, child);
        }
        id
    }
}

/// Where a module is.
struct Spot<'a> {
    path: &'a str,
    parent: Option<Id>,
    /// Where its children have their files.
    folder: &'a Path,
}

/// The file of a module that is declared where children have their files in `folder`.
fn file_of(module: &ItemMod, folder: &Path) -> PathBuf {
    assert!(
        !module.attrs.iter().any(|attr| attr.path().is_ident("path")),
        "{} has #[path], which this check cannot follow",
        module.ident
    );
    let flat = folder.join(format!("{}.rs", module.ident));
    if flat.exists() {
        flat
    } else {
        folder.join(module.ident.to_string()).join("mod.rs")
    }
}

/// The name that an item defines, unless it is a module.
fn defined(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::TraitAlias(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(name.to_string())
}

/// Takes out what is there for tests only; how many lines that were.
fn take_tests(items: &mut Vec<Item>) -> usize {
    let mut num_lines = 0;
    items.retain(|item| keep(attributes(item), item, &mut num_lines));
    for item in items {
        match item {
            Item::Mod(ItemMod {
                content: Some((_, items)),
                ..
            }) => num_lines += take_tests(items),
            Item::Impl(item) => item.items.retain(|item| match item {
                ImplItem::Fn(method) => keep(&method.attrs, item, &mut num_lines),
                _ => true,
            }),
            _ => {}
        }
    }
    num_lines
}

/// Whether an item is there not only for tests; if it is, counts its lines.
fn keep(attributes: &[Attribute], item: &impl Spanned, num_lines: &mut usize) -> bool {
    let for_tests = attributes.iter().any(is_for_tests);
    if for_tests {
        *num_lines += item.span().end().line - item.span().start().line + 1;
    }
    !for_tests
}

/// Whether it is `#[cfg(test)]`, or for what is built to be fuzzed.
fn is_for_tests(attribute: &Attribute) -> bool {
    match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => {
            let when = list.tokens.to_string();
            matches!(&*when, "test" | "fuzzing" | "any (test , fuzzing)")
        }
        _ => false,
    }
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}
