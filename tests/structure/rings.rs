//! Who needs whom, and where that goes round in a ring.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::{self, Display, Formatter};

use crate::names::Name;
use crate::tree::{Id, ROOT, Tree};

/// Modules of one parent that need each other, with all that is in them.
pub(crate) struct Ring {
    /// All that are caught up in it, in order of their names.
    pub(crate) members: Vec<String>,
    /// The shortest way round: from which file to which, by which name.
    steps: Vec<String>,
}

impl Display for Ring {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} need each other:", self.members.join(", "))?;
        for step in &self.steps {
            writeln!(f, "    {step}")?;
        }
        Ok(())
    }
}

/// The rings of a crate.
pub(crate) fn rings(tree: &Tree) -> Vec<Ring> {
    let edges = edges(tree);
    let levels: BTreeSet<_> = tree.modules.iter().filter_map(|module| module.parent).collect();
    let rings = levels.into_iter().map(|parent| Level::new(tree, &edges, parent));
    rings.flat_map(|level| level.rings(tree)).collect()
}

/// One module needs another, of another line.
struct Edge {
    from: Id,
    to: Id,
    /// `file:line → file, by the name there`.
    words: String,
}

fn edges(tree: &Tree) -> Vec<Edge> {
    let mut edges = Vec::new();
    for (from, module) in tree.modules.iter().enumerate() {
        for name in &module.names {
            let mut needed = BTreeSet::new();
            for place in resolve(tree, from, name, &mut needed) {
                needed.insert(place.module);
            }
            needed.retain(|to| !tree.are_kin(from, *to));
            edges.extend(needed.into_iter().map(|to| Edge {
                from,
                to,
                words: words(tree, from, to, name),
            }));
        }
    }
    edges
}

fn words(tree: &Tree, from: Id, to: Id, name: &Name) -> String {
    let (from, to) = (&tree.modules[from].file, &tree.modules[to].file);
    format!("{from}:{} → {to} by `{}`", name.line, name.path.join("::"))
}

/// What a name stands for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    /// The module that it is, or that defines it.
    module: Id,
    is_module: bool,
}

/// What `name` in the module `from` stands for; nothing if it is of another crate or no name of a module's.
///
/// Adds to `through` the modules that only pass it on, unless those are of one line with `from`.
fn resolve(tree: &Tree, from: Id, name: &Name, through: &mut BTreeSet<Id>) -> BTreeSet<Place> {
    let mut walk = Walk {
        tree,
        from,
        through,
        underway: BTreeSet::new(),
    };
    walk.path(from, &name.path)
}

struct Walk<'a> {
    tree: &'a Tree,
    from: Id,
    through: &'a mut BTreeSet<Id>,
    /// Names that are being looked up: imports can go round in rings, too.
    underway: BTreeSet<(Id, String)>,
}

