// Lets the page be painted first: the program, which takes a moment to be read, is loaded after the first picture.

requestAnimationFrame(() => {
  setTimeout(() => void import("./main.ts"));
});
