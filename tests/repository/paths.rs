//! Every path (`crate::api::Desktop`, `tokio::spawn`) a Rust file names, inside macros too, with its line.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A path and where it stands. Paths into our own crate begin with `crate`.
#[derive(Debug, PartialEq, Eq)]
pub struct Named {
    pub line: usize,
    pub path: Vec<String>,
}

/// All paths of a source text. `module` is the file's own place in the crate, to resolve `self` and `super`.
pub fn paths(source: &str, module: &[String]) -> Vec<Named> {
    let mut found = Vec::new();
    scan(source.parse().unwrap(), module, &mut found);
    found
}

fn scan(stream: TokenStream, module: &[String], found: &mut Vec<Named>) {
    let tokens: Vec<TokenTree> = stream.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at..] {
            [
                TokenTree::Ident(word),
                TokenTree::Ident(name),
                TokenTree::Group(body),
                ..,
            ] if word == "mod" => {
                let inner: Vec<String> = module.iter().cloned().chain([name.to_string()]).collect();
                scan(body.stream(), &inner, found);
                at += 3;
            }
            [TokenTree::Ident(_), ..] => {
                let line = tokens[at].span().start().line;
                let mut all = Vec::new();
                at += path(&tokens[at..], &mut Vec::new(), &mut all);
                found.extend(all.into_iter().filter_map(|path| {
                    let path = resolve(path, module)?;
                    Some(Named { line, path })
                }));
            }
            [TokenTree::Group(group), ..] => {
                scan(group.stream(), module, found);
                at += 1;
            }
            _ => at += 1,
        }
    }
}

/// Reads one path, or the several that begin alike in `a::{b, c}`, and answers how many tokens it took.
fn path(tokens: &[TokenTree], so_far: &mut Vec<String>, all: &mut Vec<Vec<String>>) -> usize {
    let TokenTree::Ident(first) = &tokens[0] else { return 1 };
    so_far.push(first.to_string());
    let mut taken = 1;
    loop {
        match &tokens[taken..] {
            [TokenTree::Punct(a), TokenTree::Punct(b), next, ..] if a.as_char() == ':' && b.as_char() == ':' => {
                match next {
                    TokenTree::Ident(name) => {
                        so_far.push(name.to_string());
                        taken += 3;
                    }
                    TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                        branches(group.stream(), so_far, all);
                        return taken + 3;
                    }
                    _ => break,
                }
            }
            _ => break,
        }
    }
    all.push(so_far.clone());
    taken
}

fn branches(stream: TokenStream, stem: &[String], all: &mut Vec<Vec<String>>) {
    let tokens: Vec<TokenTree> = stream.into_iter().collect();
    for branch in tokens.split(|token| matches!(token, TokenTree::Punct(p) if p.as_char() == ',')) {
        match branch.first() {
            Some(TokenTree::Ident(word)) if word == "self" => all.push(stem.to_vec()),
            Some(TokenTree::Ident(_)) => drop(path(branch, &mut stem.to_vec(), all)),
            _ => {}
        }
    }
}

/// Makes `self::…` and `super::…` begin with `crate`. Single words are not paths.
fn resolve(path: Vec<String>, module: &[String]) -> Option<Vec<String>> {
    let up = path.iter().take_while(|word| *word == "super").count();
    let relative = usize::from(path[0] == "self").max(up);
    if path.len() < 2 || relative == path.len() {
        return None;
    }
    if relative == 0 {
        return Some(path);
    }
    let base = &module[..module.len().checked_sub(up)?];
    let root = std::iter::once("crate".to_owned());
    Some(
        root.chain(base.iter().cloned())
            .chain(path.into_iter().skip(relative))
            .collect(),
    )
}

#[test]
fn paths_are_found_wherever_they_stand() {
    let source = r#"
        // crate::comment::ignored
        use crate::api::{self, common::{A, B as C}, cluster};
        use super::sibling::X;
        fn f(x: Option<crate::plan::Y>) { format!("crate::text::ignored {}", crate::sim::Z); self.x(); }
        mod inner { use super::own; use super::super::uncle; fn g() { tokio::spawn(); } }
    "#;
    let module = ["backend".to_owned(), "gws".to_owned()];
    let found: Vec<(usize, String)> = paths(source, &module)
        .into_iter()
        .map(|n| (n.line, n.path.join("::")))
        .collect();
    let expected = [
        (3, "crate::api"),
        (3, "crate::api::common::A"),
        (3, "crate::api::common::B"),
        (3, "crate::api::cluster"),
        (4, "crate::backend::sibling::X"),
        (5, "crate::plan::Y"),
        (5, "crate::sim::Z"),
        (6, "crate::backend::gws::own"),
        (6, "crate::backend::uncle"),
        (6, "tokio::spawn"),
    ];
    assert_eq!(found, expected.map(|(line, path)| (line, path.to_owned())));
}
