// Counts the calls between JavaScript and WebAssembly, including those of wasm-bindgen's helpers.
// It must run before the Worker's module, which creates its instance at once. Therefore it is a
// separate module that counting.js imports first.

export const crossings = { into: 0, out: 0 };

const { Instance } = WebAssembly;

WebAssembly.Instance = class {
  constructor(module, imports) {
    const wrapped = Object.fromEntries(
      Object.entries(imports).map(([name, functions]) => [name, counted(functions, "out")]),
    );
    this.exports = counted(new Instance(module, wrapped).exports, "into");
  }
};

// Everything that is not a function, such as memories and tables, stays unchanged.
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
