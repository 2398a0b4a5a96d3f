// Fetched and timed, but not run: roundtrip has no script engine, and says so.
document.title = "This title would show that a script was run";
