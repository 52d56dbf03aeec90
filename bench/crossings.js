// Counts the calls between JavaScript and WebAssembly, those of the helpers that wasm-bindgen makes
// included. Must be evaluated before the Worker is, which makes its instance at once: therefore a
// module of its own, imported first by counting.js.

export const crossings = { into: 0, out: 0 };

const { Instance } = WebAssembly;

// biome-ignore lint/complexity/useArrowFunction: it is called with `new`, which an arrow function cannot be
WebAssembly.Instance = function (module, imports) {
  const wrapped = Object.fromEntries(
    Object.entries(imports).map(([name, functions]) => [name, counted(functions, "out")]),
  );
  return { exports: counted(new Instance(module, wrapped).exports, "into") };
};

// What is not called, such as memories and tables, stays as it is.
function counted(all, direction) {
  const wrap = ([name, value]) => {
    if (typeof value !== "function") return [name, value];
    const call = function (...args) {
      crossings[direction] += 1;
      return value.apply(this, args);
    };
    return [name, call];
  };
  return Object.fromEntries(Object.entries(all).map(wrap));
}
