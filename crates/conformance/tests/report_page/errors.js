// Before all else: what goes wrong in the page is kept.
window.wrong = [];
addEventListener("error", e => wrong.push("error: " + e.message));
addEventListener("unhandledrejection", e => wrong.push("rejection: " + e.reason));
for (const kind of ["error", "warn"]) { const say = console[kind]; console[kind] = (...words) => { wrong.push(kind + ": " + words.join(" ")); say.apply(console, words); }; }
