//! The paths that a module names.

use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod, ItemUse, LitStr, Macro, Meta, UseTree};

/// A path, and where it is named.
#[derive(Clone)]
pub(crate) struct Name {
    pub(crate) path: Vec<String>,
    pub(crate) line: usize,
}

/// What a `use` brings in.
pub(crate) struct Import {
    /// What it is called from there on; [`None`] for all that is in there.
    pub(crate) alias: Option<String>,
    pub(crate) path: Vec<String>,
}

/// What these items bring in, and all that they name; modules among them are not looked into.
pub(crate) fn used(items: &[Item]) -> (Vec<Import>, Vec<Name>) {
    let mut finder = Finder::default();
    for item in items {
        finder.visit_item(item);
    }
    (finder.imports, finder.names)
}

#[derive(Default)]
struct Finder {
    imports: Vec<Import>,
    names: Vec<Name>,
}

impl<'ast> Visit<'ast> for Finder {
    fn visit_item_mod(&mut self, _: &'ast ItemMod) {}

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        // What begins with `::` is in another crate.
        if item.leading_colon.is_none() {
            self.add_use(&mut Vec::new(), &item.tree);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if let (None, Some(first)) = (path.leading_colon, path.segments.first()) {
            self.names.push(Name {
                path: path.segments.iter().map(|part| part.ident.to_string()).collect(),
                line: first.ident.span().start().line,
            });
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &'ast Macro) {
        self.visit_path(&item.path);
        self.add_tokens(item.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if let Meta::List(list) = &attribute.meta {
            self.add_tokens(list.tokens.clone());
            if list.path.is_ident("serde") {
                self.add_texts(list.tokens.clone());
            }
        }
    }
}

impl Finder {
    fn add_use(&mut self, before: &mut Vec<String>, tree: &UseTree) {
        let (last, alias) = match tree {
            UseTree::Path(tree) => {
                before.push(tree.ident.to_string());
                self.add_use(before, &tree.tree);
                before.pop();
                return;
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.add_use(before, tree);
                }
                return;
            }
            UseTree::Name(tree) => (Some(&tree.ident), Some(&tree.ident)),
            UseTree::Rename(tree) => (Some(&tree.ident), Some(&tree.rename)),
            UseTree::Glob(_) => (None, None),
        };
        let mut path = before.clone();
        let mut alias = alias.map(ToString::to_string);
        match last.map(ToString::to_string) {
            // `use a::{self}`
            Some(last) if last == "self" && !path.is_empty() => {
                alias = alias.filter(|alias| alias != "self").or(path.last().cloned());
            }
            last => path.extend(last),
        }
        let line = tree.span().start().line;
        self.names.push(Name {
            path: path.clone(),
            line,
        });
        self.imports.push(Import { alias, path });
    }

    /// The paths of two parts and more among the tokens of a macro or an attribute.
    fn add_tokens(&mut self, tokens: TokenStream) {
        let mut path = Name {
            path: Vec::new(),
            line: 0,
        };
        let mut num_colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if num_colons != 2 {
                        self.add_path(&mut path);
                        path.line = ident.span().start().line;
                    }
                    path.path.push(ident.to_string());
                    num_colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => num_colons += 1,
                other => {
                    self.add_path(&mut path);
                    num_colons = 0;
                    if let TokenTree::Group(group) = other {
                        self.add_tokens(group.stream());
                    }
                }
            }
        }
        self.add_path(&mut path);
    }

    fn add_path(&mut self, path: &mut Name) {
        if path.path.len() > 1 {
            self.names.push(path.clone());
        }
        path.path.clear();
    }

    /// The paths that serde takes as texts.
    fn add_texts(&mut self, tokens: TokenStream) {
        for token in tokens {
            if let TokenTree::Literal(literal) = token
                && let Ok(text) = syn::parse_str::<LitStr>(&literal.to_string())
                && let Ok(path) = text.parse::<syn::Path>()
            {
                self.visit_path(&path);
            }
        }
    }
}
