//! The check itself, on small trees made by hand.

use std::fs;

use crate::figures;
use crate::rings::rings;
use crate::tree::Tree;

#[test]
fn a_tree_without_rings_passes() {
    assert_clean(&[
        ("lib.rs", "mod a; mod b; mod c;"),
        ("a.rs", "use crate::{b::B, c};\npub fn a(_: B) { c::deep::f(); }"),
        ("b.rs", "use super::c::deep;\npub struct B;"),
        ("c/mod.rs", "pub mod deep;"),
        ("c/deep.rs", "pub fn f() {}"),
    ]);
}

#[test]
fn parent_and_child_may_need_each_other() {
    assert_clean(&[
        ("lib.rs", "mod a;\npub use a::b::deep::Deep;\npub struct Top;"),
        ("a.rs", "pub mod b;\nuse b::deep::Deep;\npub struct A(Deep);"),
        (
            "a/b.rs",
            "pub mod deep;\nuse super::A;\npub struct B(deep::Deep, A);",
        ),
        (
            "a/b/deep.rs",
            "use super::{super::A, B};\npub struct Deep(crate::Top, A, B);",
        ),
    ]);
}

#[test]
fn two_files_that_need_each_other_are_a_ring() {
    assert_ring(
        &[
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "\nuse crate::b::B;\npub struct A(B);"),
            ("b.rs", "use super::a::A;\npub struct B(A);"),
        ],
        "made::a, made::b",
        &["a.rs:2 → b.rs by `crate::b::B`", "b.rs:1 → a.rs by `super::a::A`"],
    );
}

#[test]
fn a_ring_goes_through_three_files() {
    assert_ring(
        &[
            ("lib.rs", "mod a; mod b; mod c; mod aside;"),
            (
                "a.rs",
                "use crate::b::B;\nuse crate::aside::Aside;\npub struct A;",
            ),
            ("b.rs", "use crate::c::C;\npub struct B;"),
            ("c.rs", "use crate::a::A;\npub struct C;"),
            ("aside.rs", "pub struct Aside;"),
        ],
        "made::a, made::b, made::c",
        &[
            "a.rs:1 → b.rs by `crate::b::B`",
            "b.rs:1 → c.rs by `crate::c::C`",
            "c.rs:1 → a.rs by `crate::a::A`",
        ],
    );
}

#[test]
fn a_ring_goes_through_different_files_of_two_folders() {
    assert_ring(
        &[
            ("lib.rs", "mod a; mod b;"),
            ("a/mod.rs", "mod deep;\npub struct A;"),
            ("a/deep.rs", "use crate::b::other::Other;"),
            ("b/mod.rs", "pub mod other;\nmod third;"),
            ("b/other.rs", "pub struct Other;"),
            ("b/third.rs", "use crate::a::A;"),
        ],
        "made::a, made::b",
        &[
            "a/deep.rs:1 → b/other.rs by `crate::b::other::Other`",
            "b/third.rs:1 → a/mod.rs by `crate::a::A`",
        ],
    );
}

#[test]
fn a_ring_deep_in_a_folder_is_told_once_and_there() {
    assert_ring(
        &[
            ("lib.rs", "mod a; mod b;"),
            ("a/mod.rs", "mod x; mod y;"),
            ("a/x.rs", "use super::y::Y;\nuse crate::b::B;\npub struct X;"),
            ("a/y.rs", "use super::x::X;\npub struct Y;"),
            ("b.rs", "pub struct B;"),
        ],
        "made::a::x, made::a::y",
        &[
            "a/x.rs:1 → a/y.rs by `super::y::Y`",
            "a/y.rs:1 → a/x.rs by `super::x::X`",
        ],
    );
}

#[test]
fn paths_outside_of_use_count() {
    let ways = [
        "fn f() { crate::b::g(); }",
        "fn f(_: super::b::B) {}",
        "fn f() -> Vec<crate::b::B> { Vec::new() }",
        "impl crate::b::T for u8 {}",
        "fn f(value: u8) { match value { crate::b::ONE => {} _ => {} } }",
        "fn f() { assert!(vec![1, crate::b::ONE].len() > 1); }",
        "fn f() { fn inner() { use crate::b::g; g(); } }",
        "mod inner { fn f() { super::super::b::g(); } }",
        "#[derive(crate::b::Made)] struct A;",
        "#[arg(value_parser = crate::b::parse)] struct A;",
        "#[serde(with = \"crate::b\")] struct A;",
    ];
    for way in ways {
        assert_needs_b(way, "pub fn g() {}\npub struct B;\npub const ONE: u8 = 1;");
    }
}

#[test]
fn all_shapes_of_use_count() {
    let shapes = [
        "use crate::b;",
        "use crate::{b};",
        "use crate::b::{self, g};",
        "use crate::{aside::{Aside, Else}, b::{B as Other}};",
        "use super::b::*;",
        "use crate::b as other;",
        "pub use crate::b::g;",
        "use self::super::b::g;",
    ];
    for shape in shapes {
        assert_needs_b(shape, "pub fn g() {}\npub struct B;");
    }
}

