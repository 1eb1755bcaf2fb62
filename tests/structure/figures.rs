//! How long files and functions are.

use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{Block, ImplItemFn, ItemFn, Signature, TraitItemFn};

use crate::tree::{File, Tree};

/// A file or a function, and its lines.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Length {
    pub(crate) num_lines: usize,
    pub(crate) name: String,
}

/// The files.
pub(crate) fn files<'a>(trees: impl IntoIterator<Item = &'a Tree>) -> Vec<Length> {
    let length = |file: &File| Length {
        num_lines: file.num_lines,
        name: file.path.clone(),
    };
    let files = trees.into_iter().flat_map(|tree| &tree.files);
    files.map(length).collect()
}

/// The functions that have a body, from `fn` to the closing brace; those within others, too.
pub(crate) fn functions<'a>(trees: impl IntoIterator<Item = &'a Tree>) -> Vec<Length> {
    let mut functions = Functions::default();
    for file in trees.into_iter().flat_map(|tree| &tree.files) {
        functions.file.clone_from(&file.path);
        for item in &file.items {
            functions.visit_item(item);
        }
    }
    functions.found
}

#[derive(Default)]
struct Functions {
    file: String,
    found: Vec<Length>,
}

impl Functions {
    fn add(&mut self, signature: &Signature, body: &Block) {
        let first = signature.span().start().line;
        self.found.push(Length {
            num_lines: body.span().end().line - first + 1,
            name: format!("{}: {}", self.file, signature.ident),
        });
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        self.add(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        self.add(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast TraitItemFn) {
        if let Some(body) = &function.default {
            self.add(&function.sig, body);
        }
        visit::visit_trait_item_fn(self, function);
    }
}
