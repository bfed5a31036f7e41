// What keeps this page from working, said before anything else is loaded: so in words that every browser reads.
(function () {
  function missing() {
    if (location.protocol === "file:") {
      return (
        "Browsers do not load pages of several parts straight from a disk. In the folder of this page run “python -m " +
        "http.server --bind 127.0.0.1 8000”, and open http://127.0.0.1:8000/ : nothing leaves this computer."
      );
    }
    if (typeof WebAssembly === "undefined")
      return "This browser has no WebAssembly, which the model needs: take a newer one.";
    // a module with one function: (i8x16.splat (i32.const 0))
    var simd = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 8, 1, 6, 0, 65, 0, 253, 15, 11];
    if (!WebAssembly.validate(new Uint8Array(simd))) {
      return "This browser has WebAssembly, but not its SIMD instructions, which the model needs: take a newer one.";
    }
    return "";
  }
  document.addEventListener("DOMContentLoaded", function () {
    var why = missing();
    if (!why) return;
    var alert = document.getElementById("alert");
    var line = document.createElement("p");
    line.textContent = why;
    alert.appendChild(line);
    alert.hidden = false;
  });
})();
