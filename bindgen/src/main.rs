//! Generates the JavaScript bindings of the Worker's WebAssembly: `bindgen INPUT OUT_DIR [--keep-names]` writes `index.js` and
//! `index_bg.wasm`.
//!
//! It does what the program `wasm-bindgen` does with these options, but its version and its dependencies are those of this
//! repository's Cargo.lock. Not here: compiling and bundling (scripts/lib/compile.mjs).

use std::env;

use anyhow::{Result, bail};
use wasm_bindgen_cli_support::{Bindgen, EncodeInto};

fn main() -> Result<()> {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        [input, out_dir] => generate(input, out_dir, false),
        [input, out_dir, "--keep-names"] => generate(input, out_dir, true),
        _ => bail!("usage: bindgen INPUT OUT_DIR [--keep-names]"),
    }
}

/// Writes the bindings of the module `input` to `out_dir`. `keep_names` keeps the names of functions, for stack traces.
fn generate(input: &str, out_dir: &str, keep_names: bool) -> Result<()> {
    Bindgen::new()
        .input_path(input)
        .out_name("index")
        .module(true)?
        .omit_default_module_path(false)
        // Adds the function that starts a fresh instance after a panic.
        .reset_state_function(true)
        // Encodes strings with one call of the runtime instead of a loop over their characters.
        .encode_into(EncodeInto::Always)
        .remove_name_section(!keep_names)
        .remove_producers_section(!keep_names)
        .generate(out_dir)
}