impl Walk<'_> {
    fn path(&mut self, mut at: Id, path: &[String]) -> BTreeSet<Place> {
        let mut rest = path;
        while let [first, others @ ..] = rest {
            match first.as_str() {
                "crate" => at = ROOT,
                "self" => {}
                "super" => at = self.tree.modules[at].parent.unwrap_or(ROOT),
                _ => break,
            }
            rest = others;
        }
        match rest {
            [] => BTreeSet::from([Place {
                module: at,
                is_module: true,
            }]),
            [last] => self.name(at, last),
            [first, others @ ..] => {
                let firsts = self.name(at, first);
                let found = firsts.into_iter().map(|place| {
                    // What is below a type is where the type is.
                    let below = place.is_module.then(|| self.below(place.module, others));
                    below.unwrap_or_else(|| BTreeSet::from([place]))
                });
                found.flatten().collect()
            }
        }
    }

    /// What a path below a module stands for; that module if it does not have it.
    fn below(&mut self, module: Id, path: &[String]) -> BTreeSet<Place> {
        let mut found = self.path(module, path);
        if found.is_empty() {
            found.insert(Place {
                module,
                is_module: false,
            });
        }
        found
    }

    /// What a name in a module stands for.
    fn name(&mut self, at: Id, name: &str) -> BTreeSet<Place> {
        let mut found = BTreeSet::new();
        if !self.underway.insert((at, name.to_owned())) {
            return found;
        }
        let tree = self.tree;
        let module = &tree.modules[at];
        found.extend(module.children.get(name).map(|child| Place {
            module: *child,
            is_module: true,
        }));
        found.extend(module.defined.contains(name).then_some(Place {
            module: at,
            is_module: false,
        }));
        for import in &module.imports {
            let passed_on = match &import.alias {
                Some(alias) if alias == name => self.path(at, &import.path),
                None if found.is_empty() => self.glob(at, &import.path, name),
                _ => continue,
            };
            if !passed_on.is_empty() && !tree.are_kin(self.from, at) {
                self.through.insert(at);
            }
            found.extend(passed_on);
        }
        self.underway.remove(&(at, name.to_owned()));
        found
    }

    /// What a name stands for that came by all of `path`.
    fn glob(&mut self, at: Id, path: &[String], name: &str) -> BTreeSet<Place> {
        let sources = self.path(at, path);
        let found = sources.into_iter().filter(|source| source.is_module);
        found.flat_map(|source| self.name(source.module, name)).collect()
    }
}

/// The children of one module, each standing for all that is in it.
struct Level<'a> {
    /// Who needs whom directly, and one edge that says so.
    needs: BTreeMap<Id, BTreeMap<Id, &'a Edge>>,
}

impl<'a> Level<'a> {
    fn new(tree: &Tree, edges: &'a [Edge], parent: Id) -> Self {
        let child = |id| {
            tree.lineage(id)
                .find(|id| tree.modules[*id].parent == Some(parent))
        };
        let mut needs = BTreeMap::<_, BTreeMap<_, _>>::new();
        for edge in edges {
            if let (Some(from), Some(to)) = (child(edge.from), child(edge.to))
                && from != to
            {
                needs.entry(from).or_default().entry(to).or_insert(edge);
            }
        }
        Self { needs }
    }

    fn rings(&self, tree: &Tree) -> Vec<Ring> {
        let mut seen = BTreeSet::new();
        let mut rings = Vec::new();
        for start in self.needs.keys() {
            if !seen.contains(start) && self.way(*start, *start).is_some() {
                let members = self.members(*start);
                rings.push(self.ring(tree, &members));
                seen.extend(members);
            }
        }
        rings
    }

    /// Those that need `start` and that it needs.
    fn members(&self, start: Id) -> BTreeSet<Id> {
        let round =
            |id: &Id| *id == start || (self.way(start, *id).is_some() && self.way(*id, start).is_some());
        self.needs.keys().copied().filter(round).collect()
    }

    fn ring(&self, tree: &Tree, members: &BTreeSet<Id>) -> Ring {
        let ways = members.iter().filter_map(|id| self.way(*id, *id));
        let shortest = ways.min_by_key(Vec::len).unwrap_or_default();
        let mut members: Vec<_> = members.iter().map(|id| tree.modules[*id].path.clone()).collect();
        members.sort();
        Ring {
            members,
            steps: shortest.iter().map(|edge| edge.words.clone()).collect(),
        }
    }

    /// The shortest way from one to another, or round to itself.
    fn way(&self, from: Id, to: Id) -> Option<Vec<&'a Edge>> {
        let mut ways = VecDeque::from([(from, Vec::new())]);
        let mut seen = BTreeSet::new();
        while let Some((at, way)) = ways.pop_front() {
            for (next, edge) in self.needs.get(&at).into_iter().flatten() {
                let mut way = way.clone();
                way.push(*edge);
                if *next == to {
                    return Some(way);
                }
                if seen.insert(*next) {
                    ways.push_back((*next, way));
                }
            }
        }
        None
    }
}