#[test]
fn a_name_that_the_parent_passes_on_counts_where_it_is_defined() {
    assert_ring(
        &[
            ("lib.rs", "mod a; mod b;\npub use b::{deep, B};"),
            ("a.rs", "use crate::B;\npub struct A;"),
            ("b.rs", "pub mod deep;\npub struct B;"),
            ("b/deep.rs", "use crate::a::A;"),
        ],
        "made::a, made::b",
        &[
            "a.rs:1 → b.rs by `crate::B`",
            "b/deep.rs:1 → a.rs by `crate::a::A`",
        ],
    );
    assert_needs_b("use super::*;\nfn f() { B; }", "pub struct B;");
    assert_needs_b("use crate::other::g;", "pub fn g() {}");
}

#[test]
fn who_passes_a_name_on_counts_too() {
    assert_ring(
        &[
            ("lib.rs", "mod a; mod b; mod aside;"),
            ("a.rs", "use crate::b::Aside;\npub struct A;"),
            ("b.rs", "pub use crate::aside::Aside;\nuse crate::a::A;"),
            ("aside.rs", "pub struct Aside;"),
        ],
        "made::a, made::b",
        &[
            "a.rs:1 → b.rs by `crate::b::Aside`",
            "b.rs:2 → a.rs by `crate::a::A`",
        ],
    );
}

#[test]
fn tests_do_not_count() {
    for in_a in [
        "#[cfg(test)]\nmod tests { use crate::b::B; }",
        "#[cfg(test)]\nmod tests;",
        "#[cfg(test)]\nuse crate::b::B;",
        "#[cfg(fuzzing)]\nuse crate::b::B;",
        "#[cfg(any(test, fuzzing))]\nmod tests;",
        "struct A;\nimpl A {\n#[cfg(test)]\nfn f(_: crate::b::B) {}\n}",
    ] {
        assert_clean(&[
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", in_a),
            ("a/tests.rs", "use crate::b::B;"),
            ("b.rs", "use crate::a;\npub struct B;"),
        ]);
    }
}

#[test]
fn what_names_no_module_of_the_crate_does_not_count() {
    for in_a in [
        "use ::b::B;",
        "/// See [`crate::b::B`].\nstruct A;",
        "fn f() { let text = \"crate::b::B\"; }",
        "fn f(b: u8) -> u8 { b }",
        "fn f() { std::b::g(); }",
    ] {
        assert_clean(&[
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", in_a),
            ("b.rs", "use crate::a;\npub struct B;"),
        ]);
    }
}

#[test]
fn imports_that_go_round_in_a_ring_are_no_end_of_work() {
    assert_ring(
        &[
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "pub use crate::b::*;\npub use crate::b::Nothing;"),
            ("b.rs", "pub use crate::a::*;\npub use crate::a::Nothing;"),
        ],
        "made::a, made::b",
        &["a.rs:1 → b.rs by `crate::b`", "b.rs:1 → a.rs by `crate::a`"],
    );
}

#[test]
fn lengths_leave_tests_out() {
    let tree = made(&[(
        "lib.rs",
        "fn long() {\n    fn inner() {\n    }\n}\n\n/// With a comment.\n#[inline]\nfn short() {}\n\n\
         #[cfg(test)]\nmod tests {\n    fn f() {\n    }\n}\n",
    )]);
    let lengths = |lengths: Vec<figures::Length>| -> Vec<_> {
        lengths
            .into_iter()
            .map(|length| (length.name, length.num_lines))
            .collect()
    };
    assert_eq!(lengths(figures::files([&tree])), [("lib.rs".to_owned(), 9)]);
    let functions = [("lib.rs: long", 4), ("lib.rs: inner", 2), ("lib.rs: short", 1)];
    let functions = functions.map(|(name, num_lines)| (name.to_owned(), num_lines));
    assert_eq!(lengths(figures::functions([&tree])), functions);
}

/// There is a ring between `a.rs` of this text and `b.rs`, which needs `a`.
fn assert_needs_b(a: &str, b: &str) {
    let tree = made(&[
        ("lib.rs", "mod a; mod b; mod aside;\nuse b as other;\nuse b::*;"),
        ("a.rs", a),
        ("b.rs", &format!("use crate::a;\n{b}")),
        ("aside.rs", "pub struct Aside; pub struct Else;"),
    ]);
    let found: Vec<_> = rings(&tree).into_iter().map(|ring| ring.members).collect();
    assert_eq!(found, [["made::a", "made::b"]], "{a}");
}

fn assert_ring(files: &[(&str, &str)], members: &str, steps: &[&str]) {
    let found: Vec<_> = rings(&made(files)).iter().map(ToString::to_string).collect();
    let steps = steps.join("\n    ");
    assert_eq!(found, [format!("{members} need each other:\n    {steps}\n")]);
}

fn assert_clean(files: &[(&str, &str)]) {
    let found: Vec<_> = rings(&made(files)).iter().map(ToString::to_string).collect();
    assert_eq!(found, [""; 0], "{files:?}");
}

/// The crate `made` of these files.
fn made(files: &[(&str, &str)]) -> Tree {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let file = dir.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    Tree::read(dir.path(), "made", "lib.rs")
}
