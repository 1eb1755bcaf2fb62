//! Any `loncapa.conf`: what counts of it is what other code finds there, by Apache's rules; and nothing of it is a fault
//! that is not told by its line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lonc::internals::config;
use lonc_fuzz::{check_fault, file, is_harmless};

/// The last value of a variable, by looking at characters one by one.
fn reference(content: &[u8], variable: &str) -> Option<String> {
    let text = String::from_utf8_lossy(content)
        .replace("\r\n", "\n")
        .replace('\r', "\n");
    let lines = text.trim_start_matches('\u{feff}').split('\n').rev();
    let value = |line: &str| {
        let words = words(line.trim());
        let is_it = words.first()?.eq_ignore_ascii_case("PerlSetVar") && words.get(1)? == variable;
        is_it.then(|| words.get(2).cloned().unwrap_or_default())
    };
    lines.filter_map(value).next()
}

fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote, mut is_escaped) = (Vec::new(), None::<String>, None, false);
    let chars: Vec<char> = line.chars().collect();
    for (at, char) in chars.iter().copied().enumerate() {
        let next = chars.get(at + 1).copied();
        if std::mem::take(&mut is_escaped) {
            word.get_or_insert_default().push(char);
            continue;
        }
        match (quote, char) {
            (Some(end), '\\') if next == Some(end) || next == Some('\\') => is_escaped = true,
            (Some(end), _) if char == end => {
                words.extend(word.take());
                quote = None;
            }
            (None, '"' | '\'') if word.is_none() => {
                (quote, word) = (Some(char), Some(String::new()));
            }
            (None, _) if char.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(char),
        }
    }
    words.extend(word);
    words
}

fuzz_target!(|content: &[u8]| {
    let conf = file("loncapa.conf", content);
    let path = file(
        "lonc.toml",
        format!("loncapa_conf = ['{}']\n", conf.display()).as_bytes(),
    );
    let id = reference(content, "lonHostID");
    match config::check(&path, None) {
        Ok(text) => {
            text.lines().filter(|line| !line.is_empty()).for_each(is_harmless);
            let id = id.expect("there is one");
            assert!(text.contains(&format!("host_id = \"{id}\"")), "{text}");
            let port = reference(content, "londPort").unwrap_or("5663".to_owned());
            let port: u16 = port.parse().expect("a port");
            assert!(text.contains(&format!("port = {port}")), "{port}: {text}");
        }
        Err(fault) => check_fault(&fault, &conf, content),
    }
});
